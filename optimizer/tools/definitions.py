"""What a provider would take: each tool's definition in the form of OpenAI's chat API, and all of them together."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from optimizer.errors import nearest
from optimizer.tools import schema

MODES = ("auto", "required", "none")
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
MOST = 128  # tools, as providers allow
_LONGEST = 200_000  # characters of all definitions together
_KEYS = frozenset({"name", "description", "parameters", "strict"})


def faults(tools: Sequence[Any]) -> Iterator[tuple[str, str]]:
    """Place and problem."""
    seen: dict[str, int] = {}
    for number, tool in enumerate(tools):
        place = f"tools[{number}]"
        if (
            not isinstance(tool, Mapping)
            or tool.get("type") != "function"
            or not isinstance(tool.get("function"), Mapping)
        ):
            yield place, f"must be {{type: function, function: {{name: ..., parameters: ...}}}}, found {brief(tool)}"
            return
        yield from _function_faults(tool["function"], f"{place}.function")
        name = tool["function"].get("name")
        if name in seen:
            yield f"{place}.function.name", f"{name!r} is the name of tools[{seen[name]}] already; names must differ"
        seen[name] = number
    try:
        size = len(json.dumps(list(tools)))
    except (TypeError, ValueError, RecursionError) as error:
        yield "tools", f"cannot be written as JSON: {error}"
        return
    if size > _LONGEST:
        yield "tools", f"all definitions together have {size:,} characters, at most {_LONGEST:,} are sent"


def _function_faults(function: Mapping[str, Any], place: str) -> Iterator[tuple[str, str]]:
    name = function.get("name")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        yield f"{place}.name", f"must be 1 to 64 letters, digits, _ or -, found {brief(name)}"
    elif name in MODES:
        yield f"{place}.name", f"{name!r} means something else in tool_choice; rename the tool"
    for key in function:
        if key not in _KEYS:
            yield f"{place}.{key}", f"no such key.{nearest(str(key), _KEYS)} Known: {', '.join(sorted(_KEYS))}"
    if not isinstance(function.get("description", ""), str):
        yield f"{place}.description", f"must be text, found {brief(function['description'])}"
    parameters = function.get("parameters", {"type": "object"})
    if not isinstance(parameters, Mapping) or parameters.get("type") != "object":
        yield f"{place}.parameters", f"must be a JSON schema with `type: object`, found {brief(parameters)}"
        return
    yield from schema.faults(parameters, f"{place}.parameters")


def brief(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:79]}…"
