"""Answers on a PostgreSQL server: many drivers share them, and no question is paid for by two of them.

Who is about to ask holds the question's advisory lock, which the server drops with the connection: a driver that dies
leaves nothing locked. The others wait for the answer. All statements go through one thread, which takes whatever has
gathered meanwhile in one statement, so a thousand calls at once cost a few round trips; and what they brought is handed
to the waiting loop at once, for to wake it up takes longer than to look an answer up.
"""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from optimizer.errors import ModelError, StoppedError
from optimizer.models.stores.cache import dumps, loads
from optimizer.models.stores.pgserver import SALT, again, connected, prepare, told, unusable
from optimizer.types import Response

_MOST = 512  # questions in one statement
_PATIENCE = 60.0  # seconds in which a server that is gone may come back
_POLL = 0.05  # seconds between two looks for an answer that another driver has asked for


@dataclass(eq=False)
class _Job:
    kind: str  # seek, keep, release, look, count
    key: str
    row: tuple[str, str, str, float] | None
    done: Future[Any] | asyncio.Future[Any]
    served: bool = False

    def end(self, value: Any) -> None:
        """On the waiting future's own loop, if it has one."""
        if self.done.done():  # who waited has been cancelled
            return
        if isinstance(value, BaseException):
            self.done.set_exception(value)
        else:
            self.done.set_result(value)


