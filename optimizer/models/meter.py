"""Count what is spent, and never spend more than allowed.

Rule 1: one purse for all roles of a run. Rule 2: a question is paid for the first time that a run asks it, wherever
the answer comes from: a run that is carried on stops where an uninterrupted one would. So the meter stands outside
the cache. Rule 3: the worst case of what is in flight is set aside before it is sent.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import NamedTuple

from optimizer.errors import BudgetExceeded, ModelError
from optimizer.models import Model, identity
from optimizer.models.prices import Price
from optimizer.types import Request, Response

MAX_TOKENS = 4096  # taken for the length of an answer to a request that states no limit
_PICO = 10**12  # sums of whole picodollars do not depend on the order in which answers come


@dataclass(frozen=True)
class Spend:
    """What one role (source, target, proposer, judge) took: calls answered, tokens, dollars; tries before an answer."""

    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    dollars: float = 0.0
    retries: int = 0


class Left(NamedTuple):
    """What may still be spent; None where there is no limit."""

    calls: int | None
    dollars: float | None


class _Book:
    """One role's sums."""

    def __init__(self) -> None:
        self.calls = self.read = self.wrote = self.pico = self.dearest = self.retries = 0

    def add(self, response: Response) -> None:
        pico = round(response.cost * _PICO)
        self.calls += 1
        self.read += response.input_tokens
        self.wrote += response.output_tokens
        self.pico += pico
        self.retries += response.retries
        self.dearest = max(self.dearest, pico)


class Purse:
    """The limits of a run: `dollars` and `calls` over all roles together; None is no limit."""

    def __init__(self, dollars: float | None = None, calls: int | None = None) -> None:
        self._most_pico = math.inf if dollars is None else round(dollars * _PICO)
        self._most_calls = math.inf if calls is None else calls
        self._kept_pico, self._kept_calls = 0, 0
        self._flying: dict[bytes, int] = {}  # what is set aside for each question in flight
        self._books: dict[str, _Book] = {}
        self._paid: set[bytes] = set()
        self._landed = asyncio.Condition()

    @property
    def spend(self) -> Mapping[str, Spend]:
        """By role, in the order in which the roles first paid."""
        return {role: _spend([book]) for role, book in list(self._books.items())}

    @property
    def calls(self) -> int:
        """Answers charged so far."""
        return sum(book.calls for book in list(self._books.values()))

    @property
    def dollars(self) -> float:
        """Charged so far."""
        return sum(book.pico for book in list(self._books.values())) / _PICO

    def dearest(self, role: str) -> float:
        """Dollars of the dearest call of a role so far; 0 before its first."""
        return self._books[role].dearest / _PICO if role in self._books else 0.0

    def keep(self, *, dollars: float = 0.0, calls: int = 0) -> None:
        """Hold so much back from now on for a later stage, in place of what was held back before."""
        self._kept_pico, self._kept_calls = math.ceil(dollars * _PICO), calls

    def left(self) -> Left:
        """What is neither spent, nor set aside for calls in flight, nor held back."""
        calls, pico = self._free()
        return Left(
            None if self._most_calls == math.inf else max(0, int(calls)),
            None if self._most_pico == math.inf else max(0.0, pico / _PICO),
        )

    def affords(self, *, calls: int = 0, dollars: float = 0.0) -> bool:
        free, pico = self._free()
        return free >= calls and pico >= round(dollars * _PICO)

    @asynccontextmanager
    async def reserved(self, key: str, dollars: float) -> AsyncIterator[None]:
        """Inside the block, one call of at most `dollars` is set aside for a question; nothing if it is paid already.

        Waits for calls in flight to leave room. Raises BudgetExceeded where none is in flight and there is no room.
        """
        question, pico = bytes.fromhex(key), math.ceil(dollars * _PICO)
        async with self._landed:
            while question not in self._paid and (question in self._flying or not self._fits(pico)):
                if not self._flying:
                    raise BudgetExceeded(self._refusal(dollars))
                await self._landed.wait()
            if ask := question not in self._paid:
                self._flying[question] = pico
        try:
            yield
        finally:
            if ask:
                del self._flying[question]
                async with self._landed:
                    self._landed.notify_all()

    def charge(self, role: str, key: str, response: Response) -> None:
        """Books an answer, once for each question."""
        question = bytes.fromhex(key)
        if question not in self._paid:
            self._paid.add(question)
            self._books.setdefault(role, _Book()).add(response)

    def _free(self) -> tuple[float, float]:
        pico = sum(book.pico for book in list(self._books.values())) + sum(self._flying.values())
        calls = self.calls + len(self._flying)
        return self._most_calls - calls - self._kept_calls, self._most_pico - pico - self._kept_pico

    def _fits(self, pico: int) -> bool:
        free, left = self._free()
        return free >= 1 and left >= pico

    def _refusal(self, dollars: float) -> str:
        limits = [f"{self._most_calls:,} calls"] * (self._most_calls < math.inf)
        limits += [f"${self._most_pico / _PICO:,.4f}"] * (self._most_pico < math.inf)
        kept = [f"{self._kept_calls:,} calls"] * bool(self._kept_calls)
        kept += [f"${self._kept_pico / _PICO:,.4f}"] * bool(self._kept_pico)
        held = f", {' and '.join(kept)} held back for later stages" if kept else ""
        return (
            f"the budget of {' and '.join(limits)} has no room for the next call (at most ${dollars:,.4f}): "
            f"${self.dollars:,.4f} spent in {self.calls:,} calls{held}; raise `budget`, or ask for less"
        )


