"""What is said beside messages arrives as it was confirmed: tools, response formats, parameters; the name, too."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from optimizer.errors import ExportError
from optimizer.exporters.formats.regression import held_to
from optimizer.exporters.registry import export
from optimizer.exporters.shipment import of_run
from optimizer.prompt import Prompt
from optimizer.results.records import as_json
from optimizer.tools import Toolset
from optimizer.types import Example
from tests.conftest import Walked
from tests.exporters.test_bundle import shipping
from tests.exporters.test_exporters import shipment

MARKS = 'e.g. {"a": {}} of {{n}} {% if n %} {# note #}'
FORM = {"type": "json_schema", "json_schema": {"name": "reply", "schema": {"type": "object", "description": MARKS}}}


def tool(description: str, **parameters: Any) -> dict[str, Any]:
    held = {"type": "object", "properties": {"n": {"type": "integer"}}, **parameters}
    return {"type": "function", "function": {"name": "book", "description": description, "parameters": held}}


def configured(
    walked: Walked, params: Mapping[str, Any], tools: list[Any] | None = None, model: str = "openai/gpt-4.1-mini"
) -> dict[str, Any]:
    """The settings of promptfoo's provider."""
    offered = Toolset.read(tools, "auto") if tools else Toolset()
    prompt = Prompt.from_messages([{"role": "user", "content": "{{n}}"}], params=params, tools=offered)
    given = of_run(shipping(walked, prompt, [{"n": 1}]))
    assert given.migration and given.result
    section = {**given.migration.settings["targets"][0], "model": model, "price": {"input": 1.0, "output": 1.0}}
    migration = replace(given.migration, settings={**given.migration.settings, "targets": [section]})
    named = replace(given, examples=(), model=model, migration=migration, result=replace(given.result, model=model))
    config: dict[str, Any] = yaml.safe_load(str(export(named, "promptfoo").files["promptfooconfig.yaml"]))
    return dict(config["providers"][0]["config"])


def test_promptfoo_sends_every_parameter_past_its_own_reading_of_them(plain_run: Walked) -> None:
    params = {"temperature": 0, "logit_bias": {"1": 2}, "parallel_tool_calls": False, "response_format": FORM}

    config = configured(plain_run, params, [tool(MARKS)])

    assert config["passthrough"] == {**params, "tools": [tool(MARKS)], "tool_choice": "auto"}
    assert config["omitDefaults"] is True and config["showThinking"] is False
    assert not set(config) & {*params, "tools"}


def test_promptfoo_leaves_references_within_tools_alone_where_it_reads_them(plain_run: Walked) -> None:
    referring = tool("books", **{"$defs": {"N": {"type": "integer"}}, "allOf": [{"$ref": "#/$defs/N"}]})

    config = configured(plain_run, {"seed": 1}, [referring])

    assert config["tools"] == [referring] and "tools" not in config["passthrough"]
    with pytest.raises(ExportError, match=r"promptfoo: .*`\$ref`, or text that looks like a template.* --as openai"):
        configured(plain_run, {}, [{**referring, "function": {**referring["function"], "description": MARKS}}])
    with pytest.raises(ExportError, match=r"promptfoo: .*`\$ref`"):
        configured(plain_run, {"response_format": {"type": "x", "json_schema": {"$ref": "#/$defs/N"}}})


@pytest.mark.parametrize("model", ["openai/gpt-4.1-mini", "anthropic/claude-haiku-4-5"])
def test_promptfoo_is_not_given_what_it_would_fill_in(plain_run: Walked, model: str) -> None:
    with pytest.raises(ExportError, match="text that looks like a template, which promptfoo would resolve"):
        configured(plain_run, {}, [tool("home: {{ env.HOME }}")], model)
    if model.startswith("anthropic"):
        assert configured(plain_run, {"seed": 1}, [tool("books")], model)["tools"] == [tool("books")]
        with pytest.raises(ExportError, match="text that looks like a template"):
            configured(plain_run, {}, [tool(MARKS)], model)


def test_a_reply_that_promptfoo_has_parsed_is_read_as_its_text(tmp_path: Path) -> None:
    facts = {
        "metrics": [{"name": "exact_match", "weight": 1.0, "against": "gold", "options": {}}],
        "reply": {"kind": "json", "labels": [], "schema": None, "pattern": None, "marker": None},
        "examples": {"e": {"inputs": {"n": 1}, "expected": {"a": "ü"}, "reference": None, "least": 1.0}},
    }
    (tmp_path / "scoring.json").write_text(as_json(facts), "utf-8")

    assert held_to(tmp_path / "scoring.json", {"a": "ü"}, "e")["pass"] is True
    assert held_to(tmp_path / "scoring.json", '{"a": "ü"}', "e")["pass"] is True
    assert held_to(tmp_path / "scoring.json", {"a": "o"}, "e")["pass"] is False


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("openai/gpt-5-mini", "max_completion_tokens"),
        ("azure/o3-mini", "max_completion_tokens"),
        ("openai/gpt-4.1", "max_tokens"),
        ("anthropic/claude-haiku-4-5", "max_tokens"),
    ],
)
@pytest.mark.parametrize("form", ["openai", "text", "langchain", "langfuse", "mlflow"])
def test_who_asks_a_reasoning_model_without_litellm_names_the_limit_as_that_takes_it(
    form: str, model: str, name: str
) -> None:
    given = replace(shipment("{{t}}", {"t": "a"}, params={"max_tokens": 9, "seed": 1}), model=model)

    made = export(given, form).files
    sent = made.get("parameters.json") or made.get("create_prompt.json") or made["register_prompt.json"]

    assert f'"{name}": 9' in str(sent)
    assert str(sent).count("max_") == 1


def test_a_limit_that_is_stated_both_ways_stays(plain_run: Walked) -> None:
    both = {"max_tokens": 9, "max_completion_tokens": 8}
    given = replace(
        shipment("{{t}}", {"t": "a"}, params=both), model="openai/gpt-5-mini", examples=(Example("e", {"t": "a"}),)
    )

    assert json.loads(str(export(given, "openai").files["parameters.json"])) == {"model": "openai/gpt-5-mini", **both}
    assert configured(plain_run, {"max_tokens": 9}, model="openai/gpt-5-mini")["passthrough"] == {
        "max_completion_tokens": 9
    }


def test_tasks_whose_names_have_other_letters_stay_apart_in_a_registry() -> None:
    def named(name: str) -> str:
        return replace(shipment("{{t}}", {"t": "a"}), name=name).slug

    names = ["客服分类", "订单摘要", "Größe", "Grüße"]
    assert len({named(name) for name in names}) == 4
    assert all(re.fullmatch(r"[a-zA-Z0-9]+(-[a-zA-Z0-9]+)*", named(name)) for name in names)
    assert named("客服分类").startswith("prompt-") and named("Größe").startswith("Gr-e-")
    assert (named("ticket triage 2"), named("a.b"), named("x" * 80)) == ("ticket-triage-2", "a-b", "x" * 60)
