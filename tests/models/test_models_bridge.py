"""The way from threads to the one event loop, and back."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from optimizer.models import bridge


async def answer(value: int) -> int:
    await asyncio.sleep(0)
    return value


async def fails() -> None:
    raise KeyError("lost")


def test_what_the_work_returns_or_raises_comes_back() -> None:
    assert bridge.run(answer(7)) == 7
    with pytest.raises(KeyError, match="lost"):
        bridge.run(fails())


def test_all_threads_share_one_loop() -> None:
    async def mine() -> asyncio.AbstractEventLoop:
        return asyncio.get_running_loop()

    loops: list[asyncio.AbstractEventLoop] = []
    threads = [threading.Thread(target=lambda: loops.append(bridge.run(mine()))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(loops) == 8 and len(set(loops)) == 1


def test_work_that_cancels_itself_is_said_to_be_cancelled() -> None:
    async def gives_up() -> None:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        bridge.run(gives_up())


@pytest.mark.skipif(threading.current_thread() is not threading.main_thread(), reason="signals reach the main thread")
def test_control_c_waits_until_the_work_has_taken_its_leave() -> None:
    """Whoever interrupts closes files next; nothing may still be using them."""
    started, told = threading.Event(), []

    async def works() -> None:
        started.set()
        try:
            await asyncio.sleep(60)
        finally:
            time.sleep(0.2)
            told.append("ended")

    def strikes() -> None:
        started.wait()
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=strikes).start()
    with pytest.raises(KeyboardInterrupt):
        bridge.run(works())

    assert told == ["ended"]


def test_threads_that_come_in_at_once_find_the_same_loop() -> None:
    told = """
import asyncio, sys, threading
from optimizer.models import bridge
sys.setswitchinterval(1e-6)
found, ready = [], threading.Barrier(16)
async def here(): return id(asyncio.get_running_loop())
def come(): ready.wait(); found.append(bridge.run(here()))
threads = [threading.Thread(target=come) for _ in range(16)]
[thread.start() for thread in threads]; [thread.join() for thread in threads]
print(len(set(found)))
"""
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "1"
