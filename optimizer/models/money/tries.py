"""Every request that goes out is booked before it goes, for a provider may charge for more than what it answers.

A reply that cannot be read, an answer of another model, a connection that breaks off or a call that takes too long:
all of these were perhaps worked on, and may be billed. So each try is set aside from the purse on its own, and counts
as spent, at its worst case, unless the server said that it failed. `journal` keeps them in a file.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextvars import ContextVar
from typing import NamedTuple, Protocol

from optimizer.errors import ModelError
from optimizer.models import transport
from optimizer.models.model import Model, identity
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


class Earlier(dict[bytes, Lost]):
    """What earlier starts of a run sent, by question, until that comes up again; with the sums of it at hand."""

    def __init__(self, found: Mapping[bytes, Lost]) -> None:
        super().__init__(found)
        self.calls = sum(one.calls for one in self.values())
        self.pico = sum(one.pico for one in self.values())
        self.tokens = sum(one.tokens for one in self.values())

    def put(self, question: bytes, lost: Lost) -> None:
        """In place of what was known of the question."""
        self.taken(question)
        self[question] = lost
        self.calls += lost.calls
        self.pico += lost.pico
        self.tokens += lost.tokens

    def taken(self, question: bytes) -> Lost | None:
        """What is known of a question; from now on it counts elsewhere."""
        lost = self.pop(question, None)
        if lost:
            self.calls -= lost.calls
            self.pico -= lost.pico
            self.tokens -= lost.tokens
        return lost

    def is_paid(self, question: bytes) -> bool:
        return question in self and self[question].paid is not None


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


def settled(lost: Lost, paid: Cost | None) -> Lost:
    """One of the tries brought the answer, unless that was a refusal or another run's."""
    return lost._replace(times=max(0, lost.times - (paid is not None)), paid=paid)
