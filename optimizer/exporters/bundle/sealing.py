"""A bundle's files as bytes: their checksums, and the one zip that they make.

Files in a zip are stored, not compressed: so the same files make the same zip on every machine, whatever version of
zlib it has, and nothing in it can unfold to more than its size.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from optimizer.errors import ExportError
from optimizer.exporters.bundle.signing import SIGNATURE
from optimizer.results.records import as_json

BUNDLE, READER, SCHEMA, SUMS = "bundle.json", "reader.py", "schema.json", "checksums.json"
PROGRAM, HELD_OUT = "program.json", "held_out.jsonl"
LARGEST, MOST_BYTES, MOST_FILES = 50_000_000, 100_000_000, 100  # bytes of one file, of all; files
_EPOCH = (1980, 1, 1, 0, 0, 0)
#: No path, nothing hidden, nothing that one file system spells otherwise than another.
NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,98}[A-Za-z0-9_-])?")
_TAKEN = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.I)  # on Windows


#: What a model is shown of these, it is shown in the order in which they were written.
_AS_WRITTEN = frozenset(
    {"messages", "tools", "response_schema", "reply", "parameters", "few_shot", "rollback", "prompts", "source"}
)


def as_text(bundle: Mapping[str, Any]) -> str:
    """The text of bundle.json: keys in order, but in what a model is shown."""
    ordered = {key: bundle[key] for key in sorted(bundle)}
    sort = {key: json.loads(as_json(value)) for key, value in ordered.items() if key not in _AS_WRITTEN}
    return as_json({**ordered, **sort}, sort=False)


def checksums(files: Mapping[str, bytes]) -> bytes:
    """The text of the checksums file; it does not name itself, nor the signature of itself."""
    sums = {name: hashlib.sha256(data).hexdigest() for name, data in files.items() if name not in (SUMS, SIGNATURE)}
    return as_json(sums).encode()


def archive(files: Mapping[str, bytes]) -> bytes:
    """The zip of a bundle: equal files make equal bytes."""
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_STORED) as packed:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.create_system, entry.external_attr = 3, 0o100644 << 16
            packed.writestr(entry, files[name])
    return whole.getvalue()


def refuse_name(name: str, place: object) -> None:
    """Raises ExportError for a name that a bundle never has: one that leads elsewhere, above all."""
    if not NAME.fullmatch(name) or _TAKEN.fullmatch(name):
        raise ExportError(f"{place}: {name!r} is no name of a file in a bundle; do not unpack it, ask for it anew")


def unpacked(data: bytes, place: Path) -> dict[str, bytes]:
    """The files in a zip. Raises ExportError for all that `archive` would not have written, to the byte."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            entries = packed.infolist()
            _refuse_entries(entries, place, len(data))
            files = {entry.filename: packed.read(entry) for entry in entries}
    except ExportError:
        raise
    except Exception as error:  # zipfile has a dozen kinds for what is no zip
        raise ExportError(
            f"{place}: no bundle here: no zip, or changed since it was written ({error}); ask for it anew"
        ) from error
    if archive(files) != data:
        raise ExportError(
            f"{place}: changed since it was written: not the zip that promptport makes of these files; if another tool "
            "packed it, unpack it and verify the folder"
        )
    return files


def _refuse_entries(entries: list[zipfile.ZipInfo], place: Path, size: int) -> None:
    """Before anything is read: names, kinds and sizes."""
    if len(entries) > MOST_FILES:
        raise ExportError(f"{place}: {len(entries):,} files, and a bundle has a handful; do not unpack it")
    seen: set[str] = set()
    for entry in entries:
        refuse_name(entry.orig_filename, place)
        if entry.filename.lower() in seen:
            raise ExportError(f"{place}: {entry.filename!r} stands in it twice (or but for case); do not unpack it")
        seen.add(entry.filename.lower())
        if (entry.external_attr >> 28) not in (0, 0o10):
            raise ExportError(f"{place}: {entry.filename!r} is no plain file (a link, a folder?); do not unpack it")
        if entry.compress_type != zipfile.ZIP_STORED or entry.flag_bits & 1:
            raise ExportError(
                f"{place}: {entry.filename!r} is compressed or encrypted, which promptport never does (a zip bomb?); "
                "if another tool packed it, unpack it with care and verify the folder"
            )
    if sum(entry.file_size for entry in entries) > size:
        raise ExportError(f"{place}: its files claim more bytes than the zip has (a zip bomb?); do not unpack it")


def only_form(written: bytes) -> dict[str, str] | None:
    """Checksums in the one form that they are written in; None for anything else, be it of the same meaning."""
    try:
        sums = json.loads(written)
    except (ValueError, RecursionError):
        return None
    if not isinstance(sums, dict) or as_json(sums).encode() != written:
        return None
    return sums if all(isinstance(sum_, str) and len(sum_) == 64 for sum_ in sums.values()) else None
