"""What a report tells, reckoned once for all its forms: page, Markdown, JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from optimizer.objective import Evaluation
from optimizer.report.figures import intervals
from optimizer.report.figures.agreed import Agreed, agreed
from optimizer.report.figures.breakdown import StageRow, breakdown
from optimizer.report.figures.growth import Growth, growth
from optimizer.report.figures.intervals import Measured
from optimizer.report.figures.measures import Measure, measures
from optimizer.report.figures.moves import Moves, moves
from optimizer.results.migration import Migration, TargetResult
from optimizer.results.recommendation import Recommendation, recommend
from optimizer.review.kept import Told


@dataclass(frozen=True)
class Part:
    """A named sub-score: a field of a JSON reply, or one of several metrics."""

    name: str
    source: Measured
    unchanged: Measured | None
    migrated: Measured


@dataclass(frozen=True)
class TargetFacts:
    result: TargetResult
    measures: Sequence[Measure]
    parts: Sequence[Part]
    moves: Moves
    again: Measured | None
    growth: Growth | None
    review: Told | None
    stages: Sequence[StageRow]


@dataclass(frozen=True)
class Facts:
    """`recommendation` is None for a single target."""

    run: Migration
    targets: Sequence[TargetFacts]
    agreed: Sequence[Agreed]
    recommendation: Recommendation | None


def gather(migration: Migration, reviews: Mapping[str, Told] | None = None) -> Facts:
    """`reviews`: what people said of the answers, by target."""
    targets = [
        TargetFacts(
            result,
            measures(result),
            _parts(result),
            moves(migration, result),
            _again(result),
            growth(migration, place),
            (reviews or {}).get(result.model),
            breakdown(migration, result),
        )
        for place, result in enumerate(migration.targets)
    ]
    return Facts(migration, targets, agreed(migration), recommend(migration) if len(targets) > 1 else None)


def _again(result: TargetResult) -> Measured | None:
    """The source, asked a second time."""
    side = result.confirmation.again
    if side is None:
        return None
    return intervals.score([mark.value for _, mark in side.scored], result.decision.confidence)


def _parts(result: TargetResult) -> list[Part]:
    met, level = result.confirmation, result.decision.confidence

    def of(side: Evaluation, name: str) -> Measured:
        """A reply that could not be read has no parts: it scores nothing on each of them."""
        return intervals.score([mark.parts.get(name, 0.0) for _, mark in side.scored], level)

    names = dict.fromkeys(name for side in (met.source, met.winner) for mark in side.scores for name in mark.parts)
    return [
        Part(name, of(met.source, name), of(met.unchanged, name) if met.unchanged else None, of(met.winner, name))
        for name in names
    ]
