"""The race of the engine itself, on a game."""

from __future__ import annotations

import numpy as np

from benchmarks.tables.game import Game
from benchmarks.tables.rivals import Choice
from optimizer.search.brief import Effort
from optimizer.search.race import Race


def raced(game: Game, budget: int, *, warm: bool = False, anchor: int | None = None) -> Race:
    race = Race(game.answers.shape[1], float(budget), anchor=anchor)
    for factors, known in zip(game.factors, game.source, strict=True):
        race.join(factors, z=known if warm else None)
    while pairs := race.batch(race.budget):
        for prompt, example in pairs:
            race.observe(prompt, example, float(game.answers[prompt, example]))
    return race


def race(game: Game, budget: int, _rng: np.random.Generator) -> Choice:
    return _winner(raced(game, budget))


def warm_race(game: Game, budget: int, _rng: np.random.Generator) -> Choice:
    """Knows how well the same prompts did on the model that the user comes from."""
    return _winner(raced(game, budget, warm=True))


def engine(game: Game, budget: int, _rng: np.random.Generator) -> Choice:
    """As the search decides: the unchanged prompt (the first) stays unless another is surely better."""
    posterior = raced(game, budget, anchor=0).posterior()
    best = int(posterior.mean.argmax())
    chosen = best if posterior.surely_better(best, 0) >= Effort.sure else 0
    return chosen, float(posterior.mean[chosen])


def _winner(race: Race) -> Choice:
    mean = race.posterior().mean
    best = int(mean.argmax())
    return best, float(mean[best])
