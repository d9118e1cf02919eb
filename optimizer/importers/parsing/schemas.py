"""Forms of a reply that other tools state, as the section `reply` of a task: as much of JSON Schema as a task knows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from optimizer.config.complaints import shown
from optimizer.importers.parsing.chat import Losses
from optimizer.importers.parsing.node import Node
from optimizer.prompt.contract import KEYWORDS, NOTES, TYPES

_PICO = ("string", "number", "integer", "boolean", "null", "any")


def json_reply(schema: Node, lost: Losses) -> dict[str, Any]:
    """The section `reply` for a JSON schema; keywords that a task does not know are left out, and listed."""
    if not schema:
        return {"kind": "json"}
    found = _tidied(schema, lost)
    return {"kind": "json", "schema": found} if found else {"kind": "json"}


def response_format(node: Node, lost: Losses) -> dict[str, Any]:
    """The section `reply` for the parameter `response_format` of OpenAI's chat, or `text.format` of its responses."""
    if not node:
        return {}
    kind = node["type"].text()
    if kind == "json_object":
        return {"kind": "json"}
    if kind == "json_schema":
        inner = node["json_schema"] if node.has("json_schema") else node
        found = json_reply(inner["schema"], lost)
        return {**found, "native": True} if found.get("schema", {}).get("properties") else found
    if kind != "text":
        lost.add(f"{node.path}: the form of reply {shown(kind)}")
    return {}


def _tidied(schema: Node, lost: Losses) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in schema.pairs():
        if key == "properties":
            found[key] = {name: _tidied(child, lost) for name, child in value.pairs()}
        elif key == "items":
            found[key] = _tidied(value, lost)
        elif key == "type":
            found |= _type(value)
        elif key in ("required", "enum"):
            found[key] = [item.text() if key == "required" else item.value for item in value.items()]
        elif (key == "additionalProperties" and isinstance(value.value, bool)) or (key in NOTES and key != "$schema"):
            found[key] = value.value
        elif key not in KEYWORDS | NOTES or key == "additionalProperties":
            lost.add(f"{value.path}: a limit on the reply that a task's schema cannot state")
    return found


def _type(node: Node) -> dict[str, Any]:
    kinds = node.value if isinstance(node.value, list) else [node.text()]
    known = [kind for kind in kinds if kind in TYPES]
    if len(known) < len(kinds) or not known:
        raise node.wrong(f"a type of JSON ({', '.join(TYPES)})")
    return {"type": known if isinstance(node.value, list) else known[0]}


def picoschema(node: Node, lost: Losses) -> dict[str, Any]:
    """Dotprompt's short form of a schema, as JSON schema; one that is JSON schema already stays."""
    if isinstance(node.value, dict):
        if node.value.get("type") in ("object", "array", *_PICO) or isinstance(node.value.get("properties"), dict):
            return _tidied(node, lost)
        return _pico_object(node, lost)
    kind, _, words = node.text().partition(",")
    if kind.strip() not in _PICO:
        raise node.fault(
            f"the type {kind.strip()!r} is named elsewhere; write the schema out. Known: {', '.join(_PICO)}"
        )
    named: dict[str, Any] = {} if kind.strip() == "any" else {"type": kind.strip()}
    return named | ({"description": words.strip()} if words.strip() else {})


def _pico_object(node: Node, lost: Losses) -> dict[str, Any]:
    properties: dict[str, Any] = {}
    required = []
    for key, value in node.pairs():
        name, bracket, rest = key.partition("(")
        kind, _, words = rest.rstrip(")").partition(",")
        optional = name.endswith("?")
        name = name.removesuffix("?")
        if name == "*" and not bracket:
            lost.add(f"{value.path}: other keys than the named ones")
            continue
        properties[name] = _optional(_pico_field(kind.strip() if bracket else "", value, lost), optional)
        if words.strip():
            properties[name]["description"] = words.strip()
        if not optional:
            required.append(name)
    named = {"type": "object", "properties": properties}
    return named | ({"required": required} if required else {}) | {"additionalProperties": False}


def _pico_field(kind: str, value: Node, lost: Losses) -> dict[str, Any]:
    if kind == "array":
        return {"type": "array", "items": picoschema(value, lost)}
    if kind == "enum":
        return {"enum": [item.value for item in value.items()]}
    if kind not in ("", "object"):
        raise value.fault(f"({kind}) is none of (array), (object) and (enum); correct the key")
    return picoschema(value, lost)


def _optional(schema: Mapping[str, Any], optional: bool) -> dict[str, Any]:
    found = dict(schema)
    if optional and isinstance(found.get("type"), str):
        found["type"] = [found["type"], "null"]
    if optional and "enum" in found and None not in found["enum"]:
        found["enum"] = [*found["enum"], None]
    return found
