"""Judging the judge: its own noise, measured by asking again, and its agreement with people. Metrics that ask
nobody are held against people's scores as well: no score is worth more than its agreement with those who know.

Both are measured on held-out or recorded answers after the verdict's scores are in, and change no score. What the
budget has no room for is left out, and said to be.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from optimizer.errors import BudgetExceeded, DataError
from optimizer.metrics.judges.judge import MARKS
from optimizer.metrics.shape import Metric, Weighted
from optimizer.metrics.standard import Unscored
from optimizer.metrics.whole import Row, Tally, bounds
from optimizer.types import Score

REPEATED = 30  # answers that are judged a second time
RATED = 100  # answers with a human score that the judge is asked about
_SAME = 1e-9
_NO_STANDARD = "the answers that people scored have no gold answer (data.expected) to be compared with"


@dataclass(frozen=True)
class Rated:
    """Answers with a human score from 0 to 1, out of so many `levels`."""

    rows: tuple[tuple[Row, float], ...] = ()
    levels: int = MARKS


@dataclass(frozen=True)
class JudgeNoise:
    """Of repeated judgements of one answer: `same`, the share with an equal score; `sd`, in scores from 0 to 1."""

    n: int
    same: float
    sd: float


@dataclass(frozen=True)
class Agreement:
    """With human scores: quadratically weighted kappa on the human scale, Spearman's correlation; None where either
    side gave one score to all. Bounds are two-sided, 95 %."""

    n: int
    kappa: float | None
    kappa_low: float | None
    kappa_high: float | None
    correlation: float | None
    correlation_low: float | None
    correlation_high: float | None
    bias: float


@dataclass(frozen=True)
class Scrutiny:
    """Of one metric. `failed`: judgements that could not be had, of all that were asked for here."""

    name: str
    noise: JudgeNoise | None = None
    human: Agreement | None = None
    failed: int = 0
    note: str = ""


def judging(metric: Metric, name: str = "judge") -> dict[str, Any]:
    """The metrics in `metric` that can be asked again (they have `draw`), by their names."""
    return {part: one for part, one in _single(metric, name) if hasattr(one, "draw")}


def _single(metric: Metric, name: str) -> list[tuple[str, Any]]:
    if isinstance(metric, Weighted):
        return [one for part, inner in metric.metrics.items() for one in _single(inner, part)]
    return [(name, metric)]


def scrutinise(
    metric: Metric,
    rows: Sequence[Row],
    rated: Rated,
    each: Callable[[Callable[[Any], Any], Sequence[Any]], list[Any]],
    alone: str = "judge",
) -> tuple[Scrutiny, ...]:
    """`rows`: answers that were judged; `rated`: those that people rated. `each` maps a function over many at once.
    `alone`: the name of a metric that is the only one."""
    found = [] if not rated.rows else [_reckoned(*one, rated) for one in _single(metric, alone) if not _asks(one[1])]
    for name, judge in judging(metric, alone).items():
        ok = [row for row in rows if row[1].status == "ok"][:REPEATED]

        def twice(row: Row, judge: Any = judge) -> tuple[float, float] | None:
            first, second = _draw(judge, row, 0), _draw(judge, row, 1)
            return (first.value, second.value) if first and second else None

        def beside(pair: tuple[Row, float], judge: Any = judge) -> tuple[float, float] | None:
            mark = _draw(judge, pair[0], 0)
            return (mark.value, pair[1]) if mark else None

        try:
            pairs = each(twice, ok)
            marks = each(beside, rated.rows[:RATED])
        except BudgetExceeded:
            found.append(Scrutiny(name, note="not measured: the budget has no room for more judgements"))
            continue
        both = [pair for pair in pairs if pair]
        failed = sum(pair is None for pair in (*pairs, *marks))
        human = agreement([mark for mark in marks if mark], rated.levels) if any(marks) else None
        found.append(Scrutiny(name, _noise(both) if both else None, human, failed))
    return tuple(found)


def _asks(metric: Any) -> bool:
    return bool(getattr(metric, "asks", False)) or hasattr(metric, "draw")


def _reckoned(name: str, metric: Metric, rated: Rated) -> Scrutiny:
    """A metric that asks nobody: all rated answers are scored, but those that it has nothing to hold against."""
    marks = []
    for row, human in rated.rows:
        try:
            marks.append((metric(*row).value, human))
        except (Unscored, DataError):
            continue
    if not marks:
        return Scrutiny(name, note=f"could not be held against people's scores: {_NO_STANDARD}")
    return Scrutiny(name, human=agreement(marks, rated.levels))


def agreement(marks: Sequence[tuple[float, float]], levels: int) -> Agreement:
    """`marks`: (the judge's, the human's), each from 0 to 1."""
    ours, theirs = [judge for judge, _ in marks], [human for _, human in marks]
    pairs = [(round(judge * (levels - 1)), round(human * (levels - 1))) for judge, human in marks]
    kappa = _kappa(pairs)
    tallies: list[Tally] = [{pair: 1.0} for pair in pairs]
    low, high = bounds(_kappa_of, tallies, None, confidence=0.975) if kappa is not None else (math.nan, math.nan)
    r = _spearman(ours, theirs)
    r_low, r_high = _fisher(r, len(marks))
    return Agreement(
        len(marks), kappa, _known(low, -1.0), _known(high, 1.0), r, r_low, r_high, fmean(ours) - fmean(theirs)
    )


def _draw(judge: Any, row: Row, number: int) -> Score | None:
    try:
        found: Score = judge.draw(*row, number)
    except Unscored:
        return None
    return found


def _noise(pairs: Sequence[tuple[float, float]]) -> JudgeNoise:
    """The standard deviation of one judgement: two draws differ by it times the root of two."""
    differences = [one - other for one, other in pairs]
    same = fmean(abs(difference) < _SAME for difference in differences)
    return JudgeNoise(len(pairs), same, math.sqrt(fmean(d * d for d in differences) / 2))


def _kappa_of(total: Tally) -> float:
    pairs: list[Any] = [pair for pair, amount in total.items() for _ in range(round(amount))]
    found = _kappa(pairs)
    return math.nan if found is None else found


def _kappa(pairs: Sequence[tuple[int, int]]) -> float | None:
    """1 - observed over expected squared distance; scikit-learn's, but for sets of one score, where it is undefined."""
    if not pairs or len({*(a for a, _ in pairs), *(b for _, b in pairs)}) < 2:
        return None
    observed = fmean((a - b) ** 2 for a, b in pairs)
    ours, theirs = [a for a, _ in pairs], [b for _, b in pairs]
    expected = fmean(a * a for a in ours) + fmean(b * b for b in theirs) - 2 * fmean(ours) * fmean(theirs)
    return 1 - observed / expected


def _spearman(ours: Sequence[float], theirs: Sequence[float]) -> float | None:
    from scipy.stats import spearmanr

    if len(ours) < 3 or len(set(ours)) < 2 or len(set(theirs)) < 2:
        return None
    return float(spearmanr(ours, theirs).statistic)


def _fisher(r: float | None, n: int) -> tuple[float | None, float | None]:
    """Fisher's interval, with Bonett and Wright's (2000) error for ranks."""
    if r is None or n < 5:
        return None, None
    error = math.sqrt((1 + r * r / 2) / (n - 3))
    middle = math.atanh(max(-0.999999, min(0.999999, r)))
    return math.tanh(middle - 1.959964 * error), math.tanh(middle + 1.959964 * error)


def _known(value: float, limit: float) -> float | None:
    """Within the range that kappa can have."""
    return None if math.isnan(value) else max(value, limit) if limit < 0 else min(value, limit)
