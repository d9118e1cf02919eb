"""The cutover's files: weights, names, secrets. On the real proxy: tests/e2e/gateway/test_cutover.py."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
import yaml

from optimizer.errors import ConfigError, ExportError
from optimizer.exporters.formats.gateway import gateway, module_name, percent
from optimizer.exporters.registry import export
from optimizer.exporters.shipment import Export, Shipment, of_run
from optimizer.models.money.prices import find_price
from optimizer.prompt.contract import Contract
from tests.conftest import Walked


@pytest.fixture
def shipment(plain_run: Walked) -> Shipment:
    return of_run(plain_run.migration)


def config(made: Export) -> dict[str, Any]:
    told: dict[str, Any] = yaml.safe_load(made.files["config.yaml"])
    return told


def weights(made: Export, alias: str) -> dict[str, float]:
    mixed = [entry for entry in config(made)["model_list"] if entry["model_name"] == alias]
    return {entry["model_info"]["id"]: entry["litellm_params"]["weight"] for entry in mixed}


@pytest.mark.parametrize(
    ("share", "expected"),
    [("0", 0.0), ("1%", 1.0), (" 10 % ", 10.0), ("0.5%", 0.5), ("100%", 100.0), ("shadow", None), ("Shadow", None)],
)
def test_shares_are_read(share: str, expected: float | None) -> None:
    assert percent(share) == expected


@pytest.mark.parametrize("share", ["101%", "-1", "half", "", "nan", "1e2", "5%%"])
def test_what_is_no_share_is_refused_with_the_way_out(share: str) -> None:
    with pytest.raises(ConfigError, match=r"--share: .* write shadow, or a percentage, as in 10%"):
        percent(share)


def test_both_models_share_the_alias_by_weight(shipment: Shipment) -> None:
    alias = shipment.slug

    assert weights(gateway(shipment, "10%"), alias) == {f"{alias}-source": 90, f"{alias}-target": 10}
    assert weights(gateway(shipment), alias) == {f"{alias}-source": 99, f"{alias}-target": 1}
    assert weights(gateway(shipment, "100%"), alias) == {f"{alias}-target": 100}
    assert weights(gateway(shipment, "0%"), alias) == {f"{alias}-source": 100}


def test_a_shadow_is_asked_by_the_source_and_has_no_weight(shipment: Shipment) -> None:
    made, alias = gateway(shipment, "shadow"), shipment.slug
    (mixed,) = (entry for entry in config(made)["model_list"] if entry["model_name"] == alias)

    assert mixed["model_info"]["id"] == f"{alias}-source"
    assert mixed["litellm_params"]["silent_model"] == f"{alias}-target"


def test_what_fails_falls_back_to_the_source_and_the_hook_is_named(shipment: Shipment) -> None:
    made, alias = gateway(shipment, "50%"), shipment.slug
    stem = module_name(alias)

    assert config(made)["router_settings"]["fallbacks"] == [{alias: [f"{alias}-source"]}]
    assert config(made)["litellm_settings"]["callbacks"] == [f"{stem}.prompts"]
    assert {f"{stem}.py", f"{stem}/reader.py", f"{stem}/source.json", f"{stem}/target.json"} < set(made.files)


def test_each_side_has_its_own_prompt_and_parameters(shipment: Shipment) -> None:
    made, stem = gateway(shipment), module_name(shipment.slug)
    source, target = (json.loads(made.files[f"{stem}/{side}.json"]) for side in ("source", "target"))
    assert shipment.migration and shipment.migration.prompt

    assert (source["model"], target["model"]) == (shipment.migration.source, shipment.model)
    assert source["messages"][-1]["content"] == shipment.migration.prompt.messages[-1].content.parts
    assert target["messages"][-1]["content"] == shipment.prompt.messages[-1].content.parts
    assert target["parameters"] == dict(shipment.prompt.sent)


def test_keys_are_named_and_prices_are_carried(shipment: Shipment) -> None:
    migration = shipment.migration
    assert migration
    section = {
        "model": "openai/new",
        "api_base": "http://new/v1",
        "api_key_env": "NEW_KEY",
        "price": {"input": 2.0, "output": 8.0, "cached_input": 0.5, "cache_write": None, "reasoning": 16.0},
        "timeout": 30.0,
    }
    settings = {**migration.settings, "source": section}

    made = gateway(replace(shipment, migration=replace(migration, settings=settings)), "10%")

    first = config(made)["model_list"][0]["litellm_params"]
    assert (first["model"], first["api_key"], first["api_base"]) == (
        "openai/new",
        "os.environ/NEW_KEY",
        "http://new/v1",
    )
    assert {name: rate for name, rate in first.items() if "_cost" in name} == {
        "input_cost_per_token": 2e-6,
        "output_cost_per_token": 8e-6,
        "cache_read_input_token_cost": 5e-7,
        "output_cost_per_reasoning_token": 16e-6,
    }
    assert any("if that is this very proxy" in note for note in made.notes)


def sourced(shipment: Shipment, section: Mapping[str, Any]) -> Shipment:
    """The run, had its source been another."""
    assert shipment.migration
    settings = {**shipment.migration.settings, "source": section}
    return replace(shipment, migration=replace(shipment.migration, settings=settings))


@pytest.mark.parametrize(
    "model",
    [
        "openai/gpt-4o",
        "anthropic/claude-haiku-4-5",
        "bedrock/eu.anthropic.claude-sonnet-4-5-20250929-v1:0",
        "gemini/gemini-2.5-pro",
        "dashscope/qwen-plus-latest",
    ],
)
def test_a_proxy_counts_what_the_model_behind_an_alias_costs(shipment: Shipment, model: str) -> None:
    """As LiteLLM reckons it: of an alias it knows no price, and would count it as free."""
    from litellm import Router

    section = {"model": "openai/desk-old", "api_base": "http://gateway/v1", "price": None, "priced_as": model}
    first, *_ = config(gateway(sourced(shipment, section), "10%"))["model_list"]
    first["litellm_params"]["mock_response"] = "hello there"

    answer = asyncio.run(Router(model_list=[first]).acompletion(shipment.slug, [{"role": "user", "content": "hi"}]))

    usage, price = answer.usage, find_price(model)
    assert price is not None
    expected = price.cost(usage.prompt_tokens, usage.completion_tokens)
    assert expected > 0 and answer._hidden_params["response_cost"] == pytest.approx(expected)


def test_a_server_without_a_key_is_told_of_alone(shipment: Shipment) -> None:
    free = {"model": "openai/ours", "api_base": "http://ours/v1", "price": {"input": 0.0, "output": 0.0}}
    hosted = {"model": "openai/gpt-4o", "price": None, "api_base": None, "api_key_env": None}

    for section, told in ((free, True), (hosted, False)):
        made = gateway(sourced(shipment, section), "10%")
        first, second = config(made)["model_list"][:2]
        assert first["litellm_params"].get("api_key") == ("none" if told else None)
        assert ("api_base" in first["litellm_params"]) is told
        assert "silent_model" not in first["litellm_params"] | second["litellm_params"]
        assert [note for note in made.notes if "if that is this very proxy" in note][:1] == [
            note for note in made.notes if note.startswith("the source is asked at http://ours/v1")
        ]
    assert config(made)["router_settings"]["num_retries"] == 0


def test_replies_of_different_forms_are_told_of_and_of_one_form_not(shipment: Shipment) -> None:
    assert shipment.migration and shipment.migration.prompt
    other = replace(shipment.migration.prompt, contract=Contract("labels", ("even", "odd", "neither")))

    for source, told in ((other, True), (shipment.prompt, False)):
        made = gateway(replace(shipment, migration=replace(shipment.migration, prompt=source)))
        assert any("replies of different forms" in note for note in made.notes) is told


def test_a_run_without_the_prompt_in_use_has_nothing_to_go_back_to(shipment: Shipment) -> None:
    assert shipment.migration
    with pytest.raises(ExportError, match="both models and their prompts are needed"):
        gateway(replace(shipment, migration=replace(shipment.migration, prompt=None)))


def test_a_bundle_alone_is_refused(shipment: Shipment) -> None:
    with pytest.raises(ExportError, match="give the run directory, not a bundle"):
        gateway(replace(shipment, migration=None, result=None))


def test_a_share_belongs_to_the_gateway_alone(shipment: Shipment) -> None:
    with pytest.raises(ConfigError, match="--share is for --as gateway"):
        export(shipment, "openai", share="1%")
