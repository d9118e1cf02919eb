"""What a promptfoo suite asks of fresh answers: no less than was scored, by prices and providers as promptfoo knows."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
import yaml

from optimizer.exporters.registry import export
from optimizer.exporters.shipment import Export, Shipment, of_run
from optimizer.objective import Evaluation
from optimizer.prompt import Prompt
from tests.conftest import Walked
from tests.exporters.test_bundle import shipping

JUDGE = {"model": "test/judge", "price": {"input": 1.0, "output": 1.0}}
JUDGED = {"name": "judge", "weight": 1.0, "against": "auto"}


def suite(given: Shipment) -> tuple[Export, dict[str, Any]]:
    made = export(given, "promptfoo")
    return made, dict(yaml.safe_load(str(made.files["promptfooconfig.yaml"])))


def answering(walked: Walked, **amounts: Any) -> Shipment:
    """The run, had each held-out answer of the winner taken this."""
    given = of_run(walked.migration)
    assert given.result is not None
    met = given.result.confirmation
    winner = Evaluation(tuple(replace(output, **amounts) for output in met.winner.outputs), met.winner.scores)
    return replace(given, result=replace(given.result, confirmation=replace(met, winner=winner)))


def targeting(walked: Walked, model: str, **section: Any) -> Shipment:
    """The run, had its target been another."""
    given = of_run(walked.migration)
    assert given.migration is not None and given.result is not None
    own = {**given.migration.settings["targets"][0], "model": model, **section}
    migration = replace(given.migration, settings={**given.migration.settings, "targets": [own]})
    return replace(given, model=model, migration=migration, result=replace(given.result, model=model))


def passes(config: Mapping[str, Any], prompt: int, completion: int) -> bool:
    """The assertion on cost, worked out as promptfoo's JavaScript does, for an answer of so many tokens."""
    (limit,) = [one["value"] for one in config["defaultTest"]["assert"] if one["metric"] == "cost"]
    usage = "context.providerResponse.tokenUsage"
    worked = limit.replace(f"{usage}.prompt", str(prompt)).replace(f"{usage}.completion", str(completion))
    return bool(eval(worked))  # noqa: S307  arithmetic that we wrote


@pytest.mark.parametrize("paid", [0.0014, 0.0002, 0.009], ids=["list price", "from a cache", "dearer above a length"])
def test_the_same_answer_again_is_never_too_dear_whatever_was_paid_for_it(plain_run: Walked, paid: float) -> None:
    """At $1 and $4 a million; a discount on what was paid is none on what promptfoo counts."""
    _, config = suite(answering(plain_run, input_tokens=1000, output_tokens=100, cost=paid))

    assert passes(config, 1000, 100) and passes(config, 1249, 124)
    assert not passes(config, 1260, 126)


@pytest.mark.parametrize(("latency", "threshold"), [(0.0, 1000), (0.4, 1000), (1.5, 3000), (2.0006, 4002)])
def test_an_answer_may_take_twice_the_95th_percentile_and_a_second_in_any_case(
    plain_run: Walked, latency: float, threshold: int
) -> None:
    _, config = suite(answering(plain_run, latency=latency))

    assert {"type": "latency", "threshold": threshold, "metric": "latency"} in config["defaultTest"]["assert"]


@pytest.mark.parametrize(
    ("model", "identity"),
    [
        ("openai/gpt-4.1-mini", "openai:chat:gpt-4.1-mini"),
        ("gpt-4.1-mini", "openai:chat:gpt-4.1-mini"),
        ("anthropic/claude-haiku-4-5", "anthropic:messages:claude-haiku-4-5"),
        ("cohere/command-a-03-2025", "litellm:cohere/command-a-03-2025"),
        ("offline/sim-beta", "openai:chat:sim-beta"),
    ],
)
def test_a_provider_goes_by_promptfoos_name_for_it(plain_run: Walked, model: str, identity: str) -> None:
    made, config = suite(targeting(plain_run, model))

    assert config["providers"][0]["id"] == identity
    assert any("parameters are by OpenAI's names" in note for note in made.notes) is ("openai" not in identity)


