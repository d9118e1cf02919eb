"""Many tasks and targets as one batch: one budget, one store, one set of limits for each model, one summary.

    read the tasks ▸ divide the budget ▸ run them, some at once ▸ give what is left to those that ran out ▸ summary

A task that fails is named and stops nobody. A fleet that was cut off is started again: what is done is not done
again, and what was under way goes on over remembered answers. Which task is faster changes nothing.
"""

from __future__ import annotations

import contextvars
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from hashlib import sha256
from pathlib import Path
from threading import Lock

from optimizer import connect
from optimizer.cluster import open_cluster
from optimizer.cluster.remote import Remote
from optimizer.config import Budget
from optimizer.errors import BudgetExceeded, OptimizerError, RunDirError
from optimizer.evaluate import scored_by
from optimizer.fleet.ledger import Entry, Ledger
from optimizer.fleet.page import write_summary
from optimizer.fleet.settings import FleetSettings, names, opened, read_fleet, tasks_below
from optimizer.fleet.share import Want, budgets
from optimizer.models.cache import Answers
from optimizer.models.stores import open_store
from optimizer.pipeline import migrate
from optimizer.planning.agreement import fingerprint
from optimizer.planning.plan import plan
from optimizer.progress import Progress
from optimizer.redact import redact
from optimizer.report.summary import outcome_json
from optimizer.task import Task

Told = Callable[[str], None]

_FIRST, _SECOND = 1, 2


@dataclass(frozen=True)
class _Fleet:
    """What all tasks of one fleet share."""

    settings: FleetSettings
    folder: Path
    ledger: Ledger
    connect: Callable[..., connect.Roles]
    store: Answers
    told: Told


def run_fleet(folder: Path, out: Path | None = None, told: Told = lambda _line: None) -> dict[str, Entry]:
    """How every task ended, by name. Raises ConfigError where the fleet itself is not right."""
    settings, paths = read_fleet(folder), tasks_below(folder)
    out = out or folder / "runs" / "fleet"
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunDirError(f"{out}: cannot write here ({error.strerror}); choose another --out") from error
    named = dict(zip(names(folder, paths), paths, strict=True))
    with ExitStack() as stack:
        ended = _walk(_shared(settings, folder, out, told, stack), named)
    write_summary(settings, ended, out)
    return ended


def _shared(settings: FleetSettings, folder: Path, out: Path, told: Told, stack: ExitStack) -> _Fleet:
    from threadpoolctl import threadpool_limits

    store = stack.enter_context(open_store(settings.store, folder, out / "calls.sqlite"))
    stack.enter_context(threadpool_limits(1))  # one search that ends must not give the others more threads
    asked: connect.Asked = connect.bare
    if settings.engine.workers != "local":
        cluster = stack.enter_context(open_cluster(settings.engine))
        stack.enter_context(scored_by(cluster.scoring()))
        asked = partial(Remote, cluster)
    one_at_a_time = Lock()

    def connected(chosen: object, store: object, purse: object) -> connect.Roles:
        with one_at_a_time:  # so that all find the same gate before a model, and its limits hold for all together
            return connect.connect(chosen, store, purse, asked=asked)  # type: ignore[arg-type]

    return _Fleet(settings, out, Ledger(out / "ledger.json"), connected, store, told)


def _walk(fleet: _Fleet, named: Mapping[str, Path]) -> dict[str, Entry]:
    tasks, wants, ended = dict[str, Task](), dict[str, tuple[Want, Want]](), dict[str, Entry]()
    for name, path in named.items():
        try:
            tasks[name] = task = opened(path, fleet.settings)
            expected = plan(replace(task, settings=task.settings.model_copy(update={"budget": Budget()}))).expected
            connect.preflight(task.settings, recorded=task.recorded is not None)
            least = expected.least
            most = expected.high
            wants[name] = Want(least.calls, most.calls), Want(least.dollars, most.dollars)
        except Exception as error:  # noqa: BLE001  one task that cannot be read stops nobody
            ended[name] = _failed(name, error)
    first = budgets(fleet.settings.budget, wants)
    ended |= _all(fleet, {name: (tasks[name], first[name]) for name in wants}, _FIRST)
    more = _second_helping(fleet.settings.budget, wants, first, ended)
    ended |= _all(fleet, {name: (tasks[name], budget) for name, budget in more.items()}, _SECOND)
    return {name: ended[name] for name in named}


def _second_helping(
    limits: Budget,
    wants: Mapping[str, tuple[Want, Want]],
    first: Mapping[str, Budget | None],
    ended: Mapping[str, Entry],
) -> dict[str, Budget | None]:
    """What the others left over, to those that ran out."""
    hungry = [name for name in wants if ended[name].starved]
    if not hungry or (limits.calls is None and limits.dollars is None):
        return {}
    calls = None if limits.calls is None else limits.calls - sum(e.calls for e in ended.values())
    dollars = None if limits.dollars is None else limits.dollars - sum(e.dollars for e in ended.values())
    whole = sum(wants[name][0].most for name in hungry)
    given = dict[str, Budget | None]()
    for name in hungry:
        share, had = wants[name][0].most / whole, first[name] or Budget()
        given[name] = Budget(
            calls=None if calls is None else max(ended[name].calls + int(calls * share), had.calls or 1),
            dollars=None if dollars is None else max(ended[name].dollars + dollars * share, had.dollars or 0),
            minutes=limits.minutes,
        )
    return given


def _all(fleet: _Fleet, jobs: Mapping[str, tuple[Task, Budget | None]], part: int) -> dict[str, Entry]:
    """Run the tasks, `at_once` of them at the same time."""
    ended: dict[str, Entry] = {}
    pool = ThreadPoolExecutor(fleet.settings.at_once, thread_name_prefix="promptport-fleet")
    try:
        asked = {
            pool.submit(contextvars.copy_context().run, _one, fleet, name, task, budget, part): name
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


def _one(fleet: _Fleet, name: str, task: Task, budget: Budget | None, part: int) -> Entry:
    if budget is None:
        return _failed(name, BudgetExceeded("the fleet's budget has no room for what this task takes at least"))
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
        outcome = outcome_json(
            migration := migrate(task, path, connect=fleet.connect, store=fleet.store, watch=watch), path
        )
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


def _failed(name: str, error: Exception) -> Entry:
    return Entry("", str(Path("tasks") / name), error=_told(error), kind=type(error).__name__)


def _told(error: Exception) -> str:
    named = isinstance(error, OptimizerError)
    return redact(str(error) if named else f"{type(error).__name__}: {error}")


def _tighter(own: Budget, share: Budget) -> Budget:
    """A task's own limits hold beside its share."""
    least = {}
    for key in ("dollars", "calls", "minutes"):
        given = [value for value in (getattr(own, key), getattr(share, key)) if value is not None]
        least[key] = min(given) if given else None
    return Budget(**least)
