"""What every task of a fleet would take, and what the budget leaves it: before anything is asked."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from optimizer import connect
from optimizer.config import Budget
from optimizer.errors import ConfigError, OptimizerError
from optimizer.fleet.settings import FleetSettings, names, opened, read_fleet, tasks_below
from optimizer.fleet.share import Want, Wants, budgets, tighter
from optimizer.planning.least import least_minutes, refuse_small_budget
from optimizer.planning.plan import Plan, plan
from optimizer.redact import redact
from optimizer.task import Task

NO_ROOM = "the fleet's budget has no room for what this task takes at least"


@dataclass(frozen=True)
class Plans:
    """By task; `wants` only of those that could be read, `errors` of all others."""

    tasks: Mapping[str, Task]
    plans: Mapping[str, Plan]
    errors: Mapping[str, Exception]

    @property
    def wants(self) -> dict[str, Wants]:
        return {name: _wants(planned) for name, planned in self.plans.items()}


@dataclass(frozen=True)
class Checked:
    """What `promptport check` says of a fleet; `lost`: tasks that would fail."""

    lines: Sequence[str]
    lost: int


def named_tasks(folder: Path) -> dict[str, Path]:
    """By name, in the order in which the budget is divided. Raises ConfigError where there is none."""
    paths = tasks_below(folder)
    return dict(zip(names(folder, paths), paths, strict=True))


def read_plans(settings: FleetSettings, named: Mapping[str, Path], *, strict: bool = False) -> Plans:
    """`strict`: see `planning.plan`."""
    tasks, plans, errors = dict[str, Task](), dict[str, Plan](), dict[str, Exception]()
    for name, path in named.items():
        try:
            tasks[name] = task = opened(path, settings)
            planned = plan(within(task, Budget()), strict=strict)
            connect.preflight(task.settings, recorded=task.recorded is not None)
            plans[name] = planned
        except Exception as error:  # noqa: BLE001  one task that cannot be read stops nobody
            errors[name] = error
    return Plans(tasks, plans, errors)


def within(task: Task, budget: Budget) -> Task:
    """The same task with that budget in place of its own."""
    return replace(task, settings=task.settings.model_copy(update={"budget": budget}))


def told(error: Exception) -> str:
    named = isinstance(error, OptimizerError)
    return redact(str(error) if named else f"{type(error).__name__}: {error}")


def check_fleet(folder: Path) -> Checked:
    """Reads every task, asks no model. Raises ConfigError where the fleet itself is not right."""
    settings, named = read_fleet(folder), named_tasks(folder)
    found = read_plans(settings, named, strict=True)
    shares = budgets(settings.budget, found.wants)
    wide = max(len(name) for name in (*named, "all, without what they share"))
    lines, lost = [f"{'':{wide}} {'to expect':>22} {'at least':>10} {'at most':>10}  may spend"], 0
    for name in named:
        row, fails = _row(found, name, shares.get(name))
        lines.append(f"{name:{wide}} {row}")
        lost += fails
    known = [planned.expected for planned in found.plans.values()]
    sums = [sum(getattr(one, part).dollars for one in known) for part in ("total", "low", "high")]
    all_of_them = _amounts(sum(one.calls for one in known), sums)
    lines.append(f"{'all, without what they share':{wide}} {all_of_them}  {_limits(settings.budget)}")
    notes = [f"note: {name}: {note}" for name, planned in found.plans.items() for note in planned.notes]
    return Checked([*lines, *notes], lost)


def _row(found: Plans, name: str, share: Budget | None) -> tuple[str, bool]:
    """What is said of a task, and whether it would fail."""
    if name in found.errors:
        return f"error: {told(found.errors[name])}", True
    planned, task = found.plans[name], found.tasks[name]
    expected = planned.expected
    amounts = _amounts(expected.calls, [expected.dollars, expected.low.dollars, expected.high.dollars])
    least = expected.least
    takes = f"{least.calls:,} calls, ${least.dollars:.4f}, {least.tokens:,} tokens"
    if minutes := math.ceil(least_minutes(task, planned.parts, expected)[0]):
        takes += f", about {minutes:,} minutes"
    if share is None:
        return f"{amounts}  nothing, unless others leave something: {NO_ROOM} ({takes})", True
    given = tighter(task.settings.budget, share)
    try:
        refuse_small_budget(within(task, given), planned.parts, expected)
    except ConfigError:
        return f"{amounts}  {_limits(given)}: less than it takes at least ({takes}); raise the task's own budget", True
    return f"{amounts}  {_limits(given)}", False


def _amounts(calls: int, dollars: Sequence[float]) -> str:
    usual, low, high = (f"${one:,.4f}" for one in dollars)
    return f"{f'{calls:,} calls':>12} {usual:>9} {low:>10} {high:>10}"


def _limits(budget: Budget) -> str:
    return ", ".join(budget.limits) or "no limit"


def _wants(planned: Plan) -> Wants:
    least, most = planned.expected.least, planned.expected.high
    return Want(least.calls, most.calls), Want(least.dollars, most.dollars), Want(least.tokens, most.tokens)
