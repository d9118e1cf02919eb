"""Parameters that no task may set: what this program sets itself, and secrets."""

from __future__ import annotations

import re

from optimizer.errors import ConfigError
from optimizer.types import Params

#: What the program sets itself, and where the user's say in it is.
SET_HERE = {
    "model": "it is the section's `model`",
    "messages": "they are made from `prompt`",
    "stream": "replies are read whole",
    "n": "a repeated question is a call of its own",
    "api_base": "put it beside `params`",
    "base_url": "put it beside `params`, as `api_base`",
    "timeout": "put it beside `params`",
    "num_retries": "retries are made, and counted, by the program",
    "max_retries": "retries are made, and counted, by the program",
    "caching": "answers are remembered by the program",
    "cache": "answers are remembered by the program",
    "fallbacks": "another model's answer is never scored",
    "disable_fallbacks": "it is sent where a gateway knows it",
    "extra_headers": "headers are set by the program",
    "client": "connections are made by the program",
    "shared_session": "connections are made by the program",
    "mock_response": "models without a network have names that begin with offline/",
}
_SECRET = re.compile(r"api_key|secret|password|credential|access_key|(^|_)(access|session|ad|auth)_token$")


def refuse(model: str, params: Params) -> None:
    """Raises ConfigError for the first that may not stand there."""
    for name in params:
        if name in SET_HERE or name == "api_key":
            raise ConfigError(f"model {model!r}: params.{name} is set by this program; remove it")
        if _SECRET.search(name):
            raise ConfigError(f"model {model!r}: params.{name}: secrets come from the environment only; remove it")
