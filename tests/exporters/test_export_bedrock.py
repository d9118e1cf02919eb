"""Amazon's formats: tools as Converse has them, samples for further optimisation, what the service would misread."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from optimizer.errors import ExportError
from optimizer.exporters.registry import export
from optimizer.exporters.shipment import Shipment, of_run
from optimizer.prompt import Prompt
from optimizer.tools import Toolset
from optimizer.types import JSON, Example
from tests.conftest import Walked
from tests.exporters.test_bundle import shipping
from tests.exporters.test_exporters import shipment

SCHEMA = {"type": "object", "properties": {"day": {"type": "string"}}, "required": ["day"]}
BOOK = {"type": "function", "function": {"name": "book", "description": "Books a day.", "parameters": SCHEMA}}
BARE = {"type": "function", "function": {"name": "stop"}}
NOTHING = {"type": "object", "properties": {}}
TURNS = [{"role": "system", "content": "Sort."}, {"role": "user", "content": "{{a}}"}]


def variant(given: Shipment) -> dict[str, Any]:
    (found,) = json.loads(str(export(given, "bedrock").files["create-prompt.json"]))["variants"]
    return dict(found)


def offering(choice: Any) -> Shipment:
    return shipment("Say: {{t}}", {"t": "a"}, tools=Toolset.read([BOOK, BARE], choice))


@pytest.mark.parametrize(
    ("choice", "told"),
    [
        (None, {}),
        ("auto", {"toolChoice": {"auto": {}}}),
        ("required", {"toolChoice": {"any": {}}}),
        ({"type": "function", "function": {"name": "book"}}, {"toolChoice": {"tool": {"name": "book"}}}),
    ],
)
def test_tools_and_the_choice_among_them_are_as_converse_has_them(choice: Any, told: Mapping[str, Any]) -> None:
    found = variant(offering(choice))

    assert found["templateConfiguration"]["chat"]["toolConfiguration"] == {
        "tools": [
            {"toolSpec": {"name": "book", "description": "Books a day.", "inputSchema": {"json": SCHEMA}}},
            {"toolSpec": {"name": "stop", "inputSchema": {"json": NOTHING}}},
        ],
        **told,
    }


def test_tools_that_may_not_be_called_are_refused() -> None:
    with pytest.raises(ExportError, match=r"bedrock: tool_choice 'none' has no counterpart there; use --as openai"):
        export(offering("none"), "bedrock")


def test_a_chat_without_tools_says_nothing_of_them() -> None:
    given = replace(shipment("{{a}}", {"a": "x"}), prompt=Prompt.from_messages(TURNS))

    assert variant(given)["templateConfiguration"]["chat"] == {
        "system": [{"text": "Sort."}],
        "messages": [{"role": "user", "content": [{"text": "{{a}}"}]}],
        "inputVariables": [{"name": "a"}],
    }


@pytest.mark.parametrize(
    ("model", "named"),
    [
        ("bedrock/anthropic.claude-haiku-4-5-20251001-v1:0", "anthropic.claude-haiku-4-5-20251001-v1:0"),
        ("bedrock/converse/amazon.nova-lite-v1:0", "amazon.nova-lite-v1:0"),
        ("openai/gpt-4.1-mini", None),
        ("bedrock/a b", None),
    ],
)
def test_only_a_model_of_bedrocks_is_named(model: str, named: str | None) -> None:
    given = replace(shipment("{{t}}", {"t": "a"}), model=model)

    assert variant(given).get("modelId") == named
    assert any("set modelId" in note for note in export(given, "bedrock").notes) is (named is None)


@pytest.mark.parametrize(("warm", "known"), [(1, True), (1.0, True), (1.01, False)])
def test_a_temperature_that_the_service_does_not_take_goes_to_the_model_as_it_is(warm: float, known: bool) -> None:
    found = variant(shipment("{{t}}", {"t": "a"}, params={"temperature": warm}))

    if known:
        assert found["inferenceConfiguration"] == {"text": {"temperature": warm}}
        assert "additionalModelRequestFields" not in found
    else:
        assert found["additionalModelRequestFields"] == {"temperature": warm}
        assert "inferenceConfiguration" not in found


@pytest.mark.parametrize("mark", ["<advpo:exclude>", "</advpo:exclude>"])
def test_a_text_with_the_services_own_marks_is_not_handed_to_it(mark: str) -> None:
    with pytest.raises(ExportError, match=rf"advpo: the text holds '{mark}', .* a mark of its own; use --as openai"):
        export(shipment(f"Say {mark}: {{{{t}}}}", {"t": "a"}), "advpo")


def test_only_one_user_message_is_a_template_for_optimisation() -> None:
    given = replace(shipment("{{a}}", {"a": "x"}), prompt=Prompt.from_messages(TURNS))

    with pytest.raises(ExportError, match=r"advpo: .* has the turns \['system', 'user'\]; use --as openai"):
        export(given, "advpo")


def test_samples_are_right_answers_the_gold_one_or_else_the_sources_if_it_gave_one(plain_run: Walked) -> None:
    prompt = Prompt.from_messages([{"role": "user", "content": "Number: {{n}}"}])
    given = of_run(shipping(plain_run, prompt, [{"n": 5}]))
    assert given.migration is not None
    golds: dict[str, JSON] = {"text": "even", "json": {"é": 1}, "said": None, "broken": None, "unasked": None}
    examples = {name: Example(name, {"n": 7}, gold) for name, gold in golds.items()}
    one = given.migration.baseline[0]
    said = (
        replace(one, example_id="text", text="odd", status="ok"),
        replace(one, example_id="said", text="odd!", status="ok"),
        replace(one, example_id="broken", text="who knows", status="invalid"),
    )
    split = {**given.migration.split, "train": tuple(examples)}
    migration = replace(given.migration, examples=examples, baseline=said, split=split)

    made = json.loads(str(export(replace(given, migration=migration), "advpo").files["templates.jsonl"]))

    assert [sample["referenceResponse"] for sample in made["evaluationSamples"]] == ["even", '{"é": 1}', "odd!"]
    assert all(sample["inputVariables"] == [{"n": "7"}] for sample in made["evaluationSamples"])


def test_no_more_samples_are_sent_than_the_service_takes(plain_run: Walked) -> None:
    prompt = Prompt.from_messages([{"role": "user", "content": "Number: {{n}}"}])
    given = of_run(shipping(plain_run, prompt, [{"n": 5}]))
    assert given.migration is not None
    split = {**given.migration.split, "train": ("e0",) * 101}

    full = export(replace(given, migration=replace(given.migration, split=split)), "advpo").files["templates.jsonl"]

    assert len(json.loads(str(full))["evaluationSamples"]) == 100
