"""The wire under LiteLLM: one aiohttp session of ours per event loop, on which every exchange is timed.

The clock runs from the moment the request's headers leave to the moment the last byte of the body is parsed. What a
client does before and after (building objects, waiting for its turn on a busy loop) is not the model's latency.
"""

from __future__ import annotations

import asyncio
import atexit
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from aiohttp import ClientSession


@dataclass
class Exchange:
    """The last HTTP exchange of one call. `status` is what the server sent, whatever a library makes of it."""

    sent: float | None = None
    done: float | None = None
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def seconds(self) -> float | None:
        """None where the exchange did not run on our session, or did not end."""
        return None if self.sent is None or self.done is None else self.done - self.sent


_current: ContextVar[Exchange | None] = ContextVar("exchange", default=None)
_sessions: WeakKeyDictionary[asyncio.AbstractEventLoop, ClientSession] = WeakKeyDictionary()


@contextmanager
def observed() -> Iterator[Exchange]:
    """Notes the exchanges that this task makes inside the block."""
    exchange = Exchange()
    token = _current.set(exchange)
    try:
        yield exchange
    finally:
        _current.reset(token)


def session() -> ClientSession:
    """The session of the running loop. It has no limit of connections: `Limited` decides how many calls are made."""
    import aiohttp

    loop = asyncio.get_running_loop()
    found = _sessions.get(loop)
    if found is None or found.closed:
        found = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, ttl_dns_cache=300),
            cookie_jar=aiohttp.DummyCookieJar(),
            trace_configs=[_tracing()],
        )
        _sessions[loop] = found
    return found


async def close() -> None:
    """Close the running loop's session; the next call opens a new one."""
    if found := _sessions.pop(asyncio.get_running_loop(), None):
        await found.close()
        await asyncio.sleep(0)  # lets the sockets' own callbacks run


def _tracing() -> Any:
    import aiohttp

    config = aiohttp.TraceConfig()
    config.on_request_headers_sent.append(_sent)
    config.on_request_end.append(_answered)
    return config


async def _sent(_session: ClientSession, _context: SimpleNamespace, _params: Any) -> None:
    if exchange := _current.get():
        exchange.sent, exchange.done = time.perf_counter(), None
        exchange.status, exchange.headers = None, {}


async def _answered(_session: ClientSession, _context: SimpleNamespace, params: Any) -> None:
    if exchange := _current.get():
        exchange.status, exchange.headers = params.response.status, params.response.headers
        params.response.content.on_eof(lambda: setattr(exchange, "done", time.perf_counter()))


@atexit.register
def _close_all() -> None:
    for loop, found in list(_sessions.items()):
        if loop.is_running() and not found.closed:
            with suppress(TimeoutError, RuntimeError):
                asyncio.run_coroutine_threadsafe(found.close(), loop).result(timeout=2)
