"""Does the verdict keep its promise? Counts false "migrate" and "stay" where the target is worse by exactly the margin.

    python benchmarks/calibration.py --samples 10000

Samples are drawn from shapes of paired differences that prompts produce; the share of them on which the test
succeeds must not exceed 1 - confidence. Beside it stand two tests that people use: the percentile bootstrap
and Student's t. Power is counted where the target is truly as good. For 0/1 scores the greatest level over
all shares of discordant pairs is summed up exactly, without simulation.
Writes results/calibration.csv and results/calibration.md.
"""

from __future__ import annotations

import argparse
import csv
import math
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtr
from scipy.stats import binom, t

from optimizer.verdict.pairs import exact_p
from optimizer.verdict.statistics import p_value

Matrix: TypeAlias = NDArray[np.float64]
Shape: TypeAlias = Callable[[np.random.Generator, tuple[int, int], float], Matrix]  # differences with mean -loss
SIZES = (20, 50, 200, 1000, 5000)


def mixture(values: Sequence[float], shares: Sequence[float], *, sink: float) -> Shape:
    """Fixed differences with fixed shares; the share of `sink` is set so that the mean is -loss; the rest are ties."""

    def draw(rng: np.random.Generator, size: tuple[int, int], loss: float) -> Matrix:
        share = (-loss - float(np.dot(values, shares))) / sink
        support, steps = np.array([*values, sink, 0.0]), np.cumsum([*shares, share])
        assert share >= 0 and steps[-1] <= 1, "this shape cannot lose so much"
        return np.asarray(support[np.searchsorted(steps, rng.random(size), side="right")], np.float64)

    return draw


def fields(count: int, hard: float, flips: float) -> Shape:
    """Records of `count` fields. Only hard examples (a share) differ; there each field is lost or won by itself."""

    def draw(rng: np.random.Generator, size: tuple[int, int], loss: float) -> Matrix:
        is_hard = rng.random(size) < hard
        chance = rng.random((count, *size))
        lost, won = chance < flips + loss / hard, chance > 1 - flips
        return np.where(is_hard, won.mean(axis=0) - lost.mean(axis=0), 0.0)

    return draw


def overlap(ties: float, spread: float) -> Shape:
    """Token F1: scores all over 0 to 1, equal for a share of the examples."""

    def draw(rng: np.random.Generator, size: tuple[int, int], loss: float) -> Matrix:
        ours, theirs = 0.8 - loss / (1 - ties), 0.8
        a, b = (rng.beta(mean * spread, (1 - mean) * spread, size) for mean in (ours, theirs))
        return np.where(rng.random(size) < ties, 0.0, a - b)

    return draw


def broken(noise: float) -> Shape:
    """Graded scores of which the target loses some altogether (a broken reply), the others but for noise not."""

    def draw(rng: np.random.Generator, size: tuple[int, int], loss: float) -> Matrix:
        theirs = rng.beta(8, 2, size)
        other = noise * np.minimum(theirs, 1 - theirs) * rng.choice([-1.0, 1.0], size)
        return np.where(rng.random(size) < loss / 0.8, -theirs, other)

    return draw


def draws(count: int) -> Shape:
    """0/1 scores, each example asked `count` times on both sides and averaged."""

    def draw(rng: np.random.Generator, size: tuple[int, int], loss: float) -> Matrix:
        skill = rng.choice([0.15, 0.85, 1.0], size, p=[0.1, 0.3, 0.6])
        drop = np.where(skill == 0.85, loss / 0.3, 0.0)
        ours = rng.binomial(count, skill - drop, size)
        return np.asarray((ours - rng.binomial(count, skill, size)) / count, np.float64)

    return draw


def draws_of_overlap(count: int, example: float, draw: float) -> Shape:
    """Graded scores, each example asked `count` times on both sides: a shift for each example, noise for each draw."""

    def sample(rng: np.random.Generator, size: tuple[int, int], loss: float) -> Matrix:
        shift = loss + example * (rng.beta(2, 2, size) - 0.5)
        noise = (rng.random((2, count, *size)) - 0.5).mean(axis=1) * draw
        return np.asarray(np.clip(noise[0] - noise[1] - shift, -1, 1), np.float64)

    return sample


