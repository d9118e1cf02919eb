"""Real runs of the command for tests: a small task made from the triage example, and processes that run it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

import optimizer
from optimizer.offline.personas import PRICES

EXAMPLE = Path(optimizer.__file__).parent / "examples" / "triage"
COMMAND = Path(sys.executable).with_name("promptport")
SOURCE, TARGET = "offline/sim-alpha", "offline/sim-beta"


def offline(name: str) -> dict[str, Any]:
    return {"model": name}


def hosted(name: str, url: str, **more: Any) -> dict[str, Any]:
    """The offline model `name` behind the server at `url`, asked through LiteLLM; timed by what the server says."""
    price = {"input": PRICES[name].input, "output": PRICES[name].output}
    model = name.replace("offline/", "openai/")
    return {"model": model, "api_base": url, "price": price, "latency": "provider", **more}


def small_task(
    folder: Path,
    *,
    source: dict[str, Any] | None = None,
    target: dict[str, Any] | None = None,
    rows: int = 160,
    search: dict[str, Any] | None = None,
) -> Path:
    """The triage example with fewer rows and trials; returns the task file."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = (EXAMPLE / "data.jsonl").read_text("utf-8").splitlines(keepends=True)[:rows]
    (folder / "data.jsonl").write_text("".join(lines), "utf-8")
    task = yaml.safe_load((EXAMPLE / "task.yaml").read_text("utf-8"))
    task |= {"source": source or offline(SOURCE), "target": target or offline(TARGET)}
    task["search"] = {"space": "standard", "trials": 12, "rounds": 2, "calls_per_trial": 10, **(search or {})}
    path = folder / "task.yaml"
    path.write_text(yaml.safe_dump(task, sort_keys=False, allow_unicode=True), "utf-8")
    return path


def environment(**more: str) -> dict[str, str]:
    """This process's environment without the keys of model providers."""
    return {name: value for name, value in os.environ.items() if not name.endswith("_API_KEY")} | more


def start(task: Path, run_dir: Path, *options: str, **variables: str) -> subprocess.Popen[str]:
    """`promptport run` under way, in a session of its own."""
    return subprocess.Popen(
        [COMMAND, "run", task, "--run-dir", run_dir, *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(**variables),
    )


@dataclass(frozen=True)
class Ended:
    code: int
    out: str
    err: str


def run(task: Path, run_dir: Path, *options: str, **variables: str) -> Ended:
    """`promptport run` to its end."""
    process = start(task, run_dir, *options, **variables)
    out, err = process.communicate(timeout=300)
    return Ended(process.returncode, out, err)


def finished(task: Path, run_dir: Path, **variables: str) -> dict[str, Any]:
    """What `promptport run --json` says at the end of a run that must succeed."""
    ended = run(task, run_dir, "--json", **variables)
    assert ended.code == 0, ended.err
    outcome: dict[str, Any] = json.loads(ended.out)
    return outcome
