"""What a finished run publishes: the report and, for each target, the bundle of its winner."""

from __future__ import annotations

from optimizer.errors import ConfigError, ExportError, RunDirError
from optimizer.exporters.bundle.making import withdraw_bundle, write_bundle
from optimizer.exporters.bundle.signing import private_key, sign
from optimizer.models.stores.pgserver import is_address
from optimizer.report import write_report
from optimizer.results.migration import Migration
from optimizer.results.rundir import RunDir
from optimizer.results.studies import studies
from optimizer.search.journal import share_study


def publish(migration: Migration, run: RunDir) -> list[str]:
    """Write report and bundles; returns what could not be exported or signed, and why.

    Bundles are signed if the environment names a key. The bundle of an earlier winner is removed if the new one cannot
    be written.
    """
    lost: list[str] = []
    key = _key(lost) if migration.prompt else None
    for result in migration.targets if migration.prompt else ():
        folder = run.bundle(migration, result)
        try:
            write_bundle(migration, result, folder, key=key)
        except ExportError as problem:
            withdraw_bundle(folder)
            lost.append(f"no bundle for {result.model}: {problem}")
    write_report(migration, run.report)
    return lost


def _key(lost: list[str]) -> bytes | None:
    """A key that cannot be used is reported; the bundle is then written unsigned."""
    try:
        key = private_key()
        if key:
            sign(b"", key)
    except ConfigError as problem:
        lost.append(f"bundles are not signed: {problem}")
        return None
    return key


def share_trials(migration: Migration, prefix: str) -> list[str]:
    """If answers are shared on a server, write the trials there as well; returns what went wrong."""
    store = migration.settings.get("store")
    found = studies(migration)
    if not (store and is_address(store) and found):
        return []
    try:
        share_study(store, prefix, found)
    except RunDirError as problem:
        return [str(problem)]
    return []
