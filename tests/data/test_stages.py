"""Partial migration: stages beside the prompt whose outputs are frozen, and what they take."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from optimizer.compare import write_comparison
from optimizer.data.stages import Stage
from optimizer.errors import ConfigError, DataError
from optimizer.planning.plan import plan
from optimizer.report.figures.facts import gather
from optimizer.report.summary import expectation
from optimizer.results.rundir import RunDir
from optimizer.task import load_task
from tests.recorded.test_compare import comparison, side, table
from tests.walking import walk, write_task

STAGES = [
    {"name": "retrieve", "output": "passages", "latency": "found_s", "cost": "found_usd"},
    {"name": "rerank", "latency": "rank_s", "input_tokens": "rank_in", "output_tokens": "rank_out"},
]
PROMPT = {
    "system": "Say what the number is.",
    "user": "Passages: {{passages}}\nNumber: {{n}}",
    "reply": {"labels": ["even", "odd"]},
}


def task(folder: Path, stages: Any = STAGES, prompt: Any = PROMPT, **changed: Any) -> Path:
    path = write_task(folder, stages=stages, prompt=prompt)
    rows = [json.loads(line) for line in (folder / "data.jsonl").read_text("utf-8").splitlines()]
    for row in rows:
        row |= {"passages": f"p{row['n']}", "found_s": 0.25, "found_usd": 0.001, "rank_s": 0.5}
        row |= {"rank_in": 300 + row["n"] % 3, "rank_out": 5, **changed}
    (folder / "data.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


def test_a_run_names_its_frozen_stages_and_adds_them_to_its_totals(tmp_path: Path) -> None:
    migration = walk(task(tmp_path), tmp_path / "run")
    (one,) = gather(migration).targets
    rows = {row.name: row for row in one.stages}

    assert [(row.name, row.kind) for row in one.stages] == [
        ("retrieve", "frozen"),
        ("rerank", "frozen"),
        ("prompt", "migrated"),
        ("All stages", "total"),
        ("Without the frozen ones", "total"),
    ]
    for at, met in enumerate((one.result.confirmation.source, one.result.confirmation.winner)):
        assert rows["All stages"].sides["latency"][at].value == pytest.approx(met.latency + 0.75)
        assert rows["All stages"].sides["cost"][at].value == pytest.approx(1000 * met.cost + 1.0)
        assert rows["Without the frozen ones"].sides["latency"][at].value == pytest.approx(met.latency)
        assert rows["rerank"].sides["input_tokens"][at].n == 60
    assert RunDir.read(tmp_path / "run").migration() == migration
    for name in ("report.html", "report.md"):
        written = (tmp_path / "run" / name).read_text("utf-8")
        assert "retrieve" in written and "Without the frozen ones" in written
    assert "A frozen stage was not run again" in (tmp_path / "run" / "report.html").read_text("utf-8")
    told = json.loads((tmp_path / "run" / "report.json").read_text("utf-8"))
    assert [row["name"] for row in told["targets"][0]["stages"]][:2] == ["retrieve", "rerank"]


def test_what_a_stage_took_changes_no_verdict(tmp_path: Path) -> None:
    with_stages = walk(task(tmp_path / "with"), tmp_path / "with" / "run")
    without = walk(task(tmp_path / "without", stages=[]), tmp_path / "without" / "run")

    assert with_stages.targets == without.targets


def test_the_check_says_what_is_frozen_and_what_it_takes_in_the_mean(tmp_path: Path) -> None:
    told = expectation(plan(load_task(task(tmp_path))))

    assert "stage: retrieve (frozen, its outputs in 'passages'): 0.25 s, $1.0000 per 1,000" in told
    assert "stage: rerank (frozen): 0.50 s, 301 tokens in, 5 out" in told


def test_an_output_that_the_prompt_does_not_ask_for_is_noticed(tmp_path: Path) -> None:
    prompt = {**PROMPT, "user": "Number: {{n}}"}
    notes = load_task(task(tmp_path, prompt=prompt)).notes

    assert "stage retrieve: the prompt does not ask for what it gave ('passages')" in notes
    assert not any("rerank" in note for note in notes)


@pytest.mark.parametrize(
    ("stages", "message"),
    [
        ([{"name": "a", "latency": "found"}], "there is no column 'found'. Did you mean 'found_s'"),
        ([{"name": "a", "output": "pasages"}], "there is no column 'pasages'. Did you mean 'passages'"),
        ([{"name": "a"}, {"name": "a"}], "stages: 'a' stands twice"),
        ([{"name": "a", "frozen": False}], "'a' is not frozen, but a run asks models with the prompt alone"),
        ([{"name": "a", "latncy": "found_s"}], "Did you mean 'latency'"),
    ],
)
def test_slips_are_answered_with_place_and_way_out(stages: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load_task(task(tmp_path, stages=stages))
    assert message in str(caught.value)


@pytest.mark.parametrize(("value", "shown"), [(None, "nothing"), (-1, "-1"), ("soon", '"soon"')])
def test_an_amount_that_is_none_is_refused_with_its_row(value: Any, shown: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=f"row 1.*field 'found_s': must be a number, 0 or more, .* found {shown}"):
        load_task(task(tmp_path, found_s=value))


def test_a_run_on_other_stages_is_another_task(tmp_path: Path) -> None:
    from optimizer.planning.agreement import fingerprint

    one, other = (load_task(task(tmp_path / str(n), stages=STAGES[:n])) for n in (1, 2))
    assert fingerprint(one) != fingerprint(other)


def test_columns_for_a_stage_that_is_not_named_are_refused(tmp_path: Path) -> None:
    own = {"stages": {"rank": {"latency": "new_s"}}}
    with pytest.raises(ConfigError, match="'test/new' has columns for a stage 'rank'; name it in `stages`"):
        comparison(tmp_path, table(20, 0.9, 0.9), target=side("new", **own))


def test_two_prompts_of_one_model_have_each_its_own_amounts(tmp_path: Path) -> None:
    rows = [row | {"rank_old_s": 0.1, "rank_new_s": 0.3} for row in table(20, 0.9, 0.9)]
    stages = [{"name": "rank", "frozen": False, "latency": "rank_old_s"}]
    new = side("new", stages={"rank": {"latency": "rank_new_s"}}) | {"model": "test/old"}

    found = comparison(tmp_path, rows, stages=stages, target=new)
    write_comparison(found, tmp_path / "out")

    for migration in (found, RunDir.read(tmp_path / "out").migration()):
        rank = gather(migration).targets[0].stages[0].sides["latency"]
        assert [one.value for one in rank] == pytest.approx([0.1, 0.3])


def test_a_stage_knows_whose_amounts_are_asked_for() -> None:
    stage = Stage("rank", False, None, {"a": {"1": {"latency": 1.0}}})
    frozen = Stage("find", True, None, {"": {"1": {"latency": 2.0}}})

    assert stage.of("a") == {"1": {"latency": 1.0}} and stage.of("b") == {}
    assert frozen.of("a") == frozen.of("b") == {"1": {"latency": 2.0}}


def test_the_stages_of_the_documentation_are_read(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "optimizer" / "report" / "README.md").read_text("utf-8")
    [written] = [part.split("```")[0] for part in page.split("```yaml\n")[1:] if part.startswith("stages:")]
    stages = yaml.safe_load(written)["stages"]
    prompt = {**PROMPT, "user": "{{contexts}}\nNumber: {{n}}"}
    loaded = load_task(task(tmp_path, stages, prompt, contexts="c", retrieve_s=0.1, retrieve_usd=0.0, rerank_s=0.2))

    assert [(stage.name, stage.frozen, stage.output) for stage in loaded.stages] == [
        ("retrieve", True, "contexts"),
        ("rerank", True, None),
    ]
