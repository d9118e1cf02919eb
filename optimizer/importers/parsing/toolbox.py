"""Functions that a prompt offers, as other tools write them, in the form of OpenAI's chat, which a task takes."""

from __future__ import annotations

from typing import Any

from optimizer.errors import ConfigError
from optimizer.importers.parsing.chat import Losses
from optimizer.importers.parsing.node import Node
from optimizer.importers.values import ImportFault
from optimizer.tools import Toolset

_KINDS = {"string": "string", "integer": "integer", "float": "number", "number": "number", "boolean": "boolean"}
_KINDS |= {"array": "array", "object": "object"}


def openai(tools: Node, lost: Losses) -> tuple[dict[str, Any], ...]:
    """As chat completions or responses write them; tools of other kinds are listed as lost."""
    found = []
    for tool in tools.items():
        kind = tool["type"].text()
        if kind != "function":
            lost.add(f"{tool.path}: a tool of the kind {kind!r}, which the provider runs itself")
        elif tool.has("function"):
            found.append(dict(tool.mapping()))
        else:
            found.append({"type": "function", "function": {k: v for k, v in tool.mapping().items() if k != "type"}})
    return checked(found, tools)


def choice(node: Node, lost: Losses) -> str | None:
    """auto, required, none, or the name of the function that must be called."""
    if isinstance(node.value, dict):
        inner = node["function"] if node.has("function") else node
        return inner["name"].text()
    if node.value in ("any", "ANY"):
        lost.add(f"{node.path}: 'any', which is called 'required' here")
        return "required"
    return node.maybe()


def bedrock(config: Node, lost: Losses) -> tuple[dict[str, Any], ...]:
    """As Bedrock's toolConfiguration writes them."""
    found = []
    for tool in config["tools"].items():
        if not tool.has("toolSpec"):
            lost.add(f"{tool.path}: {', '.join(tool.mapping()) or 'nothing'}, which is no function")
            continue
        spec = tool["toolSpec"]
        words = spec["description"].maybe()
        told: dict[str, Any] = {"name": spec["name"].text(), **({"description": words} if words else {})}
        found.append({"type": "function", "function": told | {"parameters": spec["inputSchema"]["json"].mapping()}})
    return checked(found, config)


def prompty(tool: Node, lost: Losses) -> dict[str, Any] | None:
    """One tool of a .prompty file: a function with a list of parameters, or with a JSON schema (version 1)."""
    kind = (tool["kind"] if tool.has("kind") else tool["type"]).text()
    if kind != "function":
        lost.add(f"{tool.path}: a tool of the kind {kind!r}, which is no function")
        return None
    if tool.has("function"):
        return {"type": "function", "function": tool["function"].mapping()}
    properties: dict[str, Any] = {}
    required = []
    for item in tool["parameters"].items() if isinstance(tool["parameters"].value, list) else ():
        told = {"type": item["kind"].one_of(_KINDS)}
        told |= {"description": item["description"].text()} if item["description"] else {}
        told |= {"enum": [one.value for one in item["enumValues"].items()]} if item["enumValues"] else {}
        properties[item["name"].text()] = told
        if item["required"].value is True:
            required.append(item["name"].text())
    schema: dict[str, Any] = {
        "type": "object",
        "properties": properties,
        **({"required": required} if required else {}),
    }
    if isinstance(tool["parameters"].value, dict):
        schema = tool["parameters"].mapping()
    words = tool["description"].maybe()
    named = {"name": tool["name"].text(), **({"description": words} if words else {}), "parameters": schema}
    return {"type": "function", "function": named}


def checked(tools: list[dict[str, Any]], node: Node) -> tuple[dict[str, Any], ...]:
    """Raises ImportFault for what no provider would take."""
    if tools:
        try:
            Toolset.read(tools)
        except ConfigError as error:
            raise ImportFault(f"{node.place}: {error}") from error
    return tuple(tools)
