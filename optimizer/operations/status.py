"""Where a run is, as seen from outside: reads what the run has written, takes no lock, changes nothing."""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from optimizer.errors import RunDirError
from optimizer.operations.beacon import FORMAT, born
from optimizer.results.rundir import RunDir

_SILENT = 120.0  # seconds without a note after which a run on another machine is taken for dead


def status_of(path: Path, now: float | None = None) -> dict[str, Any]:
    """Where the run in a folder is. Raises RunDirError where there is none, or its status.json is not readable."""
    run = RunDir.read(path)
    manifest, noted = run.manifest(), _noted(run.status)
    try:
        return _told(run, manifest, noted, time.time() if now is None else now)
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise RunDirError(
            f"{run.status}: damaged ({error}); delete it, the run itself is not touched by that"
        ) from error


def _told(run: RunDir, manifest: Mapping[str, Any], noted: Mapping[str, Any], now: float) -> dict[str, Any]:
    """`state`: running, finished, interrupted, failed, or stopped (killed, or its machine is gone).

    `rate`: calls a second in this stage; `eta`: seconds until its end; None where neither can be told. `targets`: the
    verdict on each, once the run is finished; `error` says so where they cannot be read any more.
    """
    state = str(noted.get("state") or manifest.get("status") or "stopped")
    if state == "running" and not _alive(noted, now):
        state = "stopped"
    targets, lost = _verdicts(run) if state == manifest.get("status") == "finished" else ([], "")
    begun, until = float(noted.get("since", 0)), float(noted.get("updated", 0))
    calls, going = int(noted.get("calls", 0)), state == "running"
    rate = (calls - int(noted.get("calls_before", 0))) / (until - begun) if going and until > begun else None
    return {
        "state": state,
        "run_dir": str(run.path),
        "stage": noted.get("stage", ""),
        "target": noted.get("target", ""),
        "done": float(noted.get("done", 0)),
        "total": float(noted.get("total", 0)),
        "best": noted.get("best", {}),
        "calls": calls,
        "dollars": float(noted.get("dollars", 0)),
        "limits": noted.get("limits", {}),
        **{name: noted.get("reckoned", {}).get(name) for name in ("expected", "at_least", "at_most")},
        "rate": rate,
        "eta": _eta(noted, until - begun) if going and until > begun else None,
        "age": max(0.0, now - until) if noted else None,
        "error": noted.get("error", "") or lost,
        "targets": targets,
    }


def stage_of(found: Mapping[str, Any]) -> str:
    """In words: which stage, on which target, and how far it is."""
    share = f" {found['done']:,.0f}/{found['total']:,.0f}" if found["total"] else ""
    return f"{found['stage']} {found['target']}{share}"


def as_text(found: Mapping[str, Any]) -> str:
    lines = [f"{found['state']:11} {stage_of(found)}".rstrip()]
    lines += [f"verdict     {row['verdict'].upper()}  {row['model']}: {row['reason']}" for row in found["targets"]]
    lines += [f"best        {quality:.3f}  {target}" for target, quality in found["best"].items()]
    limits = found["limits"]
    most = [f"${limits['dollars']:g}"] if limits.get("dollars") else []
    most += [f"{limits['calls']:,} calls"] if limits.get("calls") else []
    lines.append(
        f"spent       ${found['dollars']:.4f} in {found['calls']:,} calls" + (f", of {' and '.join(most)}" * bool(most))
    )
    if found["expected"]:
        amounts = (
            f"${found[name]['dollars']:.4f} in {found[name]['calls']:,} calls" for name in ("expected", "at_most")
        )
        lines.append("expected    {}, at most {}".format(*amounts))
    if found["rate"] is not None:
        left = "" if found["eta"] is None else f"; this stage is through in about {_clock(found['eta'])}"
        lines.append(f"rate        {found['rate']:.1f} calls/s{left}")
    if found["age"] is not None and found["state"] in ("running", "stopped"):
        lines.append(f"last note   {_clock(found['age'])} ago")
    if found["error"]:
        lines.append(f"error       {found['error']}")
    if found["state"] in ("stopped", "interrupted", "failed"):
        lines.append("            start it again with the same --run-dir: all answers are kept")
    return "\n".join(lines)


def _verdicts(run: RunDir) -> tuple[list[dict[str, str]], str]:
    """Of each target; and what is wrong where there is none to be had."""
    try:
        found = run.decisions()
    except RunDirError as problem:
        return [], str(problem)
    return [{"model": model, "verdict": d.verdict.value, "reason": d.reason} for model, d in found.items()], ""


def _noted(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise RunDirError(f"{path}: cannot be read ({error}); the run itself is not touched by that") from error
    return found if isinstance(found, dict) and found.get("format") == FORMAT else {}


def _alive(noted: Mapping[str, Any], now: float) -> bool:
    if noted.get("host") != socket.gethostname():
        return bool(now - float(noted["updated"]) < _SILENT)
    pid = int(noted["pid"])
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):  # somebody else's, but there
        return True
    return born(pid) == str(noted.get("born", ""))


def _eta(noted: Mapping[str, Any], seconds: float) -> float | None:
    done, left = noted["done"] - noted["at_first"], noted["total"] - noted["done"]
    return seconds * left / done if done > 0 and left > 0 else None


def _clock(seconds: float) -> str:
    hours, rest = divmod(int(seconds), 3600)
    return f"{hours}:{rest // 60:02}:{rest % 60:02}"
