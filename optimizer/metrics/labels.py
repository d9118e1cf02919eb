"""Labels: one of a few words."""

from __future__ import annotations

import unicodedata

from optimizer.metrics.standard import Against, Compared, alternatives, brief, written
from optimizer.types import JSON, Output, Score


def label_accuracy(*, against: Against = "auto") -> Compared:
    """1 for the right label, else 0; case, white space and the marks around a label do not count."""
    return Compared(_compare, against)


def bare(answer: JSON) -> str:
    """A label without what models put around it: " **High**." is high."""
    text = unicodedata.normalize("NFKC", written(answer)).strip()
    return " ".join(text.strip("\"'`*_.:!<>[]()“”‘’«» ").casefold().split()) or text.casefold()


def _compare(output: Output, answer: JSON) -> Score:
    said: JSON = output.text if output.value is None else output.value
    right = alternatives(output, answer)
    if bare(said) in {bare(label) for label in right}:
        return Score(1.0)
    return Score(0.0, f"expected {' or '.join(brief(label) for label in right)}, got {brief(said)}")
