"""Rows for a task that names a format of ours, in `data.format`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from optimizer.data import Row, Table
from optimizer.errors import ConfigError, DataError, nearest
from optimizer.importers.parsing.files import Source
from optimizer.importers.recover import rows_of
from optimizer.importers.registry import FORMATS


def read_table(paths: Sequence[Path], name: str, at: str = "data.format") -> Table:
    """The rows of files whose format a task names at that place. Raises ConfigError and DataError."""
    if name not in FORMATS:
        raise ConfigError(f"{at}: no format is called {name!r}.{nearest(name, FORMATS)} Known: {', '.join(FORMATS)}")
    found = FORMATS[name]
    if not (found.log or found.rows):
        known = [one.name for one in FORMATS.values() if one.log or one.rows]
        raise ConfigError(
            f"{at}: {name!r} holds a prompt, no rows.{nearest(name, known)} Formats with rows: {', '.join(known)}"
        )
    rows: list[Row] = []
    columns: dict[str, None] = {}
    for path in paths:
        source = Source(path)
        told = found.rows(source) if found.rows else rows_of(found.log(source).records) if found.log else ()
        for number, values in enumerate(told, start=1):
            columns |= dict.fromkeys(values)
            rows.append(Row(dict(values), source.name, number))
    return Table(", ".join(path.name for path in paths), tuple(rows), tuple(columns))


def refuse_several(table: Table, name: str, at: str = "data.format") -> None:
    """Raises DataError for logs of several models, where the answers are to be those of the source."""
    if not FORMATS[name].log:
        return
    models = sorted({str(row.values["model"]) for row in table.rows if row.values.get("model")})
    if len(models) > 1:
        raise DataError(
            f"{at}: the files hold calls of {', '.join(models)}; only one can be the source. `promptport init FOLDER "
            "--from FILE` writes the calls of one model"
        )
