"""The command line: exit codes, one-line errors with a way out, output that is safe and easy to read by programs."""

from __future__ import annotations

import json
import os
import pty
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from optimizer.cli import main
from optimizer.results.rundir import RunDir
from tests.conftest import Walked

COMMAND = Path(sys.executable).with_name("promptport")
SMALL = {"space": "tests.walking:FORMS", "trials": 4, "rounds": 1, "calls_per_trial": 6}
HEAVY = (
    "litellm",
    "dspy",
    "optuna",
    "datasets",
    "sklearn",
    "scipy",
    "numpy",
    "joblib",
    "jinja2",
    "aiohttp",
    "pydantic",
)
HOME = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}  # the space above is found in every process
EVIL = "\x1b]0;taken over\x07\x1b[31mred\u202e"


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments], catch_exceptions=False)


def process(*arguments: object, **variables: str) -> subprocess.CompletedProcess[str]:
    env = {**HOME, "PYTHONUTF8": "1", **variables}
    return subprocess.run(
        [COMMAND, *map(str, arguments)],
        capture_output=True,
        text=True,
        encoding="utf-8",
        env=env,
        check=False,
        timeout=120,
    )


def write(
    folder: Path, rows: int = 48, change: Callable[[dict[str, Any]], None] = lambda _: None, **sections: Any
) -> Path:
    """The triage example with few rows, from one offline model to another."""
    from optimizer.examples import copy_example

    path = copy_example("triage", folder)
    lines = (folder / "data.jsonl").read_text("utf-8").splitlines()[:rows]
    data = [json.loads(line) for line in lines]
    for row in data:
        change(row)
    (folder / "data.jsonl").write_text("".join(json.dumps(row) + "\n" for row in data), "utf-8")
    task = yaml.safe_load(path.read_text("utf-8"))
    task = {key: value for key, value in (task | {"search": SMALL} | sections).items() if value is not None}
    path.write_text(yaml.safe_dump(task, sort_keys=False), "utf-8")
    return path


@dataclass(frozen=True)
class Done:
    task: Path
    run_dir: Path
    result: Result


@pytest.fixture(scope="session")
def stayed(tmp_path_factory: pytest.TempPathFactory) -> Done:
    """A run towards an offline model that cannot do the task: the verdict is stay."""
    folder = tmp_path_factory.mktemp("stayed")
    task = write(folder, target="offline/sim-delta")
    return Done(task, folder / "run", run("run", task, "--run-dir", folder / "run"))


# -- what goes well


def test_a_run_prints_its_way_the_verdict_and_where_everything_is(stayed: Done) -> None:
    assert stayed.result.exit_code == 0
    out = stayed.result.stdout
    assert "offline/sim-alpha -> offline/sim-delta: STAY" in out
    assert f"report   {stayed.run_dir / 'report.html'}" in out and f"bundle   {stayed.run_dir / 'bundle'}" in out
    assert "simulated" in out
    assert (stayed.run_dir / "report.html").exists()


def test_without_a_terminal_there_are_plain_lines_and_no_escape_sequence(stayed: Done) -> None:
    lines = stayed.result.stdout.splitlines()

    assert any(
        re.fullmatch(r"asking the source offline/sim-alpha 20/20 20 calls · \$\d\.\d{4}", line) for line in lines
    )
    assert all(line.isprintable() for line in lines)
    assert stayed.result.stderr == ""


def test_json_is_one_object_on_standard_output_and_agrees_with_the_files(stayed: Done) -> None:
    result = run("run", stayed.task, "--run-dir", stayed.run_dir, "--json")

    told = json.loads(result.stdout)
    assert result.stdout.count("\n") == 1 and "asking the source" in result.stderr
    decision = json.loads((stayed.run_dir / "decision.json").read_text())
    spend = RunDir.read(stayed.run_dir).migration().spend.values()
    assert told["verdict"] == decision["verdict"] == "stay"
    assert told["targets"][0]["reason"] == decision["targets"][0]["reason"]
    assert told["targets"][0]["difference"]["low"] == decision["targets"][0]["comparison"]["low"]
    assert (told["calls"], told["dollars"]) == (sum(s.calls for s in spend), sum(s.dollars for s in spend))
    assert told["run_dir"] == str(stayed.run_dir)


