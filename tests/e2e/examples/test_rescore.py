"""Other weights on a run of the triage example: the answer of a fresh run, without one call."""

from __future__ import annotations

import json
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from optimizer.results.rundir import RunDir
from tests.e2e.tools.runs import COMMAND, finished, small_task

#: One round, and calls enough for every candidate to meet every validation example: so other weights meet the same
#: candidates with the same answers.
WHOLE = {"space": "quick", "trials": 8, "rounds": 1, "calls_per_trial": 500, "least_gain": 0}
WEIGHTS: list[dict[str, float]] = [{"cost": 0.0}, {"cost": 0.3}, {"cost": 2.0, "latency": 0.5}]


def calls(run: Path) -> int:
    with closing(sqlite3.connect(run / "calls.sqlite")) as store:
        return int(store.execute("SELECT count(*) FROM calls").fetchone()[0])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("rescored")
    finished(small_task(found / "old", search=WHOLE), found / "old" / "run")
    return found


def rescored(run: Path) -> list[dict[str, Any]]:
    """Of the run's own terms first, then of each weighting."""
    words = [word for one in WEIGHTS for word in ("--weights", ",".join(f"{k}={v}" for k, v in one.items()))]
    ran = subprocess.run([COMMAND, "rescore", run, *words, "--json"], capture_output=True, text=True, check=True)
    found: list[dict[str, Any]] = json.loads(ran.stdout)["terms"]
    return found


def test_three_other_weightings_make_no_call_and_give_a_fresh_runs_answer(folder: Path) -> None:
    run = folder / "old" / "run"
    before = calls(run)
    _, *outcomes = rescored(run)

    assert calls(run) == before, "counted in the store of answers"
    assert len({one["targets"][0]["winner"] for one in outcomes}) > 1, "weights that change nothing show nothing"
    for number, (weights, outcome) in enumerate(zip(WEIGHTS, outcomes, strict=True)):
        task = small_task(folder / f"new{number}", search=WHOLE, objective=weights)
        finished(task, folder / f"new{number}" / "run")
        [fresh] = RunDir.read(folder / f"new{number}" / "run").migration().targets
        [found] = outcome["targets"]
        assert found["winner"] == fresh.search.best
        assert found["objective"] == pytest.approx(fresh.search.winner.value, abs=1e-9)
        assert found["decision"] is None or found["decision"]["verdict"] == fresh.decision.verdict.value
        if found["decision"] is None:
            assert found["calls_needed"] == len(fresh.confirmation.winner.outputs)
            assert found["dollars_needed"] == pytest.approx(found["calls_needed"] * fresh.search.winner.cost, rel=0.01)
