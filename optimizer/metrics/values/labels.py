"""Labels: one of a few words; over a whole set also macro-F1 and Cohen's kappa."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from optimizer.metrics.standard import Against, Compared, alternatives, brief, written
from optimizer.types import JSON, Example, Output, Score


def label_accuracy(*, against: Against = "auto") -> Compared:
    """1 for the right label, else 0; case, white space and the marks around a label do not count."""
    return Compared(_compare, against)


def macro_f1(*, against: Against = "auto") -> LabelSet:
    """F1 of each label, averaged over the labels that are right somewhere (scikit-learn's f1_score).

    A figure over the whole set; an example scores whether its label is right. An answer that is no label counts
    against the label that would have been right.
    """
    return LabelSet("macro_f1", Compared(_compare, against), _macro_f1)


def kappa(*, against: Against = "auto") -> LabelSet:
    """Cohen's kappa: agreement beyond chance, from -1 to 1 (scikit-learn's cohen_kappa_score).

    A figure over the whole set; an example scores whether its label is right. An answer that is no label is a
    label of its own. Not defined where all labels on both sides are one.
    """
    return LabelSet("kappa", Compared(_compare, against), _kappa)


Pairs = Mapping[tuple[str, str], float]  # (right, said) -> how often


@dataclass(frozen=True)
class LabelSet:
    """A figure over the pairs of right and said labels of a whole set."""

    name: str
    compared: Compared
    reckon: Callable[[Pairs], float]

    def __call__(self, example: Example, output: Output, reference: Output | None) -> Score:
        return self.compared(example, output, reference)

    def tally(self, example: Example, output: Output, reference: Output | None) -> Mapping[Hashable, float]:
        wanted, lacking = self.compared.right(example, reference)
        if lacking:
            return {}
        ok = output.status == "ok"
        said = bare(output.text if output.value is None else output.value) if ok else ""
        right = [bare(label) for label in alternatives(output, wanted)]
        return {(said if said in right else right[0], said): 1.0}

    def figure(self, total: Mapping[Hashable, float]) -> float:
        return self.reckon(dict(total)) if total else math.nan  # type: ignore[arg-type]


_AROUND = "\"'`.:![]()“”‘’«» "
_PAIRS = {"<": ">", "*": "*", "_": "_"}  # taken off in pairs only: <50K is not >50K, A* is not A


def bare(answer: JSON) -> str:
    """A label without what models put around it: " **High**." is high."""
    text = unicodedata.normalize("NFKC", written(answer)).strip()
    inner = text.strip(_AROUND)
    while inner and _PAIRS.get(inner[0]) == inner[1:][-1:]:
        inner = inner[1:-1].strip(_AROUND)
    return " ".join(inner.lstrip("*_ ").casefold().split()) or text.casefold()


def _compare(output: Output, answer: JSON) -> Score:
    said: JSON = output.text if output.value is None else output.value
    right = alternatives(output, answer)
    if bare(said) in {bare(label) for label in right}:
        return Score(1.0)
    return Score(0.0, f"expected {' or '.join(brief(label) for label in right)}, got {brief(said)}")


def _macro_f1(pairs: Pairs) -> float:
    from sklearn.metrics import f1_score

    right, said, often = _columns(pairs)
    known = sorted(set(right))
    return float(f1_score(right, said, sample_weight=often, labels=known, average="macro", zero_division=0.0))


def _kappa(pairs: Pairs) -> float:
    """By hand where scikit-learn would warn: it divides by zero where there is one label only."""
    from sklearn.metrics import cohen_kappa_score

    right, said, often = _columns(pairs)
    if len({*right, *said}) < 2:
        return math.nan
    return float(cohen_kappa_score(right, said, sample_weight=often))


def _columns(pairs: Pairs) -> tuple[Sequence[str], Sequence[str], Any]:
    rows = sorted(pairs.items())
    return [right for (right, _), _ in rows], [said for (_, said), _ in rows], [often for _, often in rows]
