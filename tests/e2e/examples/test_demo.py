"""What `make demo` runs, as it stands in the Makefile, and what a stranger finds afterwards."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

import optimizer
from optimizer import reader
from optimizer.errors import ExportError
from optimizer.exporters.bundle.making import verify_bundle, write_bundle
from optimizer.results.rundir import RunDir
from optimizer.types import Message, Request
from tests.e2e.tools.environments import needed
from tests.e2e.tools.runs import COMMAND, TARGET, lines
from tests.exporters.test_bundle_integrity import changes

PROJECT = Path(optimizer.__file__).parent.parent
_LONGEST = 600  # seconds, on a very busy machine
_READ = """
import importlib.util, json, sys
spec = importlib.util.spec_from_file_location("reader", sys.argv[1] + "/reader.py")
reader = importlib.util.module_from_spec(spec)
spec.loader.exec_module(reader)
bundle = reader.load(sys.argv[1] + "/bundle.json")
for inputs in json.load(sys.stdin):
    print(json.dumps(reader.render(bundle, inputs)))
"""


@dataclass(frozen=True)
class Demo:
    folder: Path
    out: str


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory, figure: Callable[[str], None]) -> Demo:
    """`make demo`, with the environment of these tests in the place of one that it would install."""
    make = needed("make", shutil.which("make"))
    folder = tmp_path_factory.mktemp("demo")
    (folder / "venv").mkdir()
    (folder / "venv" / "bin").symlink_to(Path(sys.executable).parent)
    (folder / "venv" / ".installed").touch()
    command = [make, "--silent", "demo", f"VENV={folder / 'venv'}", f"RUN={folder / 'run'}"]
    begun = time.monotonic()
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=_LONGEST, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    figure(f"make demo: {time.monotonic() - begun:.0f} s on {os.cpu_count()} processors")
    return Demo(folder / "run", done.stdout)


def test_the_demo_ends_with_verdict_spend_and_the_paths_of_report_and_bundle(demo: Demo) -> None:
    decided = json.loads((demo.folder / "decision.json").read_text("utf-8"))
    ending = demo.out.partition("\n\n")[2]

    assert f"offline/sim-alpha -> offline/sim-beta: {decided['verdict'].upper()}\n" in ending
    assert re.search(
        r"^spent +\$\d+\.\d{4} in [\d,]+ calls \(expected: \$\d+\.\d{4} in [\d,]+, at most \$\d+\.\d{4} in [\d,]+\)$",
        ending,
        re.MULTILINE,
    )
    assert Path(_named("report", ending)).read_text("utf-8").startswith("<!doctype html>")
    assert (Path(_named("bundle", ending)) / "bundle.json").is_file()


def test_the_demos_bundle_verifies_and_each_of_a_thousand_one_byte_changes_is_refused(
    demo: Demo, tmp_path: Path
) -> None:
    """In every file of the folder, the checksums among them, and in the zip."""
    folder = Path(shutil.copytree(demo.folder / "bundle", tmp_path / "bundle"))
    zipped = Path(shutil.copy(demo.folder / "bundle.zip", tmp_path))
    verified = subprocess.run([COMMAND, "verify", folder], capture_output=True, text=True, check=False)
    assert (verified.returncode, verified.stdout) == (0, f"{folder}: 5 files, all as written\n")
    files, draw = [*sorted(folder.iterdir()), zipped], random.Random(3)
    for number in range(1000):
        path = files[number % len(files)]
        whole = path.read_bytes()
        path.write_bytes(changes(whole, draw))
        with pytest.raises(ExportError):
            verify_bundle(zipped if path == zipped else folder)
            pytest.fail(f"change {number} of {path.name} was not found")
        path.write_bytes(whole)
    assert verify_bundle(folder) == verify_bundle(zipped) == 5


def _named(what: str, out: str) -> str:
    found = re.search(rf"^ *{what} +(\S.*)$", out, re.MULTILINE)
    assert found, f"no line names the {what}"
    return found[1]


def test_plain_and_compiled_candidates_compete_in_one_study(demo: Demo) -> None:
    import optuna
    from optuna.storages.journal import JournalFileBackend

    journal = JournalFileBackend(str(demo.folder / "study.journal"))
    storage = optuna.storages.JournalStorage(journal)
    (study,) = optuna.get_all_study_summaries(storage)
    trials = optuna.load_study(study_name=study.study_name, storage=storage).trials
    measured = {trial.user_attrs["program"] for trial in trials if trial.value is not None}

    assert "plain" in measured
    assert measured - {"plain"}
    assert len(trials) == len(lines(demo.folder / "trials.jsonl"))


def test_the_winners_bundle_renders_to_what_was_asked_and_parses_what_was_answered(demo: Demo) -> None:
    bundle = json.loads((demo.folder / "bundle" / "bundle.json").read_text("utf-8"))
    test = _examples(demo, "test")
    confirmed = {row["example_id"]: row["winner"]["output"] for row in lines(demo.folder / "confirmation.jsonl")}
    answers = _answers(demo)
    answered = {
        id_: answers.get(_key(messages, bundle["parameters"]))
        for id_, messages in _rendered(demo.folder / "bundle", test).items()
    }

    assert [id_ for id_, text in answered.items() if text is None] == [], "the model was asked with other messages"
    assert {id_: _parsed(bundle["reply"], str(text)) for id_, text in answered.items()} == {
        id_: output["value"] if output["status"] == "ok" else "broken" for id_, output in confirmed.items()
    }


def test_a_compiled_candidates_bundle_renders_to_what_was_asked(demo: Demo, tmp_path: Path) -> None:
    migration = RunDir.read(demo.folder).migration()
    (result,) = migration.targets
    compiled = max((t for t in result.search.trials if t.program != "plain"), key=lambda t: (t.examples, t.number))
    write_bundle(migration, replace(result, search=replace(result.search, best=compiled.number)), tmp_path / "bundle")

    rendered = _rendered(tmp_path / "bundle", _examples(demo, "validation"))
    answers = _answers(demo)
    asked = [messages for messages in rendered.values() if _key(messages, compiled.prompt.params) in answers]

    assert compiled.examples > 0
    assert len(asked) == compiled.examples


def test_other_weights_on_the_demos_run_ask_nobody_and_its_own_give_its_own_answer(demo: Demo) -> None:
    before = _answers(demo)
    words = [word for one in ("cost=0", "cost=0.3", "cost=1,latency=0.5") for word in ("--weights", one)]
    command = [str(COMMAND), "rescore", str(demo.folder), *words, "--json"]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    told = json.loads(ran.stdout)

    assert _answers(demo) == before and told["calls"] == 0
    assert len(told["terms"]) == 4 and told["terms"][0]["own"]
    [own] = told["terms"][0]["targets"]
    [result] = RunDir.read(demo.folder).migration().targets
    assert own["winner"] == result.search.best
    assert own["decision"]["verdict"] == result.decision.verdict.value
    assert own["objective"] == pytest.approx(result.search.winner.value)


def test_the_report_command_writes_the_same_report_and_bundle_again(demo: Demo) -> None:
    paths = [demo.folder / "report.html", *(demo.folder / "bundle").iterdir()]
    before = {path: path.read_bytes() for path in paths}

    subprocess.run([COMMAND, "report", demo.folder], check=True, capture_output=True)

    assert [path.name for path in paths if path.read_bytes() != before[path]] == []


def _examples(demo: Demo, part: str) -> dict[str, Any]:
    """The inputs of a part's examples by id."""
    wanted = json.loads((demo.folder / "split.json").read_text("utf-8"))[part]
    rows = {row["id"]: row["inputs"] for row in lines(demo.folder / "examples.jsonl")}
    return {id_: rows[id_] for id_ in wanted}


def _rendered(bundle: Path, examples: Mapping[str, Any]) -> dict[str, list[dict[str, str]]]:
    """What the bundle's own reader makes of the examples, in a Python that has nothing but its standard library."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-B", "-c", _READ, bundle],
        input=json.dumps(list(examples.values())),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return dict(zip(examples, map(json.loads, done.stdout.splitlines()), strict=True))


def _parsed(reply: dict[str, Any], text: str) -> Any:
    try:
        return reader.parse(reply, text)
    except ValueError:
        return "broken"


def _key(messages: list[dict[str, str]], params: Mapping[str, Any]) -> str:
    """Under which a run remembers the target's answer to this question."""
    return Request(tuple(Message(**message) for message in messages), params).key(TARGET)  # type: ignore[arg-type]


def _answers(demo: Demo) -> dict[str, str]:
    """What was answered to which question, as the run's store has it."""
    with closing(sqlite3.connect(demo.folder / "calls.sqlite")) as store:
        return {key: json.loads(text).get("text", "") for key, text in store.execute("SELECT key, response FROM calls")}
