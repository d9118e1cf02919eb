"""The reply's contract: what form an answer must have, how a prompt states it, and what an answer says under it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from optimizer import reader
from optimizer.errors import ConfigError, nearest
from optimizer.types import JSON, Reply, calls_as_text

Kind = Literal["text", "labels", "json", "regex", "tools"]
#: JSON-schema keywords that the bundle's reader understands; others are refused, never ignored.
KEYWORDS = frozenset({"type", "enum", "properties", "required", "additionalProperties", "items"})
TYPES = tuple(reader.TYPES)
NOTES = frozenset({"$schema", "$id", "title", "description", "examples", "default"})


@dataclass(frozen=True)
class Contract:
    """`marker`: the reply proper stands behind the last occurrence of this text (used with reasoning first).

    Kind "tools": the reply is calls of `tools` (by name, the schema of the arguments), or, unless one is `needed`,
    words: JSON under `schema`, where there is one. The value is the list of calls, empty for plain words.
    """

    kind: Kind = "text"
    labels: tuple[str, ...] = ()
    schema: Mapping[str, Any] | None = None
    pattern: str | None = None
    marker: str | None = None
    tools: Mapping[str, Any] | None = None
    needed: bool = False

    def __post_init__(self) -> None:
        if self.kind == "labels" and len(set(map(str.casefold, self.labels))) < max(2, len(self.labels)):
            raise ConfigError(f"reply.labels: needs two or more different labels, found {list(self.labels)}")
        if self.kind == "regex":
            try:
                re.compile(self.pattern or "")
            except re.error as error:
                raise ConfigError(f"reply.pattern: {self.pattern!r} is not a regular expression: {error}") from error
            if not self.pattern:
                raise ConfigError("reply.pattern: a reply of kind 'regex' needs a pattern")
        if self.kind == "tools" and not self.tools:
            raise ConfigError("reply.kind: 'tools' needs tools; list them in `prompt.tools`, or choose another kind")
        for place, problem in _faults(self.schema or {}, "reply.schema"):
            raise ConfigError(f"{place}: {problem}")

    def read(self, text: str, *, prose: bool = False) -> Reply:
        """The reply in `text`; an answer that breaks the contract comes back with status "invalid".

        `prose`: the text was said, so it is no call, even if it looks like one.
        """
        if self.kind == "tools":
            return self._called(text, None if prose else calls_in(text))
        spoken = reader.said(text)
        spoken = spoken.rpartition(self.marker)[2] if self.marker else spoken
        try:
            return Reply(spoken.strip(), reader.parse(self.to_dict(), text))
        except (ValueError, RecursionError) as problem:  # json.JSONDecodeError is a ValueError
            return Reply(spoken.strip(), None, f"invalid reply: {problem}", "invalid")

    def _called(self, text: str, calls: list[dict[str, Any]] | None) -> Reply:
        shown = text.strip() if calls is None else calls_as_text(calls)
        try:
            return Reply(shown, reader.parse(self.to_dict(), text if calls is None else calls))
        except (ValueError, RecursionError) as problem:
            return Reply(shown, None, f"invalid reply: {problem}", "invalid")

    def told(self) -> str:
        """The contract as a sentence."""
        if self.kind == "tools":
            rest = "do not answer in words." if self.needed else "answer in words only where none of them fits."
            return f"Answer with a call of one or more of the tools {', '.join(self.tools or {})}; {rest}"
        if self.kind == "labels":
            return f"Reply with exactly one of these labels and nothing else: {', '.join(self.labels)}."
        if self.kind == "json":
            fields = "; ".join(f"{name}: {_words(spec)}" for name, spec in self._properties().items())
            return "Reply with one JSON object and nothing else." + (f" Its keys are {fields}." if fields else "")
        if self.kind == "regex":
            return f"Reply with nothing but text that matches the regular expression {self.pattern}"
        return "Reply with the answer only, without introduction or comment."

    def shown(self) -> str:
        """The contract as a form to fill in."""
        if self.kind == "labels":
            return f"Reply in exactly this form:\n<{'|'.join(self.labels)}>"
        if self.kind == "json":
            form = {name: _blank(spec) for name, spec in self._properties().items()}
            return f"Reply in exactly this form:\n{json.dumps(form, ensure_ascii=False)}"
        return self.told()

    def demanded(self, how: Literal["json_object", "json_schema"]) -> dict[str, Any] | None:
        """The API parameter `response_format` that holds a model to this contract; None where there is none.

        `strict` only where the schema is of the kind that providers enforce: every key required, and no other allowed.
        """
        if self.kind != "json" or (how == "json_schema" and not self._properties()):
            return None
        if how == "json_object":
            return {"type": "json_object"}
        named = {"name": "reply", "schema": dict(self.schema or {}), "strict": _is_closed(self.schema)}
        return {"type": "json_schema", "json_schema": named}

    def to_dict(self) -> dict[str, Any]:
        plain = {
            "kind": self.kind,
            "labels": list(self.labels),
            "schema": self.schema,
            "pattern": self.pattern,
            "marker": self.marker,
        }
        return plain if self.kind != "tools" else plain | {"tools": self.tools, "needed": self.needed}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Contract:
        return cls(**{**data, "labels": tuple(data["labels"])})

    def _properties(self) -> Mapping[str, Any]:
        properties: Mapping[str, Any] = (self.schema or {}).get("properties", {})
        return properties


def spelled(reply: str) -> str:
    """A reply of calls as an example shows it in words: not in a form that a model would write instead of calling."""
    calls = calls_in(reply)
    if not calls:
        return reply if calls is None else "(no call)"
    return "\n".join(f"call {c['name']} with {json.dumps(c['arguments'], ensure_ascii=False)}" for c in calls)


def calls_in(text: str) -> list[dict[str, Any]] | None:
    """The calls that a text records, in the canonical form or as providers write them; None where it is words."""
    if not text.lstrip().startswith(("{", "[")):
        return None
    try:
        found = json.loads(text)
        named = isinstance(found, list) or bool({"tool_calls", "function", "arguments"} & found.keys())
        return reader.calls(found) if named else None
    except (ValueError, RecursionError):
        return None


def _faults(schema: Any, place: str) -> Iterator[tuple[str, str]]:
    """What the bundle's reader could not read, or would not mean what it says."""
    if not isinstance(schema, Mapping):
        yield place, f"must be a JSON schema (a mapping), found {schema!r}"
        return
    for keyword in schema:
        if keyword not in KEYWORDS | NOTES:
            known = ", ".join(sorted(KEYWORDS))
            yield place, f"the JSON-schema keyword {keyword!r} is not supported; use only {known}"
    kinds = schema.get("type", [])
    for kind in kinds if isinstance(kinds, list) else [kinds]:
        if kind not in TYPES:
            yield f"{place}.type", f"{kind!r} is no JSON type.{nearest(str(kind), TYPES)} Known: {', '.join(TYPES)}"
    for keyword, wanted, form in (("enum", list, "list"), ("required", list, "list"), ("properties", dict, "mapping")):
        if not isinstance(schema.get(keyword, wanted()), wanted):
            yield f"{place}.{keyword}", f"must be a {form}, found {schema[keyword]!r}"
            return
    for name, child in schema.get("properties", {}).items():
        yield from _faults(child, f"{place}.properties.{name}")
    if "items" in schema:
        yield from _faults(schema["items"], f"{place}.items")


