"""Several targets side by side: which one the declared objective would take, and the corners of what is acceptable.

Acceptable is who may take over by its verdict: surely good enough, with every constraint kept. All figures are those of
held-out examples. Whoever is picked for a high figure shows that figure a little too high; the verdicts, which hold for
all targets together, do not suffer from it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from optimizer.config import ObjectiveSettings
from optimizer.objective import Unit
from optimizer.results.migration import Migration
from optimizer.verdict.confirm import Verdict


@dataclass(frozen=True)
class Standing:
    """One target on the held-out examples. NaN: not measured. `objective`: with the declared weights, in units of the
    source's cost and latency."""

    model: str
    verdict: Verdict
    quality: float
    cost: float
    latency: float
    objective: float

    @property
    def acceptable(self) -> bool:
        return self.verdict is Verdict.MIGRATE


@dataclass(frozen=True)
class Corners:
    """Names of models; None where no target is acceptable, or the amount was not measured."""

    standings: tuple[Standing, ...]
    recommended: str | None
    best: str | None
    cheapest: str | None
    fastest: str | None

    @property
    def reason(self) -> str:
        if self.recommended is None:
            return "No target is shown to be acceptable, so none is recommended."
        names = [s.model for s in self.standings if s.acceptable]
        if len(names) == 1:
            return f"{self.recommended} is recommended: of {len(self.standings)} targets it alone is acceptable."
        return f"{self.recommended} is recommended: of {len(names)} acceptable targets it has the highest objective."


def corners(migration: Migration) -> Corners:
    """By the figures on held-out examples. Raises PluginError for a formula that is lost, or gives no number."""
    objective = ObjectiveSettings(**migration.settings.get("objective", {})).build()
    unit = Unit.of(migration.baseline)
    standings = []
    for result in migration.targets:
        met = result.confirmation.winner
        cost = met.cost if objective.cost and unit.cost else 0.0  # what does not count need not be known
        latency = met.latency if objective.latency and unit.latency else 0.0
        value = objective.of(met.quality, cost, latency, unit)
        standings.append(Standing(result.model, result.decision.verdict, met.quality, met.cost, met.latency, value))

    def pick(of: Callable[[Standing], float]) -> str | None:
        return _first(standings, of)

    return Corners(
        tuple(standings),
        recommended=pick(lambda s: s.objective),
        best=pick(lambda s: s.quality),
        cheapest=pick(lambda s: -s.cost),
        fastest=pick(lambda s: -s.latency),
    )


def _first(standings: Sequence[Standing], of: Callable[[Standing], float]) -> str | None:
    """The acceptable one with the highest figure; the first named among equals."""
    known = [s for s in standings if s.acceptable and not math.isnan(of(s))]
    return max(known, key=of).model if known else None
