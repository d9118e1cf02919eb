"""A target is asked only with parameters that it takes, and what it loses by that is said."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pytest

from optimizer.config import ModelSettings
from optimizer.connect import accepted
from optimizer.errors import ModelError
from optimizer.evaluate import record
from optimizer.models import bridge
from optimizer.models.providers.supported import supported_params
from optimizer.models.scripted import ScriptedModel
from optimizer.models.tolerant import Tolerant
from optimizer.programs.prompted import PromptProgram
from optimizer.prompt import Prompt
from optimizer.prompt.contract import Contract
from optimizer.search.pool import Pool
from optimizer.space import SearchSpace, Value
from optimizer.space.parameters import Capabilities, carried, fitted, varied
from optimizer.types import Example, Message, Request, Response
from search_spaces import (
    DELIMITERS,
    DEMO_CHOICE,
    DEMOS,
    EFFORT,
    KNOBS,
    MAX_TOKENS,
    PROGRAMS,
    REASONING,
    RESPONSE_FORMAT,
    TEMPERATURE,
    TOP_P,
)
from search_spaces.compilers import knob

CLOSED: dict[str, Any] = {
    "type": "object",
    "properties": {"unit": {"type": "string"}, "at": {"type": "array", "items": {"type": "integer"}}},
    "required": ["unit", "at"],
    "additionalProperties": False,
}
TURNS = [{"role": "system", "content": "Reply in JSON."}, {"role": "user", "content": "Text: {{text}}"}]
JSON = Prompt.from_messages(TURNS, contract=Contract("json", schema=CLOSED))
LABELS = Prompt.from_messages(TURNS, contract=Contract("labels", ("a", "b")))
ALL = SearchSpace((DELIMITERS, MAX_TOKENS, TOP_P, TEMPERATURE, EFFORT, RESPONSE_FORMAT))


def built(space: SearchSpace, prompt: Prompt, **chosen: Any) -> Any:
    return Pool(prompt, space, (), seed=0).build({**space.unchanged, **chosen}).params


def test_a_dimension_that_nobody_reads_goes_with_a_note() -> None:
    """Which worked examples, where none are ever shown; a knob of a program that is not there."""
    free = Capabilities("x/y")
    space, notes = fitted(SearchSpace((DELIMITERS, DEMO_CHOICE, knob("gepa", "minibatch", 2))), LABELS, free)

    assert space.names == ("delimiters",)
    assert notes == (
        "dimension demo_choice left out for x/y: changes nothing in this prompt",
        "dimension gepa.minibatch left out for x/y: changes nothing in this prompt",
    )
    whole = SearchSpace((DELIMITERS, DEMOS, DEMO_CHOICE, PROGRAMS, knob("gepa", "minibatch", 2)))
    assert fitted(whole, LABELS, free) == (whole, ())


def test_a_dimension_whose_parameter_is_refused_goes_with_a_note() -> None:
    target = Capabilities("x/y", frozenset({"max_tokens", "top_p"}), dropped=("top_p",))

    space, notes = fitted(ALL, LABELS, target)

    assert space.names == ("delimiters", "max_tokens")
    assert notes == (
        "dimension top_p left out for x/y: x/y does not take top_p",
        "dimension temperature left out for x/y: x/y does not take temperature",
        "dimension reasoning_effort left out for x/y: x/y does not take reasoning_effort",
        "dimension response_format left out for x/y: changes nothing in this prompt",
    )


def test_where_nobody_knows_what_a_target_takes_all_stays() -> None:
    assert fitted(ALL, JSON, Capabilities("x/y")) == (ALL, ())


def test_a_target_that_knows_no_schema_keeps_plain_json() -> None:
    space, notes = fitted(SearchSpace((RESPONSE_FORMAT,)), JSON, Capabilities("x/y", frozenset({"response_format"})))

    assert space.choices("response_format") == (None, "json_object")
    assert notes == ("response_format='json_schema' left out for x/y: x/y does not take json_schema",)


def test_a_value_that_the_prompt_has_already_is_not_tried_twice() -> None:
    warm = Prompt.from_messages(TURNS, params={"temperature": 0.5})

    space, _ = fitted(SearchSpace((TEMPERATURE,)), warm, Capabilities("x/y"))

    assert space.choices("temperature") == (None, 0.0)


def test_a_knob_of_a_program_counts_beside_that_program() -> None:
    space = SearchSpace((PROGRAMS, *(knob for knob in KNOBS if knob.name.startswith("gepa"))))

    assert fitted(space, LABELS, Capabilities("x/y")) == (space, ())


def test_a_space_that_loses_all_keeps_the_unchanged_prompt() -> None:
    space, _ = fitted(SearchSpace((TEMPERATURE,)), LABELS, Capabilities("x/y", frozenset()))

    assert space.build(LABELS, space.unchanged).prompt == LABELS and len(space.names) == 1


def test_the_source_s_parameters_are_carried_but_for_those_that_the_target_refuses() -> None:
    target = Capabilities("x/y", frozenset({"max_tokens"}), dropped=("top_k",))

    params, notes = carried(
        {"temperature": 0, "seed": 1, "top_k": 5, "max_tokens": 9, "guided": 1}, {"seed": 2}, target
    )

    assert params == {"seed": 2, "max_tokens": 9, "guided": 1}  # its own say is its own, and `guided` is on no list
    assert notes == (
        "parameter temperature left out for x/y, which does not take it",
        "parameter top_k left out for x/y, which does not take it",
    )


@pytest.mark.parametrize(
    ("named", "told"),
    [
        ({"top_p": 0.5, "temperature": 0.0}, {"top_p": None, "temperature": 0.0}),
        ({"top_p": 0.5, "temperature": None}, {"top_p": 0.5, "temperature": None}),
        ({"temperature": 0.0, "reasoning_effort": "low"}, {"temperature": None, "reasoning_effort": "low"}),
    ],
)
def test_a_parameter_that_another_takes_the_place_of_is_not_told_as_sent(
    named: Mapping[str, Value], told: Mapping[str, Value]
) -> None:
    settled = ALL.settled({**ALL.unchanged, **named})

    assert {name: settled[name] for name in told} == told
    assert built(ALL, Prompt.from_messages(TURNS), **named) == {k: v for k, v in told.items() if v is not None}


def test_temperature_and_top_p_take_each_other_s_place() -> None:
    warm = Prompt.from_messages(TURNS, params={"temperature": 1.0})

    assert built(ALL, warm, top_p=0.5) == {"top_p": 0.5}
    assert built(ALL, warm, top_p=0.5, temperature=0.0) == {"temperature": 0.0}
    assert built(ALL, warm, reasoning_effort="low") == {"reasoning_effort": "low"}
    assert built(ALL, Prompt.from_messages(TURNS, params={"max_completion_tokens": 9}), max_tokens=256) == {
        "max_tokens": 256
    }


def test_json_is_demanded_by_object_or_by_schema() -> None:
    space = SearchSpace((RESPONSE_FORMAT,))

    assert built(space, JSON, response_format="json_object") == {"response_format": {"type": "json_object"}}
    assert built(space, JSON, response_format="json_schema") == {
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "reply", "schema": CLOSED, "strict": True},
        }
    }


@pytest.mark.parametrize(
    "change",
    [
        {"additionalProperties": True},
        {"required": ["unit"]},
        {"properties": {**CLOSED["properties"], "at": {"type": "array", "items": {"type": "object"}}}},
        {"properties": {**CLOSED["properties"], "at": {}}},
    ],
    ids=["open", "optional key", "open items", "no type"],
)
def test_a_schema_that_leaves_anything_open_is_not_strict(change: dict[str, Any]) -> None:
    demanded = Contract("json", schema={**CLOSED, **change}).demanded("json_schema")

    assert demanded and demanded["json_schema"]["strict"] is False


def test_json_is_not_demanded_where_the_prompt_contradicts_it() -> None:
    space = SearchSpace((REASONING, RESPONSE_FORMAT))
    silent = Prompt.from_messages([{"role": "user", "content": "Fill in: {{text}}"}], contract=JSON.contract)

    for how in ("json_object", "json_schema"):
        assert built(space, JSON, response_format=how, reasoning="first") == {}
    assert built(space, silent, response_format="json_object") == {}  # OpenAI refuses it without the word
    assert "response_format" in built(space, silent, response_format="json_schema")
    own = Prompt.from_messages(TURNS, contract=JSON.contract, params={"response_format": {"type": "json_object"}})
    assert "response_format" in built(space, own, reasoning="first")  # its team's own say


def test_only_a_space_that_varies_parameters_needs_to_know_what_a_target_takes() -> None:
    assert not varied(SearchSpace((DELIMITERS, RESPONSE_FORMAT)), LABELS)
    assert varied(SearchSpace((DELIMITERS, RESPONSE_FORMAT)), JSON)


def test_the_offline_models_say_what_they_heed_and_litellm_what_others_take() -> None:
    assert "reasoning_effort" not in (accepted(ModelSettings(model="offline/sim-beta")) or "reasoning_effort")
    assert "temperature" in (accepted(ModelSettings(model="offline/sim-beta")) or ())
    assert supported_params("nobody/knows-this") is None
    mini, schema = supported_params("openai/o3-mini"), supported_params("openai/gpt-4o")
    assert mini and "reasoning_effort" in mini and "top_p" not in mini
    assert schema and "json_schema" in schema and "reasoning_effort" not in schema


@pytest.mark.parametrize("unlisted", ["openai/desk-new", "azure/our-deployment", "hosted_vllm/our-model"])
def test_a_schema_goes_along_to_a_model_that_no_table_lists(unlisted: str) -> None:
    assert "json_schema" in (supported_params(unlisted) or ())
    for listed in ("openai/gpt-4", "openai/gpt-3.5-turbo"):  # known, and known not to
        assert "json_schema" not in (supported_params(listed) or ("json_schema",))


def test_an_alias_takes_what_the_model_behind_it_takes() -> None:
    alias = ModelSettings(model="openai/desk", api_base="http://gateway/v1", priced_as="openai/o3-mini")

    assert accepted(alias) == supported_params("openai/o3-mini") != supported_params("openai/desk")


def picky(request: Request) -> str:
    if "top_p" in request.params:
        raise ModelError("HTTP 400: `top_p` is not supported", model="test/target", status=400)
    return "a"


def test_a_candidate_with_refused_parameters_is_lost_and_not_the_run() -> None:
    target = Tolerant(ScriptedModel(picky, name="test/target"), {})
    examples = [Example("e1", {"text": "x"}), Example("e2", {"text": "y"})]

    lost = record(PromptProgram(Pool(LABELS, ALL, (), 0).build({**ALL.unchanged, "top_p": 0.5})), target, examples)
    kept = record(PromptProgram(LABELS), target, examples)

    assert [(o.status, o.error) for o in lost] == [("refused", "test/target: HTTP 400: `top_p` is not supported")] * 2
    assert [o.value for o in kept] == ["a", "a"]


def test_what_the_task_agreed_on_is_refused_as_ever() -> None:
    async def asked(safe: dict[str, Any], status: int) -> Response:
        def script(_: Request) -> str:
            raise ModelError("no", model="m", status=status)

        return await Tolerant(ScriptedModel(script, name="m"), safe).complete(
            Request((Message("user", "x"),), {"top_p": 0.5})
        )

    for safe, status in (({"top_p": 0.5}, 400), ({}, 401), ({}, 404)):
        with pytest.raises(ModelError, match=re.escape("m: no")) as failed:
            bridge.run(asked(safe, status))
        assert not failed.value.refused
