"""Is it worth going on? What further candidates, or further answers, are expected to gain.

Both are in units of the objective. Neither asks anything: they are reckoned from what the race knows.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean

import numpy as np

from optimizer.search.twoway import Posterior

_USUAL = 0.1  # by which candidates differ, before any is known
_DRAWS, _GRID, _REACH = 512, 200, 6.0  # draws of the posterior; steps of the integral, up to so many deviations


def gain_of_racing(posterior: Posterior, among: Sequence[int]) -> float:
    """How much better the truly best of `among` is expected to be than the one that seems best: the value of
    perfect information, and so the most that any further answers about them can bring."""
    if len(among) < 2:
        return 0.0
    mean, cov = posterior.among(among)
    values, vectors = np.linalg.eigh((cov + cov.T) / 2)
    root = vectors * np.sqrt(values.clip(min=0))
    draws = np.random.default_rng(0).standard_normal((_DRAWS // 2, len(among)))
    spread = np.vstack([draws, -draws]) @ root.T  # in pairs of opposites: their mean is exactly zero
    return max(0.0, float((mean + spread).max(axis=1).mean() - mean.max()))


def gain_of_looking(newcomers: Sequence[float], best: float, count: int) -> float:
    """How much the best of `count` more candidates is expected to be above `best`, if they turn out like `newcomers`.

    They are taken as draws from a normal distribution; its deviation is that of the newcomers and of two more that
    are `_USUAL` off, for a few that happen to be alike say little. Infinite where there are no newcomers.
    """
    if not newcomers:
        return math.inf
    middle = fmean(newcomers)
    squares = sum((value - middle) ** 2 for value in newcomers) + 2 * _USUAL**2
    deviation = math.sqrt(squares / (len(newcomers) + 1))
    step = max(0.0, middle + _REACH * deviation - best) / _GRID
    levels = (best + (i + 0.5) * step for i in range(_GRID))
    return step * sum(1 - _below((level - middle) / deviation) ** count for level in levels)


def _below(z: float) -> float:
    return 0.5 * (1 + math.erf(z / math.sqrt(2)))
