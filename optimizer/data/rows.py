"""What a data file or a dataset of the hub is once it is read: rows that know where they stand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from optimizer.data import parsing
from optimizer.errors import DataError


@dataclass(frozen=True, slots=True)
class Row:
    values: dict[str, Any]
    file: str
    number: int
    line: int | None = None

    @property
    def place(self) -> str:
        return parsing.place(self.file, self.number, self.line)


@dataclass(frozen=True)
class Table:
    """`columns` are all that occur, in the order in which they first do; `name` is for errors."""

    name: str
    rows: tuple[Row, ...]
    columns: tuple[str, ...]


def as_plain(table: Table) -> Table:
    """The same table, once all its values are JSON. Raises DataError for what JSON cannot hold."""
    for row in table.rows:
        for column, value in row.values.items():
            if not isinstance(value, str):
                row.values[column] = parsing.as_json(value, f"{row.place}, field {column!r}")
            elif len(value) > parsing.MAX_CELL:
                limit = f"more than {parsing.MAX_CELL:,} are not sent to any model; shorten it or drop the row"
                raise DataError(f"{row.place}, field {column!r}: has {len(value):,} characters; {limit}")
    return table
