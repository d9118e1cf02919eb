"""Every family has habits that a search can use, and every statement its source."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

import search_spaces
from optimizer.config import ModelSettings
from optimizer.errors import ConfigError
from optimizer.habits import habits_of
from optimizer.planning.plan import plan
from optimizer.prompt import Prompt
from optimizer.prompt.layout import Layout
from optimizer.prompt.template import Template, Var
from optimizer.task import load_task
from tests.walking import write_task

PROMPT = Prompt(Template(("Sort it.",)), Template((Var("ticket"),)))
FAMILIES = ["claude", "deepseek", "gemini", "generic", "gpt", "llama", "mistral", "nova", "qwen"]


@pytest.mark.parametrize(
    ("model", "family"),
    [
        ("anthropic/claude-sonnet-4-5", "claude"),
        ("bedrock/us.anthropic.claude-3-5-haiku-20241022-v1:0", "claude"),
        ("gpt-4.1-mini", "gpt"),
        ("azure/gpt-4o", "gpt"),
        ("openai/o3-mini", "gpt"),
        ("openai/o1", "gpt"),
        ("vertex_ai/gemini-2.5-flash", "gemini"),
        ("gemini/gemma-3-27b", "generic"),
        ("bedrock/amazon.nova-pro-v1:0", "nova"),
        ("bedrock/us.amazon.nova-2-lite-v1:0", "nova"),
        ("openrouter/meta-llama/Llama-3.3-70B-Instruct", "llama"),
        ("ollama/phi4", "generic"),
        ("ollama/qwen3:8b", "qwen"),
        ("mistral/mistral-large-latest", "mistral"),
        ("mistral/open-mixtral-8x22b", "mistral"),
        ("mistral/ministral-8b-latest", "mistral"),
        ("hosted_vllm/Qwen/QwQ-32B", "qwen"),
        ("deepseek/deepseek-chat", "deepseek"),
        ("deepseek-ai/DeepSeek-R1-Distill-Llama-70B", "deepseek"),
        ("offline/sim-beta", "generic"),
        ("azure/our-deployment", "generic"),
    ],
)
def test_a_model_s_name_tells_its_family(model: str, family: str) -> None:
    assert habits_of(model).family == family


def test_the_family_that_is_given_wins_over_the_name() -> None:
    assert habits_of("azure/our-deployment", "gpt").family == "gpt"
    with pytest.raises(ConfigError, match=r"no habits are known for 'lama'\. Did you mean 'llama'\?"):
        habits_of("azure/our-deployment", "lama")


@pytest.mark.parametrize(
    ("section", "family", "dropped"),
    [
        ({"model": "openai/desk"}, "generic", False),
        ({"model": "openai/desk", "priced_as": "anthropic/claude-opus-4-7"}, "claude", True),
        ({"model": "openai/desk", "answers_as": ["desk-eu", "claude-haiku-4-5"]}, "claude", False),
        ({"model": "gemini/gemini-2.5-pro", "priced_as": "anthropic/claude-opus-4-7"}, "gemini", False),
        ({"model": "openai/desk", "priced_as": "openai/gpt-4o", "family": "qwen"}, "qwen", False),
    ],
)
def test_behind_a_gateway_s_alias_the_family_is_that_of_the_model_it_stands_for(
    section: dict[str, Any], family: str, dropped: bool
) -> None:
    settings = ModelSettings(**section)
    found = habits_of(settings.real_name, settings.family)

    assert (found.family, "temperature" in found.drop_params) == (family, dropped)


def test_a_run_behind_an_alias_starts_from_the_habits_of_the_model_it_stands_for(tmp_path: Path) -> None:
    target = {"model": "openai/desk", "priced_as": "anthropic/claude-opus-4-7"}
    task = load_task(write_task(tmp_path, target=target))

    [fit] = plan(task, accepted=lambda _: None).fits

    assert fit.habits.family == "claude"


def test_there_is_a_file_for_each_family_and_no_other() -> None:
    names = [path.name for path in files("optimizer.habits").iterdir() if path.name.endswith(".yaml")]
    assert sorted(names) == [f"{family}.yaml" for family in FAMILIES]


@pytest.mark.parametrize("family", FAMILIES)
def test_every_statement_has_a_subject_a_text_and_the_page_that_says_it(family: str) -> None:
    habits = habits_of("any", family)

    assert habits.family == family
    for said in habits.statements:
        assert said.about in {"place", "structure", "wording", "examples", "reply", "reasoning", "parameters"}
        assert re.fullmatch(r"[A-Z].{30,}\.", said.text), said.text
        assert len(said.source) > 15
        assert re.fullmatch(r"https://[a-z0-9.-]+/\S+", said.url)
    subjects = {said.about for said in habits.statements}
    assert {"place", "structure", "wording", "examples", "reply", "parameters"} <= subjects


@pytest.mark.parametrize(
    ("family", "sites"),
    [
        ("claude", {"platform.claude.com"}),
        ("deepseek", {"api-docs.deepseek.com", "github.com", "arxiv.org", "docs.together.ai"}),
        ("gemini", {"ai.google.dev", "docs.cloud.google.com"}),
        ("gpt", {"developers.openai.com", "cookbook.openai.com", "learn.microsoft.com"}),
        ("llama", {"developer.meta.com", "www.llama.com", "huggingface.co"}),
        ("mistral", {"docs.mistral.ai", "github.com"}),
        ("nova", {"docs.aws.amazon.com"}),
        ("qwen", {"www.alibabacloud.com", "huggingface.co", "qwenlm.github.io"}),
    ],
)
def test_the_pages_are_those_of_whoever_makes_or_serves_the_models(family: str, sites: set[str]) -> None:
    assert {urlsplit(said.url).netloc for said in habits_of("any", family).statements} == sites


@pytest.mark.parametrize("family", FAMILIES)
def test_wishes_are_choices_of_the_standard_space_and_a_layout(family: str) -> None:
    habits = habits_of("any", family)
    space = search_spaces.STANDARD

    assert habits.wishes
    for name, value in habits.wishes.items():
        assert value in space.choices(name), f"{family}: {name}={value}"
    preset = space.build(PROMPT, space.preset(habits.wishes))
    assert preset.prompt.layout == habits.layout


def test_the_layout_is_what_the_wishes_say() -> None:
    assert habits_of("claude-sonnet-4-5").layout == Layout(
        delimiters="xml", placement="system", reply="shown", demos="text"
    )


def test_advice_for_the_proposer_names_the_target_and_leaves_parameters_out() -> None:
    advice = habits_of("claude-opus-4-7").advice

    assert advice.startswith("The instructions are for Claude (Anthropic).\n- ")
    assert "XML tags" in advice
    assert "temperature" not in advice


@pytest.mark.parametrize(
    ("model", "dropped"),
    [
        ("claude-opus-4-7", True),
        ("anthropic/claude-opus-4.8", True),
        ("anthropic/claude-sonnet-5", True),
        ("claude-haiku-5-5-20260901", True),
        ("anthropic/claude-4.7-opus", True),
        ("claude-opus-4-6", False),
        ("claude-sonnet-4-20250514", False),
        ("claude-3-7-sonnet-20250219", False),
        ("openai/o3-mini", True),
        ("openai/o1-2024-12-17", True),
        ("gpt-5", True),
        ("gpt-5-mini-2025-08-07", True),
        ("gpt-5-chat-latest", False),
        ("gpt-5.1", False),
        ("gpt-4o", False),
        ("gemini/gemini-3-pro-preview", True),
        ("gemini/gemini-2.5-pro", False),
        ("deepseek/deepseek-reasoner", True),
        ("deepseek/deepseek-v4-pro", True),
        ("deepseek/deepseek-chat", False),
        ("deepseek/deepseek-v3.2", False),
        ("mistral/mistral-large-latest", False),
        ("offline/sim-alpha", False),
    ],
)
def test_a_temperature_is_dropped_where_the_vendor_says_so(model: str, dropped: bool) -> None:
    assert ("temperature" in habits_of(model).drop_params) is dropped
