"""Finds JSON objects in running text, also those that are only a sketch of one."""

from __future__ import annotations

import json
import re
from typing import Any


def json_in(text: str) -> Any:
    """The first JSON object in a text, or None."""
    return next(iter(json_objects(text)), None)


def whole_json(text: str) -> Any:
    """What a text is as JSON, or None where it is no JSON."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def json_objects(text: str) -> list[Any]:
    found: list[Any] = []
    at = text.find("{")
    while at >= 0 and len(found) < 12:
        try:
            value, end = json.JSONDecoder().raw_decode(text, at)
        except ValueError:
            value, end = _lenient(text, at)
        if isinstance(value, dict) and value and all(isinstance(key, str) for key in value):
            found.append(value)
        at = text.find("{", max(end, at + 1))
    return found


def _lenient(text: str, at: int) -> tuple[Any, int]:
    """A skeleton that is not quite JSON: `{"urgency": <high|low>, ...}`."""
    end = text.find("}", at)
    body = text[at : end + 1] if end > 0 else ""
    pairs = re.findall(r"\"([\w \-]+)\"\s*:\s*(\[[^\]\n]*\]|\"[^\"\n]*\"|[^,\n}]+)", body)
    cleaned = {key: [value.strip('[]" ')] if value.startswith("[") else value.strip('"<> ') for key, value in pairs}
    return (cleaned or None), (end + 1 if cleaned else at + 1)
