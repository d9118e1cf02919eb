"""Stay within what a provider allows: calls at once, requests and tokens per minute, stated or found out."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from optimizer.errors import ModelError
from optimizer.models import transport
from optimizer.models.model import Model, identity
from optimizer.models.pacing.bucket import Bucket
from optimizer.models.pacing.learnt import Learnt
from optimizer.models.pacing.notice import Refusals
from optimizer.models.pacing.stated import Rest, stated_limits
from optimizer.types import Request, Response

_CHARS_PER_TOKEN = 4  # a guess that the answer's own count corrects
#: Of a stated limit: clocks differ, a call's tokens are not known beforehand, and a refusal costs more than a wait.
_BELOW = {"requests": 0.99, "tokens": 0.97}
_OVERLOADED = (503, 529)
_SOON = 1e-4  # seconds: not worth a wait
_LONGEST = 60.0  # seconds that a server may keep us waiting with one refusal
#: For so many seconds after a refusal, what a server says to be left is used no faster than this part of the rate.
_CALM, _CALMER = 60.0, 0.97
_ALONE = 2.0  # seconds for which the first call goes alone, for the limits that it tells
#: Calls at once to a server of which nothing is known; one more with each answer, and so many more each second.
_OPENING, _OPENED = 8, 20.0


class Gate:
    """What all roles that ask one model share: its slots, its rates, and what the server let us know of them.

    Stated limits (`rpm`, `tpm`, or the server's headers) are kept to by booking in advance, tokens by an estimate that
    the answer corrects. Where the server states none, its refusals tell how fast it can be asked: see `Learnt`. After
    HTTP 503 or 529 half as many calls go at once, and one more for each round of answers. `say` is told
    where nothing but refusals came for a while.
    """

    def __init__(
        self,
        concurrency: int = 16,
        rpm: float | None = None,
        tpm: float | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._clock, self._sleep, self._refusals = clock, sleep, Refusals(say, clock)
        self._slots, self._debt = asyncio.Semaphore(max(1, concurrency)), 0
        self._width = self._most = float(max(1, concurrency))
        limits = {"requests": rpm, "tokens": tpm}
        self._own = {kind: Bucket(limit, clock) for kind, limit in limits.items() if limit}
        self._stated: dict[str, Bucket] = {}
        self._learnt = Learnt()
        self._closed_until = self._calm_until = float("-inf")
        self._turns = asyncio.Lock()
        self._begun = False
        self._asking = self._returning = 0
        self._sent = {"requests": 0.0, "tokens": 0.0}  # all that was ever booked
        self._wrote, self._answers = 256.0, 0  # running mean of the tokens per answer; answers so far
        self._flying = 0
        self._shrunk_at = float("-inf")
        self._opened = math.inf
        self._known = asyncio.Event()  # set by the first reply: until then one call goes alone, for the limits it tells
        self.refused = 0

    @asynccontextmanager
    async def slot(self, read: float, longest: float = math.inf) -> AsyncIterator[Pass]:
        """Inside, one call that reads about so many tokens, and writes `longest` at most, may be made."""
        async with self._first(), self._slot():
            booked = read + min(self._wrote, longest)
            self._busy(+1)
            try:
                number = await self._turn(booked)
                self._sent = {"requests": self._sent["requests"] + 1, "tokens": self._sent["tokens"] + booked}
                self._flying += 1
                try:
                    yield Pass(number, self._clock(), booked, self._sent)
                finally:
                    self._flying -= 1
            finally:
                self._busy(-1)

    def _busy(self, change: int) -> None:
        """A call that was refused will come again: until then it counts as one that asks."""
        self._asking += change
        self._returning = max(0, self._returning - max(0, change))
        self._learnt.asked_by(self._asking + self._returning, self._clock())

    def answered(self, ticket: Pass, response: Response, rests: Mapping[str, Rest]) -> None:
        self._answers += 1
        self._refusals.answered()
        self._wrote += max(0.1, 1 / self._answers) * (response.output_tokens - self._wrote)
        unused = ticket.booked - response.input_tokens - response.output_tokens
        for bucket in (self._own.get("tokens"), self._stated.get("tokens")):
            if bucket:
                bucket.correct(unused)
        self._learnt.answered(ticket.number)
        self._heed(ticket, rests)
        if self._width < self._most:
            self._widen()

    def failed(self, ticket: Pass, error: ModelError, rests: Mapping[str, Rest]) -> None:
        now = self._clock()
        if error.status == 429:
            self.refused += 1
            self._refusals.refused(error)
            self._returning += 1
            used_up = any(
                rest.remaining < (1 if kind == "requests" else 2 * ticket.booked) for kind, rest in rests.items()
            )
            self._calm_until = now + _CALM if used_up else self._calm_until
            wait = self._learnt.refused(ticket.number, ticket.at, now, told=error.retry_after, explained=used_up)
            self._close(now + min(wait, _LONGEST))
            if used_up:
                for bucket in self._stated.values():
                    bucket.empty(self._closed_until)
        elif error.retry_after:
            self._close(now + min(error.retry_after, _LONGEST))
        if error.status in _OVERLOADED and ticket.at > self._shrunk_at:
            self._shrunk_at = now
            narrower = max(1.0, self._width / 2)
            self._debt += int(self._width) - int(narrower)
            self._width = narrower
        self._heed(ticket, rests)

    def _close(self, until: float) -> None:
        self._closed_until = max(self._closed_until, until)

    def _heed(self, ticket: Pass, rests: Mapping[str, Rest]) -> None:
        for kind, rest in rests.items():
            calm = self._clock() < self._calm_until
            allowed = rest.limit * _BELOW[kind] * (_CALMER if calm else 1)
            if kind not in self._stated:
                self._stated[kind] = Bucket(allowed, self._clock)
            self._stated[kind].set_rate(allowed)
            one = 1.0 if kind == "requests" else ticket.booked
            self._stated[kind].told(rest, math.inf if calm else self._sent[kind] - ticket.sent[kind], one)

    def _widen(self) -> None:
        before, self._width = int(self._width), min(self._most, self._width + 1 / self._width)
        for _ in range(int(self._width) - before):
            self._give_back()

    def _give_back(self) -> None:
        """One slot, unless the gate became narrower: then it pays off what is owed."""
        if self._debt:
            self._debt -= 1
        else:
            self._slots.release()

    @asynccontextmanager
    async def _slot(self) -> AsyncIterator[None]:
        await self._slots.acquire()
        while self._debt:  # the gate became narrower: this slot is gone
            self._debt -= 1
            await self._slots.acquire()
        try:
            yield
        finally:
            self._give_back()

    @asynccontextmanager
    async def _first(self) -> AsyncIterator[None]:
        """One call alone, but not for longer than some seconds: slow answers are slow to tell anything."""
        if self._begun:
            await self._known.wait()
            yield
            return
        self._begun, losing = True, asyncio.create_task(self._lose_patience())
        try:
            yield
        finally:
            self._open()
            losing.cancel()

    async def _lose_patience(self) -> None:
        await self._sleep(_ALONE)
        self._open()

    def _open(self) -> None:
        self._opened = min(self._opened, self._clock())
        self._known.set()

    async def _turn(self, tokens: float) -> int:
        """One after the other, so that what is learnt while somebody waits holds for all behind."""
        async with self._turns:
            while (wait := self._wait(tokens)) > _SOON:
                await self._sleep(wait)
            for buckets in (self._own, self._stated):
                for kind, bucket in buckets.items():
                    bucket.take(1 if kind == "requests" else tokens)
            return self._learnt.started(self._clock())

    def _wait(self, tokens: float) -> float:
        now = self._clock()
        if (closed := self._closed_until - now) > 0:
            return closed
        waits = [self._learnt.wait(now), self._open_wide(now)]
        for buckets in (self._own, self._stated):
            waits += [bucket.wait(1 if kind == "requests" else tokens) for kind, bucket in buckets.items()]
        return max(waits)

    def _open_wide(self, now: float) -> float:
        """Not all calls at once to a server that may refuse most of them."""
        room = _OPENING + self._answers - self._flying
        since = now - self._opened
        return 0.0 if room > 0 or since < 0 else max(0.0, (1 - room) / _OPENED - since)


@dataclass(frozen=True, slots=True)
class Pass:
    """When a call set out, the tokens that were booked for it, and all that had been sent by then."""

    number: int
    at: float
    booked: float
    sent: Mapping[str, float]


class Limited:
    """Asks a model through a gate. Use it inside `Retrying`: then every try is counted, and one that waits for its next
    try holds no slot."""

    def __init__(self, model: Model, concurrency: int = 16, *, gate: Gate | None = None, **limits: object) -> None:
        self.name = model.name
        self.identity = identity(model)
        self._model = model
        self._gate = gate or Gate(concurrency, **limits)  # type: ignore[arg-type]

    async def complete(self, request: Request) -> Response:
        read = sum(map(len, request.texts)) / _CHARS_PER_TOKEN
        async with self._gate.slot(read, math.inf if request.longest is None else request.longest) as ticket:
            with transport.observed() as exchange:
                try:
                    response = await self._model.complete(request)
                except ModelError as error:
                    self._gate.failed(ticket, error, stated_limits(exchange.headers))
                    raise
            self._gate.answered(ticket, response, stated_limits(exchange.headers))
        return response
