"""Stay within what a provider allows: calls at once, requests and tokens per minute, stated or found out."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from optimizer.errors import ModelError
from optimizer.models import Model, identity, transport
from optimizer.models.learnt import Learnt
from optimizer.models.stated import Rest, stated_limits
from optimizer.types import Request, Response

_CHARS_PER_TOKEN = 4  # a guess that the answer's own count corrects
_BURST = 1.0  # seconds' worth of the rate that may be used at once
#: Of a stated limit: clocks differ, a call's tokens are not known beforehand, and a refusal costs more than a wait.
_BELOW = {"requests": 0.99, "tokens": 0.97}
_OVERLOADED = (503, 529)
_SOON = 1e-4  # seconds: not worth a wait
_LONGEST = 60.0  # seconds that a server may keep us waiting with one refusal


class Bucket:
    """What may be used now: it fills at a rate, up to a second's worth; more only where the server says so."""

    def __init__(self, per_minute: float, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._at = clock()
        self._rate = per_minute / 60
        self._most = max(1.0, self._rate * _BURST)
        self._level = self._most

    def wait(self, amount: float) -> float:
        """Seconds until `amount` may be used; an amount larger than the bucket waits until that is full."""
        now = self._clock()
        filled = min(self._most, self._level + max(0.0, now - self._at) * self._rate)
        self._level, self._at = max(self._level, filled), now
        return max(0.0, (min(amount, self._most) - self._level) / self._rate)

    def take(self, amount: float) -> None:
        self._level -= amount

    def set_rate(self, per_minute: float) -> None:
        if per_minute == self._rate * 60:
            return
        self.wait(0)
        self._rate = per_minute / 60
        self._most = max(1.0, self._rate * _BURST)
        self._level = min(self._level, self._most)

    def correct(self, amount: float) -> None:
        """Give back what was booked and not used, or book what was used beyond it (negative)."""
        self._level += amount

    def told(self, rest: Rest, since: float) -> None:
        """The server's own count. What was sent `since` is perhaps not in it yet, and others may use the same key."""
        self._level = min(max(self._level, rest.remaining - since - self._most), rest.remaining + self._most)


class Gate:
    """What all roles that ask one model share: its slots, its rates, and what the server let us know of them.

    Stated limits (`rpm`, `tpm`, or the server's headers) are kept to by booking in advance, tokens by an estimate that
    the answer corrects. Where the server states none, its refusals tell how fast it can be asked: see `Learnt`. After
    HTTP 503 or 529 half as many calls go at once, and one more for each round of answers.
    """

    def __init__(
        self,
        concurrency: int = 16,
        rpm: float | None = None,
        tpm: float | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._clock, self._sleep = clock, sleep
        self._slots, self._debt = asyncio.Semaphore(max(1, concurrency)), 0
        self._width = self._most = float(max(1, concurrency))
        limits = {"requests": rpm, "tokens": tpm}
        self._own = {kind: Bucket(limit, clock) for kind, limit in limits.items() if limit}
        self._stated: dict[str, Bucket] = {}
        self._learnt = Learnt()
        self._closed_until = float("-inf")
        self._turns = asyncio.Lock()
        self._begun = False
        self._asking = self._returning = 0
        self._sent = {"requests": 0.0, "tokens": 0.0}  # all that was ever booked
        self._wrote = 256.0  # running mean of the tokens per answer
        self._shrunk_at = float("-inf")
        self._known = asyncio.Event()  # set by the first reply: until then one call goes alone, for the limits it tells
        self.refused = 0

    @asynccontextmanager
    async def slot(self, read: float) -> AsyncIterator[Pass]:
        """Inside, one call that reads about so many tokens may be made."""
        async with self._first(), self._slot():
            booked = read + self._wrote
            self._busy(+1)
            try:
                number = await self._turn(booked)
                self._sent = {"requests": self._sent["requests"] + 1, "tokens": self._sent["tokens"] + booked}
                yield Pass(number, self._clock(), booked, self._sent)
            finally:
                self._busy(-1)

    def _busy(self, change: int) -> None:
        """A call that was refused will come again: until then it counts as one that asks."""
        self._asking += change
        self._returning = max(0, self._returning - max(0, change))
        self._learnt.asked_by(self._asking + self._returning, self._clock())

    def answered(self, ticket: Pass, response: Response, rests: Mapping[str, Rest]) -> None:
        self._wrote += 0.1 * (response.output_tokens - self._wrote)
        unused = ticket.booked - response.input_tokens - response.output_tokens
        for bucket in (self._own.get("tokens"), self._stated.get("tokens")):
            if bucket:
                bucket.correct(unused)
        self._learnt.answered()
        self._heed(ticket, rests)
        if self._width < self._most:
            self._widen()

    def failed(self, ticket: Pass, error: ModelError, rests: Mapping[str, Rest]) -> None:
        now = self._clock()
        if error.status == 429:
            self.refused += 1
            self._returning += 1
            wait = self._learnt.refused(ticket.number, ticket.at, now, trusted=bool(rests))
            self._close(now + min(error.retry_after or wait, _LONGEST))
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
            allowed = rest.limit * _BELOW[kind]
            if kind not in self._stated:
                self._stated[kind] = Bucket(allowed, self._clock)
            self._stated[kind].set_rate(allowed)
            self._stated[kind].told(rest, self._sent[kind] - ticket.sent[kind])

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
        if self._begun:
            await self._known.wait()
        self._begun = True
        try:
            yield
        finally:
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
        waits = [self._learnt.wait(now)]
        for buckets in (self._own, self._stated):
            waits += [bucket.wait(1 if kind == "requests" else tokens) for kind, bucket in buckets.items()]
        return max(waits)


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
        async with self._gate.slot(read) as ticket:
            with transport.observed() as exchange:
                try:
                    response = await self._model.complete(request)
                except ModelError as error:
                    self._gate.failed(ticket, error, stated_limits(exchange.headers))
                    raise
            self._gate.answered(ticket, response, stated_limits(exchange.headers))
        return response
