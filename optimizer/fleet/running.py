"""One task of a fleet, under its share of the budget; or what the ledger knows of it."""

from __future__ import annotations

import time
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

from optimizer.config import Budget
from optimizer.errors import BudgetExceeded, OptimizerError
from optimizer.fleet.ledger import Entry
from optimizer.fleet.opening import Fleet
from optimizer.pipeline import migrate
from optimizer.planning.agreement import fingerprint
from optimizer.progress import Progress
from optimizer.redact import redact
from optimizer.report.summary import outcome_json
from optimizer.task import Task

_NO_ROOM = (
    "the fleet's budget has no room for what this task takes at least, which `promptport check` tells; raise `budget` "
    "in fleet.yaml and start the fleet again"
)


def run_task(fleet: Fleet, name: str, task: Task, budget: Budget | None, part: int) -> Entry:
    if budget is None:
        return failed(name, BudgetExceeded(_NO_ROOM))
    begun, path = time.monotonic(), fleet.folder / "tasks" / name
    own = task.settings.budget
    settings = task.settings.model_copy(update={"budget": _tighter(own, budget)})
    task = replace(task, settings=settings)
    agreed = sha256((fingerprint(task) + settings.to_yaml()).encode()).hexdigest()[:16]
    if known := fleet.ledger.known(name, part, agreed):
        return known
    spent = [Progress("baseline")]

    def watch(progress: Progress) -> None:
        spent[0] = progress if progress.calls else spent[0]

    try:
        migration = migrate(task, path, connect=fleet.connect, store=fleet.store, watch=watch)
        outcome = outcome_json(migration, path)
        out_of = any("budget" in target.search.stopped_by for target in migration.targets)
        starved, error = out_of and settings.budget != own, None
    except Exception as problem:  # noqa: BLE001  named, and no matter to the others
        outcome, starved, error = {}, isinstance(problem, BudgetExceeded) and settings.budget != own, problem
    entry = Entry(
        agreed,
        str(path.relative_to(fleet.folder)),
        error=_told(error) if error else "",
        kind=type(error).__name__ if error else "",
        starved=starved,
        calls=outcome.get("calls", spent[0].calls),
        dollars=outcome.get("dollars", spent[0].dollars),
        seconds=round(time.monotonic() - begun, 1),
        outcome=outcome,
    )
    fleet.ledger.note(name, part, entry)
    return entry


def failed(name: str, error: Exception) -> Entry:
    return Entry("", str(Path("tasks") / name), error=_told(error), kind=type(error).__name__)


def _told(error: Exception) -> str:
    named = isinstance(error, OptimizerError)
    return redact(str(error) if named else f"{type(error).__name__}: {error}")


def _tighter(own: Budget, share: Budget) -> Budget:
    """A task's own limits hold beside its share."""
    least = {}
    for key in ("dollars", "calls", "tokens", "minutes"):
        given = [value for value in (getattr(own, key), getattr(share, key)) if value is not None]
        least[key] = min(given) if given else None
    return Budget(**least)
