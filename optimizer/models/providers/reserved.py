"""Parameters that no task may set: what this program sets itself, and secrets."""

from __future__ import annotations

import re

from optimizer.errors import ConfigError
from optimizer.types import Params

#: `n` answers would be paid and one used; a stream would be another answer's shape.
_RESERVED = re.compile(
    r"model|messages|stream|n|api_key|api_base|base_url|timeout|max_retries|num_retries|fallbacks|disable_fallbacks"
    r"|cache|caching|client|mock_response|extra_headers|shared_session"
)
_SECRET = re.compile(r"api_key|secret|password|credential|access_key|(^|_)(access|session|ad|auth)_token$")


def refuse(model: str, params: Params) -> None:
    """Raises ConfigError for the first that may not stand there."""
    for name in params:
        if _RESERVED.fullmatch(name):
            raise ConfigError(f"model {model!r}: params.{name} is set by this program; remove it")
        if _SECRET.search(name):
            raise ConfigError(f"model {model!r}: params.{name}: secrets come from the environment only; remove it")
