"""Paired comparison of scores between 0 and 1. Knows nothing of prompts or models.

The question is always "is ours worse than theirs by the margin or more?", put as a one-sided test at level
1 - confidence; confidence bounds are the differences that the same test does not reject. Pairs are taken to
be independent; several draws of one example must be averaged before they come here.

Rule 1: the level is a promise. At a true difference of exactly -margin, a test succeeds in at most a share
        of 1 - confidence of all samples, be they small, tied or skewed (benchmarks/calibration.py measures it).
Rule 2: what was not seen is not ruled out. Twenty pairs without a difference do not exclude a margin of 5
        points: if 1 in 20 is lost altogether, 36 % of such samples look the same.

Two tests:
- All scores 0 or 1: Tango's (1998) score statistic for matched pairs, with an exact p-value, maximised over
  the unknown share of won pairs (within its 99.99 % interval; Berger and Boos 1994).
- Graded scores: empirical likelihood for the mean of a bounded variable, as a Bayesian bootstrap to whose
  differences one imaginary pair is added in which ours loses everything. With full weight this is Gaffke's
  (2005) bound, which for won-or-lost data is Clopper and Pearson's; the weight is lowered to what skewness
  and the coarseness of the scores call for, since a full one costs power where neither asks for it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Vector: TypeAlias = NDArray[np.float64]
Test: TypeAlias = Callable[[Vector], Callable[[float], float]]  # differences -> delta -> p-value
_NORMAL = NormalDist()
_BERGER_BOOS = 1e-4  # the part of the level that is spent on bounding the nuisance parameter
_CAUTION = 0.1  # least weight of the imaginary pair: what the approximation may err by, from simulation
_MANY = 10_000_000  # more examples than anyone will label


@dataclass(frozen=True)
class Comparison:
    """The paired difference in quality, target minus source, with its one-sided confidence bounds.

    `p_value` belongs to the null hypothesis "worse by the margin or more". `method` names the test. `sd` is
    the standard deviation of the differences.
    """

    mean: float
    low: float
    high: float
    n: int
    p_value: float
    method: str
    sd: float = 0.0


def paired(ours: Sequence[float], theirs: Sequence[float], *, margin: float, confidence: float) -> Comparison:
    """Compare scores of the same examples, in the same order.

    `low` lies above -margin just where `p_value` is at most 1 - confidence.
    """
    if not 0.5 < confidence < 1.0 or not 0.0 <= margin < 1.0:
        raise ValueError(f"needs 0.5 < confidence < 1 and 0 <= margin < 1, got {confidence} and {margin}")
    difference, test, method = _test(ours, theirs)
    if not len(difference):
        return Comparison(0.0, -1.0, 1.0, 0, 1.0, "no pairs")
    mean, alpha, below, above = float(difference.mean()), 1 - confidence, test(difference), test(-difference)
    p = below(-margin)
    low = _crossing(below, alpha, -margin, mean) if p <= alpha else _crossing(below, alpha, -1.0, min(mean, -margin))
    high = -_crossing(above, alpha, -1.0, -mean)
    return Comparison(mean, low, high, len(difference), p, method, float(difference.std()))


def p_value(ours: Sequence[float] | Vector, theirs: Sequence[float] | Vector, margin: float) -> float:
    """Of the null hypothesis "ours is worse by the margin or more"; the margin may be negative."""
    difference, test, _ = _test(ours, theirs)
    return test(difference)(-margin)


def _test(ours: Sequence[float] | Vector, theirs: Sequence[float] | Vector) -> tuple[Vector, Test, str]:
    """The differences, and the test that fits the scores."""
    if len(ours) != len(theirs):
        raise ValueError(f"paired scores must be of equal number, got {len(ours)} and {len(theirs)}")
    both = np.asarray([ours, theirs], np.float64)
    if not np.all((both >= 0) & (both <= 1)):  # NaN fails this too
        raise ValueError("scores must be between 0 and 1")
    if np.all((both == 0) | (both == 1)):
        return both[0] - both[1], _exact, "exact score test for matched pairs"
    return both[0] - both[1], _graded, "empirical likelihood with a worst case added"


def examples_needed(mean: float, sd: float, margin: float, confidence: float, power: float = 0.8) -> int | None:
    """About how many pairs settle whether a difference like this is worse than -margin; None if no number would.

    Settled is meant either way: a mean above -margin will be shown to lie above it, one below to lie below,
    with probability `power`. With 0/1 scores, sd is sqrt(share of discordant pairs - mean²).
    """
    distance = abs(mean + margin)

    def enough(n: float) -> bool:
        return n >= _least(margin, confidence) and _reach(n, sd, confidence, power) <= distance

    if not enough(_MANY):
        return None
    few, many = 1, _MANY
    while few < many:
        middle = (few + many) // 2
        few, many = (few, middle) if enough(middle) else (middle + 1, many)
    return few


def smallest_difference(n: int, sd: float, confidence: float, power: float = 0.8) -> float:
    """The smallest margin that `n` pairs can show for a target that is truly as good, with probability `power`."""
    unseen = 1 - math.exp(math.log(1 - confidence) / n)
    return min(1.0, max(_reach(n, sd, confidence, power), unseen))


def _least(margin: float, confidence: float) -> float:
    """Pairs below which even a flawless record rules nothing out: a share `margin` of losses may stay unseen."""
    return math.log(1 - confidence) / math.log(1 - margin) if 0 < margin < 1 else 1.0


def _reach(n: float, sd: float, confidence: float, power: float) -> float:
    """How far from the limit the true mean must be; half an imaginary pair stands for the tests' caution."""
    return (_NORMAL.inv_cdf(confidence) + _NORMAL.inv_cdf(power)) * sd / math.sqrt(n) + 0.5 / n