def test_the_verdict_changes_the_exit_code_only_when_asked_to(stayed: Done) -> None:
    assert run("run", stayed.task, "--run-dir", stayed.run_dir).exit_code == 0
    assert run("run", stayed.task, "--run-dir", stayed.run_dir, "--require", "migrate").exit_code == 10


def test_an_open_question_exits_with_eleven_where_migrate_is_required(tmp_path: Path) -> None:
    task = write(tmp_path, rows=12, split={"train": 0.2, "validation": 0.3, "test": 0.5})

    result = run("run", task, "--require", "migrate", "--json")

    assert json.loads(result.stdout)["verdict"] == "inconclusive"
    assert result.exit_code == 11


def test_the_run_directory_stands_beside_the_task_unless_told_otherwise(tmp_path: Path) -> None:
    task = write(tmp_path, rows=12)

    assert run("run", task).exit_code == 0
    assert run("run", task, "--target", "offline/sim-gamma").exit_code == 0

    assert sorted(path.name for path in (tmp_path / "runs").iterdir()) == [
        "ticket-triage",
        "ticket-triage-offline_sim-gamma",
    ]


def test_check_tells_sizes_calls_and_dollars_and_asks_and_writes_nothing(tmp_path: Path) -> None:
    task = write(tmp_path, budget={"dollars": 20})
    before = sorted(tmp_path.rglob("*"))

    result = run("check", task)

    assert result.exit_code == 0
    assert "48 examples (10 train, 14 validation, 24 held out)" in result.stdout
    assert re.search(r"source +72 calls +\$0\.\d{4}", result.stdout)
    assert "budget: $20; the search ends early enough to leave what the confirmation needs" in result.stdout
    assert sorted(tmp_path.rglob("*")) == before


def test_init_check_and_run_follow_each_other(tmp_path: Path) -> None:
    wrote = run("init", tmp_path / "mine")
    assert wrote.exit_code == 0 and f"next: promptport check {tmp_path / 'mine/task.yaml'}" in wrote.stdout

    assert run("check", tmp_path / "mine/task.yaml").exit_code == 0
    again = run("init", tmp_path / "mine")
    assert (again.exit_code, again.stderr.count("\n")) == (2, 1) and "is there already" in again.stderr


@pytest.mark.parametrize("kind", ["metrics", "spaces", "optimizers", "models", "examples"])
def test_list_names_each_thing_with_a_few_words(kind: str) -> None:
    result = run("list", kind)

    lines = result.stdout.splitlines()
    assert result.exit_code == 0 and len(lines) >= 2
    assert all(re.fullmatch(r"\S+( +\S.*)?", line) for line in lines)


def test_a_report_can_be_written_again_without_models(tmp_path: Path, plain_run: Walked) -> None:
    run_dir = plain_run.copy(tmp_path / "run")
    page, bundle = (run_dir / "report.html").read_bytes(), (run_dir / "bundle/bundle.json").read_bytes()
    (run_dir / "report.html").unlink()
    shutil.rmtree(run_dir / "bundle")

    result = run("report", run_dir)

    assert result.exit_code == 0 and result.stdout == f"{run_dir / 'report.html'}\n"
    assert (run_dir / "report.html").read_bytes() == page and (run_dir / "bundle/bundle.json").read_bytes() == bundle


def test_verify_tells_a_whole_bundle_from_a_changed_one(tmp_path: Path, plain_run: Walked) -> None:
    bundle = plain_run.copy(tmp_path / "run") / "bundle"
    assert run("verify", bundle).stdout == f"{bundle}: 5 files, all as written\n"

    (bundle / "bundle.json").write_text("{}")
    result = run("verify", bundle)
    assert result.exit_code == 2 and "bundle.json: changed since it was written" in result.stderr


# -- bad input


@dataclass(frozen=True)
class Bad:
    """A change to a good task, and what must be said: place, value found, way out."""

    sections: dict[str, Any]
    told: str


def _closed_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


