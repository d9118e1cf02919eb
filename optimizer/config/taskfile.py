"""A task file, opened: YAML read, the files that it names put in their places, checked as a whole."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from optimizer.config import complaints
from optimizer.config.complaints import Problem
from optimizer.config.textfile import Kind, read_text
from optimizer.config.yamlfile import MAX_BYTES, Document, Keys, read_yaml
from optimizer.errors import ConfigError

M = TypeVar("M", bound=BaseModel)
_BESIDE = Kind(
    ConfigError,
    MAX_BYTES,
    folder="name a file in it",
    missing="paths start from the task file's folder",
    large="examples belong in a data file",
)


def open_file(path: Path, model: type[M]) -> tuple[M, Document]:
    """The settings, and the document that knows their lines. Raises one ConfigError with all problems."""
    return checked(read_yaml(path), path.parent, model)


def checked(document: Document, folder: Path, model: type[M]) -> tuple[M, Document]:
    """The same for what was not read from a file, say from options; paths in it start at `folder`."""
    problems: list[Problem] = []
    data = _inlined(document.data, folder, problems)
    data = {"name": _name(folder)} | {key: value for key, value in data.items() if value is not None}
    problems += complaints.secrets(data)
    try:
        settings = model.model_validate(data)
    except ValidationError as error:
        places = [keys for keys, _ in problems]
        found = (_where(_as_written(keys, data), text) for keys, text in complaints.invalid(error, model))
        problems += [(keys, text) for keys, text in found if not any(keys[: len(place)] == place for place in places)]
    if problems:
        raise complaints.as_error(document, problems)
    return settings, replace(document, data=data)


def _as_written(keys: Keys, data: dict[str, Any]) -> Keys:
    """`target: {...}` is read as the only one of `targets`, and a value that may be a list as a list of one."""
    written: list[str | int] = []
    value: Any = data
    alone = keys[:1] == ("targets",) and data.get("target") is not None
    for key in ("target", *keys[1:]) if alone else keys:
        if isinstance(key, str) or isinstance(value, list):
            written.append(key)
            value = _step(value, key)
    return tuple(written)


def _step(value: Any, key: str | int) -> Any:
    if isinstance(value, dict):
        return value.get(key)
    return value[key] if isinstance(value, list) and isinstance(key, int) and key < len(value) else None


def _where(keys: Keys, text: str) -> Problem:
    """A problem that names its place itself (`reply.labels: needs ...`) is shown at that place."""
    match = re.match(r"([a-z_]+(?:\.[\w-]+)*): (?=\S)", text)
    if not match:
        return keys, text
    place = match[1].split(".")
    if keys and place[0] == keys[-1]:
        place = place[1:]
    return (*keys, *place), text[match.end() :]


def _name(folder: Path) -> str:
    return re.sub(r"[^\w .-]", "-", folder.resolve().name).lstrip(" .-")[:100] or "task"


def _inlined(data: dict[str, Any], folder: Path, problems: list[Problem]) -> dict[str, Any]:
    """The texts of `prompt.file` and `reply.schema`, so that settings are whole without their files."""
    prompt = data.get("prompt")
    if isinstance(prompt, dict) and isinstance(file := prompt.get("file"), str) and file and not prompt.get("messages"):
        text = _read(folder / file, ("prompt", "file"), problems)
        found = _messages(file, text, problems) if text is not None else []
        data = data | {
            "prompt": prompt | {"file": None, "messages": found or [{"role": "user", "content": "{{unread}}"}]}
        }
    data = _with_advice(_with_tools(data, folder, problems), folder, problems)
    for place in ("prompt", "program"):
        section = data.get(place)
        reply = section.get("reply") if isinstance(section, dict) else None
        if isinstance(section, dict) and isinstance(reply, dict) and isinstance(file := reply.get("schema"), str):
            keys = (place, "reply", "schema")
            text = _read(folder / file, keys, problems)
            schema = _json(file, text, keys, problems) if text is not None else None
            told = reply | {
                "schema": schema if schema is not None else {},
                "kind": reply.get("kind") or ("tools" if section.get("tools") else "json"),
            }
            data = data | {place: section | {"reply": told}}
    return data


def _with_tools(data: dict[str, Any], folder: Path, problems: list[Problem]) -> dict[str, Any]:
    """The tools of a JSON file, which holds a list of them or an object with `tools`, in the place of its name."""
    prompt = data.get("prompt")
    if not isinstance(prompt, dict) or not isinstance(file := prompt.get("tools"), str):
        return data
    keys: Keys = ("prompt", "tools")
    text = _read(folder / file, keys, problems)
    found = _json(file, text, keys, problems) if text is not None else []
    found = found.get("tools") if isinstance(found, dict) else found
    if not isinstance(found, list) or (text is not None and not found):
        problems.append((keys, f"{file} must hold a list of tools, or an object with `tools`"))
        found = []
    return data | {"prompt": prompt | {"tools": found}}


def _with_advice(data: dict[str, Any], folder: Path, problems: list[Problem]) -> dict[str, Any]:
    """The text of the file that `search.advice` names; a line break at its end keeps it from being read as a name."""
    search = data.get("search")
    given = search.get("advice") if isinstance(search, dict) else None
    if not isinstance(search, dict) or not isinstance(given, str):
        return data
    keys: Keys = ("search", "advice")
    if not given.strip():
        problems.append((keys, f"must be a text that is not empty, found {given!r}; leave it out for none"))
    named = "\n" not in given and (len(given.split()) == 1 or given.endswith((".md", ".txt")))
    text = _read(folder / given, keys, problems) if named else given
    if named and text is not None and not text.strip():
        problems.append((keys, f"{given} is empty; write the advice into it, or leave search.advice out"))
    return data | {"search": search | {"advice": f"{text.strip()}\n" if named and text and text.strip() else given}}


def _messages(file: str, text: str, problems: list[Problem]) -> Any:
    if not file.lower().endswith(".json"):
        return [{"role": "user", "content": text.removesuffix("\n")}]
    found = _json(file, text, ("prompt", "file"), problems)
    if isinstance(found, dict) and "messages" in found:
        found = found["messages"]
    if found is not None and not isinstance(found, list):
        problems.append((("prompt", "file"), f"{file} must hold a list of messages, or an object with `messages`"))
        return None
    return found


def _read(path: Path, keys: Keys, problems: list[Problem]) -> str | None:
    try:
        return read_text(path, _BESIDE)
    except ConfigError as error:
        problems.append((keys, str(error)))
        return None


def _json(file: str, text: str, keys: Keys, problems: list[Problem]) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        problems.append((keys, f"{file}, line {error.lineno}: not valid JSON: {error.msg}"))
    except (ValueError, RecursionError) as error:
        problems.append((keys, f"{file}: not valid JSON: {error}"))
    return None
