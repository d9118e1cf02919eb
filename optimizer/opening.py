"""What a run opens before its first request and closes after its last: directory, log, store, purse, models."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from optimizer.cluster import providers
from optimizer.connect import Roles
from optimizer.models import Model
from optimizer.models.money.journal import Journal
from optimizer.models.money.meter import Purse
from optimizer.models.money.purse import paid_for
from optimizer.models.pacing.notice import listening
from optimizer.models.stores.cache import Answers
from optimizer.models.stores.opening import open_store
from optimizer.operations.beacon import Beacon
from optimizer.planning.agreement import fingerprint, parts, versions
from optimizer.planning.allowance import Clock
from optimizer.progress import Progress, Watch, silent
from optimizer.progress.log import RunLog
from optimizer.results.rundir import RunDir
from optimizer.search.live import Live
from optimizer.task import Task

_NOTHING: Mapping[str, Mapping[str, float]] = {}


@dataclass(frozen=True)
class Opened:
    run: RunDir
    tell: Watch
    purse: Purse
    roles: Roles
    clock: Clock
    live: Live


@contextmanager
def opened(
    task: Task,
    path: Path,
    *,
    watch: Watch = silent,
    connect: Callable[..., Roles] | None = None,
    store: Answers | None = None,
    around: Callable[[Model], Model] = lambda model: model,
    now: Callable[[], float] = time.monotonic,
    expected: Mapping[str, Mapping[str, float]] = _NOTHING,
) -> Iterator[Opened]:
    """All that a run of `task` in the directory `path` works with.

    `connect` makes the models that play the roles, in place of those that the task names; `around` wraps each of the
    latter. `store`: where answers are remembered, in place of the run's own; it stays open. `expected`: calls and
    dollars, for status.json.
    """
    settings = task.settings
    agreed = RunDir.open(path, fingerprint=fingerprint(task), versions=versions(), parts=parts(task))
    with (
        agreed as run,
        RunLog(run.log, watch) as log,
        Beacon(run.status, log, settings.budget.model_dump(), reckoned=expected) as tell,
        nullcontext(store) if store is not None else open_store(settings.store, task.folder, run.calls) as answers,
        Journal(run.tries) as journal,
        providers(settings, around, recorded=task.recorded is not None) as usual,
    ):
        limits = settings.budget.model_dump(exclude={"minutes"})
        purse = Purse(**limits, journal=journal, before=journal.before(lambda key: paid_for(answers.get(key))))
        roles = (connect or usual)(settings, answers, purse)
        clock = Clock(settings.budget.minutes, run.manifest().get("clock", {}), run.note_clock, now)
        purse.late = clock.late
        with clock, listening(lambda text: tell(Progress("search", text=text))):
            yield Opened(run, tell, purse, roles, clock, Live(run.study))
