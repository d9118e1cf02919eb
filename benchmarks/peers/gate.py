"""The gate before the offline models: one address for each role, books for each, a hard limit on the target's.

    with Gate(subject.score, calls=800) as gate:
        ...gate.url("target")...          # an OpenAI-compatible API base
        gate.books["target"].calls

What is asked of the target beyond the limit gets HTTP 402 and is counted as refused. `POST /score` with
`{"id": ..., "text": ...}` scores a reply by the very metric that judges in the end, so that no peer works with a copy.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from optimizer.models.prices import Price
from optimizer.offline.personas import PRICES
from optimizer.offline.server import HOST, application
from optimizer.types import Score

ROLES = ("source", "target", "proposer", "exam")  # exam: the final prompt meets the unseen rows
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Book:
    """What one role was asked. `calls` were answered; `refused` came too late."""

    calls: int = 0
    refused: int = 0
    failed: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    dollars: float = 0.0

    def add(self, body: dict[str, Any], price: Price) -> None:
        read, wrote = body["usage"]["prompt_tokens"], body["usage"]["completion_tokens"]
        self.input_tokens += read
        self.output_tokens += wrote
        self.dollars += price.cost(read, wrote)


@dataclass
class Gate:
    """Serves from a thread of its own inside the `with` block. `calls`: the most answers that the target gives."""

    score: Callable[[str, str], Score]
    calls: int
    books: dict[str, Book] = field(default_factory=lambda: {role: Book() for role in ROLES})
    _address: str = ""

    def url(self, role: str) -> str:
        return f"{self._address}/{role}/v1"

    @property
    def scoring(self) -> str:
        return f"{self._address}/score"

    def __enter__(self) -> Gate:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="gate", daemon=True)
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._open(), self._loop).result()
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._runner.cleanup(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _open(self) -> None:
        app = web.Application(middlewares=[self._guard()], client_max_size=32 * 2**20)
        for role in ROLES:
            app.add_subapp(f"/{role}", application()[0])
        app.router.add_post("/score", self._scored)
        self._runner = web.AppRunner(app, shutdown_timeout=0.2)
        await self._runner.setup()
        site = web.TCPSite(self._runner, HOST, 0)
        await site.start()
        port = site._server.sockets[0].getsockname()[1]  # type: ignore[union-attr]
        self._address = f"http://{HOST}:{port}"

    def _guard(self) -> Any:
        @web.middleware
        async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
            book = self.books.get(request.path.split("/")[1])
            if book is None or request.method != "POST":
                return await handler(request)
            if book is self.books["target"] and book.calls >= self.calls:
                book.refused += 1
                error = {"message": f"the {self.calls} calls are used", "type": "budget", "code": "budget_exhausted"}
                return web.json_response({"error": error}, status=402)
            book.calls += 1
            answer = await handler(request)
            if answer.status != 200:
                book.calls -= 1
                book.failed += 1
                return answer
            assert isinstance(answer, web.Response) and answer.text
            body = json.loads(answer.text)
            book.add(body, PRICES["offline/" + str(body["model"]).removeprefix("openai/")])
            return answer

        return guard

    async def _scored(self, request: web.Request) -> web.Response:
        asked = await request.json()
        found = self.score(str(asked["id"]), str(asked["text"]))
        return web.json_response({"score": found.value, "feedback": found.feedback})
