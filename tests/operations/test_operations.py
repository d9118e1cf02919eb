"""What those see who run things: status from outside, logs as JSON, the trials' storage, exit codes."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from optimizer import errors
from optimizer.cli import main
from optimizer.commands.fleets import LOST_TASKS
from optimizer.commands.options import shows_errors
from optimizer.errors import ConfigError, ModelError, OptimizerError, RunDirError, StoppedError
from optimizer.operations.beacon import Beacon, born
from optimizer.operations.dashboard import storage_of
from optimizer.operations.events import Events
from optimizer.operations.status import as_text, status_of
from optimizer.progress import Progress, silent
from optimizer.report.summary import outcome as outcome_text
from optimizer.report.summary import outcome_json
from optimizer.results.rundir import RunDir
from optimizer.verdict.confirm import Verdict
from tests.conftest import Walked
from tests.e2e.tools.runs import small_task


class Hands:
    """A clock that stands still until it is turned."""

    def __init__(self) -> None:
        self.at = 1000.0

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def run(tmp_path: Path) -> Path:
    (tmp_path / "manifest.json").write_text('{"format": 1, "status": "under way"}')
    return tmp_path


def lit(run: Path, hands: Hands) -> Beacon:
    return Beacon(run / "status.json", silent, {"dollars": 5.0, "calls": None, "minutes": None}, hands)


# -- status


def test_a_run_under_way_shows_state_spend_rate_and_the_time_left(run: Path) -> None:
    hands = Hands()
    with lit(run, hands) as beacon:
        beacon(Progress("baseline", "s", 10, 10, calls=10, dollars=0.1))
        hands.at += 5
        beacon(Progress("search", "t", 0, 100, calls=10, dollars=0.1))
        hands.at += 20
        beacon(Progress("search", "t", 40, 100, best=0.75, calls=60, dollars=0.5))
        found = status_of(run, now=hands.at + 3)

    assert (found["state"], found["stage"], found["target"]) == ("running", "search", "t")
    assert (found["calls"], found["dollars"], found["best"]) == (60, 0.5, {"t": 0.75})
    assert found["rate"] == 2.5  # 50 calls in the 20 seconds of this stage
    assert found["eta"] == 30.0  # 60 of 100 are left, 40 took 20 seconds
    assert found["age"] == 3.0
    text = as_text(found)
    assert "running     search t 40/100" in text and "best        0.750  t" in text
    assert "$0.5000 in 60 calls, of $5" in text and "2.5 calls/s; this stage is through in about 0:00:30" in text


@pytest.mark.parametrize(
    ("raised", "state"),
    [
        (None, "finished"),
        (KeyboardInterrupt(), "interrupted"),
        (StoppedError("closed"), "interrupted"),
        (ConfigError("bad"), "failed"),
    ],
)
def test_how_a_run_ended_is_told(run: Path, raised: BaseException | None, state: str) -> None:
    with pytest.raises(type(raised)) if raised else lit(run, Hands()), lit(run, Hands()) as beacon:
        beacon(Progress("baseline", "s", 1, 10))
        if raised:
            raise raised

    found = status_of(run)

    assert found["state"] == state
    assert found["error"] == ("bad" if state == "failed" else "")
    assert found["rate"] is None and found["eta"] is None


def test_a_run_whose_process_is_gone_is_stopped(run: Path) -> None:
    told = f"""