def _crossing(p: Callable[[float], float], alpha: float, low: float, high: float) -> float:
    """Where the p-value passes alpha, found to 1e-6 and given on the safe side."""
    while high - low > 1e-6:
        middle = (low + high) / 2
        low, high = (middle, high) if p(middle) <= alpha else (low, middle)
    return low


def _exact(difference: Vector) -> Callable[[float], float]:
    won, lost, n = int((difference > 0).sum()), int((difference < 0).sum()), len(difference)
    return lambda delta: exact_p(won, lost, n, delta)


def exact_p(won: int, lost: int, n: int, delta: float) -> float:
    """P-value of "the difference is delta or less", of n pairs with 0/1 scores of which these were won and lost.

    Samples count as more extreme by Tango's statistic. They form a region {lost <= most[won]}, so that its
    probability is largest at a difference of exactly delta, whatever the share q of won pairs.
    """
    from scipy.special import bdtr, betaincinv, gammaln

    if delta <= -1.0:
        return 0.0 if won or lost < n else 1.0
    b = np.arange(n + 1.0)
    most = _most_lost(b, n, delta, _tango(np.float64(won), np.float64(lost), n, delta))
    coefficient = gammaln(n + 1.0) - gammaln(b + 1) - gammaln(n - b + 1)

    def tail(q: Vector) -> Vector:
        with np.errstate(divide="ignore", invalid="ignore"):
            log_q, log_rest = np.log(q)[:, None], np.log1p(-q)[:, None]
            exponent = coefficient + np.where(b > 0, b * log_q, 0.0) + np.where(b < n, (n - b) * log_rest, 0.0)
        rows, columns = np.nonzero((exponent > -32.0) & (most >= 0))
        share = np.clip((q[rows] - delta) / (1 - q[rows]), 0.0, 1.0)
        within = np.where(most[columns] >= n - columns, 1.0, bdtr(most[columns], n - columns, share))
        return np.asarray(np.bincount(rows, np.exp(exponent[rows, columns]) * within, len(q)), np.float64)

    half = _BERGER_BOOS / 2
    low = max(delta, betaincinv(won, n - won + 1, half) if won else 0.0, 0.0)
    high = min((1 + delta) / 2, betaincinv(won + 1, n - won, 1 - half) if won < n else 1.0)
    if low > high:
        return _BERGER_BOOS
    grid = np.linspace(math.sqrt(low), math.sqrt(high), 33) ** 2
    found = tail(grid)
    top = int(found.argmax())
    near = np.linspace(grid[max(top - 1, 0)], grid[min(top + 1, 32)], 17)
    return min(1.0, float(max(found.max(), tail(near).max())) + _BERGER_BOOS)


