"""Rows of JSONL, CSV and Parquet files, by way of the library's readers of text and of Parquet."""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from optimizer.data import parsing
from optimizer.data.arrow import BATCH, label_names, open_datasets, records_of
from optimizer.data.parsing import Parsed
from optimizer.data.rows import Row, Table, as_plain
from optimizer.data.scan import scan, text_encoding
from optimizer.errors import DataError, nearest

ENDINGS = {".jsonl": "json", ".ndjson": "json", ".csv": "csv", ".tsv": "csv", ".parquet": "parquet"}


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
    return as_plain(Table(", ".join(path.name for path in paths), tuple(rows), tuple(columns)))


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
            for record in records_of(batch, label_names(features)):
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
    for batch in rows.with_format("arrow").iter(batch_size=BATCH):
        yield batch, rows.features


def _linked(path: Path, folder: Path) -> str:
    """The file under a plain name: `datasets` takes names for patterns, and misses `tickets [1].csv` silently."""
    plain = folder / f"rows{path.suffix.lower()}"
    try:
        plain.symlink_to(path.resolve())
    except OSError:  # a system that does not let users link
        shutil.copyfile(path, plain)
    return str(plain)
