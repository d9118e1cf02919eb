"""Functions that a model may call: their definitions, as OpenAI's chat API writes them, and whether it must call one.

A definition is sent as it stands; what is checked is that a provider would take it. An answer's calls are held against
the parameters as far as the bundle's reader can (types, choices, required keys); see `schema.reduced`.

`schema` reads the parameters' schemas, `variants` words and orders the same tools otherwise.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from optimizer.errors import ConfigError, nearest
from optimizer.tools.schema import faults, reduced

__all__ = ["MODES", "Toolset"]

MODES = ("auto", "required", "none")
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_MOST, _LONGEST = 128, 200_000  # tools, as providers allow; characters of all definitions together
_KEYS = frozenset({"name", "description", "parameters", "strict"})


@dataclass(frozen=True)
class Toolset:
    """`choice`: None (nothing is said), "auto", "required", "none", or the name of the tool that must be called.

    `stated`: the tools and their parameters are described in the instructions as well.
    """

    definitions: tuple[Mapping[str, Any], ...] = ()
    choice: str | None = None
    stated: bool = False

    @classmethod
    def read(cls, tools: Any, choice: Any = None) -> Toolset:
        """Raises ConfigError with the place of what no provider would take."""
        if choice is not None and not tools:
            raise ConfigError("tool_choice: there are no tools to choose from; list them in `tools`, or remove it")
        if not isinstance(tools, Sequence) or isinstance(tools, str) or len(tools) > _MOST:
            raise ConfigError(f"tools: must be a list of 1 to {_MOST} tools, found {_brief(tools)}")
        for place, problem in _faults(tools):
            raise ConfigError(f"{place}: {problem}")
        return cls(tuple(tools), _chosen(choice, [tool["function"]["name"] for tool in tools]))

    @cached_property
    def functions(self) -> Mapping[str, Mapping[str, Any]]:
        """By name, in order."""
        return {tool["function"]["name"]: tool["function"] for tool in self.definitions}

    @cached_property
    def parameters(self) -> dict[str, Any]:
        """By tool, the schema of its arguments in the keywords that the bundle's reader knows."""
        return {name: reduced(tool.get("parameters", {})) for name, tool in self.functions.items()}

    @property
    def needed(self) -> bool:
        """Whether an answer without a call is no answer."""
        return self.choice not in (None, "auto", "none")

    @property
    def sent(self) -> dict[str, Any]:
        """The request's parameters that offer the tools."""
        if not self.definitions:
            return {}
        choice: Any = self.choice
        if choice is not None and choice not in MODES:
            choice = {"type": "function", "function": {"name": choice}}
        tools = [dict(tool) for tool in self.definitions]
        return {"tools": tools} if choice is None else {"tools": tools, "tool_choice": choice}

    @property
    def text(self) -> str:
        """The tools in words, for the instructions; nothing where they are not stated there."""
        if not self.stated or not self.definitions:
            return ""
        return "\n".join(
            ["You can call these tools:", *(line for tool in self.functions.values() for line in _told(tool))]
        )

    def to_dict(self) -> dict[str, Any]:
        return {"definitions": [dict(tool) for tool in self.definitions], "choice": self.choice, "stated": self.stated}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Toolset:
        return cls(tuple(data["definitions"]), data["choice"], data["stated"])

    def __bool__(self) -> bool:
        return bool(self.definitions)


def _faults(tools: Sequence[Any]) -> Iterator[tuple[str, str]]:
    seen: dict[str, int] = {}
    for number, tool in enumerate(tools):
        place = f"tools[{number}]"
        if (
            not isinstance(tool, Mapping)
            or tool.get("type") != "function"
            or not isinstance(tool.get("function"), Mapping)
        ):
            yield place, f"must be {{type: function, function: {{name: ..., parameters: ...}}}}, found {_brief(tool)}"
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
        yield f"{place}.name", f"must be 1 to 64 letters, digits, _ or -, found {_brief(name)}"
    elif name in MODES:
        yield f"{place}.name", f"{name!r} means something else in tool_choice; rename the tool"
    for key in function:
        if key not in _KEYS:
            yield f"{place}.{key}", f"no such key.{nearest(str(key), _KEYS)} Known: {', '.join(sorted(_KEYS))}"
    if not isinstance(function.get("description", ""), str):
        yield f"{place}.description", f"must be text, found {_brief(function['description'])}"
    parameters = function.get("parameters", {"type": "object"})
    if not isinstance(parameters, Mapping) or parameters.get("type") != "object":
        yield f"{place}.parameters", f"must be a JSON schema with `type: object`, found {_brief(parameters)}"
        return
    yield from faults(parameters, f"{place}.parameters")


def _chosen(choice: Any, names: Sequence[str]) -> str | None:
    """The mode, or the name of the tool, in OpenAI's long form or in short."""
    if isinstance(choice, Mapping) and isinstance(choice.get("function"), Mapping):
        choice = choice["function"].get("name")
    if choice is None or (isinstance(choice, str) and choice in (*MODES, *names)):
        return choice
    known = ", ".join((*MODES, *names))
    raise ConfigError(f"tool_choice: no tool is called {_brief(choice)}.{nearest(str(choice), names)} Known: {known}")


def _told(function: Mapping[str, Any]) -> Iterator[str]:
    parameters = function.get("parameters", {})
    needed, specs = parameters.get("required", []), parameters.get("properties", {})
    yield f"- {function['name']}: {function.get('description', '')}".rstrip(": ")
    for name, spec in specs.items():
        facts = spec if isinstance(spec, Mapping) else {}
        yield f"  - {name} ({_kind(facts)}{', required' if name in needed else ''}): {_about(facts)}".rstrip(": ")


def _kind(spec: Mapping[str, Any]) -> str:
    kind = spec.get("type", "any value")
    return " or ".join(map(str, kind)) if isinstance(kind, list) else str(kind)


def _about(spec: Mapping[str, Any]) -> str:
    listed = ", ".join(json.dumps(choice, ensure_ascii=False) for choice in spec.get("enum", ()))
    told = str(spec.get("description", "")).strip()
    return " ".join(part for part in (told, f"One of {listed}." if listed else "") if part)


def _brief(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:79]}…"
