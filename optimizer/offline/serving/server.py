"""The offline models behind an OpenAI-compatible HTTP server on this machine alone, with faults on demand.

    with running(faults=Faults(rate_limit=0.1), quota=Quota(rpm=600)) as server:
        ...ask server.url + "/chat/completions"...
        server.stats()["answered"]

Request header `x-promptport-sample: N` asks for draw N; response header `openai-processing-ms` carries the
simulated latency, `x-promptport-seconds` the time that the server really took. Questions are told apart by model,
messages, parameters and sample.
"""

from __future__ import annotations

import asyncio
import ipaddress
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from optimizer.errors import ConfigError, ModelError
from optimizer.offline.model import OFFLINE, OfflineModel
from optimizer.offline.serving.desk import Desk, Heard
from optimizer.offline.serving.faults import KINDS, NO_FAULTS, Faults
from optimizer.offline.serving.quota import NO_QUOTA, Quota
from optimizer.offline.serving.wire import BadRequest, events, payload, read_body

__all__ = ["KINDS", "Faults", "Quota", "Server", "application", "running", "serve"]

HOST = "127.0.0.1"


def application(
    *, wait: bool = False, faults: Faults = NO_FAULTS, quota: Quota = NO_QUOTA, heard: Heard | None = None
) -> tuple[web.Application, Callable[[], dict[str, Any]]]:
    """The server as an aiohttp application, and the getter of its counts.

    `heard` is told the model and the question of each whole answer, just before that is sent.
    """
    desk = Desk(wait, faults, quota, heard)
    app = web.Application(client_max_size=32 * 2**20)

    async def chat(request: web.Request) -> web.StreamResponse:
        began = time.perf_counter()
        answer = await _chat(request, desk)
        if not answer.prepared:  # else the headers went out before the first word
            answer.headers["x-promptport-seconds"] = f"{time.perf_counter() - began:.6f}"
        return answer

    async def models(_: web.Request) -> web.Response:
        listed = [{"id": name.removeprefix("offline/"), "object": "model", "owned_by": "simulated"} for name in OFFLINE]
        return web.json_response({"object": "list", "data": listed})

    async def stats(_: web.Request) -> web.Response:
        return web.json_response(desk.stats())

    app.router.add_post("/v1/chat/completions", chat)
    app.router.add_get("/v1/models", models)
    app.router.add_get("/stats", stats)
    return app, desk.stats


async def _chat(http: web.Request, desk: Desk) -> web.StreamResponse:
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
    try:
        response = OfflineModel(name).respond(asked)
    except ModelError as problem:
        return _refuse(problem.status or 400, str(problem), "invalid_request_error", "unsupported_parameter")
    till = desk.till(name)
    if wait := till.take(response.input_tokens + response.output_tokens):
        desk.met["quota"] += 1
        return _limited(till.headers(wait))
    fault = desk.next_fault(name, asked.key(name))
    if fault in ("rate_limit", "error", "hang", "drop"):
        return await _fail(http, fault, desk.faults)
    told = "sim-omega" if fault == "impostor" else str(body["model"])
    begins = OfflineModel(name).begins(asked, response) if body.get("stream") else response.latency
    headers = {"openai-processing-ms": f"{begins * 1000:.3f}", **till.headers(0.0)}
    if desk.wait:
        await asyncio.sleep(begins)
    desk.bill(name, response)
    if fault is None:  # counted before it is sent: who has read the answer finds it in the books
        desk.answered(name, asked)
    if body.get("stream"):
        words = list(events(response, told, body.get("stream_options") or {}))
        pause = (response.latency - begins) / len(words) if desk.wait else 0.0
        return await _stream(http, words[: len(words) // 2] if fault == "truncate" else words, pause, headers)
    text = payload(response, told)
    text = text[: len(text) // 2] if fault == "truncate" else text
    return web.Response(text=text, content_type="application/json", headers=headers)


async def _stream(
    http: web.Request, words: Sequence[str], pause: float, headers: Mapping[str, str]
) -> web.StreamResponse:
    answer = web.StreamResponse(headers={"Content-Type": "text/event-stream", **headers})
    await answer.prepare(http)
    for word in words:
        await answer.write(word.encode())
        await asyncio.sleep(pause)
    return answer


async def _fail(http: web.Request, fault: str, faults: Faults) -> web.StreamResponse:
    if fault == "rate_limit":
        return _limited({"Retry-After": f"{faults.retry_after:g}"})
    if fault == "hang":
        await asyncio.sleep(faults.hang_seconds)
    if fault in ("hang", "drop") and http.transport is not None:
        http.transport.abort()
    return _refuse(500, "The server had an error while processing your request.", "server_error")


def _limited(headers: dict[str, str]) -> web.Response:
    refusal = _refuse(429, "Rate limit reached. Please try again later.", "rate_limit_error", "rate_limit_exceeded")
    refusal.headers.update(headers)
    return refusal


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
    host: str = HOST,
    wait: bool = False,
    faults: Faults = NO_FAULTS,
    quota: Quota = NO_QUOTA,
    heard: Heard | None = None,
) -> Iterator[Server]:
    """Serves from a thread of its own until the block ends. Port 0 takes a free one. `heard`: see `application`.

    Raises ConfigError for an address that other machines can reach: there is no key to this door."""
    _refuse_others(host)
    app, stats = application(wait=wait, faults=faults, quota=quota, heard=heard)
    loop = asyncio.new_event_loop()
    runner = web.AppRunner(app, shutdown_timeout=0.2)

    async def open_up() -> int:
        await runner.setup()
        site = web.TCPSite(runner, host, port)
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
        taken = _opened(asyncio.run_coroutine_threadsafe(open_up(), loop), f"port {port} on {host}")
        yield Server(f"http://{f'[{host}]' if ':' in host else host}:{taken}/v1", stats)
    finally:
        asyncio.run_coroutine_threadsafe(shut(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def _refuse_others(host: str) -> None:
    try:
        within = ipaddress.ip_address(host).is_loopback
    except ValueError:
        within = False
    if not within:
        raise ConfigError(f"host {host!r}: this server is for this machine alone; use {HOST} or ::1")


def _opened(opening: Future[int], place: str) -> int:
    try:
        return opening.result()
    except OSError as problem:
        text = f"{place} cannot be used: {problem}; choose another, or 0 for a free one"
        raise ConfigError(text) from problem


def serve(port: int = 0, *, ready: Callable[[Server], None] | None = None, **options: Any) -> None:
    """Serves until interrupted; `ready` is called once with the running server. `options` are those of `running`."""
    with running(port, **options) as server:
        if ready:
            ready(server)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            return
