"""A sheet's file as a spreadsheet writes it: its rows under the names of its columns, in whatever form of CSV."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from optimizer.data.parsing import csv_rows, place
from optimizer.errors import DataError
from optimizer.review.sheet import CELL

_SCALE = re.compile(r"\(\s*(-?[\d.,]+)\s*to\s*(-?[\d.,]+)\s*\)")


@dataclass(frozen=True)
class Row:
    """`where`: for errors. Columns go by their names without what is in brackets, one that is not there is empty."""

    where: str
    cells: Mapping[str, str]

    def __getitem__(self, name: str) -> str:
        return self.cells.get(name, "").strip()


def read_rows(path: Path) -> tuple[list[Row], tuple[float, float] | None]:
    """The rows that are not empty, by the headers' first words; and the scale that the header tells."""
    columns: dict[str, None] = {}
    parsed = list(csv_rows(io.StringIO(_text(path), newline=None), path.name, columns, None, unnamed=True))
    names = {column: column.partition("(")[0].strip().casefold() for column in columns}
    if lacking := [name for name in ("code",) if name not in names.values()]:
        raise DataError(
            f"{path.name}: no column is called {lacking[0]!r}, by which rows are known; its columns are "
            f"{', '.join(columns)[:200] or 'none'}. Give a sheet that `promptport review` wrote, with its header"
        )
    rows = [
        Row(place(path.name, place_of, row.line), {names[column]: value for column, value in row.values.items()})
        for place_of, row in enumerate(parsed, start=1)
        if any(value.strip() for value in row.values.values())
    ]
    if not rows:
        raise DataError(f"{path.name}: has a header but no rows; give the sheet as it was filled in")
    told = next((_SCALE.search(column) for column, name in names.items() if name == "mark a"), None)
    low, high = (number(told[1]), number(told[2])) if told else (math.nan, math.nan)
    return rows, (low, high) if low < high else None


def _text(path: Path) -> str:
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise DataError(f"{path}: no such file; `promptport review RUN --out FILE` writes a new sheet") from error
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from error
    if data.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise DataError(f"{path.name}: is a workbook, not CSV; save the sheet as CSV UTF-8")
    encoding = "utf-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path.name}: byte 0x{data[error.start]:02x} at position {error.start} is not UTF-8; save the sheet as "
            "CSV UTF-8"
        ) from error


def number(text: str) -> float:
    """Also with a decimal comma; NaN for what is no number."""
    try:
        return float(text.strip().lstrip("'").replace(",", "."))
    except ValueError:
        return math.nan


def alike(cell: str, text: str) -> bool:
    """Equal but for what a spreadsheet does to a text."""
    ours, theirs = loose(cell), loose(text)
    if ours == theirs or (len(cell) > CELL - 1_000 and theirs.startswith(ours)):
        return True
    return number(ours) == number(theirs)  # no number equals none


def loose(text: str) -> str:
    return " ".join(text.lstrip("' \n\t").split())
