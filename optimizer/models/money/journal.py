"""The file in which tries are kept, so that a run that was killed, or cut off from power, knows what was under way."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from optimizer.errors import RunDirError, StoppedError
from optimizer.models.money.tries import Cost, Lost, settled

_CLOSED = -1


class Journal:
    """A file of tries: begun, and ended without a bill. What is neither, nor answered, was lost.

    A try is on the disk before its request goes out, so that a power cut hides nothing that may be billed; tries that
    begin together are brought there together. What is unreadable in the file is taken for the worst that it may be.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: set[str] = set()
        self._written = self._safe = 0  # lines, since the start
        self._saving: asyncio.Future[None] | None = None
        try:
            fresh = not path.exists()
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)
            size = os.fstat(self._file).st_size
            self._cut = bool(size) and os.pread(self._file, 1, size - 1) != b"\n"
            if fresh:
                _save_folder(path.parent)
        except OSError as error:
            raise RunDirError(f"{path}: cannot be written ({error.strerror}); choose another --run-dir") from error

    async def begin(self, question: bytes, role: str, cost: Cost) -> None:
        """Returns when the try is on the disk."""
        if self._file == _CLOSED:
            raise StoppedError(f"{self._path}: closed, as the run was stopped")
        self._begun(question, role, cost)
        mine = self._written
        try:
            while self._safe < mine:
                if self._saving is None or self._saving.done():
                    self._saving = asyncio.ensure_future(self._save())
                    self._saving.add_done_callback(_seen)
                await asyncio.shield(self._saving)
        except BaseException:  # it does not go out
            self.freed(question)
            raise

    def answered(self, question: bytes, role: str) -> None:
        """Also an answer that another run paid for is this run's own when it is started again."""
        if question.hex() not in self._known:
            self._begun(question, role, Cost(0, 0))

    def freed(self, question: bytes) -> None:
        self._write(["-", question.hex()])

    def before(self, paid: Callable[[str], Cost | None]) -> Mapping[bytes, Lost]:
        """What earlier starts sent, by question; `paid` tells what the answer to one took, None where there is none."""
        try:
            found = read_tries(self._path.read_text("utf-8", "replace"))
        except OSError as error:
            raise RunDirError(f"{self._path}: cannot be read ({error.strerror}); mend it, and run again") from error
        self._known |= found.keys()
        known = {key: settled(lost, paid(key)) for key, lost in found.items()}
        return {bytes.fromhex(key): lost for key, lost in known.items() if lost.calls}

    def close(self) -> None:
        """What is under way then, as where a run fails, is not noted any more: it counts at its worst."""
        os.close(self._file)
        self._file = _CLOSED

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _begun(self, question: bytes, role: str, cost: Cost) -> None:
        self._known.add(question.hex())
        self._write(["+", question.hex(), role, *cost])

    async def _save(self) -> None:
        upto = self._written
        try:
            await asyncio.to_thread(getattr(os, "fdatasync", os.fsync), self._file)
        except OSError as error:
            raise self._unwritable(error) from error
        self._safe = upto

    def _write(self, event: list[object]) -> None:
        if self._file == _CLOSED:  # its number may be another file's by now
            return
        line = (json.dumps(event, separators=(",", ":")) + "\n").encode()
        try:
            if self._cut:
                os.write(self._file, b"\n")
            self._cut = os.write(self._file, line) < len(line)
            if self._cut:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError as error:
            raise self._unwritable(error) from error
        self._written += 1

    def _unwritable(self, error: OSError) -> RunDirError:
        return RunDirError(
            f"{self._path}: cannot be written ({error.strerror}); make room, and run the same command again"
        )


def _seen(saving: asyncio.Future[None]) -> None:
    """Who waited for it may be gone, as the run has failed: then its error is nobody's."""
    if not saving.cancelled():
        saving.exception()


def came_to_nothing(path: Path) -> bool:
    """Is this the journal of a run that was not given one answer, and cannot be billed for any?"""
    try:
        return all(lost.times <= 0 for lost in read_tries(path.read_text("utf-8", "replace")).values())
    except OSError:
        return False


def read_tries(text: str) -> dict[str, Lost]:
    """Tries that a journal does not know to be free of charge, by question.

    A line that is cut off or garbled behind its question counts as a try, at the most that any other took.
    """
    found: dict[str, Lost] = {}
    doubtful: list[str] = []
    for line in text.splitlines():
        match _event(line):
            case "+", str(key), str(role), int(pico), int(tokens) if min(pico, tokens) >= 0:
                known = found.get(key, Lost("", 0, Cost(0, 0)))
                cost = Cost(max(pico, known.cost.pico), max(tokens, known.cost.tokens))
                found[key] = Lost(role, known.times + 1, cost)
            case "-", str(key):
                known = found.get(key, Lost("", 0, Cost(0, 0)))
                found[key] = known._replace(times=known.times - 1)
            case _ if begun := _BEGUN.match(line):
                doubtful.append(begun[1])
    return _with(doubtful, found)


_BEGUN = re.compile(r'\0*\["\+","([0-9a-f]{64})"')


def _event(line: str) -> object:
    """What a line says, with a question that is one; None where it says nothing."""
    try:
        event = json.loads(line.strip("\0"))
        bytes.fromhex(event[1])
    except (ValueError, TypeError, LookupError, RecursionError):
        return None
    return event


def _with(doubtful: Sequence[str], found: dict[str, Lost]) -> dict[str, Lost]:
    costs = [lost.cost for lost in found.values()] or [Cost(0, 0)]
    most = Cost(max(cost.pico for cost in costs), max(cost.tokens for cost in costs))
    for key in doubtful:
        known = found.get(key, Lost("", 0, most))
        found[key] = known._replace(times=known.times + 1, cost=most)
    return found


def _save_folder(folder: Path) -> None:
    """That a file is in it."""
    with suppress(PermissionError):  # where folders cannot be opened
        opened = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)
