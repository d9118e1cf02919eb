"""A first look at a data file, byte by byte and in little memory: is it there, is it text, is it in its encoding?"""

from __future__ import annotations

import codecs
from pathlib import Path

from optimizer.errors import DataError

_CHUNK = 1 << 20
_MAX_LINE = 50_000_000  # characters
_SIGNS = {
    b"PK\x03\x04": "a zip archive or an Excel workbook; export the sheet as CSV (UTF-8)",
    b"\x1f\x8b": "compressed with gzip; unpack it",
    b"BZh": "compressed with bzip2; unpack it",
    b"\x28\xb5\x2f\xfd": "compressed with zstd; unpack it",
    b"\xfd7zXZ": "compressed with xz; unpack it",
    b"PAR1": "a Parquet file; let its name end in .parquet",
    b"\xd0\xcf\x11\xe0": "an Excel workbook; export the sheet as CSV (UTF-8)",
    b"SQLite format 3": "a SQLite database; export the table as JSONL or CSV",
}
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def text_encoding(name: str) -> str:
    """The codec to read with: a byte-order mark is no part of the text."""
    return "utf-8-sig" if codecs.lookup(name).name == "utf-8" else name


def scan(path: Path, encoding: str | None) -> None:
    """Raises DataError for what is no data file in `encoding`; None: a Parquet file."""
    try:
        if path.is_dir():
            raise DataError(f"{path}: is a folder; name the files in it, as in data.path: [{path.name}/a.jsonl]")
        with path.open("rb") as file:
            head = file.read(16)
    except FileNotFoundError as error:
        raise DataError(f"{path}: no such file; data.path starts from the task file's folder") from error
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from error
    if not head:
        raise DataError(f"{path.name}: the file is empty; it needs one example on each line")
    if encoding is None:
        _check_parquet(path)
        return
    for sign, meaning in _SIGNS.items():
        if head.startswith(sign):
            raise DataError(f"{path.name}: is not text but {meaning}")
    if head.startswith(_UTF16) and not codecs.lookup(encoding).name.startswith(("utf-16", "utf-32")):
        raise DataError(f"{path.name}: begins like UTF-16, not {encoding}; set data.encoding: utf-16, or save as UTF-8")
    _decode(path, encoding)


def _check_parquet(path: Path) -> None:
    with path.open("rb") as file:
        start = file.read(4)
        size = file.seek(0, 2)
        file.seek(max(0, size - 4))
        whole = start == b"PAR1" and file.read(4) == b"PAR1" and size >= 12
    if not whole:
        found = "is cut off: its end is missing" if start == b"PAR1" else f"does not begin as one, but with {start!r}"
        raise DataError(f"{path.name}: is no whole Parquet file: it {found}; write it again, or correct its ending")


def _decode(path: Path, encoding: str) -> None:
    decoder = codecs.getincrementaldecoder(encoding)()
    rows, start, run = 1, 0, 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            held = decoder.getstate()[0]
            try:
                text = decoder.decode(chunk)
            except UnicodeDecodeError as error:
                raise _undecodable(path, encoding, error, rows, start - len(held)) from error
            if (at := text.find("\0")) >= 0:
                row = rows + text.count("\n", 0, at)
                raise DataError(
                    f"{path.name}, line {row}: holds a zero byte: this is no {encoding} text; export it anew"
                )
            newlines = text.count("\n")
            run = len(text) - text.rfind("\n") - 1 if newlines else run + len(text)
            rows += newlines
            start += len(chunk)
            if run > _MAX_LINE:
                raise DataError(
                    f"{path.name}, line {rows}: is longer than {_MAX_LINE:,} characters; one example, one line"
                )
    try:
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        raise _undecodable(path, encoding, error, rows, start - len(decoder.getstate()[0])) from error


def _undecodable(path: Path, encoding: str, error: UnicodeDecodeError, rows: int, start: int) -> DataError:
    """`rows` and `start`: the row and the byte of the file at which the undecodable piece begins."""
    before = error.object[: error.start].decode(encoding, errors="replace")
    row = rows + before.count("\n")
    found = f"byte 0x{error.object[error.start]:02x} at position {start + error.start}"
    return DataError(
        f"{path.name}, line {row}: {found} is not {encoding}; save the file as UTF-8, or name its encoding, "
        "as in data.encoding: cp1252"
    )
