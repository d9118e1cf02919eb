"""The gate asks the target afresh and tells a model that still keeps the bundle's thresholds from one that does not."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import yaml
from click.testing import CliRunner

from optimizer.cli import main
from optimizer.errors import BudgetExceeded, ConfigError, DataError, ExportError, ModelError
from optimizer.exporters.bundle import sealing
from optimizer.exporters.bundle.making import write_bundle
from optimizer.gate import GateResult, gate
from optimizer.gate.junit import as_junit
from optimizer.gate.telling import as_dict, as_text
from optimizer.gate.weighing import Case
from optimizer.models.stores.cache import CallStore
from optimizer.types import Request
from tests.conftest import Walked
from tests.walking import Crew, crew, finished, hopeless, number, parity, wordy


def ask(walked: Walked, models: Crew | None = None, **more: Any) -> GateResult:
    """The gate on the bundle of a run, with scripted models in the place of the run's."""
    more = {"path": walked.run / "bundle", "task_file": walked.folder / "task.yaml", **more}
    return gate(**more, connect=(models or crew()).connect, preflight=lambda *_, **__: None)


def drifting(share: int) -> Any:
    """Wrong about every `share`-th even number."""
    return lambda request: "odd" if number(request) % (2 * share) == 0 else wordy(request)


def states(result: GateResult) -> dict[str, str]:
    return {one.name: one.state for one in result.thresholds}


# -- verdicts


def test_the_model_that_was_sealed_passes_and_each_example_is_asked_once(plain_run: Walked) -> None:
    models = crew()

    result = ask(plain_run, models)

    assert (result.verdict, result.exit_code) == ("pass", 0)
    assert states(result) == dict.fromkeys(("quality", "valid", "cost_per_1000", "latency_p95"), "met")
    assert (models.calls, result.spend["target"].calls, len(result.cases)) == (60, 60, 60)
    assert not [case for case in result.cases if case.worse]


def test_a_model_that_got_worse_fails_and_the_examples_are_named(plain_run: Walked) -> None:
    result = ask(plain_run, crew(target=drifting(2)))

    assert (result.verdict, result.exit_code) == ("fail", 10)
    assert states(result)["quality"] == "broken" and states(result)["valid"] == "met"
    wrong = {case.id for case in result.cases if case.worse}
    held_out = plain_run.migration.split["test"]
    assert wrong == {key for key in held_out if plain_run.migration.examples[key].inputs["n"] % 4 == 0}  # type: ignore[operator]


def test_a_loss_that_chance_may_explain_is_inconclusive_and_one_within_the_margin_passes(plain_run: Walked) -> None:
    """The margin of 5 points is 3 of 60 examples; the loss of 4 of 60 chance explains, that of 12 it does not."""
    numbers = [plain_run.migration.examples[key].inputs["n"] for key in plain_run.migration.split["test"]]
    evens = [n for n in numbers if isinstance(n, int) and n % 2 == 0]

    def losing(count: int) -> GateResult:
        lost = evens[:count]
        return ask(plain_run, crew(target=lambda request: "odd" if number(request) in lost else wordy(request)))

    found = {count: losing(count) for count in (3, 4, 12)}

    assert {count: one.verdict for count, one in found.items()} == {3: "pass", 4: "inconclusive", 12: "fail"}
    assert found[4].exit_code == 11 and "chance alone may explain it" in found[4].reason
    assert len([case for case in found[3].cases if case.worse]) == 3


def test_a_dearer_a_slower_and_a_babbling_model_each_break_their_own_threshold(plain_run: Walked) -> None:
    def long(request: Request) -> str:
        return wordy(request) + " indeed" * 300

    slow = Crew({"test/source": parity, "test/target": wordy}, latency=0.3)
    wild = crew(target=lambda request: "perhaps" if number(request) % 3 == 0 else wordy(request))

    assert states(ask(plain_run, crew(target=long)))["cost_per_1000"] == "broken"
    assert states(ask(plain_run, slow)) == {
        "quality": "met",
        "valid": "met",
        "cost_per_1000": "met",
        "latency_p95": "broken",
    }
    assert states(ask(plain_run, wild))["valid"] == "broken"


