"""The offline models behind an OpenAI-compatible HTTP server on this machine alone, with faults on demand.

    with running(faults=Faults(rate_limit=0.1)) as server:
        ...ask server.url + "/chat/completions"...
        server.stats()["answered"]

Request header `x-promptport-sample: N` asks for draw N; response header `openai-processing-ms` carries the
simulated latency. Questions are told apart by model, messages, parameters and sample.
"""

from __future__ import annotations

import asyncio
import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from typing import Any

from aiohttp import web

from optimizer.errors import ConfigError, ModelError
from optimizer.offline.model import OFFLINE, OfflineModel
from optimizer.offline.wire import BadRequest, payload, read_body
from optimizer.types import Request

HOST = "127.0.0.1"


@dataclass(frozen=True)
class Faults:
    """Shares, from 0 to 1, of requests that meet each fault; chosen by `seed` in the order of arrival.

    `rate_limit`: 429 with Retry-After of `retry_after` seconds. `error`: 500. `hang`: no answer for `hang_seconds`.
    `drop`: the connection closes without an answer. `truncate`: half of the JSON. `impostor`: another model's name.
    """

    rate_limit: float = 0.0
    error: float = 0.0
    hang: float = 0.0
    drop: float = 0.0
    truncate: float = 0.0
    impostor: float = 0.0
    seed: int = 0
    retry_after: float = 1.0
    hang_seconds: float = 600.0

    def __post_init__(self) -> None:
        shares = [getattr(self, kind) for kind in KINDS]
        if min(shares) < 0 or sum(shares) > 1:
            told = ", ".join(f"{kind}={share:g}" for kind, share in zip(KINDS, shares, strict=True) if share)
            raise ConfigError(f"faults: shares must not be negative and together at most 1, found {told}")


KINDS = tuple(f.name for f in fields(Faults) if f.name not in ("seed", "retry_after", "hang_seconds"))


@dataclass
class _Desk:
    """What one server remembers: its books and its dice."""

    wait: bool
    faults: Faults
    dice: random.Random
    heard: Callable[[str, Request], None] | None = None
    requests: Counter[str] = field(default_factory=Counter)
    answers: Counter[tuple[str, str]] = field(default_factory=Counter)
    met: Counter[str] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def next_fault(self) -> str | None:
        with self.lock:
            roll = self.dice.random()
        for kind in KINDS:
            roll -= getattr(self.faults, kind)
            if roll < 0:
                return kind
        return None

    def stats(self) -> dict[str, Any]:
        """Counts since the start, in all and per model; `answered` counts whole, correct answers that were sent."""
        with self.lock:
            models = {name: self._counts(name) for name in sorted({*self.requests, *(m for m, _ in self.answers)})}
            return self._counts(None) | {"faults": {kind: self.met[kind] for kind in KINDS}, "models": models}

    def _counts(self, model: str | None) -> dict[str, int]:
        asked = [count for name, count in self.requests.items() if model in (None, name)]
        times = [count for (name, _), count in self.answers.items() if model in (None, name)]
        return {
            "requests": sum(asked),
            "answered": sum(times),
            "distinct": len(times),
            "answered_twice": sum(1 for count in times if count > 1),
        }


def application(
    *, wait: bool = False, faults: Faults = Faults(), heard: Callable[[str, Request], None] | None = None
) -> tuple[web.Application, Callable[[], dict[str, Any]]]:
    """The server as an aiohttp application, and the getter of its counts.

    `heard` is told the model and the question of each whole answer, just before that is sent.
    """
    desk = _Desk(wait, faults, random.Random(faults.seed), heard)  # noqa: S311  faults are no secret
    app = web.Application(client_max_size=32 * 2**20)

    async def chat(request: web.Request) -> web.StreamResponse:
        return await _chat(request, desk)

    async def models(_: web.Request) -> web.Response:
        listed = [{"id": name.removeprefix("offline/"), "object": "model", "owned_by": "simulated"} for name in OFFLINE]
        return web.json_response({"object": "list", "data": listed})

    async def stats(_: web.Request) -> web.Response:
        return web.json_response(desk.stats())

    app.router.add_post("/v1/chat/completions", chat)
    app.router.add_get("/v1/models", models)
    app.router.add_get("/stats", stats)
    return app, desk.stats


