"""Is a bundle what was written? Every byte of it, and nothing beside it.

What is checked, in this order, so that nothing is read or trusted before it may be: names, kinds and sizes of the
files; the checksums and their form; each file's hash; the signature; the format and the schema of what they say. A
changed bundle with new checksums is another bundle: that it is not *yours* only a signature shows.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files as package_files
from pathlib import Path
from typing import Any

from optimizer import reader
from optimizer.errors import ExportError
from optimizer.exporters.bundle import coherence, sealing, signing
from optimizer.exporters.bundle.sealing import BUNDLE, HELD_OUT, PROGRAM, READER, SCHEMA, SUMS
from optimizer.exporters.bundle.signing import SIGNATURE

FORMAT, PROGRAM_FORMAT = "promptport-bundle/2", "promptport-program/2"
_FIRST = {"promptport-bundle/1": {BUNDLE, READER}, "promptport-program/1": {BUNDLE, READER, PROGRAM}}
_NEEDED = {
    **_FIRST,
    FORMAT: {BUNDLE, READER, SCHEMA, HELD_OUT},
    PROGRAM_FORMAT: {BUNDLE, READER, SCHEMA, HELD_OUT, PROGRAM},
}
_DEEPEST = 100  # levels of JSON; a reply's schema takes a handful
_WAY_OUT = "write it anew with `promptport report RUN`"


@dataclass(frozen=True)
class Verified:
    """A bundle that is whole. `signed_by`: the public key that signed it, in hexadecimal digits; "" where none did."""

    files: Mapping[str, bytes]
    bundle: Mapping[str, Any]
    signed_by: str = ""


def read_bundle(path: Path, key: Path | None = None) -> Verified:
    """The bundle in that folder or zip, all of it as it was written. Raises ExportError where it is not.

    `key`: a file with the public key by which it must be signed; a bundle without signature is refused then.
    """
    found = sealing.unpacked(_bytes(path.resolve(), sealing.MOST_BYTES), path) if path.is_file() else _folder(path)
    _compare(path, found, _sums(path, found.get(SUMS)))
    signed_by = _signed_by(path, found, signing.public_key(key) if key else None)
    return Verified(found, _sound(path, found), signed_by)


def verify_bundle(path: Path, key: Path | None = None) -> int:
    """The number of files in a bundle, all of them as they were written. Raises ExportError where one is not."""
    return len(read_bundle(path, key).files)


@cache
def schema_text() -> str:
    """The JSON schema of a bundle's bundle.json, as it is shipped in every bundle."""
    return (package_files("optimizer.exporters.bundle") / "bundle.schema.json").read_text("utf-8")


def _folder(folder: Path) -> dict[str, bytes]:
    try:
        paths = sorted(folder.iterdir())
    except OSError as error:
        raise ExportError(
            f"{folder}: no bundle here ({error.strerror}); give the folder with {SUMS} in it, or its zip"
        ) from error
    if SUMS not in {path.name for path in paths}:
        raise ExportError(f"{folder}: no bundle here ({SUMS} is missing){_below(folder)}")
    if len(paths) > sealing.MOST_FILES:
        raise ExportError(f"{folder}: {len(paths):,} files, and a bundle has a handful; {_WAY_OUT}")
    names = [path.name.lower() for path in paths]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ExportError(f"{folder}: {twice[0]!r} stands in it twice but for case; {_WAY_OUT}")
    listed = set(_sums(folder, _bytes(folder / SUMS)))
    found: dict[str, bytes] = {}
    for path in paths:
        if path.name not in listed | {SUMS, SIGNATURE}:
            _refuse_extra(path)
        found[path.name] = _bytes(path)
        if sum(map(len, found.values())) > sealing.MOST_BYTES:
            raise ExportError(f"{folder}: larger than {sealing.MOST_BYTES:,} bytes; {_WAY_OUT}")
    return found


def _below(folder: Path) -> str:
    """Where the bundles of a run's folder are: of several targets each has its own."""
    found = sorted(path.parent for name in ("*", "bundle/*") for path in folder.glob(f"{name}/{SUMS}"))
    return f"; give {', '.join(map(str, found))}" if found else ""