def test_answers_that_could_not_be_had_leave_it_open(plain_run: Walked) -> None:
    def absent(request: Request) -> str:
        if number(request) % 12 == 0:
            raise ModelError("busy", model="test/target", retryable=True)
        return wordy(request)

    result = ask(plain_run, crew(target=absent))

    assert (result.verdict, result.exit_code) == ("inconclusive", 11)
    assert "of 60 examples got no answer; ask again." in result.reason
    assert ET.fromstring(as_junit(result)).find(".//error[@type='inconclusive']") is not None  # noqa: S314


def test_a_model_that_is_down_is_an_error_and_no_verdict(plain_run: Walked) -> None:
    def down(request: Request) -> str:
        raise ModelError("no answer", model="test/target", retryable=True)

    with pytest.raises(ModelError, match="no answer"):
        ask(plain_run, crew(target=down))


# -- fresh


def test_nothing_is_read_from_the_store_of_the_run_or_of_an_earlier_gate(plain_run: Walked) -> None:
    """The run's own store knows every one of these answers; a model that changed is asked all the same."""
    before = (plain_run.run / "calls.sqlite").read_bytes()
    with CallStore(plain_run.run / "calls.sqlite") as store:
        assert len(store) > 60

    first, changed = ask(plain_run), crew(target=hopeless)
    second = ask(plain_run, changed)

    assert (first.verdict, second.verdict, changed.calls) == ("pass", "fail", 60)
    assert (plain_run.run / "calls.sqlite").read_bytes() == before


# -- new examples


def new_rows(path: Path, numbers: range, **more: Any) -> Path:
    rows = [{"n": n, "gold": "even" if n % 2 == 0 else "odd", **more} for n in numbers]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


def test_new_examples_are_held_against_the_threshold(plain_run: Walked, tmp_path: Path) -> None:
    rows = new_rows(tmp_path / "new.jsonl", range(1000, 1100))
    models = crew()

    held = ask(plain_run, models, new=rows)
    broken = ask(plain_run, crew(target=drifting(2)), new=rows)

    assert (held.verdict, models.calls, held.examples) == ("pass", 100, "100 new examples")
    assert held.thresholds[0].value == 1.0 and held.cases[0].sealed is None
    assert (broken.verdict, broken.thresholds[0].value) == ("fail", 0.75)


def test_new_examples_that_the_bundle_does_not_take_are_named_before_any_is_paid_for(
    plain_run: Walked, tmp_path: Path
) -> None:
    rows, models = new_rows(tmp_path / "new.jsonl", range(1000, 1020)), crew()
    odd = [json.dumps({"id": f"x{n}", "n": f"{n}", "gold": "odd"}) for n in (1, 3)]
    rows.write_text(rows.read_text() + "\n".join(odd), "utf-8")

    with pytest.raises(
        DataError, match=r"--new: 2 of 22 examples do not fit the bundle, first '.*': n must be of type int"
    ):
        ask(plain_run, models, new=rows)

    assert models.calls == 0


def test_fewer_than_ten_new_examples_give_no_verdict(plain_run: Walked, tmp_path: Path) -> None:
    result = ask(plain_run, new=new_rows(tmp_path / "new.jsonl", range(5)))

    assert (result.verdict, result.reason) == ("inconclusive", "Fewer than 10 answers give no verdict.")
    with pytest.raises(DataError, match="give ten or more"):
        ask(plain_run, new=new_rows(tmp_path / "new.jsonl", range(1)))


def test_without_gold_answers_the_sources_own_are_in_the_bundle(tmp_path: Path) -> None:
    found = Walked(finished(tmp_path, gold=False)[0], tmp_path)
    models = crew()

    assert ask(found, models).verdict == "pass"
    assert models.asked.total() == 60  # the source is not asked
    assert ask(found, crew(target=drifting(2))).verdict == "fail"
    rows = tmp_path / "new.jsonl"
    rows.write_text("".join(json.dumps({"n": n}) + "\n" for n in range(20)))
    with pytest.raises(DataError, match=r"20 examples have no gold answer, .* the metrics hold answers against"):
        ask(found, new=rows)


