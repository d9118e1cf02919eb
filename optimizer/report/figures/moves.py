"""Which held-out examples the migrated prompt does better and worse, and how the worst of them differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from optimizer.report.figures.texts import Line, readable, words
from optimizer.results.migration import Migration, TargetResult
from optimizer.types import Output, Score

_SHOWN = 25  # examples of each kind on the page


@dataclass(frozen=True)
class Case:
    """One held-out example on which the migrated prompt does worse than the source; what differs is marked."""

    id: str
    inputs: Sequence[tuple[str, str]]
    expected: str
    source: Line
    migrated: Line
    why: str
    lost: float


@dataclass(frozen=True)
class Moves:
    """How many held-out examples score lower, higher and alike with the migrated prompt; `cases`: the worst."""

    lower: int
    higher: int
    alike: int
    cases: Sequence[Case]


def moves(migration: Migration, result: TargetResult) -> Moves:
    met = result.confirmation
    rows = zip(met.source.outputs, met.source.scores, met.winner.outputs, met.winner.scores, strict=True)
    lost = [(a.value - b.value, source, target, b) for source, a, target, b in rows]
    down = sorted((row for row in lost if row[0] > 1e-9), key=lambda row: (-row[0], row[1].example_id))
    up = sum(row[0] < -1e-9 for row in lost)
    return Moves(len(down), up, len(lost) - len(down) - up, [_case(migration, *row) for row in down[:_SHOWN]])


def _case(migration: Migration, lost: float, source: Output, target: Output, score: Score) -> Case:
    example = migration.examples[source.example_id]
    return Case(
        example.id,
        [(name, readable(value)) for name, value in example.inputs.items()],
        "" if example.expected is None else readable(example.expected),
        *words(readable(source.text), readable(target.text)),
        target.error or score.feedback,
        lost,
    )