async def _chat(http: web.Request, desk: _Desk) -> web.StreamResponse:
    try:
        asked, body = read_body(await http.text(), http.headers.get("x-promptport-sample", "0"))
    except BadRequest as problem:
        desk.requests["(malformed)"] += 1
        return _refuse(400, str(problem), "invalid_request_error")
    name = "offline/" + str(body["model"]).removeprefix("openai/").removeprefix("offline/")
    desk.requests[name if name in OFFLINE else "(unknown)"] += 1
    if name not in OFFLINE:
        text = f"The model `{body['model']}` does not exist. Known: {', '.join(OFFLINE)}"
        return _refuse(404, text, "invalid_request_error", "model_not_found")
    fault = desk.next_fault()
    if fault:
        desk.met[fault] += 1
    if fault in ("rate_limit", "error", "hang", "drop"):
        return await _fail(http, fault, desk.faults)
    try:
        response = OfflineModel(name).respond(asked)
    except ModelError as problem:
        return _refuse(problem.status or 400, str(problem), "invalid_request_error", "unsupported_parameter")
    if desk.wait:
        await asyncio.sleep(response.latency)
    text = payload(response, "sim-omega" if fault == "impostor" else str(body["model"]))
    if fault is None:  # counted before it is sent: who has read the answer finds it in the books
        with desk.lock:
            desk.answers[name, asked.key(name)] += 1
        if desk.heard:
            desk.heard(name, asked)
    return web.Response(
        text=text[: len(text) // 2] if fault == "truncate" else text,
        content_type="application/json",
        headers={"openai-processing-ms": f"{response.latency * 1000:.3f}"},
    )


async def _fail(http: web.Request, fault: str, faults: Faults) -> web.StreamResponse:
    if fault == "rate_limit":
        refusal = _refuse(429, "Rate limit reached. Please try again later.", "rate_limit_error", "rate_limit_exceeded")
        refusal.headers["Retry-After"] = f"{faults.retry_after:g}"
        return refusal
    if fault == "hang":
        await asyncio.sleep(faults.hang_seconds)
    if fault in ("hang", "drop") and http.transport is not None:
        http.transport.abort()
    return _refuse(500, "The server had an error while processing your request.", "server_error")


def _refuse(status: int, message: str, kind: str, code: str | None = None) -> web.Response:
    error = {"message": message, "type": kind, "param": None, "code": code}
    return web.json_response({"error": error}, status=status)


@dataclass(frozen=True)
class Server:
    """A server that runs: `url` is what a client takes as its API base."""

    url: str
    stats: Callable[[], dict[str, Any]]


@contextmanager
def running(
    port: int = 0,
    *,
    wait: bool = False,
    faults: Faults = Faults(),
    heard: Callable[[str, Request], None] | None = None,
) -> Iterator[Server]:
    """Serves from a thread of its own until the block ends. Port 0 takes a free one. `heard`: see `application`."""
    app, stats = application(wait=wait, faults=faults, heard=heard)
    loop = asyncio.new_event_loop()
    runner = web.AppRunner(app, shutdown_timeout=0.2)

    async def open_up() -> int:
        await runner.setup()
        site = web.TCPSite(runner, HOST, port)
        await site.start()
        taken: int = site._server.sockets[0].getsockname()[1]  # type: ignore[union-attr]
        return taken

    async def shut() -> None:
        await runner.cleanup()
        hanging = asyncio.all_tasks() - {asyncio.current_task()}
        for task in hanging:
            task.cancel()
        await asyncio.gather(*hanging, return_exceptions=True)

    thread = threading.Thread(target=loop.run_forever, name="promptport-offline-server", daemon=True)
    thread.start()
    try:
        taken = _opened(asyncio.run_coroutine_threadsafe(open_up(), loop), port)
        yield Server(f"http://{HOST}:{taken}/v1", stats)
    finally:
        asyncio.run_coroutine_threadsafe(shut(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def _opened(opening: Future[int], port: int) -> int:
    try:
        return opening.result()
    except OSError as problem:
        text = f"port {port} on {HOST} cannot be used: {problem}; choose another, or 0 for a free one"
        raise ConfigError(text) from problem


def serve(
    port: int = 0, *, wait: bool = False, faults: Faults = Faults(), ready: Callable[[Server], None] | None = None
) -> None:
    """Serves until interrupted; `ready` is called once with the running server."""
    with running(port, wait=wait, faults=faults) as server:
        if ready:
            ready(server)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            return
