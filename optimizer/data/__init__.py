"""The one door to `datasets`: rows from JSONL, CSV and Parquet files and from the hub, exactly as they were written.

Lines of JSON and CSV come through the library's text reader and are parsed here: its own JSON and CSV readers
give every row the same keys and types ("007" turns into 7, a missing key into null), which would rewrite
gold answers. Nothing of a user's file is copied or cached; what the hub sends stays in the hub's own cache.

`scan` looks at the bytes, `parsing` makes rows of lines, `columns` examples of rows, with `ratings`, `stages` and, for
the gate, `other_rows`. `golds` and `remarks` find what is wrong or odd; `split` divides; `writing` is the way out.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from optimizer.data import parsing
from optimizer.data.parsing import Parsed
from optimizer.data.scan import scan, text_encoding
from optimizer.errors import DataError, nearest

ENDINGS = {".jsonl": "json", ".ndjson": "json", ".csv": "csv", ".tsv": "csv", ".parquet": "parquet"}
_BATCH = 10_000


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


def read_files(
    paths: Sequence[Path],
    *,
    encoding: str = "utf-8",
    delimiter: str | None = None,
    wanted: Collection[str] | None = None,
) -> Table:
    """The rows of all files, one behind the other, with their `wanted` columns (None: all). Raises DataError."""
    rows: list[Row] = []
    columns: dict[str, None] = {}
    for path in paths:
        before = len(rows)
        with TemporaryDirectory(prefix="promptport-") as folder:
            found = _parsed(path, Path(folder), encoding, delimiter, columns)
            for number, parsed in enumerate(found, start=1):
                values = parsed.values if wanted is None else {k: v for k, v in parsed.values.items() if k in wanted}
                rows.append(Row(values, path.name, number, parsed.line))
        if len(rows) == before:
            raise DataError(
                f"{path.name}: has no rows; put one example on each line, or take the file out of data.path"
            )
    return _plain(Table(", ".join(path.name for path in paths), tuple(rows), tuple(columns)))


def read_hub(
    name: str,
    *,
    config: str | None = None,
    split: str = "train",
    revision: str | None = None,
    wanted: Collection[str] | None = None,
) -> Table:
    """The rows of a split of a dataset on the hub. Raises DataError; asks no network when HF_HUB_OFFLINE is set."""
    try:
        found = open_datasets().load_dataset(name, config, split=split, revision=revision)
        columns, names = tuple(found.column_names), _label_names(found.features)
        kept = [column for column in columns if wanted is None or column in wanted]
        batches = found.select_columns(kept).with_format("arrow").iter(batch_size=_BATCH)
        records = [record for batch in batches for record in _records(batch, names)]
    except Exception as error:
        reason = str(error).strip().partition("\n")[0][:300] or type(error).__name__
        raise DataError(
            f"hub dataset {name!r} (config {config}, split {split}): {reason}. Check data.hub, and the network; "
            "HF_HUB_OFFLINE=1 allows only what was downloaded before"
        ) from error
    rows = tuple(Row(record, name, number) for number, record in enumerate(records, start=1))
    if not rows:
        raise DataError(f"hub dataset {name!r}: the split {split!r} has no rows; name another in data.hub.split")
    return _plain(Table(name, rows, columns))


def _parsed(
    path: Path, folder: Path, encoding: str, delimiter: str | None, columns: dict[str, None]
) -> Iterator[Parsed]:
    """`folder` is a place to work in, gone afterwards."""
    ending = path.suffix.lower()
    if os.path.isdir(path):  # noqa: PTH112  (Path.is_dir raises for a name that no file can have)
        raise DataError(
            f"{path.name or path}: is a folder; name the files in it, as in path: [a.parquet, b.parquet]. What "
            "`datasets` saved to disk becomes one file with load_from_disk(FOLDER).to_parquet(FILE)"
        )
    if ending not in ENDINGS:
        hint = nearest(ending, ENDINGS)
        found = f"the ending {ending!r} is not known" if ending else "its name has no ending"
        raise DataError(
            f"{path.name}: {found}.{hint} Files end in {', '.join(ENDINGS)}; "
            "a JSON array becomes .jsonl with one object on each line"
        )
    kind = ENDINGS[ending]
    scan(path, None if kind == "parquet" else encoding)
    if kind == "parquet":
        return _parquet(path, folder, columns)
    lines = _lines(path, folder, text_encoding(encoding))
    if kind == "json":
        return parsing.json_rows(lines, path.name, columns)
    return parsing.csv_rows(lines, path.name, columns, delimiter or ("\t" if ending == ".tsv" else None))


def _lines(path: Path, folder: Path, encoding: str) -> Iterator[str]:
    for batch, _ in _stream("text", path, folder, encoding=encoding, keep_linebreaks=True):
        yield from batch["text"].to_pylist()


def _parquet(path: Path, folder: Path, columns: dict[str, None]) -> Iterator[Parsed]:
    try:
        for batch, features in _stream("parquet", path, folder):
            columns.update(dict.fromkeys(batch.column_names))
            for record in _records(batch, _label_names(features)):
                yield Parsed(record)
    except (OSError, ValueError) as error:  # pyarrow's errors are ValueErrors
        reason = str(error).strip().partition("\n")[0][:200]
        raise DataError(f"{path.name}: cannot be read as Parquet: {reason}; write the file again") from error


def _stream(kind: str, path: Path, folder: Path, **options: Any) -> Iterator[tuple[Any, Any]]:
    """Batches of a local file as Arrow tables, with the features."""
    link = _linked(path, folder)
    rows = open_datasets().load_dataset(
        kind, data_files=[link], split="train", streaming=True, cache_dir=str(folder), **options
    )
    for batch in rows.with_format("arrow").iter(batch_size=_BATCH):
        yield batch, rows.features


def _linked(path: Path, folder: Path) -> str:
    """The file under a plain name: `datasets` takes names for patterns, and misses `tickets [1].csv` silently."""
    plain = folder / f"rows{path.suffix.lower()}"
    try:
        plain.symlink_to(path.resolve())
    except OSError:  # a system that does not let users link
        shutil.copyfile(path, plain)
    return str(plain)


def open_datasets() -> Any:
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    import datasets

    datasets.config.HF_UPDATE_DOWNLOAD_COUNTS = False  # else opening a local file is announced over the network
    return datasets


def _label_names(features: Any) -> dict[str, list[str]]:
    """Columns that hold numbers for names: a hub label of 2 means the third name."""
    return {column: feature.names for column, feature in (features or {}).items() if hasattr(feature, "str2int")}


def _records(batch: Any, names: dict[str, list[str]]) -> Iterable[dict[str, Any]]:
    records: list[dict[str, Any]] = batch.to_pylist()
    for record in records:
        for column, known in names.items():
            if (number := record.get(column)) is not None:
                record[column] = known[number] if 0 <= number < len(known) else None
    return records


def _plain(table: Table) -> Table:
    """The same table, once all its values are JSON. Raises DataError for what JSON cannot hold."""
    for row in table.rows:
        for column, value in row.values.items():
            if not isinstance(value, str):
                row.values[column] = parsing.as_json(value, f"{row.place}, field {column!r}")
            elif len(value) > parsing.MAX_CELL:
                limit = f"more than {parsing.MAX_CELL:,} are not sent to any model; shorten it or drop the row"
                raise DataError(f"{row.place}, field {column!r}: has {len(value):,} characters; {limit}")
    return table