from pathlib import Path
from optimizer.operations.beacon import Beacon
from optimizer.progress import Progress, silent
Beacon(Path({str(run / "status.json")!r}), silent, {{}}).__enter__()(Progress("search", "t", 1, 2, calls=7))
"""
    subprocess.run([sys.executable, "-c", told], check=True)

    found = status_of(run)

    assert found["state"] == "stopped"
    assert "start it again with the same --run-dir" in as_text(found)


def test_another_process_with_the_same_number_is_not_the_run(run: Path) -> None:
    lit(run, Hands()).__enter__()
    facts = json.loads((run / "status.json").read_text())
    assert status_of(run)["state"] == "running"
    assert (facts["pid"], facts["born"], facts["host"]) == (os.getpid(), born(os.getpid()), socket.gethostname())

    (run / "status.json").write_text(json.dumps(facts | {"born": "1"}))

    assert status_of(run)["state"] == "stopped"


@pytest.mark.parametrize(("seconds", "state"), [(100, "running"), (130, "stopped")])
def test_a_run_on_another_machine_is_judged_by_its_last_note(run: Path, seconds: float, state: str) -> None:
    lit(run, Hands()).__enter__()
    facts = json.loads((run / "status.json").read_text())
    (run / "status.json").write_text(json.dumps(facts | {"host": "elsewhere"}))

    assert status_of(run, now=1000.0 + seconds)["state"] == state


def test_looking_takes_no_lock_and_changes_nothing(plain_run: Walked, tmp_path: Path) -> None:
    copied = plain_run.copy(tmp_path / "run")
    before = {path.name: (path.stat().st_mtime_ns, path.stat().st_size) for path in copied.iterdir()}

    done = CliRunner().invoke(main, ["status", str(copied), "--json"])

    assert done.exit_code == 0 and json.loads(done.output)["state"] == "finished"
    assert json.loads(done.output)["calls"] == sum(s.calls for s in plain_run.migration.spend.values())
    assert {path.name: (path.stat().st_mtime_ns, path.stat().st_size) for path in copied.iterdir()} == before


def test_a_finished_run_shows_the_verdict_on_each_target(plain_run: Walked) -> None:
    decided = json.loads((plain_run.run / "decision.json").read_text("utf-8"))["targets"]

    told = CliRunner().invoke(main, ["status", str(plain_run.run)])
    found = json.loads(CliRunner().invoke(main, ["status", str(plain_run.run), "--json"]).output)

    assert found["targets"] == [{name: row[name] for name in ("model", "verdict", "reason")} for row in decided]
    assert [(row["model"], row["verdict"]) for row in found["targets"]] == [("test/target", "migrate")]
    assert found["error"] == ""
    assert f"verdict     MIGRATE  test/target: {decided[0]['reason']}\n" in told.output


def test_several_targets_have_a_verdict_each(plain_run: Walked, tmp_path: Path) -> None:
    found = plain_run.migration
    one = found.targets[0]
    other = replace(one, model="test/other", decision=replace(one.decision, verdict=Verdict.STAY, reason="Worse."))
    copied = plain_run.copy(tmp_path / "run")
    RunDir(copied).write(replace(found, targets=(one, other)))

    told = as_text(status_of(copied))

    assert f"verdict     MIGRATE  test/target: {one.decision.reason}\n" in told
    assert "verdict     STAY  test/other: Worse.\n" in told


def test_a_run_that_is_not_finished_has_no_verdict(plain_run: Walked, tmp_path: Path) -> None:
    copied = plain_run.copy(tmp_path / "run")  # its earlier decision.json still lies there
    manifest = json.loads((copied / "manifest.json").read_text("utf-8"))
    (copied / "manifest.json").write_text(json.dumps(manifest | {"status": "under way"}), "utf-8")
    lit(copied, Hands()).__enter__()

    found = status_of(copied)

    assert found["state"] == "running" and (found["targets"], found["error"]) == ([], "")
    assert "verdict" not in as_text(found)


@pytest.mark.parametrize(
    ("name", "said", "told"),
    [
        ("decision.json", None, "the run is not finished; start it again"),
        ("decision.json", "", "damaged (decision.json is not as it was written)"),
        ("decision.json", "[" * 100_000, "damaged (decision.json is not as it was written)"),
        ("manifest.json", '{"format": 1, "status": "finished"}', "damaged ('files')"),
        ("manifest.json", '{"format": 1, "status": "finished", "files": null}', "damaged ("),
        ("manifest.json", '{"format": 1, "status": "finished", "files": {}}', "damaged ('decision.json')"),
    ],
)
def test_a_damaged_decision_is_named_beside_all_that_is_still_known(
    plain_run: Walked, tmp_path: Path, name: str, said: str | None, told: str
) -> None:
    copied = plain_run.copy(tmp_path / "run")
    (copied / name).unlink() if said is None else (copied / name).write_text(said)

    done = CliRunner().invoke(main, ["status", str(copied)], catch_exceptions=False)

    assert done.exit_code == 0 and done.output.startswith("finished")
    assert f"error       {copied}: {told}" in done.output and "verdict " not in done.output


@pytest.mark.parametrize(
    "note",
    ['{"format": 1, "state": "running"}', '{"format": 1, "state": "running", "host": "far", "updated": "x"}',
     '{"format": 1, "calls": "many"}', '{"format": 1, "done": [1]}', '{"format": 1, "reckoned": 3}'],
)  # fmt: skip
def test_a_note_that_is_damaged_is_named_with_the_way_out(run: Path, note: str) -> None:
    (run / "status.json").write_text(note)

    done = CliRunner().invoke(main, ["status", str(run)], catch_exceptions=False)

    assert done.exit_code == 2 and f"{run / 'status.json'}: damaged (" in done.output


def test_where_there_is_no_run_status_says_so(tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["status", str(tmp_path)])

    assert done.exit_code == 2 and "no run here" in done.output


def test_no_secret_and_no_control_character_gets_into_the_note(run: Path) -> None:
    with pytest.raises(RunDirError), lit(run, Hands()):
        raise RunDirError("\x1b[31mred with sk-abcdefghij0123456789abcdef")

    text = (run / "status.json").read_text()
    assert "sk-abc" not in text and "\\u001b" not in text and "red with <hidden>" in text


def test_what_was_expected_stands_beside_what_was_spent_and_agrees_with_the_outcome(plain_run: Walked) -> None:
    outcome = outcome_json(plain_run.migration, plain_run.run)
    told = outcome_text(plain_run.migration, plain_run.run)
    found = status_of(plain_run.run)
    page = (plain_run.run / "report.html").read_text("utf-8")

    assert found["expected"] == {"calls": outcome["expected_calls"], "dollars": outcome["expected_dollars"]}
    assert (found["at_least"], found["at_most"]) == (outcome["at_least"], outcome["at_most"])
    assert (found["calls"], found["dollars"]) == (outcome["calls"], outcome["dollars"])
    assert outcome["at_least"]["calls"] <= outcome["calls"] <= outcome["at_most"]["calls"]
    spent = f"${outcome['dollars']:.4f} in {outcome['calls']:,}"
    expected = f"${outcome['expected_dollars']:.4f} in {outcome['expected_calls']:,}"
    most = f"at most ${outcome['at_most']['dollars']:.4f} in {outcome['at_most']['calls']:,}"
    assert f"spent    {spent} calls (expected: {expected}, {most})" in told
    assert f"spent       {spent} calls" in as_text(found) and f"expected    {expected} calls, {most}" in as_text(found)
    assert f"Spent: {spent} calls" in page and f"Expected beforehand: {expected}, {most}." in page


# -- logs


def test_what_a_run_says_is_one_json_object_a_line() -> None:
    said: list[str] = []
    events = Events(said.append, "demo")
    with events as watch:
        watch(Progress("baseline", "s", 5, 10, calls=5, dollars=0.25))
        watch(Progress("search", "t", text="two\nlines and sk-abcdefghij0123456789abcdef"))

    first, second = map(json.loads, said)
    assert first.pop("time").endswith("+00:00")
    assert first == {
        "level": "info",
        "event": "progress",
        "run": "demo",
        "stage": "baseline",
        "target": "s",
        "done": 5,
        "total": 10,
        "calls": 5,
        "dollars": 0.25,
    }
    assert (second["event"], second["text"]) == ("note", "two lines and <hidden>")


def test_a_run_can_log_json_lines_beside_its_outcome(tmp_path: Path) -> None:
    task = small_task(tmp_path, rows=30, search={"space": "quick", "trials": 2, "rounds": 1, "calls_per_trial": 2})

    done = CliRunner().invoke(main, ["run", str(task), "--log", "json", "--json"])

    assert done.exit_code == 0, done.output
    assert {json.loads(line)["run"] for line in done.stderr.splitlines()} == {"ticket-triage"}
    assert json.loads(done.stdout)["verdict"] in ("migrate", "stay", "inconclusive")


# -- the trials' storage


def test_the_dashboard_gets_the_runs_own_file(plain_run: Walked, monkeypatch: pytest.MonkeyPatch) -> None:
    from optimizer.operations import dashboard
    from optimizer.search.journal import open_storage

    monkeypatch.setattr(dashboard, "find_spec", lambda _name: object())

    storage = open_storage(storage_of(plain_run.run))

    [study] = storage.get_all_studies()
    assert study.study_name == "test/target"
    assert len(storage.get_all_trials(study._study_id)) == len(plain_run.migration.targets[0].search.trials)


def test_a_run_whose_search_has_not_begun_has_nothing_to_show(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from optimizer.operations import dashboard

    monkeypatch.setattr(dashboard, "find_spec", lambda _name: object())
    with pytest.raises(RunDirError, match="they are as soon as the search has begun"):
        storage_of(run)


def test_a_run_under_way_shows_its_own_file_though_it_shares_a_server(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is shared is put there at the end; the settings are not written before that either."""
    from optimizer.operations import dashboard

    monkeypatch.setattr(dashboard, "find_spec", lambda _name: object())
    (run / "study.journal").touch()

    assert storage_of(run) == run / "study.journal"