class Metered:
    """Charges the calls of `model` to a purse, for one role.

    What a call may cost at most is told by `worst_case`. An answer that is longer than that is charged in full, so only
    a request that states its limit is held to the budget to the last cent.
    """

    def __init__(
        self, model: Model, purse: Purse, role: str, price: Price | None = None, max_tokens: int = MAX_TOKENS
    ) -> None:
        self.name = model.name
        self.identity = identity(model)
        self._model = model
        self._purse = purse
        self._role = role
        self._price = price
        self._max_tokens = max_tokens

    async def complete(self, request: Request) -> Response:
        key = request.key(self.identity)
        most = worst_case(request, self._price, self._max_tokens) if self._price else 0.0
        async with self._purse.reserved(key, most):
            try:
                response = await self._model.complete(request)
            except ModelError as error:
                if error.refused:  # the provider did answer, and the question is not asked again
                    self._purse.charge(self._role, key, Response(""))
                raise
            self._purse.charge(self._role, key, response)
        return response


def worst_case(request: Request, price: Price, max_tokens: int = MAX_TOKENS) -> float:
    """The most dollars that a call can take: its input at one token a byte, and its output at the limit that it states
    (`max_tokens`, `max_completion_tokens`), or at `max_tokens` where it states none."""
    read = sum(len(text.encode("utf-8", "replace")) + 16 for text in request.texts) + 16  # roles, separators
    stated = [request.params.get(name) for name in ("max_tokens", "max_completion_tokens")]
    return price.worst(read, max((limit for limit in stated if isinstance(limit, int)), default=max_tokens))


class Tally:
    """Adds up what one example took, whatever a program did with the model; numbers its draws by `sample`."""

    def __init__(self, model: Model, sample: int = 0) -> None:
        self.name = model.name
        self.identity = identity(model)
        self.cost = 0.0
        self.latency = 0.0
        self.input_tokens = 0
        self.output_tokens = 0
        self.calls = 0
        self._model = model
        self._sample = sample

    async def complete(self, request: Request) -> Response:
        response = await self._model.complete(replace(request, sample=self._sample) if self._sample else request)
        self.cost += response.cost
        self.latency += response.latency
        self.input_tokens += response.input_tokens
        self.output_tokens += response.output_tokens
        self.calls += 1
        return response


def _spend(books: list[_Book]) -> Spend:
    return Spend(
        sum(book.calls for book in books),
        sum(book.read for book in books),
        sum(book.wrote for book in books),
        sum(book.pico for book in books) / _PICO,
        sum(book.retries for book in books),
    )
