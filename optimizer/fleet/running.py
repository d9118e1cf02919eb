"""One task of a fleet, under its share of the budget; or what the ledger knows of it."""

from __future__ import annotations

import time
from hashlib import sha256
from pathlib import Path

from optimizer.config import Budget
from optimizer.errors import BudgetExceeded
from optimizer.fleet.ledger import Entry
from optimizer.fleet.opening import Fleet
from optimizer.fleet.planned import NO_ROOM, told, within
from optimizer.fleet.share import tighter
from optimizer.pipeline import migrate
from optimizer.planning.agreement import fingerprint
from optimizer.progress import Progress
from optimizer.report.summary import outcome_json
from optimizer.task import Task

_NO_ROOM = f"{NO_ROOM}, which `promptport check` tells; raise `budget` in fleet.yaml and start the fleet again"


def run_task(fleet: Fleet, name: str, task: Task, budget: Budget | None, part: int) -> Entry:
    if budget is None:
        return failed(name, BudgetExceeded(_NO_ROOM))
    begun, path = time.monotonic(), fleet.folder / "tasks" / name
    own = task.settings.budget
    task = within(task, tighter(own, budget))
    settings = task.settings
    agreed = sha256((fingerprint(task) + settings.to_yaml()).encode()).hexdigest()[:16]
    if known := fleet.ledger.known(name, part, agreed):
        return known
    spent = [Progress("baseline")]
    error: Exception | None

    def watch(progress: Progress) -> None:
        spent[0] = progress if progress.calls else spent[0]

    try:
        migration = migrate(task, path, connect=fleet.connect, store=fleet.store, watch=watch)
        outcome = outcome_json(migration, path)
        out_of = any("budget" in target.search.stopped_by for target in migration.targets)
        starved, error = out_of and settings.budget != own, migration.incomplete
    except Exception as problem:  # noqa: BLE001  named, and no matter to the others
        outcome, starved, error = {}, isinstance(problem, BudgetExceeded) and settings.budget != own, problem
    entry = Entry(
        agreed,
        str(path.relative_to(fleet.folder)),
        error=told(error) if error else "",
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
    return Entry("", str(Path("tasks") / name), error=told(error), kind=type(error).__name__)
