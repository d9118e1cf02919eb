"""Many tasks and targets as one batch: one budget, one store, one set of limits for each model, one summary.

    read the tasks ▸ divide the budget ▸ run them, some at once ▸ give what is left to those that ran out ▸ summary

A task that fails is named and stops nobody. A fleet that was cut off is started again: what is done is not done
again, and what was under way goes on over remembered answers. Which task is faster changes nothing.

`settings` is what a fleet.yaml says, `share` divides, `ledger` knows what is done and `paid` what it cost, `page`
tells.
"""

from __future__ import annotations

import contextvars
import time
from collections.abc import Callable, Iterable, Mapping
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
from optimizer.fleet.paid import Amount, Bill, bill
from optimizer.fleet.settings import FleetSettings, names, opened, read_fleet, tasks_below
from optimizer.fleet.share import Want, Wants, budgets, second_helping
from optimizer.models.money.purse import PICO, paid_for
from optimizer.models.stores.cache import Answers
from optimizer.models.stores.opening import open_store
from optimizer.pipeline import migrate
from optimizer.planning.agreement import fingerprint
from optimizer.planning.plan import Plan, plan
from optimizer.progress import Progress
from optimizer.redact import redact
from optimizer.report.summary import outcome_json
from optimizer.results.rundir import RunDir
from optimizer.task import Task

Told = Callable[[str], None]

_FIRST, _SECOND = 1, 2

_NO_ROOM = (
    "the fleet's budget has no room for what this task takes at least, which `promptport check` tells; raise `budget` "
    "in fleet.yaml and start the fleet again"
)


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
    out = out or home_of(folder)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunDirError(f"{out}: cannot write here ({error.strerror}); choose another --out") from error
    named = dict(zip(names(folder, paths), paths, strict=True))
    with ExitStack() as stack:
        ended, paid = _walk(_shared(settings, folder, out, told, stack), named)
    write_summary(settings, ended, paid, out)
    return ended


def home_of(folder: Path) -> Path:
    """Where a fleet's runs and its summary are, unless it is said otherwise."""
    return folder / "runs" / "fleet"


def _shared(settings: FleetSettings, folder: Path, out: Path, told: Told, stack: ExitStack) -> _Fleet:
    from threadpoolctl import threadpool_limits

    store = stack.enter_context(open_store(settings.store, folder, out / "calls.sqlite"))
    stack.enter_context(threadpool_limits(1))  # one search that ends must not give the others more threads
    asked: connect.Provider = connect.bare
    if settings.engine.workers != "local":
        cluster = stack.enter_context(open_cluster(settings.engine))
        stack.enter_context(scored_by(cluster.scoring()))
        asked = partial(Remote, cluster)
    one_at_a_time = Lock()

    def connected(chosen: object, store: object, purse: object) -> connect.Roles:
        with one_at_a_time:  # so that all find the same gate before a model, and its limits hold for all together
            provider = partial(connect.provider, asked=asked)
            return connect.connect(chosen, store, purse, provider=provider)  # type: ignore[arg-type]

    return _Fleet(settings, out, Ledger(out / "ledger.json"), connected, store, told)


def _walk(fleet: _Fleet, named: Mapping[str, Path]) -> tuple[dict[str, Entry], Bill]:
    tasks, wants, ended = dict[str, Task](), dict[str, Wants](), dict[str, Entry]()
    for name, path in named.items():
        try:
            tasks[name] = task = opened(path, fleet.settings)
            planned = plan(replace(task, settings=task.settings.model_copy(update={"budget": Budget()})))
            connect.preflight(task.settings, recorded=task.recorded is not None)
            wants[name] = _wants(planned)
        except Exception as error:  # noqa: BLE001  one task that cannot be read stops nobody
            ended[name] = _failed(name, error)
    limits = fleet.settings.budget
    first = budgets(limits, wants)
    ended |= _all(fleet, {name: (tasks[name], first[name]) for name in wants}, _FIRST)
    if (hungry := _hungry(first, ended)) and {limits.calls, limits.dollars, limits.tokens} != {None}:
        agreed = sha256(repr([(name, ended[name].agreed, ended[name].error) for name in named]).encode()).hexdigest()
        so_far = fleet.ledger.between(agreed, lambda: _billed(fleet, named, ended))
        more = second_helping(limits, wants, first, hungry, so_far)
        again = _all(fleet, {name: (tasks[name], budget) for name, budget in more.items()}, _SECOND)
        ended |= {name: entry for name, entry in again.items() if ended[name].error or not entry.error}
    return {name: ended[name] for name in named}, _billed(fleet, named, ended)


def _wants(planned: Plan) -> Wants:
    money, tokens = planned.expected, planned.tokens
    return (
        Want(money.least.calls, money.high.calls),
        Want(money.least.dollars, money.high.dollars),
        Want(tokens.least.dollars, tokens.high.dollars),
    )


def _hungry(first: Mapping[str, Budget | None], ended: Mapping[str, Entry]) -> list[str]:
    return [name for name, given in first.items() if given is None or ended[name].starved]


def _billed(fleet: _Fleet, named: Iterable[str], ended: Mapping[str, Entry]) -> Bill:
    """What is on disk; of a task whose folder somebody took away, what the ledger knows."""
    journals = {name: RunDir(fleet.folder / "tasks" / name).tries for name in named}
    found = bill(journals, lambda key: paid_for(fleet.store.get(key)))
    for entry in (entry for name, entry in ended.items() if not journals[name].exists()):
        found = replace(found, answers=found.answers.plus(Amount(entry.calls, round(entry.dollars * PICO))))
    return found


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
        return _failed(name, BudgetExceeded(_NO_ROOM))
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


def _failed(name: str, error: Exception) -> Entry:
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
