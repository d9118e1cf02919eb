"""Ask again after failures that pass."""

from __future__ import annotations

import asyncio
import math
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from dataclasses import replace

from optimizer.errors import ModelError
from optimizer.models.model import Model, identity
from optimizer.types import Request, Response

_FEW = 2  # tries of a question whose answer is not worth waiting for
_most_tries: ContextVar[float] = ContextVar("most_tries", default=math.inf)


class Retrying:
    """Up to `attempts` tries, with exponential backoff and full jitter between them.

    The pause before try n + 1 is drawn from 0 to `base` · 2ⁿ⁻¹ seconds, at most `longest`. Where the server says how
    long to wait, that long is waited at least (again at most `longest`). Only errors that are `retryable` are tried
    again. `retries` counts the repeated tries by reason ("HTTP 429", "no answer", "unusable answer"); an answer says
    how many it took, and keeps that in the store, so that a replay tells the same.
    """

    def __init__(
        self,
        model: Model,
        attempts: int = 6,
        *,
        base: float = 0.5,
        longest: float = 60.0,
        rng: random.Random | None = None,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self.name = model.name
        self.identity = identity(model)
        self.retries: Counter[str] = Counter()
        self._model = model
        self._attempts = max(1, attempts)
        self._base = base
        self._longest = longest
        self._rng = rng or random.Random(0)  # noqa: S311  spreads load, guards nothing
        self._sleep = sleep

    async def complete(self, request: Request) -> Response:
        attempts = int(min(self._attempts, _most_tries.get()))
        for attempt in range(1, attempts):
            try:
                return _after(attempt - 1, await self._model.complete(request))
            except ModelError as error:
                if not error.retryable:
                    raise
                self.retries[_reason(error)] += 1
                await self._sleep(self._pause(attempt, error))
        return _after(attempts - 1, await self._model.complete(request))

    def _pause(self, attempt: int, error: ModelError) -> float:
        jitter = self._rng.uniform(0, min(self._longest, self._base * 2 ** (attempt - 1)))
        return min(self._longest, (error.retry_after or 0.0) + jitter)


class Impatient:
    """The same model for who would rather go without an answer than wait for it: two tries, whatever retries it."""

    def __init__(self, model: Model) -> None:
        self.name = model.name
        self.identity = identity(model)
        self._model = model

    async def complete(self, request: Request) -> Response:
        token = _most_tries.set(_FEW)
        try:
            return await self._model.complete(request)
        finally:
            _most_tries.reset(token)


def _after(retries: int, response: Response) -> Response:
    return replace(response, retries=response.retries + retries) if retries else response


def _reason(error: ModelError) -> str:
    if error.status is None:
        return "no answer"
    return f"HTTP {error.status}" if error.status >= 300 else "unusable answer"
