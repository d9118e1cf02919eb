"""Reads an exported bundle in production: the messages to send, and what the reply says.

Needs only the standard library. The search renders and parses with these same functions: what was scored is shipped.

    bundle = load("bundle/bundle.json")
    messages = render(bundle, {"ticket": "My invoice is wrong"})
    ...ask bundle["model"] with messages and bundle["parameters"]...
    value = parse(bundle["reply"], answer_text)          # raises ValueError when the contract is broken
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

TYPES: dict[str, Any] = {"string": str, "number": (int, float), "integer": int, "boolean": bool}
TYPES |= {"array": list, "object": dict}


def load(path: str | Path) -> dict[str, Any]:
    bundle: dict[str, Any] = json.loads(Path(path).read_text("utf-8"))
    if not isinstance(bundle, dict) or bundle.get("format") != "promptport-bundle/1":
        raise ValueError(f"{path}: not a promptport bundle of format 1")
    return bundle


def render(bundle: dict[str, Any], inputs: dict[str, Any]) -> list[dict[str, str]]:
    """The messages for `inputs`; refuses missing, extra and wrongly typed variables."""
    variables = bundle["variables"]
    if set(inputs) != set(variables):
        raise ValueError(f"expected the variables {sorted(variables)}, got {sorted(inputs)}")
    for name, spec in variables.items():
        if not is_type(inputs[name], spec["type"]):
            raise ValueError(f"{name} must be of type {spec['type']}, got {type(inputs[name]).__name__}")
    return [{"role": m["role"], "content": fill(m["content"], inputs)} for m in bundle["messages"]]


def fill(parts: list[Any], inputs: Any) -> str:
    """Text parts as they are; for {"var": name} its value: strings as they are, all else as JSON."""
    values = [part if isinstance(part, str) else inputs[part["var"]] for part in parts]
    return "".join(v if isinstance(v, str) else json.dumps(v, ensure_ascii=False) for v in values)


def parse(reply: dict[str, Any], text: str) -> Any:
    """The value of a reply under its contract: text, one of the labels, a JSON value, or what a regex captures."""
    if reply.get("marker"):
        _, found, text = text.rpartition(reply["marker"])
        if not found:
            raise ValueError(f"the reply has no line {reply['marker']!r}")
    text, kind = text.strip(), reply["kind"]
    if kind == "labels":
        bare = text.strip("\"'`*.").casefold()
        for label in reply["labels"]:
            if label.casefold() == bare:
                return label
        raise ValueError(f"{text[:80]!r} is none of the labels {reply['labels']}")
    if kind == "json":
        value = json.loads(re.sub(r"\A```(?:json)?\s*\n(.*?)\n?```\Z", r"\1", text, flags=re.DOTALL))
        if problem := mismatch(value, reply.get("schema") or {}):
            raise ValueError(problem)
        return value
    if kind == "regex":
        match = re.fullmatch(reply["pattern"], text, re.DOTALL)
        if not match:
            raise ValueError(f"{text[:80]!r} does not match {reply['pattern']!r}")
        return match.group(1) if match.groups() else text
    if not text:
        raise ValueError("the reply is empty")
    return text


def mismatch(value: Any, schema: dict[str, Any], at: str = "$") -> str | None:
    """Where `value` breaks the schema, or None. Knows the keywords listed in `optimizer.contract.KEYWORDS`."""
    kinds = schema.get("type", [])
    if kinds and not any(is_type(value, k) for k in ([kinds] if isinstance(kinds, str) else kinds)):
        return f"{at} must be of type {kinds}, got {json.dumps(value)[:60]}"
    if "enum" in schema and value not in schema["enum"]:
        return f"{at} must be one of {schema['enum']}, got {json.dumps(value)[:60]}"
    if isinstance(value, dict):
        known = schema.get("properties", {})
        if lacking := [name for name in schema.get("required", []) if name not in value]:
            return f"{at} lacks {lacking}"
        for name, item in value.items():
            if name not in known and schema.get("additionalProperties") is False:
                return f"{at} has an unknown key {name!r}"
            if problem := mismatch(item, known.get(name, {}), f"{at}.{name}"):
                return problem
    if isinstance(value, list):
        each = (mismatch(item, schema.get("items", {}), f"{at}[{i}]") for i, item in enumerate(value))
        return next((problem for problem in each if problem), None)
    return None


def is_type(value: Any, kind: str) -> bool:
    if kind == "null":
        return value is None
    return isinstance(value, TYPES[kind]) and (kind == "boolean" or not isinstance(value, bool))
