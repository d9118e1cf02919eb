"""What a provider says that it serves: its list of models. Waited for a few seconds at most, and never needed.

A list that cannot be had says nothing: not reachable, no key, another form. One that can be had may lack the model
that is meant, because it was withdrawn, is misspelt, or is not open to this key.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from fnmatch import fnmatchcase
from typing import Any

from optimizer.models import transport
from optimizer.models.replies.names import same_model

#: Where the providers' own lists are. Those whose lists leave models out that they serve are not here.
LISTS: Mapping[str, str] = {
    "openai": "https://api.openai.com/v1/models",
    "anthropic": "https://api.anthropic.com/v1/models?limit=1000",
    "gemini": "https://generativelanguage.googleapis.com/v1beta/models?pageSize=1000",
    "mistral": "https://api.mistral.ai/v1/models",
    "groq": "https://api.groq.com/openai/v1/models",
    "deepseek": "https://api.deepseek.com/models",
    "xai": "https://api.x.ai/v1/models",
    "cerebras": "https://api.cerebras.ai/v1/models",
    "openrouter": "https://openrouter.ai/api/v1/models",
}
_MOST = 5_000_000  # bytes; a longer list is not read
_ENDS = ("deprecation", "deprecation_date", "expiration_date")  # what providers call a model's end in their lists


@dataclass(frozen=True)
class Listing:
    """The names in a list, each with the day of its end where the list tells one.

    `gateway`: it is a LiteLLM proxy's, and so what the key may call.
    """

    where: str
    ends: Mapping[str, date | None]
    gateway: bool = False

    def note(self, model: str) -> str:
        """What the list says about a model that ought to be known; "" where all is well."""
        found = [name for name in self.ends if same_model(model, name) or _covers(name, model)]
        if not found:
            return (
                f"{model!r} is not in the list of models at {self.where} ({len(self.ends)} names): it may be "
                "withdrawn, misspelt, or not open to this key"
            )
        days = [day for name in found if (day := self.ends[name])]
        if len(days) < len(found):
            return ""
        return f"{model!r} has an end date: {max(days).isoformat()}, by the list of models at {self.where}"


def read_listing(data: bytes, where: str) -> Listing | None:
    """A list in one of the forms in use: `data` or `models`, or the list itself; None for anything else."""
    if len(data) > _MOST:
        return None
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        return None
    rows = found.get("data", found.get("models")) if isinstance(found, dict) else found
    named = {name: _end(row) for row in rows if (name := _name(row))} if isinstance(rows, list) else {}
    return Listing(where, named) if named else None


async def provider_listing(
    provider: str, key: str, lists: Mapping[str, str] = LISTS, seconds: float = 3.0
) -> Listing | None:
    """The provider's own list; None where there is none to be had in time. Raises nothing: a check goes on without."""
    url = lists.get(provider)
    moved = any(os.environ.get(f"{provider.upper()}_{name}") for name in ("BASE_URL", "API_BASE"))
    if not url or not key or moved:  # a key that belongs to another server is never sent to this one
        return None
    import aiohttp

    try:
        limit = aiohttp.ClientTimeout(total=seconds)
        async with transport.session().get(
            url, headers=_headers(provider, key), timeout=limit, allow_redirects=False
        ) as answer:
            data = await answer.content.read(_MOST + 1) if answer.status == 200 else b""
            while answer.status == 200 and len(data) <= _MOST and (more := await answer.content.read(_MOST)):
                data += more
    except (aiohttp.ClientError, OSError, ValueError):  # TimeoutError is an OSError
        return None
    return read_listing(data, url.partition("?")[0])


def _headers(provider: str, key: str) -> dict[str, str]:
    if provider == "anthropic":
        return {"x-api-key": key, "anthropic-version": "2023-06-01"}
    return {"x-goog-api-key": key} if provider == "gemini" else {"Authorization": f"Bearer {key}"}


def _name(row: Any) -> str:
    found = row.get("id", row.get("name")) if isinstance(row, dict) else None
    return found.removeprefix("models/") if isinstance(found, str) else ""


def _end(row: Mapping[str, Any]) -> date | None:
    told = next((row[key] for key in _ENDS if isinstance(row.get(key), str)), "")
    try:
        return date.fromisoformat(told[:10])
    except ValueError:
        return None


def _covers(pattern: str, model: str) -> bool:
    """A gateway may list `openai/*`, or `*`."""
    return "*" in pattern and (fnmatchcase(model, pattern) or fnmatchcase(model.partition("/")[2], pattern))
