"""Every request that goes out is booked before it goes, for a provider may charge for more than what it answers.

A reply that cannot be read, an answer of another model, a connection that breaks off or a call that takes too long:
all of these were perhaps worked on, and may be billed. So each try is set aside from the purse on its own, and counts
as spent, at its worst case, unless the server said that it failed. They are kept in a file, so that a run that was
killed knows what was under way.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from pathlib import Path
from typing import NamedTuple, Protocol

from optimizer.errors import ModelError, RunDirError
from optimizer.models import Model, identity, transport
from optimizer.types import Request, Response


class Cost(NamedTuple):
    """Of one call, at the most: whole picodollars, tokens."""

    pico: int
    tokens: int


class Flying(dict[bytes, Cost]):
    """What is set aside for each question, with the sum of it at hand: thousands may be under way."""

    def __init__(self) -> None:
        super().__init__()
        self.pico = self.tokens = 0

    def set_aside(self, question: bytes, cost: Cost) -> None:
        self.give_back(question)
        self[question] = cost
        self.pico, self.tokens = self.pico + cost.pico, self.tokens + cost.tokens

    def give_back(self, question: bytes) -> Cost | None:
        cost = self.pop(question, None)
        if cost:
            self.pico, self.tokens = self.pico - cost.pico, self.tokens - cost.tokens
        return cost


class Lost(NamedTuple):
    """Tries of one question that came to nothing and may be billed, at `cost` each; `paid` for its answer, if any."""

    role: str
    times: int
    cost: Cost
    paid: Cost | None = None

    @property
    def calls(self) -> int:
        return self.times + (self.paid is not None)

    @property
    def pico(self) -> int:
        return self.times * self.cost.pico + (self.paid.pico if self.paid else 0)

    @property
    def tokens(self) -> int:
        return self.times * self.cost.tokens + (self.paid.tokens if self.paid else 0)


class Account(Protocol):
    """Who pays for the tries of one question."""

    async def begin(self) -> None:
        """Before a try goes out; raises BudgetExceeded."""

    def ended(self, *, billed: bool) -> None:
        """After a try without an answer."""


paying: ContextVar[Account | None] = ContextVar("paying", default=None)


class Counted:
    """Tells whoever pays of every request to `model`. Stands right before it, inside retries and limits."""

    def __init__(self, model: Model) -> None:
        self.name = model.name
        self.identity = identity(model)
        self._model = model

    async def complete(self, request: Request) -> Response:
        account = paying.get()
        if account is None:
            return await self._model.complete(request)
        await account.begin()
        with transport.observed() as exchange:
            try:
                return await self._model.complete(request)
            except ModelError as error:
                read = error.status is not None and 200 <= error.status < 300
                account.ended(billed=not error.refused and (read or (error.status is None and exchange.left)))
                raise
            except asyncio.CancelledError:
                account.ended(billed=exchange.left)
                raise


class Journal:
    """A file of tries: begun, and ended without a bill. What is neither, nor answered, was lost."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: set[str] = set()
        try:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)
            size = os.fstat(self._file).st_size
            if size and os.pread(self._file, 1, size - 1) != b"\n":  # the last line was cut off
                os.write(self._file, b"\n")
        except OSError as error:
            raise RunDirError(f"{path}: cannot be written ({error.strerror}); choose another --run-dir") from error

    def begun(self, question: bytes, role: str, cost: Cost) -> None:
        self._known.add(question.hex())
        self._write(["+", question.hex(), role, *cost])

    def answered(self, question: bytes, role: str) -> None:
        """Also an answer that another run paid for is this run's own when it is started again."""
        if question.hex() not in self._known:
            self.begun(question, role, Cost(0, 0))

    def freed(self, question: bytes) -> None:
        self._write(["-", question.hex()])

    def before(self, paid: Callable[[str], Cost | None]) -> Mapping[bytes, Lost]:
        """What earlier starts sent, by question; `paid` tells what the answer to one took, None where there is none."""
        found: dict[str, Lost] = {}
        for line in self._path.read_text("utf-8", "replace").splitlines():
            try:
                sign, key, *rest = json.loads(line)
                bytes.fromhex(key)
            except (ValueError, TypeError):
                continue  # cut off in the middle
            known = found.get(key, Lost("", 0, Cost(0, 0)))
            if sign == "+":
                role, pico, tokens = rest
                found[key] = Lost(role, known.times + 1, Cost(pico, tokens))
            else:
                found[key] = known._replace(times=known.times - 1)
        self._known |= found.keys()
        settled = {key: _settled(lost, paid(key)) for key, lost in found.items()}
        return {bytes.fromhex(key): lost for key, lost in settled.items() if lost.calls}

    def close(self) -> None:
        os.close(self._file)

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _write(self, event: list[object]) -> None:
        try:
            os.write(self._file, (json.dumps(event, separators=(",", ":")) + "\n").encode())
        except OSError as error:
            raise RunDirError(
                f"{self._path}: cannot be written ({error.strerror}); make room, and run the same command again"
            ) from error


def _settled(lost: Lost, paid: Cost | None) -> Lost:
    """One of the tries brought the answer, unless that was a refusal or another run's."""
    return lost._replace(times=max(0, lost.times - (paid is not None)), paid=paid)
