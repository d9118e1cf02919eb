"""The gate before the offline models: one address for each role, books for each, a hard limit on the target's.

    with Gate(subject.score, calls=800) as gate:
        ...gate.url("target")...          # an OpenAI-compatible API base
        gate.books["target"].calls

What is asked of the target beyond the limit gets HTTP 402 and is counted as refused. `POST /score` with
`{"id": ..., "text": ...}` scores a reply by the very metric that judges in the end, so that no peer works with a copy.
"""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from aiohttp import web

from optimizer.errors import ConfigError, ModelError
from optimizer.offline import OfflineModel
from optimizer.offline.serving.server import HOST
from optimizer.offline.serving.wire import BadRequest, payload, read_body
from optimizer.types import Response, Score

ROLES = ("source", "target", "proposer", "exam")  # exam: the final prompt meets the unseen rows


@dataclass
class Book:
    """What one role was asked. `calls` were answered; `refused` came too late."""

    calls: int = 0
    refused: int = 0
    failed: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    dollars: float = 0.0

    def add(self, answer: Response) -> None:
        self.calls += 1
        self.input_tokens += answer.input_tokens
        self.output_tokens += answer.output_tokens
        self.dollars += answer.cost


@dataclass
class Gate:
    """Serves from a thread of its own inside the `with` block. `calls`: the most answers that the target gives."""

    score: Callable[[str, str], Score]
    calls: int
    books: dict[str, Book] = field(default_factory=lambda: {role: Book() for role in ROLES})
    _address: str = ""
    _asked: Counter[str] = field(default_factory=Counter)

    def url(self, role: str) -> str:
        return f"{self._address}/{role}/v1"

    @property
    def desk(self) -> dict[str, str]:
        """Addresses of what is no model: `score`, and `left`, the calls that the target still answers."""
        return {name: f"{self._address}/{name}" for name in ("score", "left")}

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
        app = web.Application(client_max_size=32 * 2**20)
        app.router.add_post("/{role}/v1/chat/completions", self._chat)
        app.router.add_post("/score", self._scored)
        app.router.add_get("/left", self._left)
        self._runner = web.AppRunner(app, shutdown_timeout=0.2)
        await self._runner.setup()
        site = web.TCPSite(self._runner, HOST, 0)
        await site.start()
        port = site._server.sockets[0].getsockname()[1]  # type: ignore[union-attr]
        self._address = f"http://{HOST}:{port}"

    async def _chat(self, http: web.Request) -> web.Response:
        role = http.match_info["role"]
        book = self.books[role]
        sent = await http.text()  # from here to the answer nobody else is served: the limit holds to the call
        if role == "target" and book.calls >= self.calls:
            book.refused += 1
            return _refusal(402, f"the {self.calls} calls are used", "budget_exhausted")
        try:
            asked, body = read_body(sent, http.headers.get("x-promptport-sample") or self._draw(role, sent))
            model = str(body["model"]).removeprefix("openai/")
            answer = OfflineModel(f"offline/{model}").respond(asked)
        except (BadRequest, ModelError, ConfigError) as problem:
            book.failed += 1
            return _refusal(400, str(problem), "invalid_request")
        book.add(answer)
        return web.Response(
            text=payload(answer, str(body["model"])),
            content_type="application/json",
            headers={"openai-processing-ms": f"{answer.latency * 1000:.3f}"},
        )

    def _draw(self, role: str, sent: str) -> str:
        """Who asks the proposer the same thing again gets another answer, as from any model with a temperature."""
        if role != "proposer":
            return "0"
        self._asked[sent] += 1
        return str(self._asked[sent] - 1)

    async def _scored(self, request: web.Request) -> web.Response:
        asked = await request.json()
        found = self.score(str(asked["id"]), str(asked["text"]))
        return web.json_response({"score": found.value, "feedback": found.feedback})

    async def _left(self, _: web.Request) -> web.Response:
        return web.json_response({"left": self.calls - self.books["target"].calls})


def _refusal(status: int, message: str, code: str) -> web.Response:
    return web.json_response({"error": {"message": message, "type": code, "code": code}}, status=status)