def _most_lost(b: Vector, n: int, delta: float, observed: Any) -> Vector:
    """For each number of won pairs the largest number of lost ones that is still as extreme; -1 where none is."""
    low, high = np.full_like(b, -1.0), n - b
    while np.any(low < high):
        middle = np.ceil((low + high) / 2)
        extreme = _tango(b, middle, n, delta) >= observed - 1e-9
        low, high = np.where(extreme, middle, low), np.where(extreme, high, middle - 1)
    return low


def _tango(won: Any, lost: Any, n: int, delta: float) -> Any:
    """(won - lost - n delta) over its standard deviation, estimated under "the difference is delta"."""
    linear = -won - lost + (2 * n - won + lost) * delta
    root = np.sqrt(np.maximum(linear**2 + 8 * n * lost * delta * (1 - delta), 0.0))
    variance = n * (2 * (root - linear) / (4 * n) + delta * (1 - delta))
    return (won - lost - n * delta) / np.sqrt(np.maximum(variance, 1e-12))


def _graded(difference: Vector) -> Callable[[float], float]:
    values, counts = np.unique(np.round(difference, 9), return_counts=True)
    return lambda delta: graded_p(values, counts.astype(np.float64), delta)


def graded_p(values: Vector, counts: Vector, delta: float) -> float:
    """P-value of "the mean difference is delta or less", for differences in -1..1 with their counts.

    It is the chance that the mean of the differences, the imaginary pair among them, under random weights
    (the spacings of uniform numbers) is at most delta; by Lugannani and Rice's saddlepoint formula.
    """
    a, worst = values - delta, -1.0 - delta
    if worst >= 0:
        return 0.0 if a.max() > 0 else 1.0
    if a.max() <= 0:
        return 1.0
    pseudo = _imaginary(values, a, counts, worst)
    everything, weights = np.append(a, worst), np.append(counts, pseudo)
    tilt = _tilt(everything, weights)
    x = 1 + tilt * everything
    r = math.copysign(math.sqrt(max(2 * float(weights @ np.log(x)), 0.0)), tilt)
    u = tilt * math.sqrt(float(weights @ (everything / x) ** 2))
    if abs(r) < 1e-4:
        return 0.5
    p = 0.5 * math.erfc(r / math.sqrt(2)) + math.exp(-r * r / 2) / math.sqrt(2 * math.pi) * (1 / u - 1 / r)
    return min(1.0, max(0.0, p))


def _imaginary(values: Vector, a: Vector, counts: Vector, worst: float) -> float:
    """Weight of the imaginary pair, 1 at most.

    The likeliest distribution with mean delta, which may hold mass at the worst value unseen, tells the
    skewness (the second-order correction of the Bayesian bootstrap is half of it) and the size of a typical
    step (half a step is the continuity correction of scores that come in steps).
    """
    everything = np.append(a, worst)
    tilt = _tilt(a, counts, 1 / -worst) if counts @ a > 0 else 0.0
    share = counts / counts.sum() / (1 + tilt * a)
    mass = np.append(share, max(0.0, 1 - float(share.sum())))
    size = np.abs(np.append(values, -1.0))
    second, third = float(mass @ everything**2), float(mass @ everything**3)
    step = float(mass @ size**2) / max(float(mass @ size), 1e-12)
    return min(1.0, max(_CAUTION, (step / 2 + _CAUTION - third / (2 * second)) / -worst))


def _tilt(a: Vector, weights: Vector, limit: float = math.inf) -> float:
    """The l that maximises the sum of weights * log(1 + l a); at most `limit`."""
    low, high = -1 / float(a.max()), min(limit, -1 / float(a.min()) if a.min() < 0 else math.inf)
    if weights @ a >= 0:
        low = 0.0
    else:
        high = 0.0
    for _ in range(60):
        middle = (low + high) / 2
        rising = weights @ (a / (1 + middle * a)) > 0
        low, high = (middle, high) if rising else (low, middle)
    return low