def test_judges_are_asked_afresh_too_and_counted_apart(tmp_path: Path) -> None:
    def kind(_: Request) -> str:
        return '{"reason": "as it should be", "score": 10}'

    def unkind(_: Request) -> str:
        return '{"reason": "no longer", "score": 1}'

    sections = {
        "metrics": ["label_accuracy", {"name": "judge", "rubric": "Is it said kindly?"}],
        "judge": {"model": "test/judge", "price": {"input": 1.0, "output": 4.0}},
    }
    found = Walked(finished(tmp_path, crew(judge=kind), **sections)[0], tmp_path)

    passed, failed = ask(found, crew(judge=kind)), ask(found, crew(judge=unkind))

    assert (passed.verdict, passed.spend["judge"].calls, passed.spend["target"].calls) == ("pass", 60, 60)
    assert failed.verdict == "fail" and failed.thresholds[0].value == 0.5
    with pytest.raises(ConfigError, match="60 examples take about 120 calls"):
        ask(found, calls=100)


# -- programs


def test_the_bundle_of_a_program_is_asked_through_the_teams_own_program(tmp_path: Path) -> None:
    from tests.programs.test_suite import program_task, wise
    from tests.programs.test_suite import writes as taught
    from tests.walking import walk

    task = program_task(tmp_path)
    found = Walked(walk(task, tmp_path / "run", crew(target=taught, source=wise)), tmp_path)

    passed = ask(found, crew(target=taught))
    failed = ask(found, crew(target=lambda _: "[[ ## answer ## ]]\nodd"))

    assert (passed.verdict, passed.spend["target"].calls) == ("pass", 120)  # two calls an example
    assert failed.verdict == "fail"
    other = yaml.safe_load(task.read_text()) | {
        "program": {"dspy": "tests.steps:ready", "reply": {"labels": ["even", "odd"]}}
    }
    (tmp_path / "other.yaml").write_text(yaml.safe_dump(other))
    with pytest.raises(ConfigError, match=r"the bundle is of 'tests\.steps:Parity', the task of 'tests\.steps:ready'"):
        ask(found, task_file=tmp_path / "other.yaml")


# -- limits


def test_a_limit_that_is_too_low_is_said_before_anything_is_asked(plain_run: Walked) -> None:
    models = crew()

    with pytest.raises(ConfigError, match=r"--calls 59: 60 examples take about 60 calls"):
        ask(plain_run, models, calls=59)
    assert models.calls == 0
    assert ask(plain_run, models, calls=60).verdict == "pass"


def test_the_gate_stops_where_its_dollars_end(plain_run: Walked) -> None:
    models = crew()

    with pytest.raises(BudgetExceeded, match="the budget of"):
        ask(plain_run, models, dollars=0.0005)
    assert 0 < models.calls < 60


# -- what does not belong together


def other_task(walked: Walked, folder: Path, **sections: Any) -> Path:
    task = yaml.safe_load((walked.folder / "task.yaml").read_text())
    task["data"]["path"] = str(walked.folder / "data.jsonl")
    task |= sections | {"data": task["data"] | sections.get("data", {})}
    (folder / "task.yaml").write_text(yaml.safe_dump(task))
    return folder / "task.yaml"


def test_a_task_that_the_bundle_is_not_of_is_refused(plain_run: Walked, tmp_path: Path) -> None:
    price = {"input": 1.0, "output": 4.0}

    with pytest.raises(ConfigError, match="the bundle is of 'test/target', which is no target of the task file"):
        ask(plain_run, task_file=other_task(plain_run, tmp_path, target={"model": "test/targett", "price": price}))
    with pytest.raises(ConfigError, match=r"metrics: the bundle was sealed with label_accuracy, the task has valid"):
        ask(plain_run, task_file=other_task(plain_run, tmp_path, metrics=["valid"]))
    with pytest.raises(ConfigError, match=r"judge: the bundle was sealed with none, the task has \['test/judge'\]"):
        ask(plain_run, task_file=other_task(plain_run, tmp_path, judge={"model": "test/judge", "price": price}))


