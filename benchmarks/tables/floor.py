"""What is left of regret when money is no object, and when an oracle has done the most of the work.

One half of the examples does not tell all about the other; and whoever need only choose among the truly best still
errs, where these are nearly equal.
"""

from __future__ import annotations

import numpy as np

from benchmarks.tables.game import Game
from benchmarks.tables.rivals import Choice, best_of

NAMED = 6  # prompts that the oracle leaves: on the smallest table all of them


def everything(game: Game, _budget: int, _rng: np.random.Generator) -> Choice:
    return best_of(game, np.arange(game.prompts), game.answers.shape[1])


def best_named(game: Game, budget: int, _rng: np.random.Generator) -> Choice:
    """All calls go to the truly best six prompts, an equal share to each."""
    best = np.sort(np.argsort(-game.truth)[:NAMED])  # in their old order, for the first of equals is chosen
    return best_of(game, best, max(1, budget // len(best)))
