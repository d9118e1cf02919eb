"""The training examples as DSPy's optimizers want them: inputs, and an answer worth showing."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Any

from optimizer.errors import SearchError
from optimizer.metrics import Metric
from optimizer.metrics.standard import Unscored
from optimizer.prompt.contract import Contract
from optimizer.types import Example, Output, Score, as_text


@dataclass(frozen=True)
class Marker:
    """Scores an output by its example; one without a valid reply scores 0 and says why. So does one that a judge would
    not judge: it is no example to follow, and no reason to end a compile."""

    examples: Mapping[str, Example]
    references: Mapping[str, Output]
    metric: Metric

    def __deepcopy__(self, memo: object) -> Marker:
        return self  # DSPy copies a program for every candidate; the data need not come along

    def __call__(self, output: Output) -> Score:
        return self.known(output) or Score(0.0, "nobody could score this answer")

    def known(self, output: Output) -> Score | None:
        """None where the metric finds no score."""
        if output.status != "ok":
            return Score(0.0, output.error or output.status)
        try:
            return self.metric(self.examples[output.example_id], output, self.references.get(output.example_id))
        except Unscored:
            return None


def source_scores(mark: Marker) -> dict[str, float]:
    """What the source's own answers score, by example id; of those that a score was found for."""
    known = {name: mark.known(mark.references[name]) for name in mark.examples if name in mark.references}
    return {name: score.value for name, score in known.items() if score}


def good_score(scores: Mapping[str, float]) -> float:
    """From here on an answer is worth showing: what the source scores on average; 1 where it is not known."""
    return fmean(scores.values()) - 1e-9 if scores else 1.0


def answers(mark: Marker, contract: Contract, scores: Mapping[str, float]) -> dict[str, str]:
    """By example id: the gold answer where it has the reply's form, else the source's answer if it is good."""
    found, good = {}, good_score(scores)
    for name, example in mark.examples.items():
        reference = mark.references.get(name)
        gold = None if example.expected is None else as_text(example.expected)
        if gold is not None and contract.read(gold).status == "ok":
            found[name] = gold
        elif reference and reference.status == "ok" and scores.get(name, -1.0) >= good:
            found[name] = as_reply(reference, contract)
    return found


def replies(mark: Marker, contract: Contract) -> dict[str, Output]:
    """The source's outputs by example id, each with its answer in the reply's form."""
    known = {name: mark.references[name] for name in mark.examples if name in mark.references}
    return {name: replace(o, text=as_reply(o, contract)) if o.status == "ok" else o for name, o in known.items()}


def as_reply(output: Output, contract: Contract) -> str:
    return output.text if contract.kind == "text" else as_text(output.value)


def rows(mark: Marker, answered: Mapping[str, str], fields: Mapping[str, str], seed: int) -> list[Any]:
    """Shuffled by seed. Raises SearchError where no example has an answer to show."""
    import dspy

    if not answered:
        raise SearchError("no training example has an answer in the reply's form: neither a gold one nor the source's")
    made = []
    for name, answer in answered.items():
        inputs = {safe: mark.examples[name].inputs[own] for safe, own in fields.items()}
        made.append(dspy.Example(**inputs, output=answer, row=name).with_inputs(*inputs, "row"))
    random.Random(seed).shuffle(made)  # noqa: S311 - a draw, no secret
    return made


def words_of(examples: Sequence[Example]) -> list[str]:
    """What instructions must not copy, beside the answers."""
    return [as_text(value) for e in examples for value in e.inputs.values()]