def test_held_out_examples_that_changed_or_left_are_said(plain_run: Walked, tmp_path: Path) -> None:
    lines = (plain_run.folder / "data.jsonl").read_text().splitlines()
    first = plain_run.migration.split["test"][0]
    place = int(first) - 1  # ids are the row numbers
    (tmp_path / "fewer.jsonl").write_text("\n".join(lines[:40]))
    lines[place] = json.dumps({**json.loads(lines[place]), "gold": "odd" if place % 2 == 0 else "even"})
    (tmp_path / "other.jsonl").write_text("\n".join(lines))

    with pytest.raises(DataError, match=rf"1 of 60 held-out examples have changed .*, first '{first}'.*--new"):
        ask(plain_run, task_file=other_task(plain_run, tmp_path, data={"path": str(tmp_path / "other.jsonl")}))
    with pytest.raises(DataError, match=r"\d+ of 60 held-out examples are not in the task's data"):
        ask(plain_run, task_file=other_task(plain_run, tmp_path, data={"path": str(tmp_path / "fewer.jsonl")}))


def test_a_bundle_that_was_changed_is_not_asked_about(plain_run: Walked, tmp_path: Path) -> None:
    """Not even where only the thresholds were loosened."""
    folder, models = plain_run.copy(tmp_path / "run") / "bundle", crew(target=hopeless)
    text = (folder / "bundle.json").read_text()
    (folder / "bundle.json").write_text(text.replace('"least": 0.95', '"least": 0.05'))

    with pytest.raises(ExportError, match="changed since it was written"):
        ask(plain_run, models, path=folder)
    assert models.calls == 0


def test_with_a_key_loosened_thresholds_are_refused_whatever_the_checksums_say(
    plain_run: Walked, tmp_path: Path
) -> None:
    pytest.importorskip("cryptography")
    from tests.exporters.test_bundle_integrity import Keys, resealed

    keys = Keys(tmp_path)
    folder = write_bundle(
        plain_run.migration, plain_run.migration.targets[0], tmp_path / "bundle", key=keys.ours.read_bytes()
    ).parent

    passed = ask(plain_run, path=folder, key=keys.our_public)
    assert passed.verdict == "pass" and f"bundle signed by {passed.signed_by}" in as_text(passed)
    resealed(folder, lambda b: b["gate"]["quality"].update(least=0.05))
    with pytest.raises(ExportError, match=r"signature\.json: changed since it was written"):
        ask(plain_run, path=folder, key=keys.our_public)
    with pytest.raises(ExportError, match="not signed"):
        ask(plain_run, key=keys.our_public)


def test_a_bundle_of_the_first_format_has_no_thresholds(plain_run: Walked, tmp_path: Path) -> None:
    folder = plain_run.copy(tmp_path / "run") / "bundle"
    bundle = json.loads((folder / "bundle.json").read_text())
    bundle = {key: bundle[key] for key in bundle if key != "gate"} | {"format": "promptport-bundle/1"}
    (folder / "bundle.json").write_text(json.dumps(bundle))
    for name in ("schema.json", "held_out.jsonl"):
        (folder / name).unlink()
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    (folder / "checksums.json").write_bytes(sealing.checksums(files))

    with pytest.raises(ConfigError, match=r"has no thresholds \(promptport-bundle/1\); write it anew"):
        ask(plain_run, path=folder)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("", "no row"),
        ("{", "not in the form of a bundle"),
        ("[" * 100_000, "not in the form of a bundle"),
        ("7", r"\$\[0\] must be of type object"),
        ('{"id": "1", "sha256": "0", "score": "1", "status": "ok"}', r"\$\[0\]\.score must be of type"),
        ('{"id": "1", "sha256": "0", "score": 7, "status": "ok"}', "a score is not between 0 and 1"),
        ('{"id": "1", "sha256": "0", "score": NaN, "status": "ok"}', "a score is not between 0 and 1"),
        (
            '{"id": "1", "sha256": "0", "score": 1, "status": "ok", "source": {"text": 7, "status": "ok"}}',
            "source.text",
        ),
        ('{"id": "1", "sha256": "0", "score": 1, "status": "well"}', "status must be one of"),
    ],
)
def test_sealed_scores_that_are_none_are_refused(plain_run: Walked, tmp_path: Path, line: str, told: str) -> None:
    folder = plain_run.copy(tmp_path / "run") / "bundle"
    (folder / "held_out.jsonl").write_text(line)
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    (folder / "checksums.json").write_bytes(sealing.checksums(files))

    with pytest.raises(ExportError, match=told):
        ask(plain_run, path=folder)


