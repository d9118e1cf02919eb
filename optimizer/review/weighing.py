"""What reviewers say of source and target, reckoned by the verdict's own statistics. It stands beside the verdict.

All is told of the held-out examples: those with equal answers differ in nothing, and count as such in the proportion in
which the others were judged. Several reviewers of one example count as their mean.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import fmean

from optimizer.metrics.judges.scrutiny import Agreement, agreement
from optimizer.objective import Constraints, Evaluation
from optimizer.review.pairs import Blind
from optimizer.review.reading import Judgement, Side
from optimizer.types import Output, Score
from optimizer.verdict.confirm import Basis, Verdict, decide
from optimizer.verdict.matched import Confirmation, MatchedPairs
from optimizer.verdict.statistics import Comparison, paired

_PLACE: dict[Side, float] = {"source": 0.0, "same": 0.5, "target": 1.0}


@dataclass(frozen=True)
class Marks:
    """Means from 0 to 1 of the examples with marks; verdict and comparison count those with equal answers too."""

    n: int
    source: float
    target: float
    verdict: Verdict
    reason: str
    comparison: Comparison


@dataclass(frozen=True)
class WithMetric:
    """People's preference against the run's score, by example: of those on which people prefer one, how often the
    metric has the same one ahead, none, or the other."""

    same: int
    none: int
    other: int
    preference: Agreement
    marks: Agreement | None


@dataclass(frozen=True)
class Between:
    """Two reviewers on the examples that both judged."""

    reviewers: tuple[str, str]
    agreement: Agreement


@dataclass(frozen=True)
class Review:
    """Of one target. `differing`: held-out examples with two answers that are not the same; `judged`: those on which
    somebody has a preference. `preferred` counts judgements; `preference` compares the shares of examples on which
    target and source are preferred."""

    model: str
    reviewers: tuple[str, ...]
    differing: int
    equal: int
    lost: int
    judged: int
    preferred: dict[Side, int]
    preference: Comparison
    marks: Marks | None
    with_metric: WithMetric
    between: tuple[Between, ...]
    margin: float
    confidence: float
    judgements: tuple[Judgement, ...]


def weigh(found: Blind, judgements: Sequence[Judgement]) -> Review | None:
    """None where nobody judged this target."""
    own = tuple(one for one in judgements if one.model == found.result.model)
    told = [one for one in own if one.prefers]
    if not told:
        return None
    decision = found.result.decision
    by_example = _grouped(told)
    ours = [fmean(one.prefers == "target" for one in group) for group in by_example.values()]
    theirs = [fmean(one.prefers == "source" for one in group) for group in by_example.values()]
    ties = [0.0] * _part(found.equal, found, len(by_example))
    return Review(
        model=found.result.model,
        reviewers=tuple(dict.fromkeys(one.reviewer for one in own)),
        differing=len(found.pairs),
        equal=found.equal,
        lost=found.lost,
        judged=len(by_example),
        preferred={side: sum(one.prefers == side for one in told) for side in _PLACE},
        preference=paired(ours + ties, theirs + ties, margin=decision.margin, confidence=decision.confidence),
        marks=_marks(found, told),
        with_metric=_with_metric(found, by_example),
        between=tuple(_between(told)),
        margin=decision.margin,
        confidence=decision.confidence,
        judgements=own,
    )


def _part(number: int, found: Blind, judged: int) -> int:
    """Of so many examples that nobody was shown, as large a share as was judged of the others."""
    return number * judged // len(found.pairs)


def _grouped(judgements: Sequence[Judgement]) -> dict[str, list[Judgement]]:
    groups: dict[str, list[Judgement]] = {}
    for one in judgements:
        groups.setdefault(one.example_id, []).append(one)
    return groups


def _mean_marks(judgements: Sequence[Judgement]) -> dict[str, tuple[float, float]]:
    """Of source and target, by example."""
    groups = _grouped([one for one in judgements if one.marks])
    return {
        identity: tuple(fmean(one.marks[side] for one in group if one.marks) for side in (0, 1))  # type: ignore[misc]
        for identity, group in groups.items()
    }


def _marks(found: Blind, judgements: Sequence[Judgement]) -> Marks | None:
    """The verdict that the task's margin gives on people's marks, by the rules of every verdict; no constraints.

    Where too many examples have no answer on one side, there is none, whatever people say of the others.
    """
    means = _mean_marks(judgements)
    if not means:
        return None
    decision = found.result.decision
    marks = [*means.values(), *[(1.0, 1.0)] * _part(found.equal, found, len(means))]
    lost = _part(found.lost, found, len(means))
    outputs = tuple(Output(str(n), "", status="ok" if n < len(marks) else "failed") for n in range(len(marks) + lost))
    source, target = (
        Evaluation(outputs, tuple(Score(min(1.0, both[side])) for both in [*marks, *[(0.0, 0.0)] * lost]))
        for side in (0, 1)
    )
    pairs = MatchedPairs(Confirmation(source, None, target))
    told = decide(Basis(pairs, Constraints(), decision.margin, decision.confidence))
    sides = [fmean(both[side] for both in means.values()) for side in (0, 1)]
    return Marks(len(means), sides[0], sides[1], told.verdict, told.reason, told.comparison)


def _with_metric(found: Blind, by_example: dict[str, list[Judgement]]) -> WithMetric:
    scores = {pair.example.id: pair.scores for pair in found.pairs}
    rows = []
    for identity, group in by_example.items():
        people = fmean(_PLACE[one.prefers] for one in group if one.prefers)
        source, target = scores[identity]
        rows.append((_step(target - source), _step(people - 0.5)))
    ahead = [(metric, people) for metric, people in rows if people != 0.5]
    same, none = sum(metric == people for metric, people in ahead), sum(metric == 0.5 for metric, _ in ahead)
    marked = _mean_marks([one for group in by_example.values() for one in group])
    both = [(scores[identity][side], means[side]) for identity, means in marked.items() for side in (0, 1)]
    levels = [one.levels for group in by_example.values() for one in group if one.marks]
    marks = agreement(both, max(levels)) if both else None
    return WithMetric(same, none, len(ahead) - same - none, agreement(rows, 3), marks)


def _step(difference: float) -> float:
    """Behind, level, ahead."""
    return 0.5 if abs(difference) < 1e-9 else 1.0 if difference > 0 else 0.0


def _between(judgements: Sequence[Judgement]) -> list[Between]:
    views: dict[str, dict[str, float]] = {}
    for one in judgements:
        if one.prefers:
            views.setdefault(one.reviewer, {})[one.example_id] = _PLACE[one.prefers]
    found = []
    for first, second in combinations(views, 2):
        shared = [identity for identity in views[first] if identity in views[second]]
        if shared:
            rows = [(views[first][identity], views[second][identity]) for identity in shared]
            found.append(Between((first, second), agreement(rows, 3)))
    return found
