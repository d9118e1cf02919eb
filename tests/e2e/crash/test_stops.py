"""Runs that are told to stop, or run out of room: how they end, and that they go on as if nothing had happened."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

import pytest

from optimizer.pipeline import migrate
from optimizer.task import load_task
from tests.e2e.tools.books import holds
from tests.e2e.tools.runs import COMMAND, SOURCE, TARGET, Finished, different, ended, finished, small_task, started

QUICK = {"space": "quick", "trials": 6, "rounds": 2, "calls_per_trial": 5}


@pytest.mark.parametrize(
    ("sent", "code", "word"),
    [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "stopped"), (signal.SIGHUP, 129, "stopped")],
)
def test_a_run_that_is_told_to_stop_says_how_to_go_on(sent: int, code: int, word: str, tmp_path: Path) -> None:
    with started(small_task(tmp_path, search=QUICK), tmp_path / "run") as process:
        assert holds(tmp_path / "run", process, 10)
        process.send_signal(sent)
        last = ended(process)

    said = f"{word}; all answers so far are kept: run the same command again to go on"
    assert (last.code, last.err.strip()) == (code, said)


def test_a_disk_that_is_full_ends_the_run_with_a_sentence_and_room_lets_it_go_on(
    direct: Finished, tmp_path: Path
) -> None:
    """No file may grow beyond 100 KiB: the store of answers is the first that wants to."""
    task, folder = small_task(tmp_path), tmp_path / "run"
    command = f"ulimit -f 100; exec {COMMAND} run {task} --run-dir {folder}"
    full = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=300, check=False)

    assert full.returncode == 2, full.stderr
    assert full.stderr.startswith("error: ")
    assert "Traceback" not in full.stderr
    assert not (folder / "decision.json").exists()

    finished(task, folder)
    assert different(folder, direct.folder) == []


def test_decisions_do_not_depend_on_how_many_calls_are_in_flight(tmp_path: Path) -> None:
    written = []
    for flying in (1, 4, 16, 64):
        folder = tmp_path / str(flying)
        models = tuple({"model": name, "limits": {"concurrency": flying}} for name in (SOURCE, TARGET))
        task = small_task(folder, (models[0], models[1]), rows=64, search=QUICK)
        migrate(load_task(task), folder / "run")
        names = ("decision.json", "trials.jsonl", "answers.jsonl", "confirmation.jsonl", "baseline.jsonl")
        written.append([(folder / "run" / name).read_bytes() for name in names])

    assert written[1:] == written[:-1]
