"""Text files of users, opened with care: is it there, is it of acceptable size, is it UTF-8 text?"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from optimizer.errors import OptimizerError

_SIGNS = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16", b"\x1f\x8b": "gzip", b"PK": "a zip archive"}


@dataclass(frozen=True)
class Kind:
    """What is read: its most bytes, the error that faults are raised as, and the way out of three of them."""

    error: type[OptimizerError]
    most: int
    folder: str
    missing: str
    large: str


def read_text(path: Path, kind: Kind) -> str:
    """The whole text, without a byte-order mark and with \\n at the end of lines. Raises `kind.error`."""
    raw = _bytes(path, kind)
    for sign, meaning in _SIGNS.items():
        if raw.startswith(sign):
            raise kind.error(f"{path.name}: is {meaning}, not UTF-8 text; unpack it, or save it as UTF-8")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise kind.error(
            f"{path.name}:{line}: byte 0x{raw[error.start]:02x} is not UTF-8; save the file as UTF-8"
        ) from error
    if (at := text.find("\0")) >= 0:
        line = text.count("\n", 0, at) + 1
        raise kind.error(f"{path.name}:{line}: holds a zero byte: this is no UTF-8 text; save the file as UTF-8")
    return text.replace("\r\n", "\n")


def _bytes(path: Path, kind: Kind) -> bytes:
    try:
        if path.is_dir():
            raise kind.error(f"{path}: is a folder; {kind.folder}")
        if (size := path.stat().st_size) > kind.most:
            raise kind.error(f"{path.name}: has {size:,} bytes, at most {kind.most:,} are read; {kind.large}")
        return path.read_bytes()
    except FileNotFoundError as error:
        raise kind.error(f"{path}: no such file; {kind.missing}") from error
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the name
        reason = getattr(error, "strerror", None) or error
        raise kind.error(f"{path}: cannot be read: {reason}; check the path") from error
