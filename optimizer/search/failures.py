"""What still fails on the target: training examples, each with what both models said and the slice that it shares.

A slice is told from the data alone, by a value of the gold answer, of a short input, or of a column that the task
stratifies, groups or slices by. Named is the one in which failures crowd most; where they are spread evenly, none is.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence

from optimizer.errors import BudgetExceeded
from optimizer.evaluate import record
from optimizer.programs.shipped import program_of
from optimizer.prompt import Prompt
from optimizer.search.brief import Brief, Ground
from optimizer.search.pool import Pool
from optimizer.search.propose import Failure
from optimizer.types import JSON, Example, as_text

LOOK = 24  # training examples on which each round looks at what still fails
_SHORT = 40  # characters of a value that can name a slice
_CROWD = 1.0  # deviations by which a slice must fail more often than all examples do

Slice = tuple[str, str]


def failures(pool: Pool, brief: Brief, prompt: Prompt) -> list[Failure]:
    """Training examples on which the prompt is not flawless on the target."""
    ground = brief.ground
    looked = ground.train[:LOOK]
    if reason := brief.afford(len(looked)):
        raise BudgetExceeded(reason)
    outputs = record(program_of(prompt), brief.cast.target, looked)
    marks = brief.scale.score(looked, outputs, ground.references).scores
    for example, mark in zip(looked, marks, strict=True):
        pool.looked.setdefault(example.id, mark.value)
    failed = [row for row in zip(looked, outputs, marks, strict=True) if row[2].value < 1.0]
    told = shared(looked, {example.id for example, *_ in failed}, ground)
    return [
        Failure(
            input=as_text(dict(example.inputs)),
            expected=_expected(example, ground),
            answered=output.text,
            feedback=mark.feedback,
            source_answer=_of_source(example, ground),
            shared=told.get(example.id, ""),
        )
        for example, output, mark in failed
    ]


def shared(looked: Sequence[Example], failed: Collection[str], ground: Ground) -> Mapping[str, str]:
    """By id of a failed example, the slice of its failures that stands out most, in words; none that does not."""
    slices = {example.id: dict.fromkeys(_slices(example, ground)) for example in looked}
    members: dict[Slice, list[str]] = {}
    for name, found in slices.items():
        for one in found:
            members.setdefault(one, []).append(name)
    usual = len(failed) / max(1, len(looked))
    worth = {one: _crowd(sum(name in failed for name in held), len(held), usual) for one, held in members.items()}
    told = {}
    for name in failed:
        best = max(slices[name], key=lambda one: (worth[one], len(members[one]), one), default=None)
        if best and worth[best] >= _CROWD:
            lost = sum(other in failed for other in members[best])
            told[name] = f"{best[0]} = {best[1]}: {lost} of {len(members[best])} fail, of all {usual:.0%}"
    return told


def _crowd(lost: int, held: int, usual: float) -> float:
    """How many deviations the failures in a slice are above the usual share; a single one is no crowd."""
    spread = held * usual * (1 - usual)
    return (lost - held * usual) / math.sqrt(spread) if lost > 1 and spread else 0.0


def _slices(example: Example, ground: Ground) -> Iterator[Slice]:
    gold = example.expected
    yield from _named("expected", gold)
    for name, value in example.inputs.items():
        yield from _named(name, value)
    for name, values in ground.columns.items():
        yield from _named(name, values.get(example.id, ""))
    if gold is None:
        yield from _named("label", ground.labels.get(example.id, ""))


def _named(name: str, value: JSON) -> Iterator[Slice]:
    """The slices that a value names: each entry of a list, each field of an object."""
    if isinstance(value, dict):
        for field, inner in value.items():
            yield from _named(field, inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _named(name, inner)
    elif value is not None and (text := str(value).strip()) and len(text) <= _SHORT and "\n" not in text:
        yield name, text


def _expected(example: Example, ground: Ground) -> str:
    return as_text(example.expected) if example.expected is not None else ground.references[example.id].text


def _of_source(example: Example, ground: Ground) -> str:
    """What the source answered, where that is not what is expected anyway."""
    said = ground.references[example.id]
    return "" if said.text == _expected(example, ground) else said.text or f"(no answer: {said.error})"
