"""One value of a reply, and the fields of a skeleton or a JSON schema that a guidance shows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from optimizer.offline.reading.define import listed_labels

FieldKind = Literal["label", "labels", "flags", "bool", "number", "text", "list"]


EITHER = ({"true", "false"}, {"yes", "no"})


@dataclass(frozen=True)
class Field:
    """One value of the reply. `path` is empty where the whole reply is the value."""

    path: tuple[str, ...]
    kind: FieldKind
    labels: tuple[str, ...] = ()
    meaning: tuple[tuple[str, str, bool], ...] = ()  # label, definition, whether it stands in a list
    about: str = ""
    spoken: bool = False  # true and false are written yes and no

    @property
    def name(self) -> str:
        return self.path[-1] if self.path else ""


def from_template(template: dict[str, Any], path: tuple[str, ...] = ()) -> Iterator[Field]:
    if "properties" in template and isinstance(template["properties"], dict):
        template = {key: _from_schema(spec) for key, spec in template["properties"].items() if isinstance(spec, dict)}
    for key, value in template.items():
        here = (*path, key)
        if isinstance(value, dict):
            if value and all(isinstance(item, bool) for item in value.values()):
                yield Field(here, "flags", tuple(value))
            else:
                yield from from_template(value, here)
        elif isinstance(value, list):
            items = [str(item) for item in value if not isinstance(item, dict | list)]
            choices = choices_in(items[0]) if len(items) == 1 else tuple(items)
            yield Field(here, "labels" if choices else "list", choices)
        elif isinstance(value, bool):
            yield Field(here, "bool")
        elif isinstance(value, int | float):
            yield Field(here, "number")
        else:
            yield _from_words(here, str(value or ""))


def _from_schema(spec: dict[str, Any]) -> Any:
    if spec.get("enum"):
        return "|".join(map(str, spec["enum"]))
    kind = spec.get("type")
    if kind == "array":
        return [_from_schema(spec.get("items") or {})]
    if kind == "object":
        return {key: _from_schema(child) for key, child in (spec.get("properties") or {}).items()}
    return {"boolean": False, "number": 0, "integer": 0}.get(
        str(kind), f"<{spec.get('description') or kind or 'value'}>"
    )


def _from_words(path: tuple[str, ...], text: str) -> Field:
    choices = choices_in(text)
    plain = text.strip("<> .").lower()
    if set(choices) in EITHER or plain.startswith("bool"):
        return Field(path, "bool", about=text, spoken="yes" in choices)
    if len(choices) > 1:
        return Field(path, "label", choices)
    number = re.match(r"(?:a |the )?(?:number|integer|float|int)\b", plain)
    return Field(path, "number" if number else "text", about="" if plain in ("string", "value", "...") else text)


def choices_in(text: str) -> tuple[str, ...]:
    bare = text.strip().strip("<>")
    if "|" in bare:
        return tuple(choice.strip(" \"'<>`") for choice in bare.split("|") if choice.strip())
    return listed_labels(text) if re.match(r"\s*(?:exactly )?(?:one|any|either)\b", text, re.I) else ()
