"""A tool in words, for instructions."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any


def told(function: Mapping[str, Any]) -> Iterator[str]:
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
