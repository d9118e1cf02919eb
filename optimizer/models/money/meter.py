"""Count what is spent, and never spend more than allowed.

Rule 1: one purse for all roles of a run. Rule 2: a question is paid for the first time that a run asks it, wherever
the answer comes from: a run that is carried on stops where an uninterrupted one would. So the meter stands outside
the cache. Rule 3: the worst case of what is in flight is set aside before it is sent.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from optimizer.errors import ModelError
from optimizer.models.model import Model, identity
from optimizer.models.money.book import PICO
from optimizer.models.money.prices import A_DOLLAR_A_TOKEN, Price
from optimizer.models.money.purse import Left, Purse
from optimizer.models.money.tries import Cost, paying
from optimizer.types import AMOUNTS, Request, Response

__all__ = ["Left", "Metered", "Purse", "Tally", "worst_case"]

MAX_TOKENS = 4096  # taken for the length of an answer to a request that states no limit


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
        dollars = worst_case(request, self._price, self._max_tokens) if self._price else 0.0
        cost = Cost(math.ceil(dollars * PICO), math.ceil(worst_case(request, A_DOLLAR_A_TOKEN, self._max_tokens)))
        async with self._purse.reserved(key, cost):
            mine = paying.set(_Tries(self._purse, self._role, bytes.fromhex(key), cost))
            try:
                response = await self._model.complete(request)
            except ModelError as error:
                if error.refused:  # the provider did answer, and the question is not asked again
                    self._purse.charge(self._role, key, Response(""), self.name)
                raise
            finally:
                paying.reset(mine)
            self._purse.charge(self._role, key, response, self.name)
        return response


@dataclass(frozen=True)
class _Tries:
    """The account of one question."""

    purse: Purse
    role: str
    question: bytes
    cost: Cost

    async def begin(self) -> None:
        await self.purse.begin(self.role, self.question, self.cost)

    def ended(self, *, billed: bool) -> None:
        self.purse.ended(self.role, self.question, billed=billed)


def worst_case(request: Request, price: Price, max_tokens: int = MAX_TOKENS) -> float:
    """The most dollars that a call can take: its input at one token a byte, and its output at the limit that it states,
    or at `max_tokens` where it states none."""
    read = sum(len(text.encode("utf-8", "replace")) + 16 for text in request.texts) + 16  # roles, separators
    return price.worst(read, max_tokens if request.longest is None else request.longest)


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
        self.cut = 0
        self.parts: dict[str, dict[str, float]] = {}
        self._model = model
        self._sample = sample

    async def complete(self, request: Request) -> Response:
        response = await self._model.complete(replace(request, sample=self._sample) if self._sample else request)
        self.cost += response.cost
        self.latency += response.latency
        self.input_tokens += response.input_tokens
        self.output_tokens += response.output_tokens
        self.calls += 1
        self.cut += response.finish == "length"
        if request.part:
            took = self.parts.setdefault(request.part, dict.fromkeys((*AMOUNTS, "calls"), 0))
            took["calls"] += 1
            for name in AMOUNTS:
                took[name] += getattr(response, name)
        return response
