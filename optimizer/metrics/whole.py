"""Figures that belong to a whole set of answers, such as macro-F1: no mean of scores makes them.

A metric with such a figure scores each example as any other does; that is what the search climbs and what the paired
test compares. It also tallies each example; from the sum of the tallies its figure is reckoned, and shown for
source, unchanged and migrated with an interval of the difference. The interval is the jackknife's: each example is
left out in turn, and the spread of what remains tells how far chance reaches (Efron and Tibshirani 1993, ch. 11).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias, TypeVar, runtime_checkable

import numpy as np

from optimizer.errors import DataError, OptimizerError, raised_at
from optimizer.metrics.shape import Custom, Metric, Weighted, apart
from optimizer.types import Example, Output

T = TypeVar("T")
Tally: TypeAlias = Mapping[Hashable, float]
Row: TypeAlias = "tuple[Example, Output, Output | None]"


@runtime_checkable
class Whole(Protocol):
    """`figure` must depend on the sum of the tallies alone; NaN says that it is not defined for this set."""

    def tally(self, example: Example, output: Output, reference: Output | None) -> Tally: ...

    def figure(self, total: Tally) -> float: ...


@dataclass(frozen=True)
class Figure:
    """One metric's figure over the same examples; None where it is not defined.

    `low` and `high` are one-sided bounds of migrated - source.
    """

    name: str
    source: float | None
    unchanged: float | None
    migrated: float | None
    low: float | None
    high: float | None
    n: int

    def worse(self, margin: float) -> bool:
        return self.high is not None and self.high < -margin

    def held(self, margin: float) -> bool:
        """Surely not worse by the margin; what is not defined is never held."""
        return self.low is not None and self.low > -margin


def wholes(metric: Metric, name: str = "figure") -> dict[str, Whole]:
    """The metrics in `metric` that have a figure over a set, by their names."""
    if isinstance(metric, Weighted):
        return {below: whole for part, one in metric.metrics.items() for below, whole in wholes(one, part).items()}
    if isinstance(metric, Custom):
        return {metric.name: _Own(metric.name, metric.function)} if isinstance(metric.function, Whole) else {}
    return {str(getattr(metric, "name", name)): metric} if isinstance(metric, Whole) else {}


@dataclass(frozen=True)
class _Own:
    """A team's own: whatever goes wrong in it is told with its name, and it is handed values of its own.

    Of a key that no example has the sum is 0, also where the one example that has it is left out.
    """

    name: str
    inner: Whole

    def tally(self, example: Example, output: Output, reference: Output | None) -> Tally:
        row = apart(example, output, reference)
        return self._told(f"example {example.id!r}: tally", "amounts by key", lambda: _amounts(self.inner.tally(*row)))

    def figure(self, total: Tally) -> float:
        return self._told("figure", "a number", lambda: float(self.inner.figure(Counter(total))))

    def _told(self, place: str, wanted: str, ask: Callable[[], T]) -> T:
        try:
            return ask()
        except OptimizerError:
            raise
        except Exception as error:
            told = f"{type(error).__name__}: {error}{raised_at(error)}"
            raise DataError(f"metric {self.name!r}, {place}: {told}; it returns {wanted}") from error


def _amounts(tally: Tally) -> Tally:
    return {key: float(amount) for key, amount in tally.items()}


def figures(
    metric: Metric,
    source: Sequence[Row],
    unchanged: Sequence[Row] | None,
    migrated: Sequence[Row],
    *,
    confidence: float,
) -> tuple[Figure, ...]:
    """All rows in the same order of the same examples; `unchanged` is None where nobody asked."""
    found = []
    for name, whole in wholes(metric).items():
        sides = [[whole.tally(*row) for row in side or ()] for side in (source, unchanged, migrated)]
        before, between, after = sides
        low, high = map(_known, bounds(whole.figure, after, before, confidence=confidence))
        values = [_known(whole.figure(_sum(side))) if side else None for side in (before, between, after)]
        found.append(Figure(name, values[0], values[1], values[2], low, high, len(source)))
    return tuple(found)


def alone(metric: Metric, rows: Sequence[Row], *, confidence: float) -> tuple[Figure, ...]:
    """The figures of one set by itself; `low` and `high` are bounds of `migrated`, not of a difference."""
    found = []
    for name, whole in wholes(metric).items():
        tallies = [whole.tally(*row) for row in rows]
        low, high = map(_known, bounds(whole.figure, tallies, None, confidence=confidence))
        found.append(Figure(name, None, None, _known(whole.figure(_sum(tallies))), low, high, len(rows)))
    return tuple(found)


def bounds(
    figure: Callable[[Tally], float], ours: Sequence[Tally], theirs: Sequence[Tally] | None, *, confidence: float
) -> tuple[float, float]:
    """One-sided bounds of figure(ours) - figure(theirs), each at `confidence`; NaN where it is not defined.

    Without `theirs`, of figure(ours).

    Never nearer to the difference than what a set of this size can leave unseen.
    """
    from scipy.special import stdtrit

    n = len(ours)
    if n < 2:
        return math.nan, math.nan
    difference = figure(_sum(ours)) - (figure(_sum(theirs)) if theirs is not None else 0.0)
    left = np.array(_without(figure, ours)) - (np.array(_without(figure, theirs)) if theirs is not None else 0.0)
    pseudo = n * difference - (n - 1) * left
    error = float(pseudo.std(ddof=1)) / math.sqrt(n)
    unseen = 1 - math.exp(math.log(1 - confidence) / n)
    reach = max(float(stdtrit(n - 1, confidence)) * error, unseen)
    return (difference - reach, difference + reach) if math.isfinite(reach) else (math.nan, math.nan)


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _without(figure: Callable[[Tally], float], tallies: Sequence[Tally]) -> list[float]:
    """The figure with each example left out; equal tallies leave equal figures behind."""
    total, known = _sum(tallies), dict[frozenset[tuple[Hashable, float]], float]()
    found = []
    for tally in tallies:
        key = frozenset(tally.items())
        if key not in known:
            rest = {name: amount - tally.get(name, 0.0) for name, amount in total.items()}
            known[key] = figure({name: amount for name, amount in rest.items() if amount})
        found.append(known[key])
    return found


def _sum(tallies: Sequence[Tally]) -> Tally:
    total: Counter[Hashable] = Counter()
    for tally in tallies:
        for name, amount in tally.items():
            total[name] += amount  # type: ignore[assignment]
    return total


def mean_bounds(scores: Sequence[float], *, confidence: float) -> tuple[float, float] | None:
    """One-sided bounds of a mean score, each at `confidence`; None where there are too few scores to say.

    Of scores that are all 0 or 1 they are exact (Clopper and Pearson 1934), else Student's, and never nearer than what
    a set of this size can leave unseen.
    """
    from scipy.special import betaincinv, stdtrit

    n = len(scores)
    if n < 2:
        return None
    if all(score in (0, 1) for score in scores):
        won = int(sum(scores))
        low = float(betaincinv(won, n - won + 1, 1 - confidence)) if won else 0.0
        return low, float(betaincinv(won + 1, n - won, confidence)) if won < n else 1.0
    values = np.asarray(scores, np.float64)
    unseen = 1 - math.exp(math.log(1 - confidence) / n)
    reach = max(float(stdtrit(n - 1, confidence)) * float(values.std(ddof=1)) / math.sqrt(n), unseen)
    mean = float(values.mean())
    return max(0.0, mean - reach), min(1.0, mean + reach)
