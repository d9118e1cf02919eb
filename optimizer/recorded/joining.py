"""Which rows of which file are a side's answers, and to which example each belongs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from optimizer.config.comparison import ComparisonSettings, Side
from optimizer.data import Row, Table, read_files
from optimizer.data.columns import as_text, has_column, no_column, pick
from optimizer.errors import ConfigError, DataError

_FEW = 6  # values of a column that may tell rows of one example apart


class Rows:
    """Reads every file once, however many sides share it. `at` begins an error with its place."""

    def __init__(self, settings: ComparisonSettings, at: Callable[..., str], folder: Path) -> None:
        self.settings, self.at, self.folder = settings, at, folder
        self.tables: dict[tuple[str, ...], Table] = {}

    def table(self, side: Side) -> Table:
        names, data = side.path or self.settings.data.path, self.settings.data
        if names not in self.tables:
            paths = [self.folder / Path(name).expanduser() for name in names]
            self.tables[names] = read_files(paths, encoding=data.encoding, delimiter=data.delimiter)
        return self.tables[names]

    def others(self) -> tuple[Side, ...]:
        """Where rows name their models, all models but the source are targets."""
        column = str(self.settings.data.model)
        if not self.settings.data.path:
            raise ConfigError(f"{self.at('data', 'path')}: is missing; data.model names a column of that file")
        table = self.table(self.settings.source)
        if not has_column(table, column):
            raise no_column(self.at("data", "model"), column, table)
        names = dict.fromkeys(as_text(pick(row, column)) for row in table.rows)
        found = tuple(Side(model=name) for name in names if name and name != self.settings.source.model)
        if not 0 < len(found) <= 10:
            raise ConfigError(f"{self.at('data', 'model')}: column {column!r} names {len(found)} targets, 1 to 10 work")
        return found

    def refuse_unjoined(self, sides: Sequence[Side]) -> None:
        apart = self.settings.data.model or any(side.path or side.where for side in sides)
        if apart and not self.settings.data.id:
            raise ConfigError(
                f"{self.at('data')}: rows of several models must be joined; name the column with the example's id in "
                "data.id (--id)"
            )

    def of(self, side: Side) -> dict[str, Row]:
        """The side's rows by example id."""
        table, data = self.table(side), self.settings.data
        wanted = dict(side.where) | ({data.model: side.model} if data.model and not side.path else {})
        for column in (*wanted, *([data.id] if data.id else [])):
            if not has_column(table, column):
                raise no_column(self.at("data"), column, table)
        kept = [row for row in table.rows if all(as_text(pick(row, c)) == value for c, value in wanted.items())]
        if not kept:
            raise self._no_rows(side, wanted, table)
        found: dict[str, Row] = {}
        for number, row in enumerate(kept, start=1):
            identity = as_text(pick(row, data.id)) if data.id else str(number)
            if not identity:
                raise DataError(f"{row.place}, field {data.id!r}: has no id; fill it in or drop the row")
            if identity in found:
                raise _twice(side, identity, found[identity], row, table)
            found[identity] = row
        return found

    def _no_rows(self, side: Side, wanted: Mapping[str, str], table: Table) -> ConfigError:
        column = next(c for c, value in wanted.items() if all(as_text(pick(row, c)) != value for row in table.rows))
        known = list(dict.fromkeys(as_text(pick(row, column)) for row in table.rows))[:_FEW]
        shown = ", ".join(repr(value[:40]) for value in known)
        return ConfigError(
            f"{self.at('source' if side is self.settings.source else 'targets')}: {side.model!r} has no rows: "
            f"{column!r} is nowhere {wanted[column]!r} in {table.name}; it holds {shown}"
        )


def _twice(side: Side, identity: str, first: Row, second: Row, table: Table) -> DataError:
    """Rows that stand for the same example differ in something, mostly in a column with few values."""
    values: Iterator[tuple[str, list[str]]] = (
        (c, list(dict.fromkeys(as_text(pick(row, c)) for row in table.rows))) for c in table.columns
    )
    apart = [
        f"{c}: {as_text(pick(first, c))}"
        for c, found in values
        if len(found) <= _FEW and as_text(pick(first, c)) != as_text(pick(second, c))
    ]
    hint = f", as in where: {{{apart[0]}}}" if apart else ""
    return DataError(
        f"{second.place}: example {identity!r} was answered by {side.model!r} in {first.place} already; tell the rows "
        f"apart with `where`{hint}, or correct data.id"
    )
