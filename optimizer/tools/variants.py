"""Other wordings and another order of the same tools. Names and schemas stay: the application knows them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from optimizer.tools.toolset import Toolset


def chosen(tools: Toolset, choice: str) -> Toolset:
    """Whether the model must call; who must call one tool goes on doing so."""
    return tools if tools.choice in tools.functions else replace(tools, choice=choice)


def stated(tools: Toolset, _value: str) -> Toolset:
    """Described in the instructions as well: some models hardly read what stands beside the messages."""
    return replace(tools, stated=True)


def ordered(tools: Toolset, order: str) -> Toolset:
    """`by_name`, or `reversed`: models lean towards what stands first or last."""
    named = {"by_name": sorted(tools.functions), "reversed": list(tools.functions)[::-1]}[order]
    by_name = {tool["function"]["name"]: tool for tool in tools.definitions}
    return replace(tools, definitions=tuple(by_name[name] for name in named))


def worded(tools: Toolset, how: str) -> Toolset:
    """`brief`: the first sentence of every description. `explicit`: every parameter says whether it is required and
    what may stand there. `gathered`: the tool's own description says what its parameters' do."""
    change = {"brief": _brief, "explicit": _explicit, "gathered": _gathered}[how]
    return replace(tools, definitions=tuple({**t, "function": change(t["function"])} for t in tools.definitions))


def _brief(function: Mapping[str, Any]) -> dict[str, Any]:
    cut = _parameters(function, lambda _name, spec: _first_sentence(spec.get("description", "")))
    return {**cut, "description": _first_sentence(function["description"])} if "description" in function else cut


def _explicit(function: Mapping[str, Any]) -> dict[str, Any]:
    needed = function.get("parameters", {}).get("required", [])

    def told(name: str, spec: Mapping[str, Any]) -> str:
        return " ".join(
            _sentences(spec, "Required." if name in needed else "Optional: leave it out where nothing is said.")
        )

    return _parameters(function, told)


def _gathered(function: Mapping[str, Any]) -> dict[str, Any]:
    specs = function.get("parameters", {}).get("properties", {})
    told = [
        f"{n}: {spec['description']}"
        for n, spec in specs.items()
        if isinstance(spec, Mapping) and spec.get("description")
    ]
    parts = [function.get("description", ""), f"Arguments: {'; '.join(told)}" if told else ""]
    return {**function, "description": " ".join(part for part in parts if part)}


def _sentences(spec: Mapping[str, Any], needed: str) -> Iterator[str]:
    if about := str(spec.get("description", "")).strip():
        yield about if about.endswith((".", "!", "?")) else f"{about}."
    yield needed
    if choices := spec.get("enum"):
        yield f"One of {', '.join(json.dumps(choice, ensure_ascii=False) for choice in choices)}."


def _parameters(function: Mapping[str, Any], told: Callable[[str, Mapping[str, Any]], str]) -> dict[str, Any]:
    """The function with other descriptions of its parameters; an empty one changes nothing."""
    parameters = function.get("parameters", {})
    changed = {
        name: {**spec, "description": text} if isinstance(spec, Mapping) and (text := told(name, spec)) else spec
        for name, spec in parameters.get("properties", {}).items()
    }
    return {**function, "parameters": {**parameters, "properties": changed}} if changed else dict(function)


def _first_sentence(text: str) -> str:
    return re.split(r"(?<=[.!?])\s+(?=[A-Z])|\n", text.strip(), maxsplit=1)[0]
