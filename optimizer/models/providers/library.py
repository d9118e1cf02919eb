"""LiteLLM itself. It is opened here only, at the first call (that takes seconds), with its network look-ups, its `.env`
reading, its own retries and its caches switched off: retries, limits, caching and money are this package's business.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import Any

_SWITCHES = {
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",  # else a download at import, and another table in the middle of a run
    "LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS": "True",
    "LITELLM_MODE": "PRODUCTION",  # else a .env file above the environment is read
}
_opened: list[Any] = []
_internal: list[ContextVar[bool]] = []


def opened() -> Any:
    """The library with its switches set; takes seconds the first time."""
    if _opened:
        return _opened[0]
    os.environ.update(_SWITCHES)
    import litellm

    with suppress(ImportError):
        from litellm._internal_context import is_internal_call

        _internal[:] = [is_internal_call]
    if "LITELLM_LOG" not in os.environ:
        logging.getLogger("LiteLLM").setLevel(logging.CRITICAL)  # what matters is raised; it also prints at exit

    litellm.suppress_debug_info = True  # else advice is printed among the user's output
    litellm.DEFAULT_MAX_RETRIES = 0  # which it takes where it is told 0, when embedding
    litellm.disable_hf_tokenizer_download = True  # else counting tokens for some names waits for a hub
    _opened[:] = [litellm]
    return litellm


async def library() -> Any:
    """The same from a coroutine, whose loop goes on while it is opened."""
    return _opened[0] if _opened else await asyncio.to_thread(opened)


@contextmanager
def unlogged() -> Iterator[None]:
    """Spares LiteLLM's queue of log entries, which nobody reads: a fifth of its time, and errors printed at exit."""
    tokens = [(flag, flag.set(True)) for flag in _internal]
    try:
        yield
    finally:
        for flag, token in tokens:
            flag.reset(token)


def http_client(timeout: float, session: Any) -> Any:
    """LiteLLM's HTTP client on a session of ours."""
    from litellm.llms.custom_httpx.http_handler import AsyncHTTPHandler

    return AsyncHTTPHandler(timeout=timeout, shared_session=session)