@pytest.mark.parametrize(
    ("section", "told"),
    [
        ({"api_base": "http://host/v1"}, {"apiBaseUrl": "http://host/v1", "apiKeyRequired": False}),
        ({"api_key_env": "OURS"}, {"apiKeyEnvar": "OURS"}),
        (
            {"api_base": "http://host/v1", "api_key_env": "OURS"},
            {"apiBaseUrl": "http://host/v1", "apiKeyRequired": True, "apiKeyEnvar": "OURS"},
        ),
    ],
)
def test_a_server_of_ones_own_and_its_key_go_along(
    plain_run: Walked, section: dict[str, Any], told: dict[str, Any]
) -> None:
    _, config = suite(targeting(plain_run, "openai/ours", **section))

    assert {key: value for key, value in config["providers"][0]["config"].items() if key.startswith("api")} == told


def test_a_simulated_model_is_asked_where_it_is_served_without_a_key(plain_run: Walked) -> None:
    made, config = suite(targeting(plain_run, "offline/sim-beta"))

    known = config["providers"][0]["config"]
    assert known["apiBaseUrl"] == "http://127.0.0.1:8765/v1" and known["apiKeyRequired"] is False
    assert "start `promptport serve` for the simulated model" in made.notes


@pytest.mark.parametrize("value", ["see {{n}}", "{% if n %}", "{# n #}", "ends\n", "file://a", "FILE://a", "https://a"])
def test_a_value_that_promptfoo_would_read_again_is_written_so_that_it_cannot(plain_run: Walked, value: str) -> None:
    prompt = Prompt.from_messages([{"role": "user", "content": "{{n}} of {{kind}}"}])
    rows = [{"n": value, "kind": "a {b}"}, {"n": "plain", "kind": "c"}]

    given = of_run(shipping(plain_run, prompt, rows))
    assert given.result is not None
    met = given.result.confirmation
    known = tuple(replace(met.winner.outputs[0], example_id=example.id) for example in given.examples)
    met = replace(met, winner=Evaluation(known, met.winner.scores[:2]))

    made, _ = suite(replace(given, result=replace(given.result, confirmation=met)))

    (message,) = json.loads(str(made.files["prompt.json"]))
    assert message == {"role": "user", "content": "{{ n | load }} of {{ kind }}"}
    told = [test["vars"] for test in json.loads(str(made.files["tests.json"]))]
    assert [{"n": json.loads(one["n"]), "kind": one["kind"]} for one in told] == rows
    assert not any("{" in one["n"] or "\n" in one["n"] or one["n"].startswith("file:") for one in told)


@pytest.mark.parametrize("beside", [(), ("exact_match",)])
def test_metrics_that_ask_a_model_are_left_out_and_said_to_be(plain_run: Walked, beside: tuple[str, ...]) -> None:
    given = of_run(plain_run.migration)
    assert given.migration is not None
    metrics = [JUDGED, *({**JUDGED, "name": name} for name in beside)]
    migration = replace(given.migration, settings={**given.migration.settings, "metrics": metrics, "judge": JUDGE})

    made, _ = suite(replace(given, migration=migration))

    tests, scoring = (json.loads(str(made.files[name])) for name in ("tests.json", "scoring.json"))
    assert [metric["name"] for metric in scoring["metrics"]] == list(beside)
    assert len(tests) == 60 and all(("assert" in test) is bool(beside) for test in tests)
    assert len(scoring["examples"]) == (60 if beside else 0)
    assert "left out, since they ask a model of the task file: the metrics judge" in made.notes


def test_nothing_is_said_to_be_left_out_where_nothing_is(plain_run: Walked) -> None:
    made, _ = suite(of_run(plain_run.migration))

    assert not any("left out" in note for note in made.notes)


def test_an_example_that_was_not_answered_asks_for_nothing(plain_run: Walked) -> None:
    given = of_run(plain_run.migration)
    assert given.result is not None
    met = given.result.confirmation
    lost = replace(met.winner.outputs[0], status="failed", error="no answer")
    winner = Evaluation((lost, *met.winner.outputs[1:]), met.winner.scores)

    made, _ = suite(replace(given, result=replace(given.result, confirmation=replace(met, winner=winner))))

    tests = json.loads(str(made.files["tests.json"]))
    assert [test["description"] for test in tests] == [output.example_id for output in met.winner.outputs[1:]]


def test_where_nothing_was_answered_there_is_nothing_to_test_and_no_limit(plain_run: Walked) -> None:
    made, config = suite(answering(plain_run, status="failed", error="no answer"))

    assert json.loads(str(made.files["tests.json"])) == [] and config["defaultTest"] == {"assert": []}
