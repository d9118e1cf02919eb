"""A fleet of many small tasks towards three targets, end to end; and the same fleet started again."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml

from optimizer.fleet import run_fleet
from optimizer.fleet.ledger import Entry
from tests.e2e.tools.runs import small_task

TARGETS = ["offline/sim-beta", "offline/sim-gamma", "offline/sim-delta"]
SEARCH = {"space": "quick", "trials": 4, "rounds": 1, "calls_per_trial": 4}


def measured(tasks: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for n in range(tasks):
            small_task(folder / f"team{n % 10}" / f"task{n:03}", rows=40, change=_of(n), search=SEARCH)
        broken = folder / "team0" / "task000" / "data.jsonl"
        broken.write_text(broken.read_text() + "{no json\n")
        (folder / "fleet.yaml").write_text(yaml.safe_dump({"targets": TARGETS, "budget": {"dollars": 10.0 * tasks}}))
        ended, seconds = _timed(folder)
        summary = json.loads((folder / "runs/fleet/fleet.json").read_text())
        again, later = _timed(folder)
    assert {n: e.outcome for n, e in ended.items()} == {n: e.outcome for n, e in again.items()}
    return {
        "tasks": tasks,
        "targets": len(TARGETS),
        "through": summary["done"],
        "failed": [lost["task"] for lost in summary["failed"]],
        "decisions": sum(summary["verdicts"].values()),
        "verdicts": summary["verdicts"],
        "calls": summary["calls"],
        "seconds": round(seconds, 1),
        "seconds_started_again": round(later, 1),
    }


def _of(task: int) -> Callable[[dict[str, Any]], None]:
    """Every task asks its own questions: equal ones would be answered once for the whole fleet."""

    def change(row: dict[str, Any]) -> None:
        row["ticket"] += f"\n\nReference: {task}"

    return change


def _timed(folder: Path) -> tuple[Mapping[str, Entry], float]:
    began = time.perf_counter()
    ended = run_fleet(folder)
    return ended, time.perf_counter() - began
