"""Which store a run remembers its answers in."""

from __future__ import annotations

from pathlib import Path

from optimizer.models.stores.cache import Answers, CallStore
from optimizer.models.stores.pgserver import is_address


def open_store(named: str | None, folder: Path, default: Path) -> Answers:
    """`named`: the address of a PostgreSQL server, or a file, a relative one in `folder`. Raises RunDirError."""
    if named is None:
        return CallStore(default)
    if is_address(named):
        from optimizer.models.stores.postgres import PostgresStore

        return PostgresStore(named)
    return CallStore(folder / Path(named).expanduser(), shared=True)
