"""YAML files written by people: read strictly, with the line of every key, and written back.

Rule 1: plain scalars mean what YAML 1.2 says. `yes`, `no`, `on`, `12:30`, `007` and dates are texts; `1e-3` is a
number.
Rule 2: a key that stands twice, a tag, an alias bomb and a number that is none are refused, never guessed at.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from optimizer.config.textfile import Kind, read_text
from optimizer.errors import ConfigError
from optimizer.types import JSON

MAX_BYTES = 1_000_000
TASK = Kind(
    ConfigError,
    MAX_BYTES,
    folder="name the task file in it",
    missing="`promptport init DIR` writes one to start from",
    large="examples belong in a data file",
)
_KEYS = "data: ..., prompt: ..."
MAX_VALUES = 100_000  # counted with every alias written out
MAX_DEPTH = 50
_INT = re.compile(r"[-+]?(0|[1-9][0-9]{0,17})")
_FLOAT = re.compile(
    r"[-+]?(\.[0-9]+|(0|[1-9][0-9]*)(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"
)
_WORDS: dict[str, JSON] = dict.fromkeys(("", "~", "null", "Null", "NULL"))
_WORDS |= {word: word.lower() == "true" for word in ("true", "True", "TRUE", "false", "False", "FALSE")}

Keys = tuple[str | int, ...]


@dataclass(frozen=True)
class Document:
    """What a file says; `lines` knows the line of every key and list item, by its keys from the top."""

    name: str
    data: dict[str, Any]
    lines: Mapping[Keys, int] = field(default_factory=dict)

    def at(self, *keys: str | int) -> str:
        """`task.yaml:12: data.id`, to begin an error with; for what is not in the file, the line it belongs under."""
        known = next((keys[:n] for n in range(len(keys), 0, -1) if keys[:n] in self.lines), None)
        line = f":{self.lines[known]}" if known else ""
        return f"{self.name}{line}: {'.'.join(map(str, keys))}" if keys else f"{self.name}{line}"


def read_yaml(path: Path, kind: Kind = TASK, keys: str = _KEYS) -> Document:
    """Raises ConfigError, with the line, for anything but one mapping. `keys`: how one of this kind begins."""
    return parse_yaml(path.name, read_text(path, kind), keys)


def parse_yaml(name: str, text: str, keys: str = _KEYS) -> Document:
    """The same for a text that was read already; `name` begins its errors."""
    reader = _Reader(name, _events(name, text))
    try:
        data = reader.document()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f":{mark.line + 1}" if mark else ""
        problem = error.problem or error.context or "it cannot be read"
        hint = " Indent with spaces, not tabs." if "\\t" in problem or "tab" in problem else ""
        raise ConfigError(
            f"{name}{line}: not valid YAML: {problem}.{hint} A text that holds ': ' or ' #', or that begins "
            "with one of { [ * & ! | > % @, must stand in quotes or in a block (|)"
        ) from error
    except yaml.YAMLError as error:
        raise ConfigError(f"{name}: not valid YAML: {error}") from error
    if not isinstance(data, dict):
        found = "nothing" if data is None else f"a {type(data).__name__}"
        raise ConfigError(f"{name}: must be a mapping of keys to values ({keys}), found {found}")
    return Document(name, data, reader.lines)


def write_yaml(data: Mapping[str, Any]) -> str:
    """YAML that `read_yaml` reads back as it was; texts of several lines as blocks."""
    return yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)


def _events(name: str, text: str) -> Iterator[Any]:
    """The parser's events, flat: nesting is counted here, before anything recurses."""
    depth = 0
    event: Any
    for event in yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            line = event.start_mark.line + 1
            raise ConfigError(f"{name}:{line}: nested more than {MAX_DEPTH} levels deep; a task file needs six")
        yield event


class _Reader:
    """Builds values from events. An alias shares the value of its anchor, so it costs no memory."""

    def __init__(self, name: str, events: Iterator[Any]) -> None:
        self.name = name
        self.events = events
        self.lines: dict[Keys, int] = {}
        self._anchors: dict[str, tuple[Any, int]] = {}
        self._size = 0

    def document(self) -> Any:
        value, documents = None, 0
        for event in self.events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    raise self._error(event, "a second document begins here (---); a file holds one")
            elif isinstance(event, yaml.NodeEvent):
                value = self._value(event, ())
        return value

    def _value(self, event: Any, keys: Keys) -> Any:
        self.lines.setdefault(keys, event.start_mark.line + 1) if keys else None
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event)
        before = self._size
        self._count(event, 1)
        if event.tag not in (None, "!", "tag:yaml.org,2002:str"):
            raise self._error(event, f"the tag {event.tag!r} is not allowed; write the plain value")
        value: Any
        if isinstance(event, yaml.ScalarEvent):
            value = self._scalar(event) if event.implicit[0] else event.value
        elif isinstance(event, yaml.SequenceStartEvent):
            value = self._list(keys)
        else:
            value = self._mapping(keys)
        if event.anchor:
            self._anchors[event.anchor] = value, self._size - before
        return value

    def _alias(self, event: Any) -> Any:
        if event.anchor not in self._anchors:
            raise self._error(event, f"the alias *{event.anchor} stands before or inside what it means")
        value, size = self._anchors[event.anchor]
        self._count(event, size)
        return value

    def _list(self, keys: Keys) -> list[Any]:
        items: list[Any] = []
        while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
            items.append(self._value(event, (*keys, len(items))))
        return items

    def _mapping(self, keys: Keys) -> dict[str, Any]:
        own: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        event: Any
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            if not hasattr(event, "value"):
                raise self._error(event, "a key must be plain text; a text that begins with { or [ must be quoted")
            key: str = event.value
            if key in own:
                first = self.lines[(*keys, key)]
                raise self._error(event, f"the key {key!r} stands twice, first on line {first}; remove one of them")
            if key == "<<" and event.implicit[0]:
                merged = self._merge(event, self._value(next(self.events), (*keys, "<<"))) | merged
                continue
            self.lines[(*keys, key)] = event.start_mark.line + 1
            own[key] = self._value(next(self.events), (*keys, key))
        return {**merged, **own}

    def _merge(self, event: Any, value: Any) -> dict[str, Any]:
        parts = value if isinstance(value, list) else [value]
        if not all(isinstance(part, dict) for part in parts):
            raise self._error(event, "<< merges mappings only")
        return {key: item for part in reversed(parts) for key, item in part.items()}

    def _scalar(self, event: Any) -> JSON:
        value = resolve(event.value)
        if isinstance(value, float) and not math.isfinite(value):
            raise self._error(event, f"{event.value} is no finite number; leave the key out for 'no limit'")
        return value

    def _count(self, event: Any, values: int) -> None:
        self._size += values
        if self._size > MAX_VALUES:
            raise self._error(event, f"more than {MAX_VALUES:,} values, with aliases written out; use fewer aliases")

    def _error(self, event: Any, problem: str) -> ConfigError:
        return ConfigError(f"{self.name}:{event.start_mark.line + 1}: {problem}")


def resolve(text: str) -> JSON:
    """What an unquoted scalar means."""
    if text in _WORDS:
        return _WORDS[text]
    if _INT.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text):
        return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
    return text


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - the base class's signature
        return True


def _represent(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else "'" if not isinstance(resolve(text), str) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _represent)
