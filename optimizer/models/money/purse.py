"""The purse of a run: one for all roles, with limits that are never passed.

What is in flight is set aside at its worst case before it is sent. What was wasted (see `tries`) counts as spent.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import NamedTuple

from optimizer.errors import BudgetExceeded, ModelError
from optimizer.models.money.book import PICO, Book, Spend
from optimizer.models.money.journal import Journal
from optimizer.models.money.tries import Cost, Earlier, Flying, Lost
from optimizer.types import Response


class Left(NamedTuple):
    """What may still be spent; None where there is no limit."""

    calls: int | None
    dollars: float | None
    tokens: int | None = None


class Purse:
    """The limits of a run: `dollars`, `calls`, `tokens` over all roles together; None is no limit.

    `journal` remembers what is under way; `before` is what earlier starts of the run sent; `late` says why nothing may
    go out any more, once the time is used.
    """

    def __init__(
        self,
        dollars: float | None = None,
        calls: int | None = None,
        tokens: int | None = None,
        *,
        journal: Journal | None = None,
        before: Mapping[bytes, Lost] | None = None,
    ) -> None:
        self._most_pico = math.inf if dollars is None else round(dollars * PICO)
        self._most_calls = math.inf if calls is None else calls
        self._most_tokens = math.inf if tokens is None else tokens
        self._kept_pico, self._kept_calls, self._kept_tokens = 0, 0, 0
        self._flying = Flying()  # what is set aside for each question in flight
        self._books: dict[str, Book] = {}
        self._paid: set[bytes] = set()
        self._landed = asyncio.Condition()
        self._journal = journal
        self._before = Earlier(before or {})  # counts against the limits, and is booked when the question comes up
        self._is_ahead = False
        self._ahead: dict[bytes, tuple[str, Response, str]] = {}  # what was asked ahead: role, answer, model
        self.late: Callable[[], str | None] = lambda: None

    @property
    def spend(self) -> Mapping[str, Spend]:
        """By role, in the order in which the roles first paid."""
        return {role: book.spend for role, book in list(self._books.items())}

    @property
    def calls(self) -> int:
        """Answers charged so far."""
        return sum(book.calls for book in list(self._books.values()))

    @property
    def dollars(self) -> float:
        """Charged so far."""
        return sum(book.pico for book in list(self._books.values())) / PICO

    def dearest(self, role: str, model: str | None = None) -> float:
        """Dollars of the dearest call so far of a role, or of one model in it; 0 before its first."""
        found = self._books[role].dearest if role in self._books else {}
        return max((pico for name, pico in found.items() if model in (None, name)), default=0) / PICO

    @property
    def tokens(self) -> int:
        """Charged so far, in and out."""
        return sum(book.read + book.wrote for book in list(self._books.values()))

    @property
    def earlier(self) -> Spend | None:
        """What earlier starts of the run took for questions that this one has not asked so far; None: nothing."""
        book = Book()
        for lost in list(self._before.values()):
            book.waste(lost)
            if lost.paid is not None:
                book.calls, book.pico = book.calls + 1, book.pico + lost.paid.pico
        return book.spend if self._before else None

    def keep(self, *, dollars: float = 0.0, calls: int = 0, tokens: int = 0) -> None:
        """Hold so much back from now on for a later stage, in place of what was held back before."""
        self._kept_pico, self._kept_calls, self._kept_tokens = math.ceil(dollars * PICO), calls, tokens

    def left(self) -> Left:
        """What is neither spent, nor set aside for calls in flight, nor held back."""
        calls, pico, tokens = self._free()
        return Left(
            None if self._most_calls == math.inf else max(0, int(calls)),
            None if self._most_pico == math.inf else max(0.0, pico / PICO),
            None if self._most_tokens == math.inf else max(0, int(tokens)),
        )

    def affords(self, *, calls: int = 0, dollars: float = 0.0) -> bool:
        free, pico, _ = self._free()
        return free >= calls and pico >= round(dollars * PICO)

    @asynccontextmanager
    async def reserved(self, key: str, cost: Cost) -> AsyncIterator[None]:
        """Inside the block, one call of at most `cost` is set aside for a question; nothing if it is paid already.

        Waits for calls in flight to leave room. Raises BudgetExceeded where none is in flight and there is no room.
        """
        question = bytes.fromhex(key)
        async with self._landed:
            while not self._is_paid(question) and (question in self._flying or not self._fits(cost)):
                await self._room(cost)
            if ask := not self._is_paid(question):
                self._flying.set_aside(question, cost)
        try:
            yield
        finally:
            if ask:
                self._flying.give_back(question)
                async with self._landed:
                    self._landed.notify_all()

    async def begin(self, role: str, question: bytes, cost: Cost) -> None:
        """A try goes out; what was set aside for the question may have been wasted on the last one."""
        if reason := self.late():
            raise BudgetExceeded(reason)
        if question not in self._flying:
            async with self._landed:
                while not self._fits(cost):
                    await self._room(cost)
                self._flying.set_aside(question, cost)
        if self._journal:
            await self._journal.begin(question, role, cost)

    def ended(self, role: str, question: bytes, *, billed: bool) -> None:
        """A try has ended without an answer."""
        if billed and (cost := self._flying.give_back(question)):
            self._books.setdefault(role, Book()).waste(Lost(role, 1, cost))
        elif not billed and self._journal:
            self._journal.freed(question)

    def charge(self, role: str, key: str, response: Response, model: str = "") -> None:
        """Books an answer, once for each question."""
        question = bytes.fromhex(key)
        if question not in self._paid and self._is_ahead:
            self._charge_ahead(question, role, response, model)
        elif question not in self._paid:
            self._paid.add(question)
            self._books.setdefault(role, Book()).add(response, model)
            if self._journal:
                self._journal.answered(question, role)
            if lost := self._before.taken(question):
                self._books[role].waste(lost)

    @contextmanager
    def ahead(self) -> Iterator[None]:
        """What is asked inside counts against the limits, and is booked when the run itself comes to ask it.

        So a run decides as if nothing had been asked beforehand. For questions that it will ask: see `come_due`.
        """
        self._is_ahead = True
        try:
            yield
        finally:
            self._is_ahead = False

    def come_due(self) -> None:
        """Books what was asked ahead, and never came up."""
        for question, (role, response, model) in self._ahead.items():
            self.charge(role, question.hex(), response, model)

    def _charge_ahead(self, question: bytes, role: str, response: Response, model: str) -> None:
        self._ahead[question] = role, response, model
        cost = Cost(round(response.cost * PICO), response.input_tokens + response.output_tokens)
        known = self._before.get(question) or Lost(role, 0, cost)
        self._before.put(question, known._replace(paid=cost))
        if self._journal:
            self._journal.answered(question, role)

    def _is_paid(self, question: bytes) -> bool:
        """In this start of the run, or in an earlier one."""
        return question in self._paid or self._before.is_paid(question)

    async def _room(self, cost: Cost) -> None:
        if not self._flying:
            raise BudgetExceeded(self._refusal(cost))
        await self._landed.wait()

    def _free(self) -> tuple[float, float, float]:
        books, flying = list(self._books.values()), self._flying
        calls = sum(book.calls + book.wasted for book in books) + len(flying)
        pico = sum(book.pico + book.wasted_pico for book in books) + flying.pico
        tokens = sum(book.read + book.wrote + book.wasted_tokens for book in books) + flying.tokens
        return (
            self._most_calls - calls - self._kept_calls,
            self._most_pico - pico - self._kept_pico,
            self._most_tokens - tokens - self._kept_tokens,
        )

    def _fits(self, cost: Cost, *, before: bool = True) -> bool:
        calls, pico, tokens = self._free()
        known = self._before if before else Earlier({})
        return calls - known.calls >= 1 and pico - known.pico >= cost.pico and tokens - known.tokens >= cost.tokens

    def _refusal(self, cost: Cost) -> str:
        most = self._most_calls, self._most_pico, self._most_tokens
        limits = _named(*(None if limit == math.inf else limit for limit in most))
        kept = _named(self._kept_calls or None, self._kept_pico or None, self._kept_tokens or None)
        held = f", {kept} held back for later stages" if kept else ""
        asked = _named(None, cost.pico, cost.tokens if self._most_tokens < math.inf else None)
        return (
            f"the budget of {limits} has no room for the next call (at most {asked}): "
            f"{self._spent(cost)}{held}; raise `budget`, or ask for less"
        )

    def _spent(self, cost: Cost) -> str:
        before, books = self.earlier or Spend(), list(self._books.values())
        told = f"${self.dollars:,.4f} spent in {self.calls:,} calls"
        if before.calls and self._fits(cost, before=False):  # else it would have ended here without them
            told += f", and ${before.dollars:,.4f} in {before.calls:,} calls that only earlier starts of the run made"
        if lost := sum(book.wasted for book in books) + before.wasted:
            most = sum(book.wasted_pico for book in books) / PICO + before.wasted_dollars
            told += f", and {lost:,} more that came to nothing and may be billed, ${most:,.4f} at the most"
        return told


def _named(calls: float | None, pico: float | None, tokens: float | None) -> str:
    """So many calls, dollars and tokens; what is None is not named."""
    named = [] if calls is None else [f"{calls:,} calls"]
    named += [] if pico is None else [f"${pico / PICO:,.4f}"]
    named += [] if tokens is None else [f"{tokens:,} tokens"]
    return " and ".join(named)


def paid_for(answer: Response | ModelError | None) -> Cost | None:
    """What a stored answer took; a refusal took nothing."""
    if isinstance(answer, Response):
        return Cost(round(answer.cost * PICO), answer.input_tokens + answer.output_tokens)
    return None if answer is None else Cost(0, 0)