FREE = {"input": 0, "output": 0}
BAD = {
    "an unknown key": Bad(
        {"budgets": {"dollars": 1}}, r"task\.yaml:\d+: budgets: unknown key\. Did you mean 'budget'\?"
    ),
    "an unknown key inside": Bad({"search": SMALL | {"trails": 5}}, r"search\.trails: .*Did you mean 'trials'"),
    "a variable without a column": Bad(
        {"prompt": {"user": "{{tikket}}", "reply": {"labels": ["a", "b"]}}, "metrics": None},
        r"tikket.*Did you mean 'ticket'",
    ),
    "a prompt without variables": Bad(
        {"prompt": {"user": "Triage this.", "reply": {"labels": ["a", "b"]}}, "metrics": None},
        r"prompt: no variable found",
    ),
    "an unreachable server": Bad(
        {"target": {"model": "openai/x", "api_base": f"http://127.0.0.1:{_closed_port()}/v1", "price": FREE}},
        r"the server http://127\.0\.0\.1:\d+/v1/models cannot be reached .*correct `api_base`",
    ),
    "a missing key": Bad(
        {"target": "openai/gpt-4o-mini"}, r"the environment variable OPENAI_API_KEY is not set; export it"
    ),
    "a missing key of one's own": Bad(
        {"target": {"model": "openai/gpt-4o-mini", "api_key_env": "NO_SUCH_KEY"}},
        r"the environment variable NO_SUCH_KEY is not set; export it",
    ),
    "an unknown model": Bad(
        {"target": "openai/gpt-4o-minni"}, r"openai/gpt-4o-minni.*does not know it.*state its price"
    ),
    "an unknown price": Bad({"target": "hosted_vllm/mine"}, r"hosted_vllm/mine.*state its price"),
    "an unknown offline model": Bad({"target": "offline/sim-bta"}, r"offline/sim-bta.*sim-beta"),
    "too little money": Bad({"budget": {"dollars": 0.01}}, r"budget\.dollars: 0\.01 is too small: .* raise it"),
    "too few calls": Bad({"budget": {"calls": 50}}, r"budget\.calls: 50 is too small: .* take \d+ calls; raise it"),
    "an unknown space": Bad({"search": SMALL | {"space": "standart"}}, r"'standart'.*Did you mean 'standard'"),
    "an unknown metric": Bad({"metrics": "json_feilds"}, r"'json_feilds'.*Did you mean 'json_fields'"),
    "an unknown sampler": Bad({"search": SMALL | {"sampler": "tpee"}}, r"'tpee'.*Did you mean 'tpe'"),
    "an unknown family": Bad(
        {"target": {"model": "offline/sim-beta", "family": "claud"}}, r"'claud'.*Did you mean 'claude'"
    ),
    "a type that no JSON has": Bad(
        {"prompt": {"user": "{{ticket}}", "reply": {"schema": {"type": "objekt"}}}, "metrics": "exact_match"},
        r"reply\.schema\.type: 'objekt' is no JSON type\. Did you mean 'object'\?",
    ),
    "no data file": Bad({"data": "nowhere.jsonl"}, r"nowhere\.jsonl"),
    "too few examples": Bad(
        {"split": {"train": 0.01, "validation": 0.01, "test": 0.98}}, r"split: .*give more examples"
    ),
}


@pytest.mark.parametrize("command", ["check", "run"])
@pytest.mark.parametrize("case", BAD)
def test_bad_input_gets_one_clear_error_and_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str, command: str
) -> None:
    for name in ("OPENAI_API_KEY", "NO_SUCH_KEY"):
        monkeypatch.delenv(name, raising=False)
    task = write(tmp_path, **BAD[case].sections)
    before = sorted(tmp_path.rglob("*"))

    result = run(command, task)

    assert result.exit_code == 2, result.output
    assert re.search(BAD[case].told, result.stderr), result.stderr
    assert result.stderr.startswith("error: ") and result.stderr.count("\n") == 1
    assert sorted(tmp_path.rglob("*")) == before


def test_several_problems_are_told_at_once_each_with_its_line(tmp_path: Path) -> None:
    task = write(tmp_path, budgets={}, objective={"qualty": 1}, target=7)

    result = run("check", task)

    lines = result.stderr.splitlines()
    assert result.exit_code == 2
    assert lines[0] == "error: task.yaml: 3 problems" and len(lines) == 4
    assert all(re.match(r"  task\.yaml:\d+: \w+", line) for line in lines[1:])


