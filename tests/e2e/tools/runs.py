"""Real runs of the command: a small task made from the triage example, and processes that run it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

import optimizer
from optimizer.config import ModelSettings
from optimizer.pricing import price_of

TRIAGE = Path(optimizer.__file__).parent / "examples" / "triage"
COMMAND = Path(sys.executable).with_name("promptport")
SOURCE, TARGET = "offline/sim-alpha", "offline/sim-beta"
SEARCH = {"space": "standard", "trials": 10, "rounds": 2, "calls_per_trial": 6}
#: What a run is judged by afterwards: these have to be the same bytes, whatever happened on the way.
WRITTEN = ("decision.json", "trials.jsonl", "baseline.jsonl", "confirmation.jsonl", "split.json", "examples.jsonl")
_LONGEST = 300  # seconds that a run may take on a very busy machine


def hosted(name: str, url: str, **more: Any) -> dict[str, Any]:
    """The offline model `name` behind the server at `url`, asked through LiteLLM; timed by what the server says."""
    price = price_of(ModelSettings(model=name))
    return {
        "model": name.replace("offline/", "openai/"),
        "api_base": url,
        "price": {"input": price.input, "output": price.output},
        "latency": "provider",
        **more,
    }


def small_task(
    folder: Path,
    models: tuple[Any, Any] = (SOURCE, TARGET),
    *,
    rows: int = 96,
    change: Callable[[dict[str, Any]], None] = lambda _row: None,
    **sections: Any,
) -> Path:
    """The triage example with fewer rows and trials, in a folder of its own; returns the task file.

    `models`: source and target. `change` may alter each row; `sections` stand in for those of the task file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lines = [json.loads(line) for line in (TRIAGE / "data.jsonl").read_text("utf-8").splitlines()[:rows]]
    for row in lines:
        change(row)
    (folder / "data.jsonl").write_text("".join(json.dumps(row) + "\n" for row in lines), "utf-8")
    task = yaml.safe_load((TRIAGE / "task.yaml").read_text("utf-8"))
    task |= {"source": models[0], "target": models[1], "search": SEARCH, **sections}
    path = folder / "task.yaml"
    path.write_text(yaml.safe_dump(task, sort_keys=False, allow_unicode=True), "utf-8")
    return path


@dataclass(frozen=True)
class Finished:
    """A run that nothing disturbed."""

    task: Path
    folder: Path
    outcome: dict[str, Any]


@dataclass(frozen=True)
class Ended:
    """How a process ended."""

    code: int
    out: str
    err: str


def run(task: Path, run_dir: Path, *options: str, variables: Mapping[str, str] | None = None) -> Ended:
    """`promptport run` to its end."""
    with started(task, run_dir, *options, variables=variables) as process:
        return ended(process)


def finished(task: Path, run_dir: Path) -> dict[str, Any]:
    """What `promptport run --json` says of a run that must succeed."""
    last = run(task, run_dir, "--json")
    assert last.code == 0, last.err
    outcome: dict[str, Any] = json.loads(last.out)
    return outcome


@contextmanager
def started(
    task: Path, run_dir: Path, *options: str, variables: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[str]]:
    """`promptport run` under way, without the keys of model providers; killed at the end of the block."""
    keyless = {name: value for name, value in os.environ.items() if not name.endswith("_API_KEY")}
    process = subprocess.Popen(
        [COMMAND, "run", task, "--run-dir", run_dir, *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**keyless, **(variables or {})},
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def ended(process: subprocess.Popen[str]) -> Ended:
    out, err = process.communicate(timeout=_LONGEST)
    return Ended(process.returncode, out, err)


def decided(done: Finished) -> dict[str, Any]:
    """A run's decision, but for the names of the models."""
    text = (done.folder / "decision.json").read_text("utf-8")
    decision: dict[str, Any] = json.loads(text.replace("openai/", "offline/"))
    return decision


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def different(one: Path, other: Path) -> list[str]:
    """The files of `WRITTEN` that are not the same in these two run directories."""
    return [name for name in WRITTEN if (one / name).read_bytes() != (other / name).read_bytes()]
