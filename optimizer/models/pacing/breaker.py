"""Pause when a provider is gone, say so, and try it with one call at a time until it is back.

Without this an outage of a minute uses up the tries of every call in flight, and whole batches are lost to it. A server
that answers, be it with a refusal or an error of ours, is not gone: only silence and HTTP 5xx in a row count.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

from optimizer.errors import ModelError
from optimizer.models.model import Model, identity
from optimizer.types import Request, Response

Say = Callable[[str], None]


_STUMBLED = 500  # what a server says of a question that it cannot work off, as well as of all when it is broken


class Guarded:
    """After `after` failures in a row no call goes out for `pause` seconds; then one does, and so on with twice the
    pause, `longest` at most. All others wait. When nothing is heard for `patience` seconds, all of them fail for good.

    A question that meets HTTP 500 again and again while others are answered is no sign that the server is gone: it is
    counted once, and then not at all; and it does not keep others from trying. `say` is told of the pause and its end.
    """

    def __init__(
        self,
        model: Model,
        *,
        after: int = 5,
        pause: float = 2.0,
        longest: float = 60.0,
        patience: float = 1800.0,
        say: Say = lambda _: None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self.name = model.name
        self.identity = identity(model)
        self._model = model
        self._after, self._first, self._longest, self._patience = after, pause, longest, patience
        self._say, self._clock, self._sleep = say, clock, sleep
        self._row: set[str] = set()
        self._answers = 0
        self._stumbled: dict[str, int] = {}  # questions that met HTTP 500, and how many answers there were by then
        self._heard_at = clock()
        self._pause = pause  # before the next try, while the server is gone
        self._gone: asyncio.Event | None = None  # set when the server is back, or given up
        self._probing = False
        self._over: ModelError | None = None  # nobody waits for it any more

    async def complete(self, request: Request) -> Response:
        while self._gone is not None:
            if self._over is not None:
                raise self._over
            if not self._probing:
                return await self._probe(request)
            await self._gone.wait()
        try:
            response = await self._model.complete(request)
        except ModelError as error:
            self._note(error, request)
            raise
        self._answers += 1
        self._heard()
        return response

    def _heard(self) -> None:
        self._row.clear()
        self._heard_at = self._clock()

    def _note(self, error: ModelError, request: Request) -> None:
        if not _silent(error):
            self._heard()
            return
        if self._stumbles_alone(error, request):
            return
        self._row.add(request.key(self.identity) if error.status == _STUMBLED else str(len(self._row)))
        if len(self._row) >= self._after and self._gone is None:
            self._gone = asyncio.Event()
            self._say(
                f"{len(self._row)} calls in a row failed ({error}): pausing, then trying with one call at a time, "
                f"for {self._patience / 60:g} minutes at most"
            )

    def _stumbles_alone(self, error: ModelError, request: Request) -> bool:
        """Was anything answered between this and an earlier HTTP 500 of the same question? Then that is at fault."""
        if error.status != _STUMBLED:
            return False
        key = request.key(self.identity)
        return self._answers > self._stumbled.setdefault(key, self._answers)

    async def _probe(self, request: Request) -> Response:
        """This call goes alone, again and again, until it is answered; the others wait for what comes of it."""
        self._probing = True
        try:
            while True:
                await self._sleep(self._pause)
                try:
                    response = await self._model.complete(request)
                except ModelError as error:
                    if not _silent(error):
                        self._back()
                        raise
                    self._refuse_to_wait_on(error)
                    self._pause = min(self._longest, max(2 * self._pause, error.retry_after or 0.0))
                    if error.status == _STUMBLED:
                        raise
                else:
                    self._answers += 1
                    self._back()
                    return response
        finally:
            self._probing = False
            gone = self._gone
            if gone is not None:  # cancelled, or given up: whoever waits looks for himself
                self._gone = asyncio.Event()
                gone.set()

    def _back(self) -> None:
        assert self._gone is not None  # noqa: S101  only a probe comes here
        self._say(f"{self.name} answers again after {self._clock() - self._heard_at:.0f} s")
        self._gone.set()
        self._gone, self._pause = None, self._first
        self._heard()

    def _refuse_to_wait_on(self, error: ModelError) -> None:
        silent = self._clock() - self._heard_at
        if silent > self._patience:
            text = f"{error.said}; so for {silent / 60:.0f} minutes: run the same command again when the server is back"
            self._over = ModelError(text, model=error.model, status=error.status)
            raise self._over from error


def _silent(error: ModelError) -> bool:
    return error.retryable and (error.status is None or error.status >= 500)
