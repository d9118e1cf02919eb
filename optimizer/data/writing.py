"""Tables out, by the library that reads them in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from optimizer.data.arrow import open_datasets


def write_parquet(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Every row has the same columns; a column whose values are of several types is written as texts."""
    columns = {name: _column([row[name] for row in rows]) for name in rows[0]}
    datasets = open_datasets()
    datasets.disable_progress_bars()
    temporary = path.with_name(f".{path.name}.tmp")
    datasets.Dataset.from_dict(columns).to_parquet(str(temporary))
    temporary.replace(path)


def _column(values: list[Any]) -> list[Any]:
    kinds = {type(value) for value in values if value is not None}
    mixed = len(kinds) > 1 and not kinds <= {int, float}
    return [None if value is None else str(value) for value in values] if mixed else values
