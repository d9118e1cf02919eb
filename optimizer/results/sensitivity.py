"""How firmly a run's choice stands: which weights lead to which winner, and which choices of the space mattered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from optimizer.config.terms import Terms
from optimizer.results.migration import Migration, TargetResult
from optimizer.results.rescore import Rescored, replay, scale_of
from optimizer.search.study import importance
from optimizer.search.trial import Trial

WEIGHTS = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)


@dataclass(frozen=True)
class Cell:
    """Who wins with these weights of cost and latency, against a quality that weighs `quality`."""

    quality: float
    cost: float
    latency: float
    winner: int


@dataclass(frozen=True)
class Study:
    """One target's objective, taken apart. `importance`: evaluator -> dimension -> share of the objective's variance;
    empty where too few candidates were measured."""

    model: str
    cells: tuple[Cell, ...]
    importance: Mapping[str, Mapping[str, float]]
    trials: tuple[Trial, ...]

    @property
    def winners(self) -> list[int]:
        """All who win somewhere, in the order of how often."""
        wins = [cell.winner for cell in self.cells]
        return sorted(set(wins), key=lambda number: (-wins.count(number), number))

    def along_cost(self, latency: float) -> list[tuple[float, float, int]]:
        """(from, to, winner): the stretches of cost weights over which one candidate wins."""
        row = [cell for cell in self.cells if cell.latency == latency]
        found: list[tuple[float, float, int]] = []
        for cell in sorted(row, key=lambda cell: cell.cost):
            if found and found[-1][2] == cell.winner:
                found[-1] = (found[-1][0], cell.cost, cell.winner)
            else:
                found.append((cell.cost, cell.cost, cell.winner))
        return found


def take_apart(migration: Migration, terms: Terms, rescored: Sequence[Rescored]) -> tuple[Study, ...]:
    """For each target that was searched; takes some hundredths of a second for each of 64 cells."""
    return tuple(
        Study(found.model, tuple(_cells(migration, result, terms, found)), importance(found.trials), found.trials)
        for result, found in zip(migration.targets, rescored, strict=True)
        if found.trials
    )


def _cells(migration: Migration, result: TargetResult, terms: Terms, found: Rescored) -> Iterator[Cell]:
    own = terms.objective.build()
    costs, latencies = ({*WEIGHTS, own.cost}, {*WEIGHTS, own.latency})
    for cost in sorted(costs):
        for latency in sorted(latencies):
            scale = scale_of(migration, terms, replace(own, cost=cost, latency=latency))
            field = replay(migration, result, found.answers, scale, found.taught)
            yield Cell(own.quality, cost, latency, field.winner()[0])
