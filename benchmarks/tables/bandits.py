"""Bandits that decide after every call. The n-th call of a prompt is the n-th example of the shared order."""

from __future__ import annotations

import math

import numpy as np

from benchmarks.tables.game import Game
from benchmarks.tables.recorded import Matrix
from benchmarks.tables.rivals import Choice

_TRIES = 8  # draws in which another prompt may come out on top, before the second of the last one is taken


class _Calls:
    """How often each prompt was called, and with what result."""

    def __init__(self, game: Game) -> None:
        self.answers = game.answers
        self.prompts, self.most = game.answers.shape
        self.count = np.zeros(self.prompts)
        self.sums = np.zeros(self.prompts)

    def buy(self, prompt: int) -> None:
        self.sums[prompt] += self.answers[prompt, int(self.count[prompt])]
        self.count[prompt] += 1

    @property
    def means(self) -> Matrix:
        return self.sums / np.maximum(self.count, 1)

    @property
    def closed(self) -> Matrix:
        """-inf for whom has seen all examples, else 0."""
        return np.where(self.count < self.most, 0.0, -np.inf)

    def best(self) -> Choice:
        chosen = int(np.where(self.count > 0, self.means, -1.0).argmax())
        return chosen, float(self.means[chosen])


def ucb_e(game: Game, budget: int, _rng: np.random.Generator) -> Choice:
    """Audibert and others (2010): mean + sqrt(a / n), here with a = 1."""
    calls = _Calls(game)
    for _ in range(min(budget, game.answers.size)):
        bonus = np.sqrt(1.0 / np.maximum(calls.count, 1e-9))
        calls.buy(int((calls.means + bonus + calls.closed).argmax()))
    return calls.best()


def top_two_thompson(game: Game, budget: int, rng: np.random.Generator) -> Choice:
    """Russo (2016): the best of a draw from Beta posteriors or, half of the time, another that is best in a redraw."""
    calls = _Calls(game)
    for _ in range(min(budget, game.answers.size)):
        won, lost, closed = 1 + calls.sums, 1 + calls.count - calls.sums, calls.closed
        draw = rng.beta(won, lost) + closed
        first = chosen = int(draw.argmax())
        if rng.random() < 0.5:
            draws = rng.beta(won, lost, (_TRIES, calls.prompts)) + closed
            others = [int(k) for k in draws.argmax(axis=1) if k != first]
            draws[-1, first] = -np.inf
            chosen = others[0] if others else int(draws[-1].argmax())
            chosen = chosen if calls.count[chosen] < calls.most else first
        calls.buy(chosen)
    chosen = int(((1 + calls.sums) / (2 + calls.count)).argmax())
    return chosen, float(calls.means[chosen])


def continuous_rejection(game: Game, budget: int, _rng: np.random.Generator) -> Choice:
    """TRIPLE-CR (Shi and others 2024; Wang and others 2023): the worst goes as soon as its gap is large enough."""
    calls, active = _Calls(game), list(range(game.prompts))
    gone, most_gone = 0.0, 0.0
    for _ in range(min(budget, game.answers.size)):
        open_ = [k for k in active if calls.count[k] < calls.most]
        if not open_:
            break
        calls.buy(open_[int(calls.count[open_].argmin())])
        means = calls.means[active]
        worst = int(means.argmin())
        seen = calls.count[active[worst]]
        if len(active) > 1 and seen > most_gone and _rejected(means, worst, calls.count[active], budget - gone):
            gone, most_gone = gone + seen, max(most_gone, seen)
            active.pop(worst)
    chosen = active[int(calls.means[active].argmax())]
    return chosen, float(calls.means[chosen])


def _rejected(means: Matrix, worst: int, count: Matrix, left: float) -> bool:
    """Criterion A or C; A is the weaker one, for the mean of the others is never below the least of them."""
    size = len(means)
    share = float(count.sum()) * (0.5 + sum(1 / i for i in range(2, size + 1))) / left
    others = (float(means.sum()) - float(means[worst])) / (size - 1)
    return others - float(means[worst]) > 1 / math.sqrt(share) - 1
