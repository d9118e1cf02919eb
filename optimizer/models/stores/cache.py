"""Remember every answer on disk, so that a run can be carried on, or repeated, without asking again.

Rule 1: an answer is on disk before anybody sees it. Rule 2: only what was asked by its hash and what was answered is
kept: no key, no header, no prompt. Rule 3: a refusal (content filter, context length) is an answer too.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from optimizer.errors import ModelError, RunDirError, StoppedError
from optimizer.models.model import Model, identity
from optimizer.models.money.prices import Price
from optimizer.models.stores.asking import Asking, asking_at
from optimizer.types import Request, Response

SCHEMA = 1
_APPLICATION = 0x50504353  # "PPCS", in the file's header: tells our files from other programs' SQLite files
_TABLE = "CREATE TABLE calls (key TEXT PRIMARY KEY, model TEXT NOT NULL, response TEXT NOT NULL, created REAL NOT NULL)"
_PATIENCE = 30.0  # seconds for another process that writes
_WAY_OUT = "Move the file away (its answers will be asked and paid again), or restore it from a copy."


class Answers(Protocol):
    """Where answers are remembered. Who is told None by `seek` is the one who asks, until it keeps or releases."""

    def get(self, key: str) -> Response | ModelError | None: ...

    async def seek(self, key: str) -> Response | ModelError | None: ...

    async def keep(self, key: str, model: str, answer: Response | ModelError) -> None: ...

    async def release(self, key: str) -> None: ...

    def __enter__(self) -> Answers: ...

    def __exit__(self, *_: object) -> None: ...


class CallStore:
    """All answers in one SQLite file. Raises RunDirError where it is damaged.

    `shared`: by runs in other processes; then no two of them ask the same question at the same moment.
    """

    def __init__(self, path: Path, *, shared: bool = False) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._closed = False
        with self._translated():
            self._db = sqlite3.connect(path, timeout=_PATIENCE, isolation_level=None, check_same_thread=False)
        try:
            with self._translated():
                self._open()
                self._asking = asking_at(path) if shared else Asking()
        except BaseException:
            self._db.close()
            raise

    def get(self, key: str) -> Response | ModelError | None:
        """The answer to a question, the refusal that it met, or None where it was never asked."""
        with self._lock, self._translated():
            row = self._db.execute("SELECT response FROM calls WHERE key = ?", (key,)).fetchone()
            return None if row is None else loads(row[0])

    def put(self, key: str, model: str, answer: Response | ModelError) -> None:
        """Returns when the answer is on disk. A question that is answered already keeps its first answer."""
        row = (key, model, dumps(answer), time.time())
        with self._lock, self._translated():
            self._db.execute("INSERT OR IGNORE INTO calls VALUES (?, ?, ?, ?)", row)

    async def seek(self, key: str) -> Response | ModelError | None:
        return await self._asking.turn(key, lambda: self.get(key))

    async def keep(self, key: str, model: str, answer: Response | ModelError) -> None:
        try:
            self.put(key, model, answer)
        finally:
            await self.release(key)

    async def release(self, key: str) -> None:
        self._asking.end(key)

    def __len__(self) -> int:
        with self._lock, self._translated():
            return int(self._db.execute("SELECT count(*) FROM calls").fetchone()[0])

    def close(self) -> None:
        with self._lock:
            self._closed = True
            self._db.close()

    def __enter__(self) -> CallStore:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _open(self) -> None:
        tables = self._tables()  # first: another may make them now
        application, schema = self._pragma("application_id"), self._pragma("user_version")
        if tables and application != _APPLICATION:
            raise RunDirError(f"{self._path}: a SQLite file of another program, not a call store; name another file")
        if schema > SCHEMA:
            raise RunDirError(
                f"{self._path}: written by a newer version (schema {schema}, this version reads {SCHEMA}); "
                "update promptport, or name another file"
            )
        self._write_ahead()
        self._db.execute("PRAGMA synchronous=NORMAL")  # kill -9 loses nothing; a power cut may, at the end
        self._db.execute("PRAGMA cache_size=-32768")  # KiB: the upper levels of a million answers' index
        if not tables:
            self._create()

    def _write_ahead(self) -> None:
        """SQLite's own patience does not hold for this change of mode: while another opens the file, it is refused."""
        until = time.monotonic() + _PATIENCE
        while True:
            try:
                self._db.execute("PRAGMA journal_mode=WAL")
                return
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                    raise
                time.sleep(0.01)

    def _create(self) -> None:
        self._db.execute("BEGIN IMMEDIATE")  # another run may be creating the same file
        if not self._tables():
            self._db.execute(_TABLE)
            self._db.execute(f"PRAGMA application_id={_APPLICATION}")
            self._db.execute(f"PRAGMA user_version={SCHEMA}")
        self._db.execute("COMMIT")

    def _tables(self) -> int:
        return int(self._db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0])

    def _pragma(self, name: str) -> int:
        return int(self._db.execute(f"PRAGMA {name}").fetchone()[0])

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.OperationalError, OSError) as error:  # no such folder, read-only, disk full, locked
            raise RunDirError(f"{self._path}: the call store cannot be used ({error})") from error
        except (sqlite3.Error, ValueError, TypeError) as error:
            if self._closed:  # a fleet was stopped while its tasks were still asking
                raise StoppedError(f"{self._path}: closed, as the run was stopped; its answers are kept") from error
            raise RunDirError(f"{self._path}: the call store is damaged ({error}). {_WAY_OUT}") from error


