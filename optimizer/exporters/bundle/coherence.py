"""What a schema cannot say: that the parts of a bundle fit each other, so that whoever reads it meets no surprise."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from optimizer import reader
from optimizer.errors import OptimizerError
from optimizer.prompt.contract import Contract


def problem(bundle: Mapping[str, Any]) -> str | None:
    """The first thing that does not fit in a bundle that keeps its schema; None where all does."""
    return next(_problems(bundle), None)


def _problems(bundle: Mapping[str, Any]) -> Iterator[str]:
    for place, one in (("", bundle), ("rollback.", bundle["rollback"])):
        if "variables" in one:
            yield from _variables(place, one["variables"])
        for message in one.get("messages", ()):
            if message["role"] == "placeholder" and not _is_place(message["content"]):
                yield f"{place}messages: a placeholder holds one variable, not {str(message['content'])[:60]!r}"
            for part in message["content"]:
                if not _fits(part, one.get("variables", {})):
                    yield f"{place}messages: {str(part)[:60]!r} is neither text nor a variable"
        if "reply" in one:
            yield from _reply(place, one["reply"])
    yield from _thresholds(bundle["gate"])
    for metric in bundle["evidence"]["metrics"]:
        if not (isinstance(metric, dict) and isinstance(metric.get("name"), str)):
            yield f"evidence.metrics: {str(metric)[:60]!r} is no metric"


def _variables(place: str, variables: Mapping[str, Any]) -> Iterator[str]:
    for name, spec in variables.items():
        kind = spec.get("type") if isinstance(spec, dict) else None
        if not isinstance(kind, str) or kind not in reader.TYPES:
            yield f"{place}variables.{name}: is of no type that the reader knows"
        elif "default" in spec and not reader.is_type(spec["default"], kind):
            yield f"{place}variables.{name}: its default is not of type {kind}"


def _fits(part: Any, variables: Mapping[str, Any]) -> bool:
    """`{"var": "#1.input"}` is a slot for a worked example, which the reader picks."""
    if isinstance(part, str) or (isinstance(part, dict) and "media" in part):
        return True
    name = part.get("var") if isinstance(part, dict) else None
    return isinstance(name, str) and (name in variables or name.startswith("#"))


def _is_place(content: list[Any]) -> bool:
    return len(content) == 1 and isinstance(content[0], dict) and set(content[0]) == {"var"}


def _reply(place: str, reply: Mapping[str, Any]) -> Iterator[str]:
    try:
        Contract.from_dict(reply)
    except (OptimizerError, LookupError, TypeError, AttributeError, ValueError) as error:
        yield f"{place}reply: is no contract ({error})"


def _thresholds(gate: Mapping[str, Any]) -> Iterator[str]:
    if not (0 <= gate["margin"] < 1 and 0.5 < gate["confidence"] < 1):
        yield "gate: the margin must be from 0 to 1, the confidence from 0.5 to 1"
    for name, limit in gate["figures"].items():
        if not (isinstance(limit, dict) and reader.is_type(limit.get("least"), "number")):
            yield f"gate.figures.{name}: has no threshold"
        elif not (limit.get("sealed") is None or reader.is_type(limit["sealed"], "number")):
            yield f"gate.figures.{name}: was sealed at no number"