BINARY: Mapping[str, Shape] = {
    "0/1, losses only": mixture([], [], sink=-1),
    "0/1, 4 % won": mixture([1], [0.04], sink=-1),
    "0/1, 15 % won": mixture([1], [0.15], sink=-1),
}
GRADED: Mapping[str, Shape] = {
    "3 fields": fields(3, 0.4, 0.1),
    "3 fields, easy": fields(3, 0.12, 0.05),
    "4 fields": fields(4, 0.6, 0.15),
    "token F1": overlap(0.0, 6),
    "token F1, 60 % ties": overlap(0.6, 6),
    "broken replies": broken(0),
    "broken replies and noise": broken(0.5),
    "halves, losses only": mixture([], [], sink=-1 / 2),
    "thirds, losses only": mixture([], [], sink=-1 / 3),
    "few large losses, small gains": mixture([1 / 3], [0.15], sink=-1),
    "rare large losses, rare gains": mixture([1 / 3], [0.03], sink=-1),
    "small losses, few large gains": mixture([1], [0.05], sink=-1 / 3),
    "many small losses, large gains": mixture([1], [0.1], sink=-1 / 4),
    "3 draws of 0/1": draws(3),
    "10 draws of 0/1": draws(10),
    "3 draws, graded": draws_of_overlap(3, 0.5, 0.8),
}


def scores(difference: Matrix, *, binary: bool) -> tuple[Matrix, Matrix]:
    """A pair of scores with the given difference; 0/1 where asked for."""
    if binary:
        return np.where(difference >= 0, 1.0, 0.0), np.where(difference <= 0, 1.0, 0.0)
    return (1 + difference) / 2, (1 - difference) / 2


def migrates(difference: Matrix, margin: float, alpha: float, *, binary: bool) -> Matrix:
    """For each sample (row), whether non-inferiority is shown by the method of this project."""
    known: dict[bytes, bool] = {}  # scores that come in steps repeat themselves
    rows = np.sort(difference, axis=1)
    for row, a, b in zip(rows, *scores(rows, binary=binary), strict=True):
        if (key := row.tobytes()) not in known:
            known[key] = p_value(a, b, margin) <= alpha
    return np.array([known[row.tobytes()] for row in rows], np.float64)


def stays(difference: Matrix, margin: float, alpha: float, *, binary: bool) -> Matrix:
    """For each sample, whether the target is shown to be worse by more than the margin."""
    return migrates(-difference, -margin, alpha, binary=binary)


def student(difference: Matrix, margin: float, alpha: float) -> Matrix:
    n = difference.shape[1]
    error = np.maximum(difference.std(axis=1, ddof=1) / math.sqrt(n), 1e-12)
    return np.asarray((difference.mean(axis=1) + margin) / error > t.ppf(1 - alpha, n - 1), np.float64)


def percentile_bootstrap(difference: Matrix, margin: float, alpha: float, resamples: int = 500) -> Matrix:
    rng, n = np.random.default_rng(0), difference.shape[1]

    def low(row: Matrix) -> float:
        values, counts = np.unique(row, return_counts=True)
        means = rng.multinomial(n, counts / n, resamples) @ values / n
        return float(np.quantile(means, alpha))

    return np.array([low(row) > -margin for row in difference], np.float64)


def sign_flips(difference: Matrix, margin: float, alpha: float, flips: int = 999) -> Matrix:
    """The permutation test of "symmetric about -margin": exact for symmetric differences, and for these alone."""
    return np.asarray(sign_flips_p(difference, margin, flips) <= alpha, np.float64)


def fair_power(null: Matrix, even: Matrix, margin: float, alpha: float) -> tuple[float, float]:
    """The permutation test's share of false "migrate", and its power where it is held to alpha.

    A test that errs too often shows power that is not its own; so its p-values are read at the threshold at which it
    errs in a share of alpha on the same shape.
    """
    wrong = np.sort(sign_flips_p(null, margin))
    threshold = wrong[max(0, math.floor(alpha * len(wrong)) - 1)]
    found = sign_flips_p(even, margin)
    return float((wrong <= alpha).mean()), float((found <= min(alpha, threshold)).mean())


def sign_flips_p(difference: Matrix, margin: float, flips: int = 999) -> Matrix:
    shifted = difference + margin
    signs = np.random.default_rng(0).choice([-1.0, 1.0], (difference.shape[1], flips))
    greater = (shifted @ signs >= shifted.sum(axis=1, keepdims=True) - 1e-9).sum(axis=1)
    return np.asarray((1 + greater) / (1 + flips), np.float64)


def exact_level(n: int, margin: float, alpha: float, points: int = 400) -> float:
    """The greatest chance of a false "migrate" with 0/1 scores, over a fine grid of shares of won pairs."""
    most = np.array([_most_lost(won, n, margin, alpha) for won in range(n + 1)], np.float64)
    won, ok = np.arange(n + 1), most >= 0

    def level(q: float) -> float:
        within = bdtr(np.maximum(most, 0), n - won, min(1.0, (q + margin) / (1 - q)))
        return float(binom.pmf(won, n, q)[ok] @ np.where(most >= n - won, 1.0, within)[ok])

    return max(level(float(q)) for q in np.linspace(0, (1 - margin) / 2, points))


