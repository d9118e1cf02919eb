"""The one event loop on which all model calls live, and the way in from any thread."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from functools import cache
from typing import Any, TypeVar

T = TypeVar("T")


@cache
def _loop() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="promptport-models", daemon=True).start()
    return loop


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run `work` on the loop and wait for it; may be called from every thread but the loop's own."""
    future = asyncio.run_coroutine_threadsafe(work, _loop())
    try:
        return future.result()
    except BaseException:
        future.cancel()  # Ctrl-C in the waiting thread must not leave calls running
        raise
