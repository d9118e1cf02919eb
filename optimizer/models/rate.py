"""Stay within what a provider allows: calls at once, requests and tokens per minute."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

from optimizer.errors import CreditExhausted, ModelError
from optimizer.models import Model, identity
from optimizer.types import Request, Response

_CHARS_PER_TOKEN = 4  # a guess that the answer's own count corrects
_BURST = 1.0  # seconds' worth of the rate that may be used at once
_TRUSTED = 8  # calls that must be paid for one at a time before several are made again


class Bucket:
    """A token bucket that sells in advance: `take` says how long to wait, and later takers wait longer."""

    def __init__(self, per_minute: float, clock: Callable[[], float]) -> None:
        self._rate = per_minute / 60
        self._most = max(1.0, self._rate * _BURST)
        self._clock = clock
        self._level = self._most
        self._at = clock()

    def take(self, amount: float) -> float:
        """Seconds until `amount` may be used. It is booked at once."""
        now = self._clock()
        self._level = min(self._most, self._level + max(0.0, now - self._at) * self._rate) - amount
        self._at = now
        return max(0.0, -self._level / self._rate)

    def correct(self, amount: float) -> None:
        """Give back what was booked and not used, or book what was used beyond it (negative)."""
        self._level += amount


class Limited:
    """At most `concurrency` calls at once, `rpm` requests and `tpm` tokens (in and out) per minute.

    Tokens are booked before the call by an estimate, and corrected by the answer. When the server asks to wait
    (Retry-After), no call starts before that time. Use it inside `Retrying`: then every try is counted, and one that
    waits for its next try holds no slot.

    A gateway sets aside what a call may cost at most, so a key seems empty while many calls are under way. Then what is
    on the wire is waited for, and calls are made one at a time: only one that is turned down alone ends the run. So no
    answer is lost that was paid for.
    """

    def __init__(
        self,
        model: Model,
        concurrency: int = 16,
        rpm: float | None = None,
        tpm: float | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self.name = model.name
        self.identity = identity(model)
        self._model = model
        self._slots = asyncio.Semaphore(max(1, concurrency))
        self._requests = Bucket(rpm, clock) if rpm else None
        self._tokens = Bucket(tpm, clock) if tpm else None
        self._clock = clock
        self._sleep = sleep
        self._closed_until = float("-inf")
        self._wrote = 256.0  # running mean of the tokens per answer
        self._flying, self._alone = 0, asyncio.Lock()
        self._landed = asyncio.Condition()
        self._wary = 0  # so many calls more are made one at a time

    async def complete(self, request: Request) -> Response:
        async with self._slots:
            while True:
                if not self._wary:
                    try:
                        return await self._call(request)
                    except CreditExhausted:
                        self._wary = _TRUSTED
                async with self._alone:
                    if self._wary:  # else others have shown meanwhile that there is money
                        return await self._call_alone(request)

    async def _call_alone(self, request: Request) -> Response:
        async with self._landed:
            await self._landed.wait_for(lambda: not self._flying)
        response = await self._call(request)
        self._wary -= 1
        return response

    async def _call(self, request: Request) -> Response:
        booked = self._estimate(request)
        await self._turn(booked)
        self._flying += 1
        try:
            response = await self._model.complete(request)
        except ModelError as error:
            if error.retry_after:
                self._closed_until = max(self._closed_until, self._clock() + min(error.retry_after, 60.0))
            raise
        finally:
            self._flying -= 1
            async with self._landed:
                self._landed.notify_all()
        self._wrote += 0.1 * (response.output_tokens - self._wrote)
        if self._tokens:
            self._tokens.correct(booked - response.input_tokens - response.output_tokens)
        return response

    async def _turn(self, tokens: float) -> None:
        wait = max(
            self._requests.take(1) if self._requests else 0.0,
            self._tokens.take(tokens) if self._tokens else 0.0,
        )
        if wait > 0:
            await self._sleep(wait)
        while (closed := self._closed_until - self._clock()) > 0:
            await self._sleep(closed)

    def _estimate(self, request: Request) -> float:
        return sum(map(len, request.texts)) / _CHARS_PER_TOKEN + self._wrote