def test_line_breaks_of_other_scripts_do_not_tear_a_row(plain_run: Walked, tmp_path: Path) -> None:
    folder = plain_run.copy(tmp_path / "run") / "bundle"
    first, *rest = (folder / "held_out.jsonl").read_text().splitlines()
    row = json.dumps({**json.loads(first), "id": "a\u2028b\x85c"}, ensure_ascii=False)
    (folder / "held_out.jsonl").write_text("\n".join([row, *rest]))
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    (folder / "checksums.json").write_bytes(sealing.checksums(files))

    with pytest.raises(DataError, match=r"1 of 60 held-out examples are not in the task's data, first 'a\\u2028b"):
        ask(plain_run, path=folder)


def test_the_zip_is_as_good_as_the_folder(plain_run: Walked) -> None:
    assert ask(plain_run, path=plain_run.run / "bundle.zip") == ask(plain_run)


# -- telling


HOSTILE = 'x"><failure/>]]>&lt;\x00\x1b[31m\ud800\u202e]]><![CDATA['


def test_junit_has_a_case_for_each_threshold_and_each_example_that_got_worse(plain_run: Walked) -> None:
    failed, passed = ask(plain_run, crew(target=drifting(2))), ask(plain_run)

    for result in (failed, passed):
        root = ET.fromstring(as_junit(result))  # noqa: S314
        thresholds, examples = root.findall("testsuite")
        assert [case.get("name") for case in thresholds] == ["quality", "valid", "cost_per_1000", "latency_p95"]
        worse = [case.id for case in result.cases if case.worse]
        assert [case.get("name") for case in examples] == worse
        assert [int(suite.get("tests", "")) for suite in (thresholds, examples)] == [4, len(worse)]
        broken = 0 if result is passed else 1
        assert int(thresholds.get("failures", "")) == len(thresholds.findall("testcase/failure")) == broken
        assert int(examples.get("failures", "")) == len(examples.findall("testcase/failure")) == len(worse)


def test_examples_that_got_worse_within_the_margin_are_no_failures(plain_run: Walked) -> None:
    lost = plain_run.migration.examples[plain_run.migration.split["test"][0]].inputs["n"]

    result = ask(plain_run, crew(target=lambda r: "never" if number(r) == lost else wordy(r)))

    assert result.verdict == "pass"
    examples = ET.fromstring(as_junit(result)).findall("testsuite")[1]  # noqa: S314
    assert (examples.get("failures"), examples.get("skipped")) == ("0", "1")


def test_hostile_text_of_models_and_data_is_only_text_in_junit(plain_run: Walked) -> None:
    result = ask(plain_run, crew(target=drifting(2)))
    evil = replace(result, bundle=HOSTILE, reason=HOSTILE, cases=(Case(HOSTILE, 1.0, 0.0, "ok", HOSTILE * 50),))

    text = as_junit(evil)

    text.encode("utf-8")  # half a surrogate pair would not go
    [case] = ET.fromstring(text).findall("testsuite")[1]  # noqa: S314
    assert case.get("name") == 'x"><failure/>]]>&lt;��[31m�\u202e]]><![CDATA['
    assert len(case.findall("failure")) == 1 and len(case.findall("failure")[0].text or "") <= 500


