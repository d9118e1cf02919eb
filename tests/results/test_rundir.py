"""A run directory gives back what was written, or says that it cannot."""

from __future__ import annotations

import json
import os
import random
from dataclasses import asdict, replace
from pathlib import Path
from statistics import fmean
from typing import Any

import optuna
import pytest
import yaml
from click.testing import CliRunner
from optuna.storages.journal import JournalFileBackend

from optimizer.cli import main
from optimizer.errors import RunDirError
from optimizer.results.records import as_json, as_lines
from optimizer.results.rundir import RunDir, slug, write_whole
from optimizer.results.studies import studies
from optimizer.task import load_task
from optimizer.types import Example, Output
from tests.conftest import Walked
from tests.walking import SEARCH, finished, walk, write_task

FILES = (
    "task.yaml",
    "split.json",
    "examples.jsonl",
    "baseline.jsonl",
    "trials.jsonl",
    "confirmation.jsonl",
    "decision.json",
)
AGREED: dict[str, Any] = {"fingerprint": "f", "versions": {}}


def test_a_migration_is_shown_in_a_line(plain_run: Walked) -> None:
    found = plain_run.migration
    (target,) = found.targets
    verdict, trials = target.decision.verdict.value, len(target.search.trials)

    assert repr(found) == f"<Migration 'parity' from test/source to test/target: {verdict}; 120 examples>"
    assert repr(target) == f"<TargetResult test/target: {verdict}, {trials} trials>"


def test_what_was_written_is_read_back_equal(plain_run: Walked, compiled_run: Walked) -> None:
    for walked in (plain_run, compiled_run):
        found = RunDir.read(walked.run).migration()
        assert found == walked.migration
        assert repr(asdict(found)) == repr(
            asdict(walked.migration)
        )  # every mapping in its order, every number of its type


def test_texts_in_every_script_and_half_a_surrogate_pair_are_read_back_equal(tmp_path: Path, plain_run: Walked) -> None:
    strange = 'Zürich 東京 \u202e \x00 \x1b[31m \r\n\u2028 "{{n}}" \ud83d 🙂'
    found = plain_run.migration
    example = found.split["test"][0]
    changed = replace(
        found,
        examples={
            **found.examples,
            example: Example(example, {"n": 1, "text": strange}, {"a": [strange, None, 1.5]}, "g"),
        },
        baseline=(replace(found.baseline[0], text=strange, value=strange), *found.baseline[1:]),
        settings={**found.settings, "name": strange.replace("\ud83d", "")},
    )
    with RunDir.open(tmp_path, **AGREED) as run:
        run.write(changed)

    assert RunDir.read(tmp_path).migration() == changed


def test_every_file_named_in_its_docstring_is_there_and_no_other(plain_run: Walked) -> None:
    from optimizer.results import rundir

    told = {line.split()[0].rstrip("/") for line in (rundir.__doc__ or "").splitlines() if line[:4] == " " * 4}
    assert {path.name for path in plain_run.run.iterdir()} == told | {".lock"}


def test_the_settings_in_a_run_directory_are_a_task_file_again(tmp_path: Path, plain_run: Walked) -> None:
    (tmp_path / "data.jsonl").write_bytes((plain_run.folder / "data.jsonl").read_bytes())
    (tmp_path / "task.yaml").write_bytes((plain_run.run / "task.yaml").read_bytes())

    assert load_task(tmp_path / "task.yaml").settings == load_task(plain_run.folder / "task.yaml").settings
    assert yaml.safe_load((tmp_path / "task.yaml").read_text())["split"] == {
        "train": 0.2,
        "validation": 0.3,
        "test": 0.5,
        "seed": 0,
    }


def test_optuna_opens_the_study(plain_run: Walked) -> None:
    journal = JournalFileBackend(str(plain_run.run / "study.journal"))
    study = optuna.load_study(study_name="test/target", storage=optuna.storages.JournalStorage(journal))

    trials = plain_run.migration.targets[0].search.trials
    assert [dict(trial.params) for trial in study.trials] == [dict(trial.params) for trial in trials]
    assert study.metric_names == ["objective"]


