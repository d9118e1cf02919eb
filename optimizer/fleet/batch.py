"""A fleet from top to bottom: every task once, then those again that what is left may help; the summary."""

from __future__ import annotations

import contextvars
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

from optimizer.config import Budget
from optimizer.fleet.ledger import Entry
from optimizer.fleet.opening import Fleet, Told, open_fleet
from optimizer.fleet.page import write_summary
from optimizer.fleet.paid import Amount, Bill, bill
from optimizer.fleet.planned import named_tasks, read_plans
from optimizer.fleet.running import failed, run_task
from optimizer.fleet.settings import read_fleet
from optimizer.fleet.share import budgets, second_helping
from optimizer.models.money.book import PICO
from optimizer.models.money.purse import paid_for
from optimizer.results.rundir import RunDir, locked
from optimizer.task import Task

_FIRST, _SECOND = 1, 2


def run_fleet(folder: Path, out: Path | None = None, told: Told = lambda _line: None) -> dict[str, Entry]:
    """How every task ended, by name. Raises ConfigError where the fleet itself is not right."""
    settings, named = read_fleet(folder), named_tasks(folder)
    out = out or home_of(folder)
    with ExitStack() as stack:
        stack.callback(locked(out, "fleet", "--out").release)
        ended, paid = _walk(open_fleet(settings, folder, out, told, stack), named)
        write_summary(settings, ended, paid, out)
    return ended


def home_of(folder: Path) -> Path:
    """Where a fleet's runs and its summary are, unless it is said otherwise."""
    return folder / "runs" / "fleet"


def _walk(fleet: Fleet, named: Mapping[str, Path]) -> tuple[dict[str, Entry], Bill]:
    found = read_plans(fleet.settings, named)
    tasks, wants, limits = found.tasks, found.wants, fleet.settings.budget
    ended = {name: failed(name, error) for name, error in found.errors.items()}
    first = budgets(limits, wants)
    ended |= _all(fleet, {name: (tasks[name], first[name]) for name in wants}, _FIRST)
    if (hungry := _hungry(first, ended)) and {limits.calls, limits.dollars, limits.tokens} != {None}:
        agreed = sha256(repr([(name, ended[name].agreed, ended[name].error) for name in named]).encode()).hexdigest()
        so_far = fleet.ledger.between(agreed, lambda: _billed(fleet, named, ended))
        more = second_helping(limits, wants, first, hungry, so_far)
        again = _all(fleet, {name: (tasks[name], budget) for name, budget in more.items()}, _SECOND)
        ended |= {name: entry for name, entry in again.items() if ended[name].error or not entry.error}
    return {name: ended[name] for name in named}, _billed(fleet, named, ended)


def _hungry(first: Mapping[str, Budget | None], ended: Mapping[str, Entry]) -> list[str]:
    return [name for name, given in first.items() if given is None or ended[name].starved]


def _billed(fleet: Fleet, named: Iterable[str], ended: Mapping[str, Entry]) -> Bill:
    """What is on disk; of a task whose folder somebody took away, what the ledger knows."""
    journals = {name: RunDir(fleet.folder / "tasks" / name).tries for name in named}
    found = bill(journals, lambda key: paid_for(fleet.store.get(key)))
    for entry in (entry for name, entry in ended.items() if not journals[name].exists()):
        found = replace(found, answers=found.answers.plus(Amount(entry.calls, round(entry.dollars * PICO))))
    return found


def _all(fleet: Fleet, jobs: Mapping[str, tuple[Task, Budget | None]], part: int) -> dict[str, Entry]:
    """Run the tasks, `at_once` of them at the same time."""
    ended: dict[str, Entry] = {}
    pool = ThreadPoolExecutor(fleet.settings.at_once, thread_name_prefix="promptport-fleet")
    try:
        asked = {
            pool.submit(contextvars.copy_context().run, run_task, fleet, name, task, budget, part): name
            for name, (task, budget) in jobs.items()
        }
        for future in as_completed(asked):
            name = asked[future]
            ended[name] = entry = future.result()
            told = entry.error or ", ".join(f"{t['model']} {t['verdict']}" for t in entry.outcome["targets"])
            fleet.told(f"{len(ended)}/{len(jobs)} {name}: {told} (${entry.dollars:.4f}, {entry.calls:,} calls)")
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
    return ended
