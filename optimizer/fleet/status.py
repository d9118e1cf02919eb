"""Where a fleet is, as seen from outside: what each of its runs says of itself. Only reads."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from optimizer.errors import RunDirError
from optimizer.fleet.batch import home_of
from optimizer.fleet.settings import names, tasks_below
from optimizer.operations.status import stage_of, status_of

_NOT_BEGUN: Mapping[str, Any] = {
    "state": "not begun",
    "stage": "",
    "target": "",
    "done": 0.0,
    "total": 0.0,
    "calls": 0,
    "dollars": 0.0,
    "error": "",
    "targets": [],
}


def runs_of(folder: Path) -> dict[str, Path] | None:
    """The run directory of each task by its name: of a folder of tasks, or of what a fleet writes. Else None."""
    below = folder / "tasks"
    if found := [path.parent for path in sorted(below.rglob("manifest.json"))]:
        return {path.relative_to(below).as_posix(): path for path in found}
    if (out := home_of(folder)).is_dir():
        return {name: out / "tasks" / name for name in names(folder, tasks_below(folder))}
    return None


def status_of_fleet(runs: Mapping[str, Path]) -> dict[str, Any]:
    """`state`: running where a task is, finished where all are, else stopped. What tasks share is counted for each."""
    found = {name: _task(path) for name, path in runs.items()}
    states = {task["state"] for task in found.values()}
    state = "running" if "running" in states else "finished" if states == {"finished"} else "stopped"
    return {
        "state": state,
        "done": sum(task["state"] == "finished" for task in found.values()),
        "total": len(found),
        "calls": sum(task["calls"] for task in found.values()),
        "dollars": sum(task["dollars"] for task in found.values()),
        "tasks": found,
    }


def _task(path: Path) -> dict[str, Any]:
    if not (path / "manifest.json").exists():
        return dict(_NOT_BEGUN)
    try:
        return status_of(path)
    except RunDirError as problem:  # one that cannot be read hides no other
        return {**_NOT_BEGUN, "state": "damaged", "error": str(problem)}


def as_text(found: Mapping[str, Any]) -> str:
    lines = [f"{found['state']:11} {found['done']:,} of {found['total']:,} tasks are through"]
    lines.append(
        f"spent       ${found['dollars']:.4f} in {found['calls']:,} calls; what tasks share is counted for each"
    )
    wide = max(map(len, found["tasks"]), default=0)
    lines += [f"{name:{wide}}  {task['state']:11} {_where(task)}".rstrip() for name, task in found["tasks"].items()]
    return "\n".join(lines)


def _where(task: Mapping[str, Any]) -> str:
    if task["error"] or task["targets"]:
        verdicts = (f"{row['verdict'].upper()} {row['model']}" for row in task["targets"])
        return str(task["error"]) or ", ".join(verdicts)
    return stage_of(task).strip()