def test_a_run_directory_of_another_task_is_refused(tmp_path: Path, stayed: Done) -> None:
    before = {path: path.read_bytes() for path in stayed.run_dir.rglob("*") if path.is_file()}

    result = run("run", write(tmp_path, decision={"margin": 0.1}), "--run-dir", stayed.run_dir)

    assert result.exit_code == 2
    assert re.search(r"holds a run of another task .*choose another --run-dir", result.stderr)
    assert {path: path.read_bytes() for path in stayed.run_dir.rglob("*") if path.is_file()} == before


def test_a_corrupt_call_store_is_refused_and_only_the_log_grows(tmp_path: Path, stayed: Done) -> None:
    run_dir = Path(shutil.copytree(stayed.run_dir, tmp_path / "run"))
    (run_dir / "calls.sqlite").write_bytes(b"SQLite format 3\0" + b"\x99" * 5000)
    before = {path: path.read_bytes() for path in run_dir.rglob("*") if path.is_file()}

    result = run("run", stayed.task, "--run-dir", run_dir)

    assert result.exit_code == 2 and result.stderr.count("\n") == 1
    assert "calls.sqlite: the call store is damaged" in result.stderr and "Move the file away" in result.stderr
    changed = {path.name for path, data in before.items() if path.read_bytes() != data}
    assert changed <= {"run.log", "manifest.json", "status.json"}
    assert "the call store is damaged" in (run_dir / "run.log").read_text()


@pytest.mark.parametrize("command", ["check", "run", "report", "verify"])
@pytest.mark.parametrize("what", ["nowhere", "a folder", "bytes", "empty"])
def test_a_path_that_leads_nowhere_is_one_clear_error(tmp_path: Path, command: str, what: str) -> None:
    path = tmp_path / "given"
    if what == "a folder":
        path.mkdir()
    elif what != "nowhere":
        path.write_bytes(b"\xff\x00\x80" if what == "bytes" else b"")

    result = run(command, path)

    assert result.exit_code == 2
    assert result.stderr.startswith("error: ") and result.stderr.count("\n") == 1 and "given" in result.stderr


def test_a_run_that_is_not_finished_has_no_report(tmp_path: Path) -> None:
    RunDir.open(tmp_path, fingerprint="f", versions={}).close()

    result = run("report", tmp_path)

    assert (result.exit_code, result.stdout) == (2, "")
    assert "the run is not finished; start it again" in result.stderr


def test_a_model_that_fails_exits_with_three_and_says_why(tmp_path: Path) -> None:
    """A server that is there, but has no such model."""
    from optimizer.offline.serving.server import running

    with running() as server:
        model = {"model": "openai/no-such-model", "api_base": server.url, "price": FREE}
        result = run("run", write(tmp_path, source=model, rows=12), "--run-dir", tmp_path / "run")

    assert result.exit_code == 3
    assert result.stderr.startswith("error: openai/no-such-model: ") and result.stderr.count("\n") == 1
    assert "broke off with ModelError: openai/no-such-model: " in (tmp_path / "run/run.log").read_text()


# -- what must never reach a terminal


def test_escape_sequences_in_data_never_reach_the_terminal(tmp_path: Path) -> None:
    def evil(row: dict[str, Any]) -> None:
        row["id"] = f"{EVIL}{row['id']}"

    no_match = {"user": "{{ticket}}", "reply": {"pattern": "x+"}}
    data = {"path": "data.jsonl", "id": "id"}
    result = run("run", write(tmp_path / "broken", change=evil, data=data, prompt=no_match, metrics=None))
    assert result.exit_code == 2 and "break the contract, first example ]0;taken over[31mred" in result.stderr
    assert _harmless(result.output)

    fine = write(tmp_path / "fine", rows=12, change=lambda row: row.update(customer=EVIL + str(row["customer"])))
    assert _harmless(run("check", fine).output) and _harmless(run("run", fine).output)
    assert _harmless((tmp_path / "fine/runs/ticket-triage/run.log").read_text())


def _harmless(text: str) -> bool:
    return all(line.isprintable() for line in text.split("\n"))


