"""Which questions are being asked right now, of all runs that share a store in a file: in one process or in several.

A question is one locked byte of a file beside the store. The kernel lets go of it when the process ends, however it
ends, so a run that dies holds nothing. Where locks cannot be had (Windows, some network drives) each process is alone.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar
from weakref import WeakValueDictionary, finalize

try:
    import fcntl
except ImportError:  # not on Windows
    fcntl = None  # type: ignore[assignment]

T = TypeVar("T")

_PATIENCE = 900.0  # seconds for an answer that another run asks for: two may come to wait for each other's money
_POLL = 0.05  # seconds between two looks for an answer that another process asks for; at most a second
_OPEN: WeakValueDictionary[Path, Asking] = WeakValueDictionary()


class Asking:
    """The questions in flight of one store; `path`: of the file with the locks, None where nobody shares the store."""

    def __init__(self, path: Path | None = None) -> None:
        self._here: dict[str, asyncio.Future[None]] = {}  # asked, or waited for, by somebody in this process
        self._file = path.open("ab", buffering=0) if path and fcntl else None
        if self._file:
            finalize(self, self._file.close)

    async def turn(self, key: str, look: Callable[[], T | None]) -> T | None:
        """What `look` finds, waiting while somebody else asks; None: it is the caller's to ask, and then to `end`."""
        while (other := self._here.get(key)) is not None:
            if not (await asyncio.wait([other], timeout=_PATIENCE))[0]:
                break
        if (found := look()) is not None:
            return found
        self._here[key] = asyncio.get_running_loop().create_future()
        try:
            found = await self._alone(key, look)
        except BaseException:
            self.end(key)
            raise
        if found is not None:
            self.end(key)
        return found

    async def _alone(self, key: str, look: Callable[[], T | None]) -> T | None:
        """Between a look and a lock another process may have answered: what is locked is looked up once more."""
        until, pause = time.monotonic() + _PATIENCE, _POLL
        while not (ours := self._locked(key)) and time.monotonic() < until:
            if (found := look()) is not None:
                return found
            await asyncio.sleep(pause)
            pause = min(1.0, 1.2 * pause)
        return look() if ours and self._file else None

    def end(self, key: str) -> None:
        """It is answered, or will not be."""
        if (asked := self._here.pop(key, None)) is not None:
            if self._file:
                fcntl.lockf(self._file, fcntl.LOCK_UN, 1, _byte(key))
            if not asked.done():
                asked.set_result(None)

    def _locked(self, key: str) -> bool:
        if self._file:
            try:
                fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, _byte(key))
            except (BlockingIOError, PermissionError):  # POSIX lets a system say either
                return False
            except OSError:  # a drive without locks
                self._file.close()
                self._file = None
        return True


def asking_at(store: Path) -> Asking:
    """One for all who share this store in this process: a process that closes a locked file loses all its locks."""
    path = store.with_name(f"{store.name}-asking").resolve()
    if (found := _OPEN.get(path)) is None:
        found = _OPEN[path] = Asking(path)
    return found


def _byte(key: str) -> int:
    """A place in the file, which stays empty: locks reach beyond its end."""
    return int(key[:15], 16)
