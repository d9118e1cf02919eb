"""The two one-sided tests behind `statistics`: p-values of "the mean difference is delta or less".

- Scores of 0 and 1: Tango's (1998) score statistic for matched pairs, with an exact p-value, maximised over
  the unknown share of won pairs (within its 99.99 % interval; Berger and Boos 1994).
- Graded scores: empirical likelihood for the mean of a bounded variable, as a Bayesian bootstrap to whose
  differences one imaginary pair is added in which ours loses everything. With full weight this is Gaffke's
  (2005) bound, which for won-or-lost data is Clopper and Pearson's. A full one costs power where the scores
  do not ask for it, so the weight is what skewness and the scores' coarseness call for, and no less than
  `_CAUTION`; and n counts as n - 1.5 (Bartlett's correction).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Vector: TypeAlias = NDArray[np.float64]
_BERGER_BOOS = 1e-4  # the part of the level that is spent on bounding the nuisance parameter
_CAUTION = 0.2  # of an imaginary pair, beyond what theory asks for: what the approximation may err by
_COMMONEST = 12  # sizes of differences that are tried as steps


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


def graded_p(sample: Sample, delta: float) -> float:
    """P-value for differences in -1..1.

    It is the chance that the mean of the differences, the imaginary pair among them, under random weights
    (the spacings of uniform numbers) is at most delta; by Lugannani and Rice's saddlepoint formula.
    """
    a, worst = sample.values - delta, -1.0 - delta
    if worst >= 0:
        return 0.0 if a.max() > 0 else 1.0
    if a.max() <= 0:
        return 1.0
    everything = np.append(a, worst)
    weights = np.append(sample.counts * max(0.5, 1 - 1.5 / sample.counts.sum()), _imaginary(sample, a, worst))
    tilt = _tilt(everything, weights)
    x = 1 + tilt * everything
    r = math.copysign(math.sqrt(max(2 * float(weights @ np.log(x)), 0.0)), tilt)
    u = tilt * math.sqrt(float(weights @ (everything / x) ** 2))
    if abs(r) < 1e-4:
        return 0.5
    p = 0.5 * math.erfc(r / math.sqrt(2)) + math.exp(-r * r / 2) / math.sqrt(2 * math.pi) * (1 / u - 1 / r)
    return min(1.0, max(0.0, p))


@dataclass(frozen=True)
class Sample:
    """Differences with their counts. `step`: how coarse their sum is, from 0 to 1."""

    values: Vector
    counts: Vector
    step: float

    @classmethod
    def of(cls, difference: Vector) -> Sample:
        values, counts = np.unique(np.round(difference, 9), return_counts=True)
        return cls(values, counts.astype(np.float64), _step(values, counts.astype(np.float64)))


def _step(values: Vector, counts: Vector) -> float:
    """The largest step h, times what is left of it in a sum of n: |characteristic function at 2 pi / h| ** n.

    Won-or-lost pairs have a step of 1, fields of three one of 1/3, smooth scores none; the imaginary pair is
    counted in, so that a sample of ties has a step of 1.
    """
    common = values[counts.argmax()]
    often = values[np.argsort(-counts, kind="stable")[: _COMMONEST + 1]]
    sizes = np.unique(np.round(np.abs(np.append(often, -1.0) - common), 9))
    steps = np.minimum(1.0, (sizes[sizes > 1e-6, None] / np.arange(1.0, 5.0)).ravel())
    angles = 2 * math.pi * np.append(values, -1.0) / steps[:, None]
    mass = np.append(counts, 1.0) / (counts.sum() + 1)
    left = np.hypot(np.cos(angles) @ mass, np.sin(angles) @ mass) ** counts.sum()
    return float((steps * left).max())


def _imaginary(sample: Sample, a: Vector, worst: float) -> float:
    """Weight of the imaginary pair, 1 at most.

    The likeliest distribution with mean delta, which may hold mass at the worst value unseen, tells the
    skewness (the second-order correction of the Bayesian bootstrap is half of it); half a step is the
    continuity correction.
    """
    share = sample.counts / sample.counts.sum()
    tilt = _tilt(a, sample.counts, 1 / -worst) if share @ a > 0 else 0.0
    share = share / (1 + tilt * a)
    mass = np.append(share, max(0.0, 1 - float(share.sum())))
    everything = np.append(a, worst)
    skew = float(mass @ everything**3) / float(mass @ everything**2)
    return min(1.0, max(_CAUTION, (sample.step / 2 + _CAUTION - skew / 2) / -worst))


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
