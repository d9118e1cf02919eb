"""JSON schemas of tools' parameters: whether they are any, and what of them an answer can be held to."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from optimizer import reader
from optimizer.errors import nearest

_DEEPEST = 32
_TYPES = tuple(reader.TYPES)
_OF_SCHEMAS = ("properties", "patternProperties", "$defs", "definitions", "dependentSchemas")  # name -> schema
_LISTS_OF_SCHEMAS = ("anyOf", "oneOf", "allOf", "prefixItems")
_SCHEMAS = ("items", "additionalProperties", "not", "if", "then", "else", "contains", "propertyNames")
_NUMBERS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")
_COUNTS = ("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties")


def faults(schema: Any, place: str, depth: int = 0) -> Iterator[tuple[str, str]]:
    """Where `schema` is no JSON schema, and why. Keywords that nobody knows are allowed, as the standard has it."""
    if isinstance(schema, bool):
        return
    if not isinstance(schema, Mapping):
        yield place, f"must be a JSON schema (a mapping), found {schema!r:.60}"
        return
    if depth > _DEEPEST:
        yield place, f"is nested more than {_DEEPEST} levels deep"
        return
    yield from _own_faults(schema, place)
    for keyword in _OF_SCHEMAS:
        children = schema.get(keyword, {})
        if not isinstance(children, Mapping):
            yield f"{place}.{keyword}", f"must be a mapping of names to schemas, found {children!r:.60}"
            continue
        for name, child in children.items():
            yield from faults(child, f"{place}.{keyword}.{name}", depth + 1)
    for keyword in filter(schema.__contains__, _LISTS_OF_SCHEMAS):
        children = schema[keyword]
        if not isinstance(children, list) or not children:
            yield f"{place}.{keyword}", f"must be a list of schemas, found {children!r:.60}"
            continue
        for number, child in enumerate(children):
            yield from faults(child, f"{place}.{keyword}[{number}]", depth + 1)
    for keyword in _SCHEMAS:
        if keyword in schema:
            yield from faults(schema[keyword], f"{place}.{keyword}", depth + 1)


def _own_faults(schema: Mapping[str, Any], place: str) -> Iterator[tuple[str, str]]:
    kinds = schema.get("type", [])
    for kind in kinds if isinstance(kinds, list) else [kinds]:
        if not isinstance(kind, str) or kind not in _TYPES:
            yield f"{place}.type", f"{kind!r} is no JSON type.{nearest(str(kind), _TYPES)} Known: {', '.join(_TYPES)}"
    choices, needed = schema.get("enum", [None]), schema.get("required", [])
    if not isinstance(choices, list) or not choices:
        yield f"{place}.enum", f"must be a list of one value or more, found {choices!r:.60}"
    if not isinstance(needed, list) or not all(isinstance(name, str) for name in needed):
        yield f"{place}.required", f"must be a list of names, found {needed!r:.60}"
    elif isinstance(known := schema.get("properties"), Mapping) and (odd := [n for n in needed if n not in known]):
        yield f"{place}.required", f"{odd[0]!r} is none of the properties.{nearest(odd[0], known)}"
    if not isinstance(schema.get("description", ""), str):
        yield f"{place}.description", f"must be text, found {schema['description']!r:.60}"
    for keyword in (*_NUMBERS, *_COUNTS):
        value = schema.get(keyword, 0)
        if isinstance(value, bool) or not isinstance(value, int | float) or (keyword in _COUNTS and value < 0):
            yield f"{place}.{keyword}", f"must be a number, found {value!r:.60}"
    try:
        re.compile(schema.get("pattern", ""))
    except (re.error, TypeError, OverflowError, RecursionError) as error:
        yield f"{place}.pattern", f"{schema['pattern']!r:.60} is not a regular expression: {error}"


def reduced(schema: Any) -> dict[str, Any]:
    """What of a schema `reader.mismatch` understands; the rest of it is left to the application."""
    if not isinstance(schema, Mapping):
        return {}
    kept = {key: schema[key] for key in ("type", "enum", "required") if key in schema}
    if "properties" in schema:
        kept["properties"] = {name: reduced(child) for name, child in schema["properties"].items()}
    if isinstance(schema.get("items"), Mapping):
        kept["items"] = reduced(schema["items"])
    if schema.get("additionalProperties") is False and not schema.get("patternProperties"):
        kept["additionalProperties"] = False
    return kept
