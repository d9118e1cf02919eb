"""Files of other tools, opened with care: size, encoding, zero bytes, nesting and strictness of JSON and YAML.

Nothing here trusts a file. Every fault comes out as a DataError with the file, the line or key, and the way out.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

from optimizer.config import textfile
from optimizer.config.yamlfile import Document, parse_yaml
from optimizer.data.parsing import decode
from optimizer.errors import ConfigError, DataError

MAX_DEPTH = 60
MAX_VALUES = 2_000_000
FILE = textfile.Kind(
    DataError,
    50_000_000,
    folder="name the file in it that is to be imported",
    missing="check its name and folder",
    large="split it, or convert it to JSONL and name it in data.path",
)


class Source:
    """A file or folder to import, read once and only as far as somebody asks."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = path.name or str(path)

    @cached_property
    def is_folder(self) -> bool:
        return self.path.is_dir()

    @cached_property
    def ending(self) -> str:
        return self.path.suffix.lower()

    @cached_property
    def text(self) -> str:
        """The whole text, without a byte-order mark and with \\n at the end of lines."""
        return read_text(self.path)

    @cached_property
    def json(self) -> Any:
        """The value of a JSON file."""
        return parse_json(self.text, self.name)

    @cached_property
    def lines(self) -> list[tuple[int, Any]]:
        """The values of a file with one JSON value a line, with their line numbers."""
        return list(_lines(self.text, self.name))

    @cached_property
    def items(self) -> list[tuple[str, Any]]:
        """Records with the place of each: the lines of JSONL, or the items of a JSON array (or of its `data`)."""
        if self.ending in (".jsonl", ".ndjson"):
            return [(f"line {number}", value) for number, value in self.lines]
        try:
            value = self.json
        except DataError:
            if "\n{" not in self.text.strip():
                raise
            return [(f"line {number}", value) for number, value in self.lines]
        key = ""
        if isinstance(value, dict):
            key = next(
                (k for k in ("data", "results", "runs", "traces", "items") if isinstance(value.get(k), list)), ""
            )
            value = value[key] if key else [value]
        if not isinstance(value, list) or not value:
            raise DataError(
                f"{self.name}: must hold records, as a list of objects or one object a line; export it anew"
            )
        return [(f"{key}[{index}]", item) for index, item in enumerate(value)]

    @cached_property
    def yaml(self) -> Document:
        """The mapping of a YAML file."""
        return yaml_of(self.name, self.text)

    def beside(self, name: str, why: str) -> Source:
        """Another file, named in this one. It must lie in this file's folder, or below."""
        if "\0" in name:
            raise DataError(f"{self.name}: {why}: {name!r} is no file name")
        home = (self.path if self.is_folder else self.path.parent).resolve()
        path = (home / name).resolve()
        if not path.is_relative_to(home):
            raise DataError(
                f"{self.name}: {why}: {name!r} lies outside of the folder {home.name}/, and is not read; "
                "copy the file beside this one and correct the path"
            )
        if not path.is_file():
            raise DataError(
                f"{self.name}: {why}: there is no file {name!r} beside it; put it there, or correct the name"
            )
        return Source(path)


def read_text(path: Path) -> str:
    """Raises DataError for what is no UTF-8 text of acceptable size, or empty."""
    text = textfile.read_text(path, FILE)
    if not text.strip():
        raise DataError(f"{path.name}: the file is empty; export it anew")
    return text


def parse_json(text: str, name: str, line: int | None = None) -> Any:
    """Strict JSON, of bounded depth and size, whose texts are whole characters."""
    where = f"{name}:{line}" if line else name
    try:
        value = decode(text.strip())
    except json.JSONDecodeError as error:
        at = line or error.lineno
        near = error.doc[max(0, error.pos - 15) : error.pos + 15]
        raise DataError(
            f"{name}:{at}: not valid JSON: {error.msg}, near {near!r}; the file may be cut off: export it anew"
        ) from error
    except RecursionError as error:
        raise DataError(f"{where}: nested too deeply; at most {MAX_DEPTH} levels are read; export it anew") from error
    except ValueError as error:
        raise DataError(f"{where}: not valid JSON: {error}; correct it, or export the file anew") from error
    check_value(value, where)
    return value


def yaml_of(name: str, text: str) -> Document:
    try:
        document = parse_yaml(name, text)
    except ConfigError as error:
        raise DataError(str(error)) from error
    check_value(document.data, name)
    return document


def check_value(value: Any, where: str) -> None:
    """Raises DataError for what is nested too deeply, too large, or holds half characters. Does not recurse."""
    waiting: list[tuple[Any, int]] = [(value, 1)]
    count = 0
    while waiting:
        found, depth = waiting.pop()
        count += 1
        if depth > MAX_DEPTH:
            raise DataError(f"{where}: nested more than {MAX_DEPTH} levels deep; no tool writes that: export it anew")
        if count > MAX_VALUES:
            raise DataError(f"{where}: holds more than {MAX_VALUES:,} values; split the file")
        if isinstance(found, dict):
            waiting += [(item, depth + 1) for pair in found.items() for item in pair]
        elif isinstance(found, list):
            waiting += [(item, depth + 1) for item in found]
        elif isinstance(found, str) and not found.isascii():
            _check_characters(found, where)


def _check_characters(text: str, where: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        half = text[error.start].encode("unicode_escape").decode()
        raise DataError(
            f"{where}: holds {half}, one half of a character; the text was cut inside one: export it anew"
        ) from error


def _lines(text: str, name: str) -> Iterator[tuple[int, Any]]:
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            yield number, parse_json(line, name, number)