def test_the_live_display_shows_figures_and_no_foreign_escape_sequence(tmp_path: Path) -> None:
    task = write(tmp_path, rows=12, change=lambda row: row.update(customer=EVIL + str(row["customer"])))
    main_end, its_end = pty.openpty()
    child = subprocess.Popen(
        [COMMAND, "run", task], stdout=its_end, stderr=its_end, stdin=its_end, env=HOME | {"TERM": "xterm"}
    )
    os.close(its_end)
    seen = b""
    try:
        while chunk := os.read(main_end, 65536):
            seen += chunk
    except OSError:  # the terminal's other end is closed
        pass
    os.close(main_end)

    assert child.wait(60) == 0
    assert b"searching offline/sim-beta" in seen and b"calls" in seen
    assert b"\x1b]0;" not in seen and "\u202e".encode() not in seen
    assert b"INCONCLUSIVE" in seen or b"STAY" in seen


def test_a_secret_in_the_task_file_is_named_but_not_shown(tmp_path: Path) -> None:
    key = "sk-" + "a1B2c3D4" * 5
    task = write(tmp_path, target={"model": "openai/gpt-4o-mini", "params": {"api_key": key}})

    result = run("check", task)

    assert result.exit_code == 2 and "api_key" in result.stderr
    assert key not in result.output


# -- as a process


def test_help_is_there_for_every_command_and_imports_nothing_heavy() -> None:
    probe = (
        "import sys\nfrom click.testing import CliRunner\nfrom optimizer.cli import main\n"
        "for name in [None, *main.commands]:\n"
        "    ended = CliRunner().invoke(main, [name, '--help'] if name else ['--help'])\n"
        "    assert ended.exit_code == 0 and 'Usage:' in ended.stdout, ended.output\n"
        f"print([name for name in {HEAVY} if name in sys.modules])"
    )
    ended = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)

    assert ended.stdout.strip() == "[]"


def test_the_installed_command_and_the_module_are_the_same() -> None:
    from optimizer import __version__

    module = subprocess.run(
        [sys.executable, "-m", "optimizer", "--version"], capture_output=True, text=True, check=True
    )

    assert module.stdout == process("--version").stdout == f"promptport, version {__version__}\n"


@pytest.mark.parametrize("arguments", [["nonsense"], ["run"], ["list", "nonsense"], ["serve", "--fault", "oops=1"]])
def test_wrong_usage_exits_with_two_and_no_traceback(arguments: list[str]) -> None:
    result = run(*arguments)

    assert result.exit_code == 2
    assert "Traceback" not in result.output and "Error: " in result.stderr


def test_a_terminal_that_lacks_characters_gets_question_marks_no_traceback(tmp_path: Path) -> None:
    ended = process("run", write(tmp_path, rows=12), PYTHONIOENCODING="iso8859-2", PYTHONUTF8="0")

    assert ended.returncode == 0, ended.stderr
    assert "12 calls ? $" in ended.stdout


def test_a_reader_that_goes_away_ends_the_run_quietly(tmp_path: Path) -> None:
    task = write(tmp_path, rows=12)
    ended = subprocess.run(
        ["bash", "-c", f"'{COMMAND}' run '{task}' | head -n 1"],
        env=HOME,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )

    assert ended.stdout.startswith("asking the source")
    assert "Traceback" not in ended.stderr and "Error" not in ended.stderr


def test_the_task_may_be_run_from_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "here", rows=12)
    monkeypatch.chdir(tmp_path / "here")

    assert run("run", "task.yaml").exit_code == 0
    assert (tmp_path / "here/runs/ticket-triage/decision.json").exists()


def test_control_c_ends_a_run_with_one_sentence_and_it_can_go_on(tmp_path: Path) -> None:
    task = write(tmp_path, rows=96)
    child = subprocess.Popen(
        [COMMAND, "run", task, "--run-dir", tmp_path / "run"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=HOME,
    )
    assert child.stdout is not None
    child.stdout.readline()  # it is under way
    child.send_signal(signal.SIGINT)
    _, told = child.communicate(timeout=60)

    assert (child.returncode, told.count("\n")) == (130, 1), told
    assert told.startswith("interrupted; all answers so far are kept: run the same command again")
    assert "broke off with KeyboardInterrupt" in (tmp_path / "run/run.log").read_text()
    assert run("run", task, "--run-dir", tmp_path / "run").exit_code == 0
