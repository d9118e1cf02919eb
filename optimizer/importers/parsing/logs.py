"""What logs have in common: times, answers, models, and JSON kept in texts."""

from __future__ import annotations

from datetime import UTC, datetime

from optimizer.importers.parsing import knobs
from optimizer.importers.parsing.chat import Losses, asked, content
from optimizer.importers.parsing.node import Node
from optimizer.types import JSON


def seconds(start: Node, end: Node) -> float | None:
    """Between two times in ISO form (or seconds since 1970); None where one is missing. Never negative."""
    if not start or not end:
        return None
    took = _moment(end) - _moment(start)
    if took < 0:
        raise end.fault(f"ends before it starts ({start.path}); correct the log, or leave the call out")
    return round(took, 6)


def _moment(node: Node) -> float:
    if isinstance(node.value, int | float) and not isinstance(node.value, bool):
        number = node.number() or 0.0
        return number / 1000 if number > 1e11 else number
    try:
        found = datetime.fromisoformat(node.text().strip().replace(" UTC", "+00:00"))
        return found.replace(tzinfo=found.tzinfo or UTC).timestamp()
    except (ValueError, OverflowError, OSError):
        raise node.wrong("a time, as in 2026-11-22T20:15:00Z") from None


def answer(node: Node, lost: Losses) -> str | None:
    """The text of a model's answer, in any of the forms that logs keep it in; None where there is none."""
    node = node.loose()
    if not node:
        return None
    if isinstance(node.value, str):
        return node.value
    if isinstance(node.value, list):
        items = list(node.items())
        return answer(items[0], lost) if items else None
    if node.has("choices"):
        choices = list(node["choices"].items())
        if len(choices) > 1:
            lost.add("further choices of a call: its first one is its answer")
        return answer(choices[0], lost) if choices else None
    for key in ("message", "output", "generations", "text", "answer", "completion"):
        if node.has(key):
            return answer(node[key], lost)
    if node.has("tool_calls") or node.has("function_call"):
        lost.add("answers that call a tool: only their text is kept")
    if "content" in node.mapping():
        return content(node["content"], lost) if node["content"] else None
    if node.has("parts"):
        return content(node["parts"], lost)
    return None


def conversation(node: Node, lost: Losses) -> tuple[tuple[str, str], ...] | None:
    """The messages of an input that is a list of them, or holds one; None for an input of another kind."""
    node = node.loose()
    found = node["messages"].loose() if isinstance(node.value, dict) else node
    if not isinstance(found.value, list) or not found.value:
        return None
    if isinstance(found.value[0], list):  # a batch of one, as LangChain keeps it
        found = next(found.items())
    if not all(isinstance(m, dict) and "role" in m for m in found.value):
        return None
    return asked(found, lost)


def named_model(node: Node, provider: Node | None = None) -> str | None:
    name = node.maybe()
    return knobs.model(name, provider.maybe() if provider else None) if name else None


def loose_mapping(node: Node) -> Node:
    """A mapping that may be kept as a text; an empty one where it is neither."""
    found = node.loose()
    return found if isinstance(found.value, dict) else Node({}, node.file, node.path)


def inputs_of(node: Node) -> dict[str, JSON]:
    """Named inputs: of a mapping its keys, of anything else one called `input`."""
    found = node.loose()
    if isinstance(found.value, dict):
        return dict(found.value)
    return {"input": found.value}