class Cached:
    """Answers a question seen before from the store; the same question in flight twice is asked once.

    `price` reckons the cost of stored answers anew from their tokens: a corrected price holds for them too.
    """

    def __init__(self, model: Model, store: Answers, price: Price | None = None) -> None:
        self.name = model.name
        self.identity = identity(model)
        self._model = model
        self._store = store
        self._price = price
        self._pending: dict[str, asyncio.Future[Response]] = {}

    async def complete(self, request: Request) -> Response:
        key = request.key(self.identity)
        while (pending := self._pending.get(key)) is not None:
            await asyncio.wait([pending])
            if not pending.cancelled():
                return pending.result()
        pending = self._pending[key] = asyncio.get_running_loop().create_future()
        try:
            response = await self._answer(key, request)
            pending.set_result(response)
            return response
        except Exception as error:
            pending.set_exception(error)
            pending.exception()  # seen, even where nobody else is waiting
            raise
        finally:
            pending.cancel()  # after a cancellation, one of those who wait asks in our place; else this does nothing
            del self._pending[key]

    async def _answer(self, key: str, request: Request) -> Response:
        if (known := await self._store.seek(key)) is not None:
            return self._known(known)
        try:
            response = await self._model.complete(request)
        except BaseException as error:
            if isinstance(error, ModelError) and error.refused:
                await self._store.keep(key, self.name, error)
            else:
                await self._store.release(key)
            raise
        await self._store.keep(key, self.name, response)
        return response

    def _known(self, known: Response | ModelError) -> Response:
        if isinstance(known, ModelError):
            raise known
        if self._price is None:
            return known
        tokens = (known.input_tokens, known.output_tokens)
        parts = (known.cached_tokens, known.reasoning_tokens, known.written_tokens)
        return replace(known, cost=self._price.cost(*tokens, *parts))


def dumps(answer: Response | ModelError) -> str:
    if isinstance(answer, ModelError):
        return json.dumps({"refused": {"message": answer.said, "model": answer.model, "status": answer.status}})
    return json.dumps(vars(answer))


def loads(text: str) -> Response | ModelError:
    data: dict[str, Any] = json.loads(text)
    if refused := data.get("refused"):
        return ModelError(refused["message"], model=refused["model"], status=refused["status"], refused=True)
    return Response(**data)
