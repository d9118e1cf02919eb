"""A finished run in a real MLflow store, and the trials of runs, also of one under way, in optuna-dashboard."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import optimizer
from tests.conftest import Walked
from tests.e2e.tools.runs import SEARCH, finished, small_task, started

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


LONGER = {**SEARCH, "trials": 32, "calls_per_trial": 16}  # writes its record several times


class Dashboard:
    """`promptport dashboard` on a run, asked as a browser asks it."""

    def __init__(self, port: int) -> None:
        self.port = port

    def studies(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._asked("/api/studies")["study_summaries"]
        return found

    def trials(self) -> list[dict[str, Any]]:
        """Of the only study there is."""
        [study] = self.studies()
        found: list[dict[str, Any]] = self._asked(f"/api/studies/{study['study_id']}?after=0")["trials"]
        return found

    def _asked(self, path: str) -> Any:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=_PATIENCE) as answer:
            return json.loads(answer.read())


@contextmanager
def dashboard(run: Path) -> Iterator[Dashboard]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "optimizer", "dashboard", str(run), "--port", str(port)]
    told = run.parent / "dashboard.log"  # a line for each request: a pipe that nobody reads would fill up
    with told.open("w") as log:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=log)
        shown, until = Dashboard(port), time.monotonic() + _PATIENCE
        try:
            while not _up(shown):
                assert process.poll() is None and time.monotonic() < until, told.read_text("utf-8")
                time.sleep(0.2)
            yield shown
        finally:
            process.kill()
            process.wait()


def _up(shown: Dashboard) -> bool:
    try:
        return bool(shown.studies())
    except OSError:
        return False


def _states(trials: list[dict[str, Any]]) -> Counter[str]:
    return Counter(trial["state"] for trial in trials)


def test_the_dashboard_shows_the_trials_of_a_run(plain_run: Walked, tmp_path: Path) -> None:
    pytest.importorskip("optuna_dashboard", reason="optuna-dashboard is not installed")
    run = Path(shutil.copytree(plain_run.run, tmp_path / "run"))
    with dashboard(run) as shown:
        assert [study["study_name"] for study in shown.studies()] == ["test/target"]
        assert _states(shown.trials()) == {"Complete": len(plain_run.migration.targets[0].search.trials)}


def test_the_dashboard_follows_a_run_that_is_going_on_killed_and_started_again(tmp_path: Path) -> None:
    """One dashboard from the first trials to the last; the run goes on a moment at a time, and is looked at between."""
    pytest.importorskip("optuna_dashboard", reason="optuna-dashboard is not installed")
    task, run = small_task(tmp_path, search=LONGER), tmp_path / "run"
    with started(task, run) as process:
        _until(lambda: (run / "study.journal").exists() and (run / "study.journal").stat().st_size > 0)
        process.send_signal(signal.SIGSTOP)
        with dashboard(run) as shown:
            begun = shown.trials()
            while not {"Complete", "Running"} <= _states(shown.trials()).keys():
                assert process.poll() is None, "it came to its end before anything was seen"
                process.send_signal(signal.SIGCONT)
                time.sleep(0.1)
                process.send_signal(signal.SIGSTOP)
            process.kill()
            process.wait()
            left = shown.trials()

            finished(task, run)
            _until(lambda: _states(shown.trials())["Running"] == 0)
            last = shown.trials()

    assert _states(begun)["Running"] > 0
    assert any(trial["intermediate_values"] for trial in left if trial["state"] == "Running")
    assert len(begun) <= len(left) <= len(last)
    rows = [json.loads(line) for line in (run / "trials.jsonl").read_text("utf-8").splitlines()]
    assert [trial["values"] for trial in last] == [[row["value"]] for row in rows if row["value"] is not None]


def _until(happened: Callable[[], bool]) -> None:
    until = time.monotonic() + _PATIENCE
    while not happened():
        assert time.monotonic() < until
        time.sleep(0.02)