def test_the_object_and_the_text_say_the_same(plain_run: Walked) -> None:
    result = ask(plain_run, crew(target=drifting(2)))

    found, told = json.loads(json.dumps(as_dict(result))), as_text(result)

    assert (found["verdict"], found["exit_code"], found["calls"], found["examples"]) == ("fail", 10, 60, 60)
    assert len(found["worse"]) == len([case for case in result.cases if case.worse]) > 0
    assert "parity: FAIL, test/target on 60 held-out examples" in told and "BROKEN" in told
    assert f"{found['calls']} calls, ${found['dollars']:.4f}; the bundle is not signed" in told


def test_calls_that_came_to_nothing_and_may_be_billed_are_told_beside_the_others(plain_run: Walked) -> None:
    clean = ask(plain_run)
    lossy = replace(clean, spend={"target": replace(clean.spend["target"], wasted=3, wasted_dollars=0.25)})

    assert (as_dict(clean)["wasted"], as_dict(clean)["wasted_dollars"]) == (0, 0.0)
    assert "came to nothing" not in as_text(clean)
    assert (as_dict(lossy)["wasted"], as_dict(lossy)["wasted_dollars"], as_dict(lossy)["calls"]) == (3, 0.25, 60)
    assert ", and 3 calls that came to nothing, which may be billed: $0.2500 at most; " in as_text(lossy)


def test_a_bundle_that_was_decided_against_says_so_even_where_it_keeps_its_thresholds(plain_run: Walked) -> None:
    passed = ask(plain_run)
    against = replace(passed, decided="stay")

    assert (passed.decided, as_dict(passed)["decided"]) == ("migrate", "migrate")
    assert "note:" not in as_text(passed)
    assert "note: the bundle's own decision was not to migrate, but 'stay'" in as_text(against)


# -- the command


def test_the_command_exits_with_the_verdict_and_writes_junit(tmp_path: Path) -> None:
    """On the offline models: the bundle's own passes; another persona under its prompt does not."""
    from tests.e2e.tools.runs import small_task

    task = small_task(
        tmp_path,
        rows=64,
        targets=["offline/sim-beta", "offline/sim-delta"],
        target=None,
        search={"trials": 4, "rounds": 1},
    )

    def run(*arguments: object) -> Any:
        return CliRunner().invoke(main, [str(argument) for argument in arguments])

    only = ("--target", "offline/sim-beta", "--run-dir", tmp_path / "run")
    assert run("run", task, *only).exit_code == 0
    bundle, junit = tmp_path / "run/bundle", tmp_path / "junit.xml"

    passed = run("gate", bundle, task, "--junit", junit, "--json")
    assert passed.exit_code == 0, passed.output
    assert json.loads(passed.stdout)["verdict"] == "pass"
    assert ET.parse(junit).getroot().tag == "testsuites"  # noqa: S314
    assert run("gate", bundle, task, "--junit", tmp_path / "reports" / "of" / "today.xml").exit_code == 0
    assert (tmp_path / "reports" / "of" / "today.xml").read_bytes() == junit.read_bytes()
    (tmp_path / "a_file").touch()
    for nowhere in (tmp_path, tmp_path / "a_file" / "j.xml"):
        refused = run("gate", bundle, task, "--junit", nowhere)
        assert refused.exit_code == 2 and "--junit" in refused.stderr and not refused.stdout
    (tmp_path / "full.xml").symlink_to("/dev/full")
    told = run("gate", bundle, task, "--junit", tmp_path / "full.xml")
    assert told.exit_code == 2 and "PASS" in told.stdout and "the verdict stands" in told.stderr
    other = run("gate", bundle, task, "--target", "offline/sim-delta")
    assert other.exit_code in (10, 11) and "quality" in other.stdout
    wrong = run("gate", bundle, task, "--target", "offline/sim-delte")
    assert wrong.exit_code == 2 and "Did you mean 'offline/sim-delta'?" in wrong.stderr
    assert run("gate", tmp_path / "nowhere", task).exit_code == 2
    assert run("gate", bundle, task, "--calls", "1").exit_code == 2
    assert run("gate", bundle, task, "--dollars", "0.000001").exit_code == 4
