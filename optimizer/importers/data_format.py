"""Rows for a task that names a format of ours, in `data.format`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from optimizer.data import Row, Table
from optimizer.errors import ConfigError, DataError, nearest
from optimizer.importers.parsing.files import Source
from optimizer.importers.recover import rows_of
from optimizer.importers.registry import FORMATS


def read_table(paths: Sequence[Path], name: str, at: str = "data.format", *, one_model: bool = False) -> Table:
    """The rows of files whose format a task names at that place. Raises ConfigError and DataError.

    `one_model`: the answers are to be those of the source, so that calls of several models are refused.
    """
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
    models = sorted({str(row.values["model"]) for row in rows if row.values.get("model")}) if found.log else []
    if one_model and len(models) > 1:
        raise DataError(
            f"{at}: the files hold calls of {', '.join(models)}; only one can be the source. `promptport init FOLDER "
            "--from FILE` writes the calls of one model"
        )
    return Table(", ".join(path.name for path in paths), tuple(rows), tuple(columns))