def _sums(path: Path, written: bytes | None) -> dict[str, str]:
    """The checksums; their file has one form only, so a change that leaves their meaning is found as well."""
    if written is None:
        raise ExportError(f"{path}: no bundle here ({SUMS} is missing)")
    sums = sealing.only_form(written)
    if sums is None or not {BUNDLE, READER} <= set(sums):
        raise ExportError(f"{path / SUMS}: changed since it was written; {_WAY_OUT}")
    for name in sums:
        try:
            sealing.refuse_name(name, path / SUMS)
        except ExportError as error:
            raise ExportError(f"{path / SUMS}: changed since it was written ({error})") from error
    return sums


def _refuse_extra(path: Path) -> None:
    if path.name == "__pycache__":
        raise ExportError(
            f"{path}: left behind by importing reader.py where it lies, and Python would run it in the reader's place: "
            "remove it, and set PYTHONDONTWRITEBYTECODE=1 where the bundle is read"
        )
    raise ExportError(f"{path}: not part of the bundle; remove it, or {_WAY_OUT}")


def _compare(path: Path, found: Mapping[str, bytes], sums: Mapping[str, str]) -> None:
    if wrong := sorted(set(found) - {SUMS, SIGNATURE} ^ set(sums)):
        kind = "missing" if wrong[0] in sums else "not part of the bundle"
        raise ExportError(f"{path / wrong[0]}: {kind}; {_WAY_OUT}")
    for name, wanted in sums.items():
        if hashlib.sha256(found[name]).hexdigest() != wanted:
            raise ExportError(f"{path / name}: changed since it was written; {_WAY_OUT}")


def _signed_by(path: Path, found: Mapping[str, bytes], trusted: bytes | None) -> str:
    if SIGNATURE in found:
        try:
            return signing.check_signature(found[SUMS], found[SIGNATURE], trusted)
        except ExportError as error:
            raise ExportError(f"{path}: {error}") from error
    if trusted is not None:
        raise ExportError(
            f"{path}: not signed ({SIGNATURE} is missing), so nobody vouches for it; ask for a signed one"
        )
    return ""


def _sound(path: Path, found: Mapping[str, bytes]) -> Mapping[str, Any]:
    """What bundle.json says, of a format that this version knows and in its form."""
    place = path / BUNDLE
    said = parsed(found[BUNDLE], place)
    bundle: dict[str, Any] = said if isinstance(said, dict) else {}
    needed = _NEEDED.get(str(bundle.get("format")))
    if needed is None:
        told = bundle.get("format", type(said).__name__)
        raise ExportError(f"{place}: of the format {told!r:.80}, this version knows {', '.join(_NEEDED)}; update it")
    if missing := sorted(needed - set(found)):
        raise ExportError(f"{path / missing[0]}: missing; {_WAY_OUT}")
    if bundle["format"] not in _FIRST and (problem := _unfit(bundle)):
        raise ExportError(f"{place}: not in the form of its format: {problem}; {_WAY_OUT}")
    return bundle


def _unfit(bundle: dict[str, Any]) -> str | None:
    return reader.mismatch(bundle, json.loads(schema_text())) or coherence.problem(bundle)


def parsed(data: bytes, place: Path) -> Any:
    """A JSON value of reasonable depth. Raises ExportError."""
    try:
        value = json.loads(data)
        level, deep = [value], 0
        while level:
            deep += 1
            if deep > _DEEPEST:
                raise RecursionError
            level = [item for one in level if isinstance(one, dict | list) for item in _inside(one)]
    except RecursionError as error:
        raise ExportError(f"{place}: nested deeper than {_DEEPEST} levels; {_WAY_OUT}") from error
    except ValueError as error:
        raise ExportError(f"{place}: no JSON ({error}); {_WAY_OUT}") from error
    return value


def _inside(value: dict[str, Any] | list[Any]) -> list[Any]:
    return list(value.values()) if isinstance(value, dict) else value


def _bytes(path: Path, most: int = sealing.LARGEST) -> bytes:
    try:
        if path.is_symlink() or not path.is_file() or path.stat().st_size > most:
            raise ExportError(f"{path}: no plain file, or larger than {most:,} bytes; {_WAY_OUT}")
        return path.read_bytes()
    except OSError as error:
        raise ExportError(f"{path}: cannot be read ({error.strerror}); {_WAY_OUT}") from error
