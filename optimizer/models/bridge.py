"""The one event loop on which all model calls live, and the way in from any thread."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import Coroutine
from functools import cache
from typing import Any, TypeVar

T = TypeVar("T")

_LITTER = 20_000  # new objects before a look for litter: each look walks past all calls that wait, thousands of them
_FAREWELL = 10.0  # seconds in which work that is broken off may come to its end


_opening = threading.Lock()  # several threads may come in at once, and all must find the same loop


def _loop() -> asyncio.AbstractEventLoop:
    with _opening:
        return _made()


@cache
def _made() -> asyncio.AbstractEventLoop:
    young, *older = gc.get_threshold()
    if young:  # 0: somebody switched it off
        gc.set_threshold(max(young, _LITTER), *older)
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="promptport-models", daemon=True).start()
    return loop


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run `work` on the loop and wait for it; may be called from every thread but the loop's own.

    Ctrl-C in the waiting thread cancels the work, and waits until it has ended: what it uses is closed only then.
    """
    loop, ended, tasks = _loop(), threading.Event(), list[asyncio.Task[T]]()

    def begin() -> None:
        tasks.append(loop.create_task(work))
        tasks[0].add_done_callback(lambda _: ended.set())

    def stop() -> None:
        tasks[0].cancel()

    try:
        loop.call_soon_threadsafe(begin)
        ended.wait()
    except BaseException:
        loop.call_soon_threadsafe(stop)
        if ended.wait(_FAREWELL) and not tasks[0].cancelled():
            tasks[0].exception()  # seen: it was told to stop, and how it did so concerns nobody
        raise
    return tasks[0].result()
