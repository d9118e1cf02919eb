"""The searches of a run as Optuna's tools are shown them."""

from __future__ import annotations

from itertools import accumulate

from optimizer.objective import Evaluation, Objective, Unit
from optimizer.results.migration import Migration
from optimizer.search.journal import Study


def studies(migration: Migration) -> dict[str, Study]:
    """By target; none of outputs that were recorded elsewhere."""
    searched = [result for result in migration.targets if result.search.trials]
    if not searched:
        return {}
    objective, unit = migration.objective, Unit.of(migration.baseline)
    weighed = tuple(migration.settings.get("search", {}).get("objectives", ()))
    return {
        result.model: Study(
            result.search.trials,
            {number: _course(found, objective, unit) for number, found in result.search.answers.items()},
            weighed,
        )
        for result in searched
    }


def _course(found: Evaluation, objective: Objective, unit: Unit) -> tuple[float, ...]:
    """Of the answers that count: one that could not be had, or not be scored, says nothing of the trial."""
    values = (objective.of(mark.value, output.cost, output.latency, unit) for output, mark in found.scored)
    return tuple(total / seen for seen, total in enumerate(accumulate(values), start=1))