def _most_lost(won: int, n: int, margin: float, alpha: float) -> int:
    low, high = -1, n - won
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if exact_p(won, middle, n, -margin) <= alpha else (low, middle - 1)
    return low


def measure(name: str, n: int, *, samples: int, margin: float, alpha: float) -> dict[str, str | int | float]:
    """One row: false "migrate" at a true difference of exactly -margin by three methods, and power at none."""
    binary = name in BINARY
    shape = {**BINARY, **GRADED}[name]
    rows = min(samples, 5_000_000 // n)
    null = shape(np.random.default_rng([n, 1]), (rows, n), margin)
    even = shape(np.random.default_rng([n, 2]), (max(250, rows // 4), n), 0.0) if name not in _ONE_WAY else None
    fewer = null[: max(250, rows // 4)]

    def power(test: Callable[[Matrix], Matrix]) -> float:
        return float(test(even).mean()) if even is not None else math.nan

    fair = fair_power(fewer, even, margin, alpha) if even is not None and n <= 200 else (math.nan, math.nan)
    own = partial(migrates, margin=margin, alpha=alpha, binary=binary)
    return {
        "scores": name,
        "n": n,
        "samples": rows,
        "false migrate": float(own(null).mean()),
        "false stay": float(stays(fewer, margin, alpha, binary=binary).mean()),
        "bootstrap": float(percentile_bootstrap(fewer, margin, alpha).mean()) if n <= 200 else math.nan,
        "t": float(student(null, margin, alpha).mean()),
        "power": power(own),
        "t's power": power(partial(student, margin=margin, alpha=alpha)),
        "permutation's power": power(partial(sign_flips, margin=margin, alpha=alpha)) if n <= 200 else math.nan,
        "permutation's false migrate": fair[0],
        "permutation's fair power": fair[1],
    }


#: Without losses these have no differences at all.
_ONE_WAY = {"0/1, losses only", "halves, losses only", "thirds, losses only", "broken replies"}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=10_000)
    parser.add_argument("--margin", type=float, default=0.05)
    parser.add_argument("--confidence", type=float, default=0.95)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--results", type=Path, default=Path(__file__).parent / "results")
    options = parser.parse_args(arguments)
    alpha = 1 - options.confidence
    cells = [(name, n) for name in [*BINARY, *GRADED] for n in SIZES]
    one = partial(measure, samples=options.samples, margin=options.margin, alpha=alpha)
    with ProcessPoolExecutor(options.workers) as pool:
        table = []
        for row in pool.map(one, *zip(*cells, strict=True)):
            table.append(row)
            print(f"{row['scores']}, n = {row['n']}: {row['false migrate']:.1%}", file=sys.stderr, flush=True)
        sizes = [n for n in SIZES if n <= 200]
        levels = list(pool.map(partial(exact_level, margin=options.margin, alpha=alpha), sizes))
    options.results.mkdir(exist_ok=True)
    with (options.results / "calibration.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, table[0].keys())
        writer.writeheader()
        writer.writerows(table)
    text = as_markdown(table, dict(zip(sizes, levels, strict=True)), options.margin, options.confidence)
    (options.results / "calibration.md").write_text(text, encoding="utf-8")
    print(text)


def as_markdown(
    table: Sequence[Mapping[str, str | int | float]], levels: Mapping[int, float], margin: float, confidence: float
) -> str:
    lines = [
        "# Calibration of the verdict",
        "",
        f"Margin {100 * margin:g} points, confidence {confidence:.0%}: false verdicts in at most {1 - confidence:.1%}.",
        "The true difference is exactly minus the margin for the first four columns, and nought for power.",
        "",
        "| scores | n | samples | false migrate | false stay | bootstrap's false migrate | t's false migrate"
        " | power | t's power | permutation test's power | its false migrate | its power when held to the level |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for row in table:
        shown = (
            f"{x:.1%}" if isinstance(x, float) and not math.isnan(x) else "" if isinstance(x, float) else f"{x}"
            for x in row.values()
        )
        lines.append(f"| {' | '.join(shown)} |")
    lines += [
        "",
        "0/1 scores, greatest chance of a false migrate over all shares of discordant pairs (summed, not simulated):",
        "",
    ]
    lines += [f"- n = {n}: {level:.2%}" for n, level in levels.items()]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
