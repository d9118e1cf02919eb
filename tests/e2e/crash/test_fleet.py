"""A fleet that is killed and started again ends as one that nothing disturbed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import yaml

from tests.e2e.tools.runs import COMMAND, small_task

_PATIENCE = 120
_AT_ONCE = 2
_UNDER_WAY = _AT_ONCE * 3 * 16  # calls at most: source and two targets, sixteen of each at once
_SEARCH = {"space": "quick", "trials": 4, "rounds": 1, "calls_per_trial": 4}


def fleet(folder: Path) -> Path:
    for n in range(3):
        small_task(folder / f"task{n}", rows=30 + 2 * n, search=_SEARCH)
    settings: dict[str, Any] = {"targets": ["offline/sim-beta", "offline/sim-gamma"], "at_once": _AT_ONCE}
    (folder / "fleet.yaml").write_text(yaml.safe_dump({**settings, "name": "killed", "budget": {"dollars": 50.0}}))
    return folder


def command(folder: Path) -> list[str]:
    return [sys.executable, "-m", "optimizer", "fleet", str(folder)]


def started(folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(command(folder), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def through(folder: Path) -> int:
    path = folder / "runs/fleet/ledger.json"
    return len(json.loads(path.read_text())["entries"]) if path.exists() else 0


def ended(folder: Path) -> dict[str, Any]:
    done = subprocess.run(command(folder), capture_output=True, text=True, check=False, env=dict(os.environ))
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads((folder / "runs/fleet/fleet.json").read_text())
    return found


def relative(facts: Any, folder: Path) -> str:
    return json.dumps(facts, sort_keys=True).replace(str(folder), "FOLDER")


def test_kills_change_nothing_in_the_summary(tmp_path: Path) -> None:
    folder, whole = fleet(tmp_path / "killed"), fleet(tmp_path / "whole")
    for number in (0, 1):  # so many tasks are through
        process = started(folder)
        until = time.monotonic() + _PATIENCE
        while through(folder) < number and process.poll() is None and time.monotonic() < until:
            time.sleep(0.02)
        time.sleep(1.0 if number == 0 else 0.1)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert process.returncode == -signal.SIGKILL

    killed, undisturbed = ended(folder), ended(whole)
    lost, none = killed.pop("wasted"), undisturbed.pop("wasted")  # what was under way at a kill may be billed
    assert none["calls"] == 0 and lost["calls"] <= 2 * _UNDER_WAY
    assert relative(killed, folder) == relative(undisturbed, whole)
    for name in (f"runs/fleet/tasks/task{n}/decision.json" for n in range(3)):
        assert (folder / name).read_bytes() == (whole / name).read_bytes()


def test_the_tasks_of_a_fleet_that_is_told_to_stop_have_not_failed(tmp_path: Path) -> None:
    folder = fleet(tmp_path)
    process = started(folder)
    until = time.monotonic() + _PATIENCE
    while not list(folder.glob("runs/fleet/tasks/*/tries.jsonl")) and time.monotonic() < until:
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)

    _, said = process.communicate(timeout=_PATIENCE)

    assert (process.returncode, said.splitlines()[-1].partition(";")[0]) == (143, "stopped")
    status = subprocess.run([COMMAND, "status", folder, "--json"], capture_output=True, text=True, check=True)
    states = {task["state"] for task in json.loads(status.stdout)["tasks"].values()}
    assert "interrupted" in states <= {"interrupted", "not begun", "finished"}
