"""A model that answers from a function: for tests, dry runs and examples of use."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from optimizer.models.money.prices import Price
from optimizer.types import Request, Response

PRICE = Price(input=1.0, output=4.0)


class ScriptedModel:
    """`script` makes the answer of each request; it may raise `ModelError`. `calls` counts the requests.

    Tokens are words. `latency` is reported, in seconds; with `wait` it is really waited.
    """

    def __init__(
        self,
        script: Callable[[Request], str],
        *,
        name: str = "scripted",
        price: Price = PRICE,
        latency: float = 0.1,
        wait: bool = False,
    ) -> None:
        self.name = name
        self.price = price
        self.calls = 0
        self._script = script
        self._latency = latency
        self._wait = wait

    async def complete(self, request: Request) -> Response:
        self.calls += 1
        await asyncio.sleep(self._latency if self._wait else 0)  # gives way, as every real model does
        text = self._script(request)
        read = sum(len(turn.content.split()) for turn in request.messages)
        wrote = len(text.split())
        return Response(text, read, wrote, self.price.cost(read, wrote), self._latency, self.name)


#: Stands where a model has to be named and is never asked.
NOBODY = ScriptedModel(lambda _: "", name="nobody")