# -- exit codes

CODES = {
    "ConfigError": 2,
    "DataError": 2,
    "PluginError": 2,
    "RunDirError": 2,
    "ExportError": 2,
    "ModelError": 3,
    "CreditExhausted": 5,
    "SearchError": 3,
    "BudgetExceeded": 4,
}


def test_every_error_has_its_exit_code_and_is_in_the_table() -> None:
    found = {
        name: kind
        for name, kind in vars(errors).items()
        if isinstance(kind, type) and issubclass(kind, OptimizerError) and kind is not OptimizerError
    }

    assert {name: kind.exit_code for name, kind in found.items() if name in CODES} == CODES
    assert {kind.exit_code for kind in found.values()} <= set(CODES.values())
    documented = errors.__doc__ or ""
    assert all(name in documented for name in found)


@pytest.mark.parametrize("name", CODES)
def test_a_command_that_meets_an_error_leaves_with_its_code_and_no_traceback(name: str) -> None:
    kind: Any = getattr(errors, name)

    @click.command()
    @shows_errors
    def failing() -> None:
        raise kind("it broke", model="m") if issubclass(kind, ModelError) else kind("it broke")

    done = CliRunner().invoke(failing)

    assert (done.exit_code, "it broke" in done.output, "Traceback" in done.output) == (CODES[name], True, False)


