"""The wire under LiteLLM: one aiohttp session of ours per event loop, on which every exchange is timed.

The clock runs from the moment the request leaves to the moment the answer's last byte arrives at this machine. What a
client does before and after (building objects, waiting for its turn on a busy loop) is not the model's latency. On
Linux the kernel stamps what arrives, so a loop that looks late reads the right time all the same.
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
from weakref import WeakKeyDictionary, WeakValueDictionary

if TYPE_CHECKING:
    from aiohttp import ClientResponse, ClientSession

_STAMPS = 35  # SO_TIMESTAMPNS, and the type of the notes that come with the data: (seconds, nanoseconds)
_NOTE = struct.Struct("@ll")
_ROOM = socket.CMSG_SPACE(_NOTE.size) if hasattr(socket, "CMSG_SPACE") else 0
_SET = 0.001  # seconds by which the wall clock must have been moved for its stamps not to count


class StampedSocket(socket.socket):
    """Knows when it last sent, on both clocks, and when the kernel got what was last read, on the wall clock."""

    sent = (0.0, 0.0)
    received = 0.0

    def send(self, data: Any, flags: int = 0) -> int:
        self.sent = (time.perf_counter(), time.time())
        return super().send(data, flags)

    def sendmsg(self, *arguments: Any) -> int:
        self.sent = (time.perf_counter(), time.time())
        return super().sendmsg(*arguments)

    def recv(self, size: int, flags: int = 0) -> bytes:
        data, notes, _, _ = self.recvmsg(size, _ROOM, flags)
        self._read(notes)
        return data

    def recv_into(self, buffer: Any, nbytes: int = 0, flags: int = 0) -> int:
        read, notes, _, _ = self.recvmsg_into([memoryview(buffer)[: nbytes or None]], _ROOM, flags)
        self._read(notes)
        return read

    def _read(self, notes: Any) -> None:
        for level, kind, note in notes:
            if (level, kind, len(note)) == (socket.SOL_SOCKET, _STAMPS, _NOTE.size):
                seconds, nanoseconds = _NOTE.unpack(note)
                self.received = seconds + nanoseconds / 1e9

    def seconds(self) -> float | None:
        """From the last sending to the last arrival; None where the kernel does not tell, or the clock was set."""
        (ticked, at), gap = self.sent, time.perf_counter() - time.time()
        if not self.received or abs(gap - (ticked - at)) > _SET:
            return None
        return self.received - at if self.received >= at else None


class Exchange:
    """The last HTTP exchange of one call. `status` is what the server sent, whatever a library makes of it."""

    def __init__(self) -> None:
        self.status: int | None = None
        self.headers: Mapping[str, str] = {}
        self.seconds: float | None = None  # None where the exchange was not on our session, or did not end
        self.left = False  # has a request gone out?
        self._sent = 0.0
        self._socket: StampedSocket | None = None

    def sent(self, on: int) -> None:
        self.status, self.headers, self.seconds, self.left = None, {}, None, True
        self._sent, self._socket = time.perf_counter(), _stamped.get(on)

    def answered(self, response: ClientResponse) -> None:
        self.status, self.headers = response.status, response.headers
        response.content.on_eof(self._ended)

    def so_far(self) -> float:
        """Seconds from the request to what came last."""
        noted = self._socket.seconds() if self._socket else None
        # Without stamps never too short: the loop looks at the socket when it has time.
        return time.perf_counter() - self._sent if noted is None else noted

    def _ended(self) -> None:
        self.seconds = self.so_far()
        self._socket = None


_current: ContextVar[Exchange | None] = ContextVar("exchange", default=None)
_sessions: WeakKeyDictionary[asyncio.AbstractEventLoop, ClientSession] = WeakKeyDictionary()
_stamped: WeakValueDictionary[int, StampedSocket] = WeakValueDictionary()  # by file number: asyncio hides its sockets


@contextmanager
def observed() -> Iterator[Exchange]:
    """Notes the last exchange that this task makes inside the block; a block around it learns what was answered."""
    outer, exchange = _current.get(), Exchange()
    token = _current.set(exchange)
    try:
        yield exchange
    finally:
        _current.reset(token)
        if outer:
            outer.status, outer.headers, outer.left = exchange.status, exchange.headers, exchange.left


def since_asked() -> float | None:
    """Seconds from the request that this task made last, inside such a block, to what came of its answer so far."""
    exchange = _current.get()
    return exchange.so_far() if exchange else None


def session() -> ClientSession:
    """The session of the running loop. It has no limit of connections: `Limited` decides how many calls are made."""
    import aiohttp

    loop = asyncio.get_running_loop()
    found = _sessions.get(loop)
    if found is None or found.closed:
        found = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, ttl_dns_cache=300, socket_factory=_stamping()),
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
                exchange.sent(connection.transport.get_extra_info("socket").fileno())
            await super().start(connection)
            if exchange:
                exchange.answered(self)
            return self

    return TimedResponse


def stamped(*arguments: Any, **options: Any) -> StampedSocket:
    """A socket to whose data the kernel adds when it came; `arguments` are those of `socket`."""
    made = StampedSocket(*arguments, **options)
    with suppress(OSError):
        made.setsockopt(socket.SOL_SOCKET, _STAMPS, 1)
    _stamped[made.fileno()] = made
    return made


def _stamping() -> Any:
    """Makes the session's sockets; None, for the usual ones, where the kernel does not stamp."""
    if not sys.platform.startswith("linux"):
        return None

    return lambda address: stamped(*address[:3])


@atexit.register
def _close_all() -> None:
    for loop, found in list(_sessions.items()):
        if loop.is_running() and not found.closed:
            with suppress(TimeoutError, RuntimeError):
                asyncio.run_coroutine_threadsafe(found.close(), loop).result(timeout=2)
