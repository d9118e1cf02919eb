"""What a server says of its limits: `x-ratelimit-*`, `anthropic-ratelimit-*`, and both behind a LiteLLM gateway."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

_PREFIXES = ("x-ratelimit-{what}-{kind}", "anthropic-ratelimit-{kind}-{what}")
_GATEWAY = "llm_provider-"


class Rest(NamedTuple):
    """Allowed per minute, and left of it when the answer was made."""

    limit: float
    remaining: float


def stated_limits(headers: Mapping[str, str]) -> Mapping[str, Rest]:
    """By kind, "requests" and "tokens"; nothing of a kind for which the server does not give both numbers."""
    if not any("ratelimit" in name.lower() for name in headers):
        return {}
    lower = {name.lower().removeprefix(_GATEWAY): value.strip() for name, value in headers.items()}
    found = {}
    for kind in ("requests", "tokens"):
        for form in _PREFIXES:
            limit, left = (_number(lower.get(form.format(what=what, kind=kind))) for what in ("limit", "remaining"))
            if limit and left is not None:
                found[kind] = Rest(limit, left)
    return found


def _number(text: str | None) -> float | None:
    return float(text) if text and re.fullmatch(r"\d{1,15}(\.\d{1,9})?", text) else None
