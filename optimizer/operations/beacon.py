"""status.json: where a run is, written as it goes on, so that another terminal can look without touching the run."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from optimizer.errors import RunDirError, StoppedError
from optimizer.progress import Progress, Watch
from optimizer.progress.console import harmless
from optimizer.redact import redact
from optimizer.results.records import as_json
from optimizer.results.rundir import write_whole

FORMAT = 1
_EVERY = 1.0  # seconds between two notes


@dataclass
class Facts:
    """`state`: running, finished, interrupted or failed. Times are seconds since 1970.

    `since`: when this stage began. `reckoned`: calls and dollars that were expected, at least and at most. `born` tells
    a process from a later one with its number.
    """

    state: str = "running"
    pid: int = 0
    born: str = ""
    host: str = ""
    started: float = 0.0
    updated: float = 0.0
    stage: str = ""
    target: str = ""
    since: float = 0.0
    at_first: float = 0.0
    done: float = 0.0
    total: float = 0.0
    calls: int = 0
    dollars: float = 0.0
    calls_before: int = 0
    best: dict[str, float] = field(default_factory=dict)
    limits: dict[str, Any] = field(default_factory=dict)
    reckoned: dict[str, Any] = field(default_factory=dict)
    error: str = ""
    format: int = FORMAT


class Beacon:
    """A watch that also keeps status.json. A disk on which it cannot be written does not end the run."""

    def __init__(
        self,
        path: Path,
        watch: Watch,
        limits: Mapping[str, Any],
        now: Callable[[], float] = time.time,
        reckoned: Mapping[str, Any] | None = None,
    ) -> None:
        self._path, self._watch, self._now = path, watch, now
        self._facts = Facts(
            pid=os.getpid(),
            born=born(os.getpid()),
            host=socket.gethostname(),
            started=now(),
            limits=dict(limits),
            reckoned=dict(reckoned or {}),
        )
        self._noted = float("-inf")

    def __call__(self, progress: Progress) -> None:
        self._watch(progress)
        facts, now = self._facts, self._now()
        if (progress.stage, progress.target) != (facts.stage, facts.target):
            facts.stage, facts.target, facts.since = progress.stage, progress.target, now
            facts.at_first, facts.calls_before = progress.done, facts.calls
        if not progress.text:
            facts.done, facts.total = progress.done, progress.total
        if progress.best is not None:
            facts.best[progress.target] = progress.best
        facts.calls, facts.dollars = max(facts.calls, progress.calls), max(facts.dollars, progress.dollars)
        if not 0 <= now - self._noted < _EVERY:
            self._note(now)

    def __enter__(self) -> Beacon:
        self._note(self._now())
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _trace: object) -> None:
        if kind is None:
            self._facts.state = "finished"
        elif issubclass(kind, Exception) and not issubclass(kind, StoppedError):
            self._facts.state, self._facts.error = "failed", harmless(redact(str(error)))
        else:
            self._facts.state = "interrupted"
        self._note(self._now())

    def _note(self, now: float) -> None:
        self._noted = self._facts.updated = now
        with suppress(RunDirError):  # the run goes on; whoever looks sees how old the last note is
            write_whole(self._path, as_json(asdict(self._facts)))


def born(pid: int) -> str:
    """When a process began, in the kernel's own count; "" where that cannot be told."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""
