"""Rows from lines of text: JSON objects, and CSV in which every cell stays the text that it is."""

from __future__ import annotations

import csv
import json
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, NamedTuple, NoReturn

from optimizer.errors import DataError
from optimizer.types import JSON

MAX_CELL = 2_000_000  # characters; about half a million tokens, more than a context holds
_DELIMITERS = ",;\t|"


class Parsed(NamedTuple):
    values: dict[str, Any]
    line: int | None = None


def place(file: str, row: int, line: int | None = None) -> str:
    """`row` counts rows of data from 1, `line` lines of the file: they part at empty lines and in CSV."""
    return f"{file}, row {row}" + (f" (line {line})" if line not in (None, row) else "")


def json_rows(lines: Iterable[str], name: str, columns: dict[str, None]) -> Iterator[Parsed]:
    """One JSON object a line; empty lines are skipped. New keys are added to `columns`."""
    row = 1
    for number, line in enumerate(lines, start=1):
        text = line.strip().lstrip("\ufeff")
        if not text:
            continue
        try:
            values = decode(text)
        except json.JSONDecodeError as error:
            raise DataError(f"{place(name, row, number)}: not valid JSON: {_reason(error, text)}") from error
        except (ValueError, RecursionError) as error:
            raise DataError(f"{place(name, row, number)}: not valid JSON: {error}") from error
        if not isinstance(values, dict):
            kind = type(values).__name__
            raise DataError(f"{place(name, row, number)}: must be one JSON object, {{...}}, found a {kind}")
        if "\\ud" in text or "\\uD" in text:
            _refuse_surrogates(values, place(name, row, number))
        for key in values:
            columns.setdefault(key)
        yield Parsed(values, number)
        row += 1


def csv_rows(
    lines: Iterable[str], name: str, columns: dict[str, None], delimiter: str | None, *, unnamed: bool = False
) -> Iterator[Parsed]:
    """Rows under a header line; quoted cells may run over several lines. `unnamed`: take columns without a name too."""
    lines, skipped = iter(lines), 0
    while (first := next(lines, "")) in ("\n", "\r\n"):
        skipped += 1
    if named := re.fullmatch(r"sep=(.)\n?", first):  # a habit of Excel
        delimiter, first, skipped = delimiter or named[1], next(lines, ""), skipped + 1
    if csv.field_size_limit() < MAX_CELL:  # the whole process's, and left so: another thread may be in mid-file
        csv.field_size_limit(MAX_CELL)
    yield from _cells(
        _again(first, lines), name, columns, delimiter or _delimiter(first), skipped=skipped, unnamed=unnamed
    )


def _again(first: str, lines: Iterator[str]) -> Iterator[str]:
    yield first
    yield from lines


def _cells(
    lines: Iterator[str], name: str, columns: dict[str, None], delimiter: str, *, skipped: int, unnamed: bool
) -> Iterator[Parsed]:
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    header: list[str] = []
    number = 0
    while True:
        line = reader.line_num + skipped + 1
        where = place(name, number + 1, line) if header else f"{name}, the header (line {line})"
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise DataError(f"{where}: {_csv_reason(error, delimiter)}") from error
        if not cells:
            continue
        if not header:
            header = _header(cells, where, unnamed=unnamed)
            columns.update(dict.fromkeys(header))
            continue
        number += 1
        if len(cells) != len(header):
            raise DataError(
                f"{where}: has {len(cells)} cells, the header has {len(header)} ({', '.join(header)}); "
                f"a cell that holds {delimiter!r} or a line break must stand in double quotes"
            )
        yield Parsed(dict(zip(header, cells, strict=True)), line)


def _header(cells: Sequence[str], where: str, *, unnamed: bool) -> list[str]:
    names = [cell.strip() or (f"({place})" if unnamed else "") for place, cell in enumerate(cells, start=1)]
    for position, name in enumerate(names, start=1):
        if not name:
            raise DataError(f"{where}: column {position} has no name; give it one")
        if name in names[: position - 1]:
            raise DataError(f"{where}: two columns are called {name!r}; rename one of them")
    return names


def _delimiter(header: str) -> str:
    """The delimiter that stands most often in the header, outside quotes; a comma if there is none."""
    bare = re.sub(r'"[^"]*"', "", header)
    return max(_DELIMITERS, key=bare.count)


def as_json(value: Any, where: str) -> JSON:
    """`value` as JSON; dates and decimals as texts. Raises DataError for what JSON cannot hold."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise DataError(f"{where}: {value} is no number; leave it out or correct it")
        return value
    if isinstance(value, list | tuple):
        return [as_json(item, where) for item in value]
    if isinstance(value, dict):
        return {str(key): as_json(item, where) for key, item in value.items()}
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    raise DataError(f"{where}: a value of type {type(value).__name__} is neither text nor number; convert the column")


def _no_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is no JSON number; use null, or leave the key out")


def _finite(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise ValueError(f"the number {text} is too large")
    return value


def _no_double(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"the key {twice!r} stands twice; remove one of them")
    return values


def _reason(error: json.JSONDecodeError, text: str) -> str:
    if text in ("[", "{", "[{", "]", "}"):
        return f"the line is only {text!r}; every line must hold one whole object"
    near = text[max(0, error.pos - 15) : error.pos + 15]
    return f"{error.msg} at column {error.colno}, near {near!r}"


def _csv_reason(error: csv.Error, delimiter: str) -> str:
    text = str(error)
    if "unexpected end of data" in text:
        return "a quoted cell begins here and never ends; close the quotes, and double quotes inside a cell"
    if "field larger" in text:
        return f"a cell has more than {MAX_CELL:,} characters; is a quote left open? Shorten the cell or drop the row"
    if "expected after" in text:
        return f"a quoted cell must be followed by {delimiter!r} or the line's end; double the quotes inside a cell"
    return f"not valid CSV: {text}"


def _refuse_surrogates(value: Any, where: str) -> None:
    for key, item in value.items():
        try:
            json.dumps([key, item], ensure_ascii=False).encode()
        except UnicodeEncodeError as error:
            half = error.object[error.start].encode("unicode_escape").decode()
            raise DataError(
                f"{where}, field {key!r}: holds {half}, one half of a character; the text was cut inside one"
            ) from error


#: Strict JSON: no NaN, no number beyond all bounds, no key twice. Raises ValueError or RecursionError.
decode = json.JSONDecoder(parse_constant=_no_constant, parse_float=_finite, object_pairs_hook=_no_double).decode
