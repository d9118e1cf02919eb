"""optuna-dashboard on a run: on its own file, or on the database that it shares with others."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from optimizer.config import load_settings
from optimizer.errors import ConfigError, RunDirError
from optimizer.models.stores.pgserver import is_address
from optimizer.results.rundir import RunDir
from optimizer.search.journal import open_storage


def storage_of(path: Path) -> str | Path:
    """Where the trials of a run are; of one under way, in its folder. Raises what keeps them from being shown."""
    if find_spec("optuna_dashboard") is None:
        raise ConfigError("optuna-dashboard is not installed; `pip install 'promptport[dashboard]'`")
    run = RunDir.read(path)
    if not run.study.exists():
        raise RunDirError(f"{path}: no trials are written down yet; they are as soon as the search has begun")
    if run.manifest().get("status") != "finished":
        return run.study
    store = load_settings(path / "task.yaml").store
    return store if store and is_address(store) else run.study


def show(path: Path, port: int) -> None:
    """Serves on this machine alone, until interrupted."""
    storage = open_storage(storage_of(path))
    from optuna_dashboard import run_server

    run_server(storage, host="127.0.0.1", port=port)