# -- damage


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_missing_cut_or_changed_is_an_error_that_names_it(
    tmp_path: Path, plain_run: Walked, name: str
) -> None:
    draw = random.Random(name)
    path = plain_run.copy(tmp_path / "run") / name
    whole = path.read_bytes()
    at = draw.randrange(len(whole))
    damages = [b"", whole[:at], whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :], whole + b"\n", b"\xff" + whole]
    for damage in damages:
        path.write_bytes(damage)
        with pytest.raises(RunDirError, match=rf"damaged .*{name}.* start the run again"):
            RunDir.read(path.parent).migration()
    path.unlink()
    with pytest.raises(RunDirError, match=r"start (it|the run) again"):
        RunDir.read(path.parent).migration()


@pytest.mark.parametrize("text", ["", "[]", "null", '"x"', "{", "[" * 100_000, '{"format": 2}', '{"format": "1"}'])
def test_a_manifest_that_is_none_is_an_error_not_a_traceback(tmp_path: Path, text: str) -> None:
    (tmp_path / "manifest.json").write_text(text)

    with pytest.raises(RunDirError, match=r"manifest\.json: (damaged|format)"):
        RunDir.read(tmp_path)
    with pytest.raises(RunDirError, match=r"manifest\.json: (damaged|format)"):
        RunDir.open(tmp_path, **AGREED)
    (tmp_path / "manifest.json").unlink()
    RunDir.open(tmp_path, **AGREED).close()  # the refusal has left no lock behind


@pytest.mark.parametrize("key", ["run", "files"])
def test_a_manifest_without_its_facts_is_an_error(tmp_path: Path, plain_run: Walked, key: str) -> None:
    path = plain_run.copy(tmp_path / "run") / "manifest.json"
    facts = json.loads(path.read_text())
    for damaged in ({k: v for k, v in facts.items() if k != key}, facts | {key: None}, facts | {key: ["x"]}):
        path.write_text(json.dumps(damaged))
        with pytest.raises(RunDirError, match="damaged"):
            RunDir.read(path.parent).migration()


def test_the_folder_of_a_fleet_leads_to_its_runs(tmp_path: Path) -> None:
    (tmp_path / "tasks").mkdir()
    with pytest.raises(RunDirError, match=r"no run here .*; those of a fleet are in tasks/NAME below it"):
        RunDir.read(tmp_path)


def test_a_run_without_a_decision_is_unfinished_not_damaged(tmp_path: Path) -> None:
    RunDir.open(tmp_path, **AGREED).close()

    with pytest.raises(RunDirError, match="the run is not finished; start it again with the same --run-dir"):
        RunDir.read(tmp_path).migration()