def test_an_interrupt_leaves_with_130() -> None:
    @click.command()
    @shows_errors
    def interrupted() -> None:
        raise KeyboardInterrupt

    assert CliRunner().invoke(interrupted).exit_code == 130


SWALLOWS = """
import os, signal, time
try:
    os.kill(os.getpid(), signal.{name})
    time.sleep({seconds})
except BaseException:
    print("swallowed", flush=True)
"""
IMPORTS = """
import time
from optimizer.commands.options import shows_errors

@shows_errors
def command():
    import swallows
    time.sleep(20)

command()
"""


@pytest.mark.parametrize(("name", "code", "said"), [("SIGTERM", 143, "stopped"), ("SIGINT", 130, "interrupted")])
def test_a_signal_that_comes_during_an_import_is_not_lost_in_it(
    tmp_path: Path, name: str, code: int, said: str
) -> None:
    (tmp_path / "swallows.py").write_text(SWALLOWS.format(name=name, seconds=0.2))
    (tmp_path / "main.py").write_text(IMPORTS)

    done = subprocess.run([sys.executable, tmp_path / "main.py"], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr.startswith(f"{said}; all answers so far are kept")


def test_an_import_that_does_not_end_is_stopped_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "swallows.py").write_text(SWALLOWS.format(name="SIGTERM", seconds=60).replace("BaseExc", "Exc"))
    (tmp_path / "main.py").write_text("from optimizer.commands import options\noptions._PATIENCE = 3\n" + IMPORTS)

    done = subprocess.run([sys.executable, tmp_path / "main.py"], capture_output=True, text=True, check=False)

    assert done.returncode == 143


def test_a_second_ctrl_c_does_not_wait_for_an_import(tmp_path: Path) -> None:
    twice = SWALLOWS.format(name="SIGINT", seconds=0) + "os.kill(os.getpid(), signal.SIGINT)\ntime.sleep(60)\n"
    (tmp_path / "swallows.py").write_text(twice)
    (tmp_path / "main.py").write_text("from optimizer.commands import options\noptions._MOMENT = 50\n" + IMPORTS)

    done = subprocess.run([sys.executable, tmp_path / "main.py"], capture_output=True, text=True, check=False)

    assert done.stderr.startswith("interrupted; ")


@pytest.mark.parametrize("command", [["status"], ["status", "--json"], ["rescore", "--json"]])
def test_an_output_that_cannot_be_written_is_told_without_a_traceback(
    plain_run: Walked, tmp_path: Path, command: list[str]
) -> None:
    run = plain_run.copy(tmp_path / "run")
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "optimizer", *command, str(run)],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )

    assert done.returncode == 2
    assert done.stderr.startswith("error: standard output cannot be written (No space left on device); ")
    assert done.stderr.count("\n") == 1


def test_a_run_whose_output_is_closed_is_finished_all_the_same(tmp_path: Path) -> None:
    task = small_task(tmp_path, rows=64, search={"space": "quick", "trials": 2, "rounds": 1, "calls_per_trial": 3})
    closed = f"exec {sys.executable} -m optimizer run {task} --run-dir {tmp_path / 'run'} >&-"

    done = subprocess.run(["bash", "-c", closed], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, "")
    assert RunDir.read(tmp_path / "run").decisions()


def test_no_two_meanings_share_an_exit_code() -> None:
    assert LOST_TASKS not in {*CODES.values(), 0, 1, 10, 11, 130}
