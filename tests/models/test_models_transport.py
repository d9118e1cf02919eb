"""The clock at the wire, against a server in a thread of its own that answers byte by byte as it is told."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import aiohttp
import pytest

from optimizer.models import bridge, transport
from optimizer.models.transport import Exchange

HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nX-Name: value\r\n\r\n"


@contextmanager
def serving(answer: Callable[[socket.socket], None], times: int = 1) -> Iterator[str]:
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        for _ in range(times):
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                answer(connection)
                connection.recv(1)  # until the client closes

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
    bridge.run(transport.close())
    thread.join(5)
    listener.close()


async def get(url: str) -> Exchange:
    with transport.observed() as exchange:
        async with transport.session().post(url, data=b"question") as response:
            await response.read()
    return exchange


def test_the_clock_stops_at_the_last_byte_of_the_body() -> None:
    def slowly(connection: socket.socket) -> None:
        connection.sendall(HEAD + b"a")
        time.sleep(0.2)
        connection.sendall(b"bcd")

    with serving(slowly) as url:
        exchange = bridge.run(get(url))
    assert exchange.seconds is not None
    assert 0.2 <= exchange.seconds < 0.3
    assert (exchange.status, exchange.headers["x-name"]) == (200, "value")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells when the data came")
def test_a_busy_client_does_not_make_the_model_slower() -> None:
    def after_a_tenth(connection: socket.socket) -> None:
        time.sleep(0.1)
        connection.sendall(HEAD + b"abcd")

    async def busy(url: str) -> Exchange:
        asyncio.get_running_loop().call_later(0.05, time.sleep, 0.5)  # the answer comes while the loop is stuck
        return await get(url)

    with serving(after_a_tenth) as url:
        exchange = bridge.run(busy(url))
    assert exchange.seconds is not None
    assert 0.09 <= exchange.seconds < 0.2


def test_an_exchange_that_breaks_off_has_no_time() -> None:
    async def broken(url: str) -> Exchange:
        with transport.observed() as exchange, pytest.raises(aiohttp.ClientError):
            await transport.session().post(url, data=b"question")
        return exchange

    with serving(lambda connection: connection.shutdown(socket.SHUT_RDWR)) as url:
        exchange = bridge.run(broken(url))
    assert (exchange.seconds, exchange.status) == (None, None)


def test_a_loop_has_one_session_until_it_is_closed() -> None:
    async def sessions() -> tuple[bool, bool]:
        first = transport.session()
        same = transport.session() is first
        await transport.close()
        return same, first.closed

    assert bridge.run(sessions()) == (True, True)


def test_a_process_that_closes_nothing_ends_without_a_word() -> None:
    code = """
from optimizer.models import bridge, transport
async def main():
    transport.session()
bridge.run(main())
"""
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
