"""Several targets side by side: which one the declared objective picks, and which is the best, cheapest or fastest.

Only acceptable targets are picked: those whose verdict is to migrate. All figures are those of held-out examples. A
target that is picked for a high figure tends to show that figure a little too high; the verdicts, which hold for all
targets together, are not affected.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from optimizer.objective import Unit
from optimizer.results.migration import Migration
from optimizer.verdict.confirm import Verdict


@dataclass(frozen=True)
class TargetFigures:
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
class Recommendation:
    """Names of models; None if no target is acceptable, or the amount was not measured."""

    targets: tuple[TargetFigures, ...]
    recommended: str | None
    best: str | None
    cheapest: str | None
    fastest: str | None

    @property
    def reason(self) -> str:
        acceptable = [target for target in self.targets if target.acceptable]
        unknown = " and ".join(target.model for target in acceptable if math.isnan(target.objective))
        lacking = f"of {unknown} not all is recorded that the objective weighs"
        if not acceptable:
            return "No target is shown to be acceptable, so none is recommended."
        if self.recommended is None:
            return f"No target is recommended: {lacking}."
        if len(acceptable) == 1:
            return f"{self.recommended} is recommended: of {len(self.targets)} targets it alone is acceptable."
        told = (
            f"{self.recommended} is recommended: of {len(acceptable)} acceptable targets it has the highest objective"
        )
        return f"{told}; {lacking}." if unknown else f"{told}."


def recommend(migration: Migration) -> Recommendation:
    """By the figures on held-out examples. Raises PluginError for a formula that fails to load or gives no number."""
    objective, unit = migration.objective, Unit.of(migration.baseline)
    targets = []
    for result in migration.targets:
        met = result.confirmation.winner
        cost = met.cost if objective.cost and unit.cost else 0.0  # what does not count need not be known
        latency = met.latency if objective.latency and unit.latency else 0.0
        value = objective.of(met.quality, cost, latency, unit)
        targets.append(TargetFigures(result.model, result.decision.verdict, met.quality, met.cost, met.latency, value))

    def pick(of: Callable[[TargetFigures], float]) -> str | None:
        return _first(targets, of)

    return Recommendation(
        tuple(targets),
        recommended=pick(lambda target: target.objective),
        best=pick(lambda target: target.quality),
        cheapest=pick(lambda target: -target.cost),
        fastest=pick(lambda target: -target.latency),
    )


def _first(targets: Sequence[TargetFigures], of: Callable[[TargetFigures], float]) -> str | None:
    """The acceptable target with the highest figure; of equals, the first in the task file."""
    known = [target for target in targets if target.acceptable and not math.isnan(of(target))]
    return max(known, key=of).model if known else None
