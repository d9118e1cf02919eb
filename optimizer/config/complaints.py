"""What is wrong with a settings file, in words: file, line, key, value found, way out."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from optimizer.config.yamlfile import Document, Keys
from optimizer.errors import ConfigError, nearest
from optimizer.redact import holds_secret, names_secret, redact

Problem = tuple[Keys, str]

_WANTED = {
    "float_type": "a number",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "string_type": "a text",
    "bool_type": "true or false",
    "dict_type": "a mapping of keys to values",
    "model_type": "a mapping of keys to values",
    "model_attributes_type": "a mapping of keys to values",
    "tuple_type": "a list",
    "list_type": "a list",
    "greater_than": "greater than {gt:g}",
    "greater_than_equal": "{ge:g} or more",
    "less_than": "less than {lt:g}",
    "less_than_equal": "{le:g} or less",
    "finite_number": "a finite number",
    "literal_error": "one of {expected}",
    "string_too_short": "a text that is not empty",
    "string_too_long": "a text of at most {max_length} characters",
    "string_pattern_mismatch": "a text of the form {pattern}",
}
#: Sections that speak to a model provider: no secret may stand there, whatever it looks like.
_MODELS = ("source", "target", "targets", "proposer", "judge", "judges", "embedder")


def as_error(document: Document, problems: Sequence[Problem]) -> ConfigError:
    """All problems as one error, in the order of the file."""
    ordered = sorted(problems, key=lambda problem: _line(document, problem[0]))
    lines = [f"{document.at(*keys)}: {text}" for keys, text in ordered]
    if len(lines) > 1:
        lines.insert(0, f"{document.name}: {len(lines)} problems")
    return ConfigError(redact("\n  ".join(lines)))


def invalid(error: ValidationError, model: type[BaseModel]) -> Iterator[Problem]:
    """What pydantic found, one by one."""
    errors = error.errors(include_url=False)
    places = [tuple(found["loc"]) for found in errors]
    for found, keys in zip(errors, places, strict=True):
        inner_problems = any(place[: len(keys)] == keys and len(place) > len(keys) for place in places)
        if not (found["type"] == "too_short" and inner_problems):  # its items are wrong, not missing
            yield keys, _explain(found, keys, model)


def secrets(data: Any, keys: Keys = ()) -> Iterator[Problem]:
    """Keys and passwords that stand in the file. What was found is never shown."""
    if isinstance(data, str) and holds_secret(data):
        yield keys, "holds what looks like a secret key; take it out, and out of the file's history (see api_key_env)"
    elif isinstance(data, dict):
        for key, value in data.items():
            inside = (*keys, key)
            if inside[0] in _MODELS and names_secret(str(key)) and value is not None:
                yield inside, "keys come only from the environment: name the variable with `api_key_env: MY_KEY`"
            else:
                yield from secrets(value, inside)
    elif isinstance(data, list):
        for index, item in enumerate(data):
            yield from secrets(item, (*keys, index))


def _line(document: Document, keys: Keys) -> int:
    return next((document.lines[keys[:n]] for n in range(len(keys), 0, -1) if keys[:n] in document.lines), 0)


def _explain(found: Mapping[str, Any], keys: Keys, model: type[BaseModel]) -> str:
    kind, context = found["type"], found.get("ctx", {})
    if kind == "extra_forbidden":
        return f"unknown key.{_suggest(keys, model)}"
    if kind == "missing":
        return f"is missing{_described(keys, model)}"
    if kind == "value_error":
        return str(context["error"])
    given = shown(found["input"])
    if kind == "too_short":
        return f"must not be empty, found {given}"
    if kind not in _WANTED:
        return f"{found['msg']}, found {given}"
    hint = ""
    if kind == "literal_error" and isinstance(found["input"], str):
        hint = nearest(found["input"], re.findall(r"'([^']*)'", context["expected"]))
    return f"must be {_WANTED[kind].format(**context)}, found {given}{'.' + hint if hint else ''}"


def shown(value: Any) -> str:
    """A value that is not what it should be, in a few words."""
    if value is None:
        return "nothing"
    if isinstance(value, dict | list | tuple):
        kind = "mapping" if isinstance(value, dict) else "list"
        return f"a {kind} of {len(value)}" if value else f"an empty {kind}"
    text = json.dumps(value, ensure_ascii=False, default=str)
    text = text if len(text) <= 60 else text[:57] + "..."
    return f"the text {text}" if isinstance(value, str) else text


def _suggest(keys: Keys, model: type[BaseModel]) -> str:
    """At the top the section that has a key of this name; inside a section its own keys count first."""
    name = str(keys[-1])
    section = _section(keys[:-1], model)
    here = _names(section) if section else []
    elsewhere = [path for path in _paths(model) if path.rpartition(".")[2] == name]
    if elsewhere and (len(keys) == 1 or not here):
        return f" Did you mean {elsewhere[0]!r}?"
    if close := nearest(name, here):
        return close
    known = f" Known here: {', '.join(here)}" if here else ""
    return f"{known}; {elsewhere[0]} is the one of that name" if elsewhere else known


def _described(keys: Keys, model: type[BaseModel]) -> str:
    section = _section(keys[:-1], model)
    info = _fields(section).get(str(keys[-1])) if section else None
    return f": {info.description}" if info and info.description else ""


def _fields(section: type[BaseModel]) -> dict[str, FieldInfo]:
    return {info.alias or name: info for name, info in section.model_fields.items()}


def _names(section: type[BaseModel]) -> list[str]:
    names = list(_fields(section))
    return [*names, "target"] if "targets" in names else names


def _section(keys: Keys, model: type[BaseModel]) -> type[BaseModel] | None:
    """The section that the keys lead to; list positions do not count."""
    section: type[BaseModel] | None = model
    for key in keys:
        if isinstance(key, str) and section:
            info = _fields(section).get("targets" if key == "target" else key)
            section = _model_in(info.annotation) if info else None
    return section


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for inner in get_args(annotation) if (found := _model_in(inner))), None)


def _paths(section: type[BaseModel], before: str = "") -> Iterator[str]:
    for name, info in _fields(section).items():
        yield before + name
        inner = _model_in(info.annotation)
        if inner:
            yield from _paths(inner, f"{before}{name}.")