class PostgresStore:
    """The store at `url`. Raises RunDirError where the server cannot be used, ConfigError without the driver."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._db = connected(url)
        with told(url):
            prepare(self._db, url)
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="promptport-postgres", daemon=True)
        self._thread.start()

    async def seek(self, key: str) -> Response | ModelError | None:
        """The answer, waiting for it while another driver asks; None: it is the caller's to ask."""
        pause = _POLL
        while True:
            found, ours = await self._claimed(key)
            if found is not None:
                return loads(found)
            if ours:
                return None
            await asyncio.sleep(pause)
            pause = min(1.0, 1.2 * pause)

    async def keep(self, key: str, model: str, answer: Response | ModelError) -> None:
        """Returns when the answer is on the server's disk. A question that is answered keeps its first answer."""
        row = (key, model, dumps(answer), time.time())
        await self._put("keep", key, row)

    async def release(self, key: str) -> None:
        self._let_go(key)

    def get(self, key: str) -> Response | ModelError | None:
        found = self._asked("look", key)
        return None if found is None else loads(found)

    def __len__(self) -> int:
        return int(self._asked("count"))

    def close(self) -> None:
        self._jobs.put(None)
        self._thread.join()
        self._db.close()

    def __enter__(self) -> PostgresStore:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def _claimed(self, key: str) -> tuple[str | None, bool]:
        try:
            found: tuple[str | None, bool] = await self._put("seek", key)
        except asyncio.CancelledError:
            self._let_go(key)  # it may be ours by now, and nobody would ask
            raise
        return found

    def _put(self, kind: str, key: str, row: tuple[str, str, str, float] | None = None) -> asyncio.Future[Any]:
        """From a coroutine."""
        done = asyncio.get_running_loop().create_future()
        self._queue(_Job(kind, key, row, done))
        return done

    def _let_go(self, key: str) -> None:
        """Nobody waits for it."""
        self._queue(_Job("release", key, None, Future()))

    def _asked(self, kind: str, key: str = "") -> Any:
        """From a thread, which waits."""
        done: Future[Any] = Future()
        self._queue(_Job(kind, key, None, done))
        return done.result()

    def _queue(self, job: _Job) -> None:
        if self._thread.is_alive():
            self._jobs.put(job)
        else:
            job.end(StoppedError(f"{self._url}: closed, as the run was stopped; its answers are kept"))

    # -- the thread that talks to the server

    def _work(self) -> None:
        while (first := self._jobs.get()) is not None:
            jobs, ended = [first], False
            while len(jobs) < _MOST and not ended:
                try:
                    job = self._jobs.get_nowait()
                except queue.Empty:
                    break
                if job:
                    jobs.append(job)
                ended = job is None
            self._serve_surely(jobs)
            if ended:
                return

    def _serve_surely(self, jobs: Sequence[_Job]) -> None:
        """Every statement may be made again: a server that is restarted costs time, and the locks that we held."""
        import psycopg

        until = time.monotonic() + _PATIENCE
        while True:
            try:
                return self._serve([job for job in jobs if not (job.served or job.done.done())])
            except psycopg.OperationalError as error:
                if time.monotonic() > until or not self._db.closed:
                    return _fail(jobs, unusable(self._url, error))
                time.sleep(0.5)
                self._db = again(self._url) or self._db
            except Exception as error:  # noqa: BLE001  who waits must be told, whatever it is
                return _fail(jobs, unusable(self._url, error))

    def _serve(self, jobs: Sequence[_Job]) -> None:
        by = {kind: [job for job in jobs if job.kind == kind] for kind in ("keep", "seek", "release", "look", "count")}
        self._keep(by["keep"])
        self._seek(by["seek"])
        if gone := [job.key for job in (*by["release"], *by["keep"])]:
            self._unlock(gone)
        _settle((job, None) for job in (*by["release"], *by["keep"]))
        known = self._look([job.key for job in by["look"]])
        _settle((job, known.get(job.key)) for job in by["look"])
        if by["count"]:
            rows = self._db.execute("SELECT count(*) FROM promptport_calls").fetchone()[0]
            _settle((job, rows) for job in by["count"])

    def _keep(self, jobs: Sequence[_Job]) -> None:
        if jobs:
            columns = [list(column) for column in zip(*(job.row for job in jobs if job.row), strict=True)]
            self._db.execute(
                "INSERT INTO promptport_calls SELECT * FROM unnest(%s::text[], %s::text[], %s::text[], "
                "%s::double precision[]) ON CONFLICT DO NOTHING",
                columns,
            )

    def _seek(self, jobs: Sequence[_Job]) -> None:
        """Answers that are there; of the rest, those that nobody is asking become ours.

        Between a look and a lock another driver may have answered and let go: what was locked is looked up once more.
        """
        known = self._look([job.key for job in jobs])
        ours = self._lock([job.key for job in jobs if job.key not in known])
        late = self._look(ours)
        self._unlock(list(late))
        known |= late
        free = set(ours)
        _settle((job, (known.get(job.key), job.key in free and job.key not in known)) for job in jobs)

    def _look(self, keys: Sequence[str]) -> dict[str, str]:
        if not keys:
            return {}
        found = self._db.execute("SELECT key, response FROM promptport_calls WHERE key = ANY(%s)", [list(keys)])
        return dict(found.fetchall())

    def _lock(self, keys: Sequence[str]) -> list[str]:
        import psycopg

        if not keys:
            return []
        numbers = {_number(key): key for key in keys}
        try:
            rows = self._db.execute(
                "SELECT n, pg_try_advisory_lock(n) FROM unnest(%s::bigint[]) AS n", [list(numbers)]
            ).fetchall()
        except psycopg.errors.OutOfMemory:  # the server's table of locks is full: whoever waits asks later
            return []
        return [numbers[number] for number, ours in rows if ours]

    def _unlock(self, keys: Sequence[str]) -> None:
        if keys:
            numbers = [_number(key) for key in keys]
            self._db.execute("SELECT pg_advisory_unlock(n) FROM unnest(%s::bigint[]) AS n", [numbers])


def _number(key: str) -> int:
    """A question's lock: 64 bits of its hash."""
    number = int(key[:16], 16) ^ SALT
    return number - 2**64 if number >= 2**63 else number


def _settle(ended: Iterable[tuple[_Job, Any]]) -> None:
    """Hands out what jobs have brought; a loop that waits for many of them is woken up once."""
    waiting: dict[asyncio.AbstractEventLoop, list[tuple[_Job, Any]]] = {}
    for job, value in ended:
        job.served = True
        if isinstance(job.done, Future):
            job.end(value)
        else:
            waiting.setdefault(job.done.get_loop(), []).append((job, value))
    for loop, several in waiting.items():
        with suppress(RuntimeError):  # it is closed, and nobody waits
            loop.call_soon_threadsafe(_end, several)


def _end(several: Sequence[tuple[_Job, Any]]) -> None:
    for job, value in several:
        job.end(value)


def _fail(jobs: Sequence[_Job], error: BaseException) -> None:
    _settle((job, error) for job in jobs if not job.served)
