"""The wire under LiteLLM: one aiohttp session of ours per event loop, on which every exchange is timed.

The clock runs from the moment the request has left to the moment the answer's last byte arrives. What a client does
before and after (building objects, waiting for its turn on a busy loop) is not the model's latency. On Linux the
kernel's own notes of these two moments are used where the loop was too busy to see them in time.
"""

from __future__ import annotations

import asyncio
import atexit
import socket
import struct
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from aiohttp import ClientResponse, ClientSession

_TICK = 0.004  # the kernel's notes are that coarse on most machines
_TCP_INFO_SIZE, _LAST_SENT, _LAST_RECEIVED = 104, 44, 52  # struct tcp_info, stable since Linux 2.6: ages in ms


class Exchange:
    """The last HTTP exchange of one call. `status` is what the server sent, whatever a library makes of it."""

    def __init__(self) -> None:
        self.status: int | None = None
        self.headers: Mapping[str, str] = {}
        self.seconds: float | None = None  # None where the exchange was not on our session, or did not end
        self._sent = 0.0
        self._socket: socket.socket | None = None

    def sent(self, on: socket.socket | None) -> None:
        self.status, self.headers, self.seconds = None, {}, None
        self._sent, self._socket = time.perf_counter(), on

    def answered(self, response: ClientResponse) -> None:
        self.status, self.headers = response.status, response.headers
        response.content.on_eof(self._ended)

    def _ended(self) -> None:
        seen = time.perf_counter() - self._sent  # never too short: the loop looks at the socket when it has time
        noted = _kernel_seconds(self._socket)
        self.seconds = seen if noted is None or seen - noted <= _TICK else noted
        self._socket = None


_current: ContextVar[Exchange | None] = ContextVar("exchange", default=None)
_sessions: WeakKeyDictionary[asyncio.AbstractEventLoop, ClientSession] = WeakKeyDictionary()


@contextmanager
def observed() -> Iterator[Exchange]:
    """Notes the last exchange that this task makes inside the block."""
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
            response_class=_timed_response(),
        )
        _sessions[loop] = found
    return found


async def close() -> None:
    """Close the running loop's session; the next call opens a new one."""
    if found := _sessions.pop(asyncio.get_running_loop(), None):
        await found.close()
        await asyncio.sleep(0)  # lets the sockets' own callbacks run


def _timed_response() -> type[ClientResponse]:
    import aiohttp

    class TimedResponse(aiohttp.ClientResponse):
        async def start(self, connection: Any) -> aiohttp.ClientResponse:
            exchange = _current.get()
            if exchange and connection.transport:
                exchange.sent(connection.transport.get_extra_info("socket"))
            await super().start(connection)
            if exchange:
                exchange.answered(self)
            return self

    return TimedResponse


def _kernel_seconds(on: socket.socket | None) -> float | None:
    """From the last data sent to the last data received on a connection; None where the kernel does not tell."""
    if on is None or not sys.platform.startswith("linux"):
        return None
    try:
        info = on.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO_SIZE)
        sent, received = (struct.unpack_from("I", info, offset)[0] for offset in (_LAST_SENT, _LAST_RECEIVED))
    except (OSError, struct.error):
        return None
    return (sent - received) / 1000 if sent >= received else None


@atexit.register
def _close_all() -> None:
    for loop, found in list(_sessions.items()):
        if loop.is_running() and not found.closed:
            with suppress(TimeoutError, RuntimeError):
                asyncio.run_coroutine_threadsafe(found.close(), loop).result(timeout=2)
