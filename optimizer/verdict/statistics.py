"""Paired comparison of scores between 0 and 1. Knows nothing of prompts or models.

The question is always "is ours worse than theirs by the margin or more?", put as a one-sided test at level
1 - confidence; confidence bounds are the differences that the same test does not reject. Pairs are taken to
be independent; several draws of one example must be averaged before they come here.

Rule 1: the level is a promise. At a true difference of exactly -margin, a test succeeds in at most a share
        of 1 - confidence of all samples, be they small, tied or skewed (benchmarks/calibration.py measures it).
Rule 2: what was not seen is not ruled out. Twenty pairs without a difference do not exclude a margin of 5
        points: if 1 in 20 is lost altogether, 36 % of such samples look the same.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import NormalDist, fmean, variance
from typing import TypeAlias

import numpy as np

from optimizer.verdict.pairs import Sample, Vector, exact_p, graded_p

Test: TypeAlias = Callable[[Vector], Callable[[float], float]]  # differences -> delta -> p-value
_NORMAL = NormalDist()
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


def fewest_pairs(margin: float, confidence: float) -> int:
    """Pairs below which the margin can never be shown, not even by a target that loses nothing."""
    return math.ceil(_least(margin, confidence) - 1e-9) if margin > 0 else 1


@dataclass(frozen=True)
class Noise:
    """Where differences vary, when every example is asked `draws` times: between examples (`example_sd`), and from
    draw to draw of one example (`draw_sd`, of a single difference). `share`: of the variance of the compared means
    that more draws would take away."""

    draws: int
    example_sd: float
    draw_sd: float

    @property
    def share(self) -> float:
        drawn = self.draw_sd**2 / self.draws
        return drawn / (drawn + self.example_sd**2) if drawn else 0.0


def noise(ours: Sequence[Sequence[float]], theirs: Sequence[Sequence[float]]) -> Noise | None:
    """From the single scores of each example, by example; None where none was drawn twice.

    One-way analysis of variance: what the draws' own variance does not explain of that between examples is theirs.
    """
    both = [pair for pair in zip(ours, theirs, strict=True) if min(map(len, pair))]
    if len(both) < 2 or max(len(side) for pair in both for side in pair) < 2:
        return None
    sides = zip(*both, strict=True)
    within = sum(fmean(variance(draws) for draws in side if len(draws) > 1) for side in sides if _drawn(side))
    means = [fmean(a) - fmean(b) for a, b in both]
    drawn = sum(_of_means(side) for side in zip(*both, strict=True))
    count = max(len(side) for pair in both for side in pair)
    return Noise(count, math.sqrt(max(0.0, variance(means) - drawn)), math.sqrt(within))


def _drawn(side: Sequence[Sequence[float]]) -> bool:
    return any(len(draws) > 1 for draws in side)


def _of_means(side: Sequence[Sequence[float]]) -> float:
    """What the draws add to the variance between the examples' means."""
    pooled = fmean(variance(draws) for draws in side if len(draws) > 1) if _drawn(side) else 0.0
    return fmean(pooled / len(draws) for draws in side)


def shared_confidence(p_values: Sequence[float], confidence: float) -> list[float]:
    """The confidence for each of several tests, so that all verdicts together hold at `confidence` (Holm 1979).

    The surest test is held to the share of the error that all have together, the next to that of one fewer, up to the
    first that fails; from there on all are held to its share. At its own level a test succeeds just where Holm's
    procedure says so.
    """
    alpha, count = 1 - confidence, len(p_values)
    levels, failed = [0.0] * count, False
    level = alpha / max(count, 1)
    for rank, place in enumerate(sorted(range(count), key=lambda i: (p_values[i], i))):
        level = level if failed else alpha / (count - rank)
        failed = failed or p_values[place] > level
        levels[place] = 1 - level
    return levels


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


def _graded(difference: Vector) -> Callable[[float], float]:
    sample = Sample.of(difference)
    return lambda delta: graded_p(sample, delta)
