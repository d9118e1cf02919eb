"""The race in its plainest form, beside ours: what has been added to it, and what that brings.

    python -m benchmarks.tables.plain      # results/plain.md

Stratified, paired halving on a two-way Bayesian model: score of prompt k on example i = a_k + d_i + noise, with one
spread for all prompts; `a` has a level, a share for each choice of the space (one-hot, centred), a slope on how the
same prompt did elsewhere, which may come out negative, and a rest. Each refit buys for the ceil(K ** (1 - f)) best at
the part f of the budget, and for whoever has seen less than half of the mean. Hints are taken as they are.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Iterator
from itertools import product
from pathlib import Path

import numpy as np

from benchmarks.tables import game as games
from benchmarks.tables.game import Game
from benchmarks.tables.ours import race, warm_race
from benchmarks.tables.recorded import Factors, Matrix, folder, recorded
from benchmarks.tables.report import RESULTS, mean_and_interval

SEEDS = 200
BUDGETS = {"slab": (5, 12, 20), "mind_your_format": (5, 12, 20)}  # those of a few prompts to 40
RHO, OWN = (0.05, 0.25, 0.45, 0.65), (0.001, 0.004, 0.015, 0.05)
LEVEL = SLOPES = 0.25  # prior variances
SLOPE = 0.5
REFIT = 2.5


class Plain:
    """One play of a game. `hints`: how the prompts did elsewhere, centred; 0 where that is unknown or not used."""

    def __init__(self, game: Game, budget: int, *, warm: bool) -> None:
        self.game, self.budget = game, budget
        size, examples = game.answers.shape
        self.hints = _centred(game.source) if warm else np.zeros(size)
        factors = _one_hot(game.factors)
        self.kin = factors @ factors.T
        self.values, self.seen = np.zeros((size, examples)), np.zeros((size, examples))
        self.shares, self.fitted_at = (RHO[1], OWN[1], 0.0), 0.0

    def winner(self) -> int:
        mean = SLOPE * self.hints
        while bought := self._bought(mean):
            for prompt, example in bought:
                self.seen[prompt, example] = 1
                self.values[prompt, example] = self.game.answers[prompt, example] - 0.5
            mean = self._posterior()
        return int(mean.argmax())

    def _bought(self, mean: Matrix) -> list[tuple[int, int]]:
        size, examples = self.seen.shape
        counts = self.seen.sum(axis=1).astype(int)
        left = self.budget - int(counts.sum())
        keep = max(2, math.ceil(size ** (left / self.budget)))
        order = [int(k) for k in np.argsort(-mean, kind="stable")]
        kept = order[:keep] + [k for k in order[keep:] if counts[k] < counts.mean() / 2]
        bought: list[tuple[int, int]] = []
        while len(bought) < min(left, max(4, size // (2 if size > 64 else 4))):
            open_ = [k for k in kept if counts[k] < examples]
            if not open_:
                break
            chosen = min(open_, key=lambda k: counts[k])
            bought.append((chosen, int(counts[chosen])))
            counts[chosen] += 1
        return bought

    def _posterior(self) -> Matrix:
        if self.seen.sum() >= REFIT * self.fitted_at:
            self.fitted_at = float(self.seen.sum())
            likes = (0.0, 1.0) if self.kin.any() else (0.0,)
            grid = [(rho, own, like * own) for rho, own, like in product(RHO, OWN, likes)]
            self.shares = max(grid, key=lambda shares: self._known(*shares)[1])
        return self._known(*self.shares)[0]

    def _known(self, rho: float, own: float, like: float) -> tuple[Matrix, float]:
        """The posterior mean, and the log marginal likelihood with a weak prior on `own`."""
        size = len(self.hints)
        used = self.seen.any(axis=0)
        seen, values = self.seen[:, used], self.values[:, used] * self.seen[:, used]
        count, spread = seen.sum(axis=1), self._spread()
        noise, shared = (1 - rho) * spread, seen.sum(axis=0) / ((1 - rho) * spread) + 1 / (rho * spread)
        precision = np.diag(count) / noise - (seen / shared) @ seen.T / noise**2
        pull = values.sum(axis=1) / noise - (seen / shared) @ values.sum(axis=0) / noise**2
        constant = (values.sum(axis=0) ** 2 / shared).sum() / noise**2 - (values**2).sum() / noise
        constant -= count.sum() * math.log(noise) + np.log(shared * rho * spread).sum()
        prior = LEVEL + own * np.eye(size) + like * self.kin + SLOPES * np.outer(self.hints, self.hints)
        inverse, start = np.linalg.inv(prior), SLOPE * self.hints
        whole, right = inverse + precision, pull + inverse @ start
        mean = np.linalg.solve(whole, right)
        logs = np.linalg.slogdet(prior)[1] + np.linalg.slogdet(whole)[1]
        found = 0.5 * (constant + right @ mean - start @ inverse @ start - logs)
        return mean, float(found) - 0.5 * (math.log(own / 0.006) / 1.4) ** 2

    def _spread(self) -> float:
        """Variance within prompts, pooled."""
        count = self.seen.sum(axis=1)
        means = self.values.sum(axis=1) / np.maximum(count, 1)
        squares = (self.seen * (self.values - means[:, None]) ** 2).sum()
        return float(max((squares + 0.2 * 4) / ((count - 1).clip(min=0).sum() + 4), 1e-4))


def _centred(source: Iterable[float | None]) -> Matrix:
    hints = np.array([math.nan if known is None else known for known in source])
    return np.zeros(len(hints)) if np.isnan(hints).all() else np.nan_to_num(hints - np.nanmean(hints))


def _one_hot(factors: Iterable[Factors]) -> Matrix:
    rows = [{(name, repr(value)) for name, value in chosen.items()} for chosen in factors]
    columns = sorted(set().union(*rows))
    held = np.array([[float(column in row) for column in columns] for row in rows]).reshape(len(rows), len(columns))
    return np.asarray(held - held.mean(axis=0) if columns else held, np.float64)


def main() -> None:
    if folder() is None:
        print("plain: skipped, for the recorded tables are not there (PROMPTPORT_DATA names their folder)")
        return
    lines = ["| Mean regret, points | calls per prompt | plain | ours | plain, warm start | ours, warm start |"]
    lines += ["|---|---:|---:|---:|---:|---:|"]
    for table in ("slab", "babe", "gsm8k", "mind_your_format", "capo_init"):
        for budget in BUDGETS.get(table, (5, 12, 20, 40)):
            lines.append(f"| {table} | {budget} | {' | '.join(_cells(table, budget))} |")
            print(lines[-1], file=sys.stderr)
    head = "# What has been added to the plain race\n\nWritten by `python -m benchmarks.tables.plain`, "
    tail = f"{SEEDS} seeds a cell, the same games for all; ± is half of the 95 % interval over seeds.\n"
    Path(RESULTS / "plain.md").write_text("\n".join([f"{head}{tail}", *lines]) + "\n", encoding="utf-8")


def _cells(table: str, budget: int) -> Iterator[str]:
    landscapes = recorded(table)
    found: list[list[float]] = []
    for seed in range(SEEDS):
        game = games.game(landscapes, seed, games.MOST.get(table))
        calls, rng = budget * game.prompts, np.random.default_rng([seed, 13])
        chosen = [Plain(game, calls, warm=False).winner(), race(game, calls, rng)[0]]
        chosen += [Plain(game, calls, warm=True).winner(), warm_race(game, calls, rng)[0]]
        found.append([game.regret(one) for one in chosen])
    for column in np.array(found).T:
        mean, half = mean_and_interval(column)
        yield f"{mean:.2f} ± {half:.2f}"


if __name__ == "__main__":
    main()