def test_a_folder_without_a_run_is_said_to_be_none(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")

    for path in (tmp_path, tmp_path / "nowhere", tmp_path / "file"):
        with pytest.raises(RunDirError, match=r"no run here .* give the folder that `promptport run` wrote"):
            RunDir.read(path)


# -- writing


@pytest.mark.parametrize("name", FILES)
def test_where_writing_breaks_off_there_is_no_decision(tmp_path: Path, plain_run: Walked, name: str) -> None:
    """A decision that is there belongs to the files beside it, also after a disk that was full."""
    folder = plain_run.copy(tmp_path / "run")
    agreed = json.loads((folder / "manifest.json").read_text())["fingerprint"]
    (folder / f".{name}.tmp").mkdir()  # stands in the way

    with (
        RunDir.open(folder, fingerprint=agreed, versions={}) as run,
        pytest.raises(RunDirError, match="cannot be writ"),
    ):
        run.write(replace(plain_run.migration, name="another"))

    assert not (folder / "decision.json").exists()
    with pytest.raises(RunDirError, match="the run is not finished"):
        RunDir.read(folder).migration()


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "there.json"
    path.write_text("old")
    path.with_name(".there.json.tmp").mkdir()

    with pytest.raises(RunDirError, match=r"there\.json: cannot be written"):
        write_whole(path, "new")

    assert path.read_text() == "old"


@pytest.mark.skipif(not hasattr(os, "seteuid"), reason="needs another user")
def test_a_directory_without_permission_is_refused_with_a_way_out(tmp_path: Path) -> None:
    tmp_path.chmod(0o555)
    before = os.geteuid()
    if before == 0:
        os.seteuid(65534)
    try:
        with pytest.raises(RunDirError, match=r"cannot write here \(Permission denied\); choose another --run-dir"):
            RunDir.open(tmp_path / "run", **AGREED)
    finally:
        os.seteuid(before)
        tmp_path.chmod(0o755)


def test_two_bundles_have_two_folders_and_one_has_none_below(tmp_path: Path, plain_run: Walked) -> None:
    found, run = plain_run.migration, RunDir(tmp_path)
    one = found.targets[0]
    two = replace(found, targets=(one, replace(one, model="openai/gpt 4:o")))

    assert run.bundle(found, one) == tmp_path / "bundle"
    assert run.bundle(two, two.targets[1]) == tmp_path / "bundle/openai_gpt_4_o"


@pytest.mark.parametrize("name", ["../../etc", "/root", "..", "a/../b", "x\x00y", "C:\\x"])
def test_a_models_name_never_leads_out_of_the_run_directory(name: str) -> None:
    folder = slug(name)

    assert not set(folder) & set("/\\\0:") and folder not in ("", ".", "..")


def test_rows_are_one_line_each_whatever_they_hold() -> None:
    rows = [Output("a", "one\ntwo\r\u2028"), Output("b", "\ud800")]

    lines = as_lines(rows).split("\n")
    assert [json.loads(line)["text"] for line in lines[:-1]] == ["one\ntwo\r\u2028", "\ud800"]
    assert as_json({"é": "\ud800"}).encode() == b'{\n  "\\u00e9": "\\ud800"\n}\n'


@pytest.mark.parametrize(("command", "name"), [("report", "bundle/signature.json"), ("rescore", "rescored")])
def test_what_stands_in_the_way_of_a_command_is_told_without_a_traceback(
    plain_run: Walked, tmp_path: Path, command: str, name: str
) -> None:
    """A folder where a file is removed, a file where a folder is made: as on a disk that may only be read."""
    run = plain_run.copy(tmp_path / "run")
    (run / name).touch() if command == "rescore" else (run / name).mkdir()

    done = CliRunner().invoke(main, [command, str(run)], catch_exceptions=False)

    assert f"{(run / name).parent if command == 'report' else run / name}: cannot write here" in done.stderr


def test_optuna_draws_the_course_of_every_trial(tmp_path: Path) -> None:
    """Step n is the mean objective of a trial's first n examples, as anyone can reckon from answers.jsonl."""
    migration, run = finished(tmp_path, objective={"quality": 2.0, "cost": 0.0})
    journal = JournalFileBackend(str(run / "study.journal"))
    study = optuna.load_study(study_name="test/target", storage=optuna.storages.JournalStorage(journal))
    found = migration.targets[0].search

    for drawn, trial in zip(study.trials, found.trials, strict=True):
        scores = [score.value for score in found.answers[trial.number].scores]
        wanted = {n: pytest.approx(2 * fmean(scores[:n])) for n in range(1, trial.examples + 1)}
        assert wanted and drawn.intermediate_values == wanted


def test_an_answer_that_could_not_be_had_is_no_step_of_the_course(tmp_path: Path) -> None:
    migration, _ = finished(tmp_path)
    (one,) = migration.targets
    whole = studies(migration)["test/target"].courses[0]
    found = one.search.answers[0]
    lost = replace(found, outputs=(*found.outputs[:-1], replace(found.outputs[-1], status="failed")))
    search = replace(one.search, answers={**one.search.answers, 0: lost})

    assert studies(replace(migration, targets=(replace(one, search=search),)))["test/target"].courses[0] == whole[:-1]


def test_of_several_objectives_there_is_a_study_with_a_pareto_front(tmp_path: Path) -> None:
    def studies(run: Path) -> dict[str, optuna.Study]:
        storage = optuna.storages.JournalStorage(JournalFileBackend(str(run / "study.journal")))
        names = optuna.get_all_study_names(storage)
        return {name: optuna.load_study(study_name=name, storage=storage) for name in names}

    migration, run = finished(tmp_path, search=SEARCH | {"objectives": ["quality", "cost"]})

    apart = studies(run)["test/target: quality and cost"]
    assert [*studies(run)] == ["test/target", "test/target: quality and cost"]
    assert apart.metric_names == ["quality", "cost"]
    assert [direction.name for direction in apart.directions] == ["MAXIMIZE", "MINIMIZE"]
    trials = migration.targets[0].search.trials
    assert [trial.values for trial in apart.trials] == [[trial.quality, trial.cost] for trial in trials]
    best = max(trial.quality or 0.0 for trial in trials)
    assert best in [trial.values[0] for trial in apart.best_trials]
    before = (run / "study.journal").read_bytes()
    walk(tmp_path / "task.yaml", run)
    assert (run / "study.journal").read_bytes() == before, "what is there already is not written again"

    walk(write_task(tmp_path), run)
    assert [*studies(run)] == ["test/target"], "a run that went on without them keeps no old front"
