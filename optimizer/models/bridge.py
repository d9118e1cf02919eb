"""The one event loop on which all model calls live, and the way in from any thread."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from functools import cache
from typing import Any, TypeVar

T = TypeVar("T")

_FAREWELL = 10.0  # seconds in which work that is broken off may come to its end


@cache
def _loop() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="promptport-models", daemon=True).start()
    return loop


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run `work` on the loop and wait for it; may be called from every thread but the loop's own.

    Ctrl-C in the waiting thread cancels the work, and waits until it has ended: what it uses is closed only then.
    """
    ended = threading.Event()

    async def begin() -> asyncio.Task[T]:
        task = asyncio.get_running_loop().create_task(work)
        task.add_done_callback(lambda _: ended.set())
        return task

    task = asyncio.run_coroutine_threadsafe(begin(), _loop()).result()
    try:
        ended.wait()
    except BaseException:
        _loop().call_soon_threadsafe(task.cancel)
        if ended.wait(_FAREWELL) and not task.cancelled():
            task.exception()  # seen: it has been told to stop, how it did so is nobody's concern
        raise
    return task.result()
