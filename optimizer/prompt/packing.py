"""Templates as JSON, and back: an equal template, with its variables, its logic and its media."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from optimizer.prompt.media import Media
from optimizer.prompt.template import Logic, Template, Var


def pack(template: Template) -> list[Any]:
    packed: list[Any] = []
    for segment in template.segments:
        if isinstance(segment, Media):
            packed.append({"media": segment.packed})
        elif isinstance(segment, Var):
            packed.append({"var": segment.name})
        else:
            logic = isinstance(segment, Logic) and {"jinja2": segment.text, "names": sorted(segment.names)}
            packed.append(logic or segment)
    return packed


def unpack(parts: Sequence[Any]) -> Template:
    def segment(part: Any) -> Any:
        if isinstance(part, str):
            return part
        if "media" in part:
            return Media(part["media"])
        return Var(part["var"]) if "var" in part else Logic(part["jinja2"], frozenset(part["names"]))

    return Template(tuple(segment(part) for part in parts))
