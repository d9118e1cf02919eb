"""How sure a figure is. Each bound holds by itself at the confidence given, as those of the verdict do.

Shares: Wilson's. Scores: the verdict's own test on small samples, Student's t on large ones. Amounts: Student's t.
Percentiles: order statistics, which ask nothing of the shape. Ratios of two means of the same examples: the linearised
ratio; of two percentiles: their own bounds at half the error each, which is cautious.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist, fmean, stdev

from optimizer.verdict.statistics import paired

_LARGE = 400  # scores from which on Student's t is taken
_RATE = 1e-12  # smaller differences are those of rounding


@dataclass(frozen=True)
class Measured:
    """A figure on `n` examples; NaN: not measured. None: so few examples give no such bound."""

    value: float
    low: float | None = None
    high: float | None = None
    n: int = 0


NOTHING = Measured(math.nan)


def share(values: Sequence[bool], confidence: float) -> Measured:
    n, hits = len(values), sum(values)
    if not n:
        return NOTHING
    z = NormalDist().inv_cdf(confidence)
    centre, reach = (hits + z * z / 2) / (n + z * z), z / (n + z * z) * math.sqrt(hits * (n - hits) / n + z * z / 4)
    return Measured(hits / n, centre - reach if hits else 0.0, min(1.0, centre + reach) if hits < n else 1.0, n)


def score(values: Sequence[float], confidence: float) -> Measured:
    """A mean of scores from 0 to 1."""
    if all(value in (0.0, 1.0) for value in values):
        return share([value == 1.0 for value in values], confidence)
    if len(values) < _LARGE:
        found = paired(values, [0.0] * len(values), margin=0.0, confidence=confidence)
        return Measured(fmean(values), max(0.0, found.low), min(1.0, found.high), len(values))
    found_mean = mean(values, confidence)
    return Measured(found_mean.value, found_mean.low, min(1.0, found_mean.high or 1.0), len(values))


def mean(values: Sequence[float], confidence: float) -> Measured:
    """Of amounts that are never below nought."""
    found = _mean(values, confidence)
    return found if found.low is None else Measured(found.value, max(0.0, found.low), found.high, found.n)


def percentile(values: Sequence[float], q: float, confidence: float, value: float) -> Measured:
    """`value`: the figure itself, by whatever definition."""
    ordered, n = sorted(values), len(values)
    if not n:
        return NOTHING
    low, high = _first(n, q, 1 - confidence), _first(n, q, confidence)
    return Measured(value, ordered[low - 1] if low else None, ordered[high] if high < n else None, n)


def ratio_of_means(ours: Sequence[float], theirs: Sequence[float], confidence: float) -> Measured:
    """Relative change of the mean, of the same examples in the same order: 0.1 is a tenth more."""
    n, base = len(ours), fmean(theirs) if theirs else 0.0
    if not n or base <= 0:
        return Measured(math.nan, n=n)
    ratio = fmean(ours) / base
    rest = _mean([(a - ratio * b) / base for a, b in zip(ours, theirs, strict=True)], confidence)
    low, high = (None if end is None else ratio - 1 + end for end in (rest.low, rest.high))
    return Measured(ratio - 1, low, high, n)


def ratio_of_percentiles(ours: Measured, theirs: Measured) -> Measured:
    """Relative change; the bounds given must each hold at half the error."""
    if not theirs.value > 0 or math.isnan(ours.value):
        return Measured(math.nan, n=ours.n)
    low = ours.low / theirs.high - 1 if ours.low is not None and theirs.high else None
    high = ours.high / theirs.low - 1 if ours.high is not None and theirs.low else None
    return Measured(ours.value / theirs.value - 1, low, high, min(ours.n, theirs.n))


def difference(ours: Measured, theirs: Measured) -> Measured:
    """Of two figures whose bounds each hold at half the error."""
    low = ours.low - theirs.high if ours.low is not None and theirs.high is not None else None
    high = ours.high - theirs.low if ours.high is not None and theirs.low is not None else None
    return Measured(ours.value - theirs.value, low, high, min(ours.n, theirs.n))


def _mean(values: Sequence[float], confidence: float) -> Measured:
    if not values:
        return NOTHING
    middle, n = fmean(values), len(values)
    if n < 2:
        return Measured(middle, n=n)
    from scipy.special import stdtrit

    spread = stdev(values, middle)
    reach = float(stdtrit(n - 1, confidence)) * spread / math.sqrt(n) if spread > _RATE * max(map(abs, values)) else 0.0
    return Measured(middle, middle - reach, middle + reach, n)


def _first(n: int, q: float, level: float) -> int:
    """The smallest count that a share `q` of n reaches at most with a probability above `level`."""
    from scipy.special import bdtr

    few, many = 0, n
    while few < many:
        middle = (few + many) // 2
        few, many = (few, middle) if float(bdtr(middle, n, q)) > level else (middle + 1, many)
    return few
