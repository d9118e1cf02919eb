"""What a finished run hands out: the report and, for each target, the bundle of its winner."""

from __future__ import annotations

from optimizer.errors import ExportError, RunDirError
from optimizer.exporters.bundle import withdraw_bundle, write_bundle
from optimizer.migration import Migration
from optimizer.models.pgserver import is_address
from optimizer.report import write_report
from optimizer.rundir import RunDir
from optimizer.study import share_study


def publish(migration: Migration, run: RunDir) -> list[str]:
    """Write report and bundles; returns what could not be exported, and why.

    A bundle of an earlier winner does not stay behind where the new one cannot be written.
    """
    lost = []
    for result in migration.targets if migration.prompt else ():
        folder = run.bundle(migration, result)
        try:
            write_bundle(migration, result, folder)
        except ExportError as problem:
            withdraw_bundle(folder)
            lost.append(f"no bundle for {result.model}: {problem}")
    write_report(migration, run.report)
    return lost


def share_trials(migration: Migration, prefix: str) -> list[str]:
    """Where answers are shared on a server, the trials are put there as well; returns why that could not be done."""
    store = migration.settings.get("store")
    studies = {result.model: result.search.trials for result in migration.targets if result.search.trials}
    if not (store and is_address(store) and studies):
        return []
    try:
        share_study(store, prefix, studies)
    except RunDirError as problem:
        return [str(problem)]
    return []
