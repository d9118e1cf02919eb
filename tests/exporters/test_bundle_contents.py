"""What a bundle says: all that production and an auditor need, by a schema, each figure as it was measured."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from optimizer import reader
from optimizer.exporters.bundle.evidence import figures
from optimizer.exporters.bundle.making import as_bundle
from optimizer.exporters.bundle.thresholds import held_out, thresholds
from optimizer.exporters.bundle.verifying import schema_text
from optimizer.metrics.judges.judge import wording
from optimizer.metrics.whole import Figure, mean_bounds
from optimizer.objective import Evaluation
from optimizer.prompt import Prompt
from optimizer.prompt.contract import KEYWORDS, NOTES
from optimizer.results.records import as_json
from optimizer.types import Output, Score
from tests.conftest import Walked
from tests.exporters.test_bundle import scored


@pytest.fixture
def bundle(plain_run: Walked) -> dict[str, Any]:
    return reader.load(plain_run.run / "bundle/bundle.json")


# -- the schema


def test_the_schema_is_one_and_every_bundle_keeps_it(bundle: dict[str, Any], compiled_run: Walked) -> None:
    schema = json.loads(schema_text())
    jsonschema.Draft202012Validator.check_schema(schema)

    for found in (bundle, reader.load(compiled_run.run / "bundle/bundle.json")):
        jsonschema.Draft202012Validator(schema).validate(found)
        assert reader.mismatch(found, schema) is None
    for broken in (bundle | {"model": 7}, bundle | {"more": 1}, {k: v for k, v in bundle.items() if k != "rollback"}):
        assert reader.mismatch(broken, schema) and not jsonschema.Draft202012Validator(schema).is_valid(broken)


def test_the_schema_says_nothing_that_the_reader_would_overlook() -> None:
    def keywords(schema: Any) -> set[str]:
        inner = [*schema.get("properties", {}).values(), *([schema["items"]] if "items" in schema else [])]
        return set(schema).union(*map(keywords, inner))

    assert keywords(json.loads(schema_text())) <= KEYWORDS | NOTES


def test_the_schema_lies_in_the_bundle(plain_run: Walked) -> None:
    assert (plain_run.run / "bundle/schema.json").read_text("utf-8") == schema_text()


# -- evidence


def test_splits_seeds_spend_versions_and_hashes_are_those_of_the_run(bundle: dict[str, Any], plain_run: Walked) -> None:
    found, evidence = plain_run.migration, bundle["evidence"]

    assert evidence["split_ids"] == {part: list(ids) for part, ids in found.split.items()}
    assert evidence["seeds"] == {"search": 0, "split": 0}
    assert evidence["versions"] == dict(found.versions)
    assert {role: row["calls"] for role, row in evidence["spend"].items()} == {
        role: spent.calls for role, spent in found.spend.items()
    }
    assert {k: evidence["objective"][k] for k in ("quality", "cost", "latency")} == {
        "quality": 1.0,
        "cost": 0.02,
        "latency": 0.0,
    }
    assert [metric["name"] for metric in evidence["metrics"]] == ["label_accuracy"]
    assert found.prompt is not None
    text = as_json(found.prompt.to_dict())
    assert bundle["source"]["sha256"] == hashlib.sha256(text.encode()).hexdigest()


def test_each_side_has_its_score_with_bounds_and_what_a_call_takes(bundle: dict[str, Any], plain_run: Walked) -> None:
    """The source is right 60 times of 60, twice: at 95 % it is right in 0.05^(1/60) = 95.13 % or more."""
    found = bundle["evidence"]
    source = found["held_out"]["source"]

    assert set(found["held_out"]) == {"source", "source_again", "unchanged", "migrated"}
    assert (source["quality"], source["high"]) == (1.0, 1.0)
    assert source["low"] == pytest.approx(0.05 ** (1 / 60))
    assert found["self_agreement"] == {"share": 1.0, "low": pytest.approx(0.05 ** (1 / 60)), "high": 1.0, "n": 60}
    assert source["latency_median"] == source["latency_p95"] == pytest.approx(0.1)
    assert source["cost_per_1000"] == pytest.approx((source["input_tokens"] + 4 * source["output_tokens"]) / 1000)


def test_growth_and_the_break_even_price_follow_from_what_was_measured(bundle: dict[str, Any]) -> None:
    """At factor times a price of 1 and 4 dollars, a call of the target costs what one of the source does."""
    found = bundle["evidence"]
    source, unchanged, migrated = (found["held_out"][side] for side in ("source", "unchanged", "migrated"))

    assert found["growth"] == {
        "input_tokens_to_unchanged": pytest.approx(migrated["input_tokens"] / unchanged["input_tokens"]),
        "input_tokens_to_source": pytest.approx(migrated["input_tokens"] / source["input_tokens"]),
    }
    even = found["break_even"]
    assert (even["input"], even["output"]) == (pytest.approx(even["factor"]), pytest.approx(4 * even["factor"]))
    dear = (migrated["input_tokens"] * even["input"] + migrated["output_tokens"] * even["output"]) / 1000
    assert dear == pytest.approx(source["cost_per_1000"])
    assert found["prices_per_million"]["target"]["input"] == 1.0 and "task file" in found["prices"]


def test_what_was_not_measured_is_null_and_no_zero() -> None:
    outputs = (Output("a", "x"), Output("b", "x"), Output("c", "", status="failed"))
    scores = (Score(1.0), Score(0.5), Score(0.0))

    found = figures(Evaluation(outputs, scores, frozenset({"cost", "latency"})), 0.95)

    assert found["quality"] == 0.75
    assert [found[name] for name in ("cost_per_1000", "latency_mean", "latency_median", "latency_p95")] == [None] * 4
    assert figures(Evaluation(outputs[2:], scores[2:]), 0.95)["quality"] is None


@pytest.mark.parametrize(("won", "n"), [(0, 10), (10, 10), (9, 10), (54, 60), (1, 300)])
def test_bounds_of_shares_are_exact(won: int, n: int) -> None:
    from scipy.stats import binomtest

    found = mean_bounds([1.0] * won + [0.0] * (n - won), confidence=0.95)

    wanted = binomtest(won, n).proportion_ci(confidence_level=0.9, method="exact")
    assert found == pytest.approx((wanted.low, wanted.high))


def test_bounds_of_graded_scores_are_students_but_never_nearer_than_what_may_be_unseen() -> None:
    from scipy.stats import t

    scores = [0.1, 0.4, 0.4, 0.5, 0.6, 0.9, 0.3, 0.2, 0.7, 0.8, 0.5, 0.6] * 10

    low, high = t.interval(0.9, 119, loc=0.5, scale=(0.05 * 120 / 119 / 120) ** 0.5)  # variance 0.05
    assert mean_bounds(scores, confidence=0.95) == pytest.approx((low, high), abs=0.005)
    assert mean_bounds([0.5] * 20, confidence=0.95) == pytest.approx((0.5 - (1 - 0.05**0.05), 0.5 + (1 - 0.05**0.05)))
    assert mean_bounds([0.5], confidence=0.95) is None


def test_who_judges_is_named_with_the_hash_of_the_wording(plain_run: Walked) -> None:
    found = plain_run.migration
    metrics = [{"name": "judge", "rubric": "Be kind.", "against": "auto"}, {"name": "exact_match", "against": "auto"}]
    settings = {**found.settings, "judge": {"model": "x/judge", "params": {"seed": 1}}, "metrics": metrics}

    judged = as_bundle(replace(found, settings=settings), found.targets[0])["evidence"]["judges"]

    text = wording("judge", "Be kind.")
    assert text and "Be kind." in text
    told = hashlib.sha256(as_json(text).encode()).hexdigest()
    assert judged == [{"model": "x/judge", "params": {"seed": 1}, "prompt_sha256": {"judge": told}}]


def test_each_of_several_rubrics_has_a_hash_of_its_own(plain_run: Walked) -> None:
    found = plain_run.migration
    metrics = [{"name": "judge", "rubric": rubric, "against": "auto"} for rubric in ("Be kind.", "Be brief.")]
    settings = {**found.settings, "judge": {"model": "x/judge"}, "metrics": metrics}

    (judged,) = as_bundle(replace(found, settings=settings), found.targets[0])["evidence"]["judges"]

    assert judged["prompt_sha256"] == {
        name: hashlib.sha256(as_json(wording("judge", rubric)).encode()).hexdigest()
        for name, rubric in (("judge", "Be kind."), ("judge_2", "Be brief."))
    }


# -- what changed on the way, and the way back


def test_parameters_that_were_removed_added_and_changed_are_told(plain_run: Walked) -> None:
    found = plain_run.migration
    result = found.targets[0]
    before = replace(found.prompt, params={"top_p": 0.5, "max_tokens": 8, "stop": ["x"]})  # type: ignore[type-var]
    winner = replace(result.search.winner.prompt, params={"max_tokens": 16, "stop": ["x"], "temperature": 0})
    trials = [replace(trial, prompt=winner) for trial in result.search.trials]
    search = replace(result.search, trials=tuple(trials), notes=("top_p: x/y does not take it", "no proposal came"))

    told = as_bundle(replace(found, prompt=before), replace(result, search=search))["parameter_changes"]

    assert told == {
        "removed": {"top_p": 0.5},
        "added": {"temperature": 0},
        "changed": {"max_tokens": {"from": 8, "to": 16}},
        "notes": ["top_p: x/y does not take it"],
    }


def test_the_way_back_renders_the_sources_own_prompt(bundle: dict[str, Any], plain_run: Walked) -> None:
    back = bundle["rollback"]

    assert (back["model"], back["parameters"]) == ("test/source", {"max_tokens": 8})
    assert plain_run.migration.prompt is not None
    assert reader.render(back, {"n": 7}) == scored(plain_run.migration.prompt, {"n": 7})
    assert reader.parse(back["reply"], "odd") == "odd"


def test_a_source_with_control_flow_has_a_way_back_in_words(plain_run: Walked) -> None:
    logic = Prompt.from_messages([{"role": "user", "content": "{% if n %}{{ n }}{% endif %}"}], syntax="jinja2")
    found = replace(plain_run.migration, prompt=logic)

    back = as_bundle(found, found.targets[0])["rollback"]

    assert "control flow" in back["note"] and "messages" not in back and back["model"] == "test/source"


# -- the thresholds


def test_thresholds_are_what_was_agreed_or_else_derived(plain_run: Walked) -> None:
    """Of 60 right answers of 60 at a margin of 0.05: 0.95 at the least. Dollars and seconds were not agreed on."""
    found, result = plain_run.migration, plain_run.migration.targets[0]
    met = result.confirmation.winner
    assert (met.quality, met.valid) == (1.0, 1.0)

    derived = thresholds(found, result)
    agreed = {**found.settings, "constraints": {"valid": 0.99, "cost_per_1000": 7, "p95_latency": 3}}
    given = thresholds(replace(found, settings=agreed), result)

    assert derived["quality"]["least"] == derived["valid"]["least"] == 0.95
    assert derived["cost_per_1000"]["most"] == pytest.approx(1.2 * 1000 * met.cost)
    assert derived["latency_p95"]["most"] == pytest.approx(0.2)
    assert [
        given[name].get("least", given[name].get("most")) for name in ("valid", "cost_per_1000", "latency_p95")
    ] == [
        0.99,
        7,
        3,
    ]
    assert (derived["margin"], derived["confidence"]) == (0.05, 0.95)


def test_held_out_examples_are_shipped_as_hashes_and_scores_not_as_data(plain_run: Walked) -> None:
    rows = [json.loads(line) for line in (plain_run.run / "bundle/held_out.jsonl").read_text().splitlines()]
    found = plain_run.migration

    assert [row["id"] for row in rows] == list(found.split["test"])
    assert all(set(row) == {"id", "sha256", "status", "score"} and row["score"] == 1.0 for row in rows)
    example = found.examples[rows[0]["id"]]
    text = as_json([example.id, dict(example.inputs), example.expected])
    assert rows[0]["sha256"] == hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.parametrize(
    ("metric", "gold", "shipped"),
    [
        ({"name": "exact_match", "against": "auto"}, True, False),
        ({"name": "exact_match", "against": "gold"}, True, False),
        ({"name": "exact_match", "against": "source"}, True, True),
        ({"name": "exact_match", "against": "auto"}, False, True),
        ({"name": "preference", "against": "auto"}, True, True),
        ({"name": "my_project:metric", "against": "auto"}, True, True),
    ],
)
def test_the_sources_answers_go_along_only_where_a_metric_is_held_against_them(
    plain_run: Walked, metric: dict[str, Any], gold: bool, shipped: bool
) -> None:
    found = plain_run.migration
    examples = found.examples if gold else {k: replace(e, expected=None) for k, e in found.examples.items()}
    changed = replace(found, settings={**found.settings, "metrics": [metric]}, examples=examples)

    rows = list(held_out(changed, changed.targets[0]))

    assert all(("source" in row) == shipped for row in rows)
    if shipped:
        known = {output.example_id: output.value for output in found.baseline}
        assert {row["id"]: row["source"]["value"] for row in rows} == {row["id"]: known[row["id"]] for row in rows}


# -- the reader


def test_a_variable_with_a_default_may_be_left_out() -> None:
    variables = {"n": {"type": "integer", "default": 4}, "tone": {"type": "string"}}
    bundle = {"variables": variables, "messages": [{"role": "user", "content": [{"var": "n"}, " ", {"var": "tone"}]}]}

    assert reader.render(bundle, {"tone": "kind"})[0]["content"] == "4 kind"
    assert reader.render(bundle, {"tone": "kind", "n": 5})[0]["content"] == "5 kind"
    with pytest.raises(ValueError, match=r"expected the variables \['n', 'tone'\], got \['n'\]: missing tone"):
        reader.render(bundle, {})
    with pytest.raises(ValueError, match=r"missing tone; unknown a, b"):
        reader.render(bundle, {"b": 1, "a": 2})


@pytest.mark.parametrize("text", ["[" * 100_000, "[" * 100_000 + "]" * 100_000, '{"a":' * 50_000])
def test_absurd_nesting_in_a_reply_is_an_error_of_its_own(text: str) -> None:
    with pytest.raises(ValueError, match="nested too deeply") as caught:
        reader.parse({"kind": "json"}, text)

    assert type(caught.value) is reader.TooDeep


def test_absurd_nesting_in_inputs_and_files_is_an_error_of_its_own(tmp_path: Path) -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    (tmp_path / "bundle.json").write_text("[" * 100_000)
    bundle = {"variables": {"n": {"type": "array"}}, "messages": [{"role": "user", "content": [{"var": "n"}]}]}

    with pytest.raises(reader.TooDeep, match="the inputs are nested too deeply"):
        reader.render(bundle, {"n": deep})
    with pytest.raises(reader.TooDeep, match=r"bundle\.json: nested too deeply"):
        reader.load(tmp_path / "bundle.json")
    while deep:  # else Python follows it down to the ground when it lets go of it
        deep = deep[0]


PROGRAM = {
    "format": "promptport-program/2",
    "model": "openai/gpt-4o",
    "program": {"dspy": "my.module:Triage", "state": "program.json", "adapter": "chat", "output": None},
    "prompts": {"find": {"instructions": "Find it."}, "answer.predict": {"instructions": "Say it."}},
    "variables": {"ticket": {"type": "string"}},
    "reply": {"kind": "labels", "labels": ["yes", "no"]},
}


@pytest.mark.parametrize("number", [1, 2])
def test_the_reader_names_a_programs_prompts_and_says_how_to_run_it(tmp_path: Path, number: int) -> None:
    (tmp_path / "bundle.json").write_text(json.dumps(PROGRAM | {"format": f"promptport-program/{number}"}))
    bundle = reader.load(tmp_path / "bundle.json")

    assert {name: one["instructions"] for name, one in reader.prompts(bundle).items()} == {
        "find": "Find it.",
        "answer.predict": "Say it.",
    }
    told = reader.usage(bundle)
    assert "2 prompts (find, answer.predict)" in told and "my.module:Triage" in told
    assert "program.load('program.json')" in told and "dspy.LM('openai/gpt-4o'" in told
    with pytest.raises(ValueError, match=r"a DSPy program of 2 prompts .*program\.load"):
        reader.render(bundle, {"ticket": "x"})
    assert reader.given(bundle, {"ticket": "x"}) == {"ticket": "x"}
    with pytest.raises(ValueError, match="ticket must be of type string, got int"):
        reader.given(bundle, {"ticket": 7})
    assert reader.parse(bundle["reply"], "Yes.") == "yes"


def test_a_single_prompt_has_no_prompts_by_name(bundle: dict[str, Any]) -> None:
    assert reader.prompts(bundle) == {}


def test_what_was_not_measured_has_no_threshold(plain_run: Walked) -> None:
    result = plain_run.migration.targets[0]
    met = result.confirmation
    nobody = Evaluation(tuple(replace(o, status="failed") for o in met.winner.outputs), met.winner.scores)
    known, unknown = (Figure(name, 0.9, None, value, None, None, 60) for name, value in (("f1", 0.8), ("kappa", None)))
    decision = replace(result.decision, figures=(known, unknown))

    found = thresholds(
        plain_run.migration, replace(result, decision=decision, confirmation=replace(met, winner=nobody))
    )

    assert found["figures"] == {"f1": {"sealed": 0.8, "least": pytest.approx(0.75)}}
    assert found["quality"] == {"sealed": None, "low": None, "high": None, "least": None}
    assert [found[name] for name in ("cost_per_1000", "latency_p95")] == [{"sealed": None, "most": None}] * 2
    assert found["valid"]["sealed"] is None
