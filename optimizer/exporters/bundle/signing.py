"""Who vouches for a bundle: an Ed25519 signature of its checksums, and so of every byte.

The private key is a PEM file (PKCS 8, as `openssl genpkey -algorithm ed25519 -out key.pem` writes it), named by an
option or by the environment; the public key (`openssl pkey -in key.pem -pubout -out public.pem`) goes to who verifies.
The signature shows that the holder of the key wrote just these bytes; whose key it is, only who verifies can know.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from optimizer.errors import ConfigError, ExportError
from optimizer.results.records import as_json

SIGNATURE = "signature.json"
#: Names a file with the private key, or holds the key itself (in PEM), as secrets come in continuous integration.
KEY_VARIABLE = "PROMPTPORT_SIGNING_KEY"
_CONTEXT = b"promptport-bundle\n"  # what is signed as a bundle is never valid as anything else
_MOST = 100_000


def private_key(path: Path | None = None) -> bytes | None:
    """The key in that file, else the one that the environment names; None where neither is given."""
    named = os.environ.get(KEY_VARIABLE, "")
    if path is None and named.lstrip().startswith("-----BEGIN"):
        return named.encode()
    path = path or (Path(named) if named else None)
    return _read(path, "private") if path else None


def public_key(path: Path) -> bytes:
    return _read(path, "public")


def sign(sums: bytes, key: bytes) -> str:
    """The text of the signature file over the bytes of the checksums. Raises ConfigError for what is no such key."""
    with _readable("private"):
        found = _door().serialization.load_pem_private_key(key, password=None)
        signature, public = found.sign(_CONTEXT + sums), found.public_key().public_bytes_raw()
    return _text(public, signature)


def check_signature(sums: bytes, written: bytes, trusted: bytes | None = None) -> str:
    """The key that signed, in hexadecimal digits. Raises ExportError where the signature is not of these bytes, or is
    not by the `trusted` public key (in PEM)."""
    public, signature = _parts(written)
    door = _door()
    if trusted is not None:
        with _readable("public"):
            expected = door.serialization.load_pem_public_key(trusted).public_bytes_raw()
        if expected != public:
            raise ExportError(
                f"{SIGNATURE}: signed by the key {public.hex()}, not by the one given, {expected.hex()}; "
                "ask who made the bundle for their public key"
            )
    try:
        door.ed25519.Ed25519PublicKey.from_public_bytes(public).verify(signature, _CONTEXT + sums)
    except door.InvalidSignature as error:
        raise ExportError(f"{SIGNATURE}: changed since it was written: it is no signature of this bundle") from error
    return public.hex()


def _text(public: bytes, signature: bytes) -> str:
    return as_json({"algorithm": "Ed25519", "public_key": public.hex(), "signature": signature.hex()})


def _parts(written: bytes) -> tuple[bytes, bytes]:
    """One form only, so that every changed byte is found, also one that means the same."""
    try:
        found = json.loads(written)
        public, signature = bytes.fromhex(found["public_key"]), bytes.fromhex(found["signature"])
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise ExportError(f"{SIGNATURE}: changed since it was written ({error}); ask for the bundle anew") from error
    if len(public) != 32 or len(signature) != 64 or _text(public, signature).encode() != written:
        raise ExportError(f"{SIGNATURE}: changed since it was written; ask for the bundle anew")
    return public, signature


def _read(path: Path, kind: str) -> bytes:
    try:
        if path.stat().st_size > _MOST:
            raise ConfigError(f"{path}: larger than {_MOST:,} bytes, so it is no {kind} key")
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path}: the {kind} key cannot be read ({error.strerror}); name a PEM file") from error


@contextmanager
def _readable(kind: str) -> Iterator[None]:
    """The error never shows what stands in a key file."""
    try:
        yield
    except (ValueError, TypeError, AttributeError, _door().UnsupportedAlgorithm):
        raise ConfigError(
            f"the {kind} key is no Ed25519 key in PEM (unencrypted); write one: "
            "`openssl genpkey -algorithm ed25519 -out key.pem`, `openssl pkey -in key.pem -pubout -out public.pem`"
        ) from None


class _Door:
    def __init__(self) -> None:
        from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import ed25519

        self.InvalidSignature: type[Exception] = InvalidSignature
        self.UnsupportedAlgorithm: type[Exception] = UnsupportedAlgorithm
        self.serialization: Any = serialization
        self.ed25519: Any = ed25519


def _door() -> _Door:
    try:
        return _Door()
    except ImportError as error:
        raise ConfigError(
            f"a signature needs cryptography ({error}), to make it and to check it; pip install 'promptport[sign]'"
        ) from error
