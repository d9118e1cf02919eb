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


def uniform(game: Game, budget: int, _rng: np.random.Generator) -> Choice:
    """The same number of examples for every prompt."""
    return _best(game, np.arange(game.prompts), max(1, budget // game.prompts))


def full_evaluation(game: Game, budget: int, rng: np.random.Generator) -> Choice:
    """A hundred examples each, for as many prompts, drawn at random, as the budget has room for."""
    size = min(FULL, budget, game.answers.shape[1])
    return _best(game, rng.permutation(game.prompts)[: max(1, budget // size)], size)


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


def _best(game: Game, prompts: NDArray[np.int64], size: int) -> Choice:
    means = game.answers[prompts, :size].mean(axis=1)
    return int(prompts[means.argmax()]), float(means.max())
