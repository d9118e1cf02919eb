"""Ways to buy answers, each as its authors describe it. `budget` is in calls; all see the examples in one order.

A method returns the prompt that it chooses and the quality that it would report for it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from benchmarks.tables.game import Game

Choice: TypeAlias = tuple[int, float]
Method: TypeAlias = Callable[[Game, int, np.random.Generator], Choice]
FULL = 100  # examples that "full evaluation" gives to each prompt
BLOCK = 30  # examples that CAPO adds at a time


def uniform(game: Game, budget: int, _rng: np.random.Generator) -> Choice:
    """The same number of examples for every prompt."""
    return best_of(game, np.arange(game.prompts), max(1, budget // game.prompts))


def full_evaluation(game: Game, budget: int, rng: np.random.Generator) -> Choice:
    """A hundred examples each, for as many prompts, drawn at random, as the budget has room for."""
    size = min(FULL, budget, game.answers.shape[1])
    return best_of(game, rng.permutation(game.prompts)[: max(1, budget // size)], size)


def sequential_halving(game: Game, budget: int, _rng: np.random.Generator) -> Choice:
    """Karnin and others (2013), on shared examples: each round an equal share, then the better half goes on."""
    alive, seen, spent = np.arange(game.prompts), 0, 0
    rounds = max(1, math.ceil(math.log2(game.prompts)))
    for left in range(rounds, 0, -1):
        more = max(1, (budget - spent) // left // len(alive))
        more = min(more, game.answers.shape[1] - seen)
        seen, spent = seen + more, spent + more * len(alive)
        means = game.answers[alive, :seen].mean(axis=1)
        order = np.argsort(-means, kind="stable")
        if left == 1:
            break
        alive = alive[order[: math.ceil(len(alive) / 2)]]
    return int(alive[order[0]]), float(means[order[0]])


def best_of(game: Game, prompts: NDArray[np.int64], size: int) -> Choice:
    """The best of `prompts` by its mean over the first `size` examples; of equals the first."""
    means = game.answers[prompts, :size].mean(axis=1)
    return int(prompts[means.argmax()]), float(means.max())


def capo_racing(game: Game, budget: int, _rng: np.random.Generator) -> Choice:
    """The racing of CAPO (Zehle and others 2025), to one survivor: all that are left answer another block of
    examples; who is worse than somebody by a paired t-test (one-sided, 20 %) goes. Stops with the budget, or after
    ten blocks."""
    alive, seen, spent = np.arange(game.prompts), 0, 0
    block = min(BLOCK, game.answers.shape[1])
    while len(alive) > 1 and seen + block <= min(10 * block, game.answers.shape[1]):
        if spent + block * len(alive) > budget:
            if seen:
                break
            alive = alive[: max(1, budget // block)]  # not even one block for each: the first ones
        seen, spent = seen + block, spent + block * len(alive)
        alive = alive[~_beaten(game.answers[alive, :seen].astype(np.float64))]
    return best_of(game, alive, max(seen, block))


def _beaten(scores: NDArray[np.float64]) -> NDArray[np.bool_]:
    from scipy.stats import t

    n = scores.shape[1]
    means, second = scores.mean(axis=1), scores @ scores.T / n
    gaps = means[:, None] - means[None, :]
    squares = np.diag(second)[:, None] + np.diag(second)[None, :] - 2 * second
    error = np.sqrt(np.maximum(squares - gaps**2, 0) / (n - 1))
    best = np.divide(gaps, error, out=np.where(gaps > 0, np.inf, -np.inf), where=error > 0)
    return np.asarray((t.sf(best, n - 1) < 0.2).any(axis=0))
