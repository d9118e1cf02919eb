"""Images, documents and other message parts that are no text: passed on as they are, never opened or fetched.

A part is kept as JSON text in which every string with variables is `{"fill": [...]}`, as the bundle's reader takes it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from optimizer import reader
from optimizer.errors import ConfigError
from optimizer.types import Inputs

LARGEST = 20_000_000  # characters of one part, filled in: about 15 MB of data in base64
_DEEPEST = 16  # levels of one part; those of the providers have three
_SHORT = 120  # characters of a data URI that may be shown
Split = Callable[[str], list[Any]]  # a string as text and {"var": name}


@dataclass(frozen=True)
class Media:
    """One part. With nothing in it, the border between two parts that are both text."""

    packed: str

    @classmethod
    def read(cls, part: Mapping[str, Any], split: Split) -> Media:
        return cls(json.dumps(_packed(part, split, 0), ensure_ascii=False))

    @cached_property
    def body(self) -> Any:
        return json.loads(self.packed) if self.packed else None

    @property
    def kind(self) -> str:
        return str(self.body["type"]) if self.packed else ""

    @cached_property
    def names(self) -> frozenset[str]:
        return frozenset(_names(self.body))

    @property
    def placeholder(self) -> str:
        """What stands for the part in a text."""
        return f"[{self.kind}]" if self.packed else ""

    def __str__(self) -> str:
        """For reading: with the variables that fill it."""
        told = ", ".join(f"{{{{{name}}}}}" for name in sorted(self.names))
        return f"[{self.kind}{': ' if told else ''}{told}]" if self.packed else ""

    def filled(self, inputs: Inputs) -> dict[str, Any]:
        """The part as it is sent. Raises ConfigError for a value that is no text, and for a part that is too large."""
        for name in self.names:
            if not isinstance(inputs[name], str) or not inputs[name]:
                raise ConfigError(
                    f"{{{{{name}}}}} stands in a part of type {self.kind!r}: it must be a text (a path, a URL or a "
                    f"data URI), found {str(inputs[name])[:60]!r}"
                )
        size = len(self.packed) + sum(len(str(inputs[name])) for name in self.names)
        if size > LARGEST:
            raise ConfigError(
                f"a part of type {self.kind!r} has {size:,} characters, more than {LARGEST:,}; give its URL instead"
            )
        part: dict[str, Any] = reader.filled(self.body, inputs)
        return part


def shown(text: str) -> str:
    """A text for people: of a data URI, what it is and how long."""
    if not text.startswith("data:") or len(text) < _SHORT:
        return text
    return f"[{text.partition(',')[0][:60]}, {len(text):,} characters]"


def texts_and_media(content: Any, role: str, split: Split) -> Iterator[str | Media]:
    """The parts of a message's content: texts, to be parsed, and the others. Raises ConfigError."""
    if not isinstance(content, list) or not content:
        raise ConfigError(f"prompt: a message's content must be a text or a list of parts, found {content!r:.60}")
    text_before = False
    for number, part in enumerate(content):
        place = f"prompt: part {number} of a message of role {role!r}"
        if not isinstance(part, Mapping) or not isinstance(part.get("type"), str):
            raise ConfigError(f"{place}: must have a `type`, as in {{type: text, text: ...}}, found {part!r:.60}")
        if part["type"] == "text":
            if not isinstance(part.get("text"), str):
                raise ConfigError(f"{place}: a part of type 'text' needs a `text`, found {part!r:.60}")
            if text_before:
                yield Media("")
            yield part["text"]
        elif role != "user":
            raise ConfigError(f"{place}: a part of type {part['type']!r} can only stand in a message of the user")
        elif not any(part.get(key) for key in part if key != "type"):
            raise ConfigError(f"{place}: a part of type {part['type']!r} with nothing in it")
        else:
            yield Media.read(part, split)
        text_before = part["type"] == "text"


def _packed(value: Any, split: Split, depth: int) -> Any:
    if depth > _DEEPEST:
        raise ConfigError(f"prompt: a part of a message is nested more than {_DEEPEST} levels deep")
    if isinstance(value, Mapping):
        if "fill" in value:
            raise ConfigError(
                "prompt: a part of a message has the key 'fill', which is used for variables; leave it out"
            )
        return {str(key): _packed(item, split, depth + 1) for key, item in value.items()}
    if isinstance(value, list):
        return [_packed(item, split, depth + 1) for item in value]
    if not isinstance(value, str):
        return value
    parts = split(value)
    return {"fill": parts} if any(isinstance(part, dict) for part in parts) else value


def _names(value: Any) -> Iterator[str]:
    if isinstance(value, dict) and set(value) == {"fill"}:
        yield from (part["var"] for part in value["fill"] if isinstance(part, dict))
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _names(item)