def _is_closed(schema: Any) -> bool:
    if not isinstance(schema, Mapping) or not schema.get("type"):
        return False
    known = schema.get("properties", {})
    if "object" in (schema["type"] if isinstance(schema["type"], list) else [schema["type"]]) and (
        schema.get("additionalProperties") is not False or set(schema.get("required", [])) != set(known)
    ):
        return False
    return all(map(_is_closed, known.values())) and ("items" not in schema or _is_closed(schema["items"]))


def _words(spec: Mapping[str, JSON]) -> str:
    if isinstance(spec.get("enum"), list):
        return "one of " + ", ".join(json.dumps(choice, ensure_ascii=False) for choice in spec["enum"])  # type: ignore[union-attr]
    if spec.get("type") == "array":
        return f"a list, each {_words(spec.get('items') or {})}"  # type: ignore[arg-type]
    return str(spec.get("description") or spec.get("type") or "any value")


def _blank(spec: Mapping[str, Any]) -> JSON:
    if spec.get("enum"):
        return "|".join(str(choice) for choice in spec["enum"])
    if spec.get("type") == "array":
        return [_blank(spec.get("items") or {})]
    if spec.get("type") == "object":
        return {name: _blank(child) for name, child in spec.get("properties", {}).items()}
    return f"<{spec.get('type', 'value')}>"
