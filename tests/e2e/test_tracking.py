"""A finished run in a real MLflow store, and its trials in optuna-dashboard."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest

import optimizer
from tests.conftest import Walked

_PATIENCE = 60


def python(code: str, folder: Path) -> str:
    """In a process of its own: MLflow changes warnings and loggers of the one that it is in."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,  # where MLflow puts files of runs
        env={**os.environ, "PYTHONPATH": str(Path(optimizer.__file__).parent.parent)},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def tracked(plain_run: Walked, tmp_path: Path) -> tuple[Path, str]:
    pytest.importorskip("mlflow", reason="mlflow is not installed")
    return plain_run.copy(tmp_path / "run"), f"sqlite:///{tmp_path}/mlflow.db"


def test_a_run_is_tracked_with_parameters_metrics_and_report_and_not_twice(
    plain_run: Walked, tracked: tuple[Path, str], tmp_path: Path
) -> None:
    run, uri = tracked
    twice = python(
        f"from optimizer.operations.tracking import track; from pathlib import Path\n"
        f"for _ in range(2): print(*track(Path({str(run)!r}), uri={uri!r}))",
        tmp_path,
    ).split()
    seen: list[Any] = json.loads(
        python(
            "import json; from mlflow import MlflowClient\n"
            f"client = MlflowClient(tracking_uri={uri!r}); run = client.get_run({twice[0]!r})\n"
            "home = client.get_experiment(run.info.experiment_id)\n"
            "files = [found.path for found in client.list_artifacts(run.info.run_id)]\n"
            "runs = len(client.search_runs([home.experiment_id]))\n"
            "data = run.data\n"
            "print(json.dumps([home.name, runs, run.info.status, data.params, data.metrics, data.tags, files]))",
            tmp_path,
        )
    )
    name, runs, state, params, metrics, tags, files = seen
    [result] = plain_run.migration.targets

    assert twice[0] == twice[1] and runs == 1
    assert (name, state, tags["verdict"]) == (plain_run.migration.name, "FINISHED", result.decision.verdict.value)
    assert params["target"] == "test/target" and params["winner"] == str(result.search.best)
    assert metrics["migrated.quality"] == result.confirmation.winner.quality
    assert metrics["difference.low"] == result.decision.comparison.low
    assert metrics["spent.calls"] == sum(spent.calls for spent in plain_run.migration.spend.values())
    assert {"decision.json", "report.html"} <= set(files)


def test_the_dashboard_shows_the_trials_of_a_run(plain_run: Walked, tmp_path: Path) -> None:
    pytest.importorskip("optuna_dashboard", reason="optuna-dashboard is not installed")
    run = Path(shutil.copytree(plain_run.run, tmp_path / "run"))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "optimizer", "dashboard", str(run), "--port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        until, found = time.monotonic() + _PATIENCE, b""
        while not found:
            assert process.poll() is None and time.monotonic() < until, process.communicate()
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/studies", timeout=5) as answer:
                    found = answer.read()
            except OSError:
                time.sleep(0.2)
    finally:
        process.kill()
        process.communicate()

    assert [study["study_name"] for study in json.loads(found)["study_summaries"]] == ["test/target"]
