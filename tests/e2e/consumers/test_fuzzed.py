"""Random prompts made of marks of all template languages: what is exported, its consumer renders as it was scored."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from optimizer.errors import ExportError
from optimizer.exporters.formats.jinja import jinja
from optimizer.exporters.registry import export, write_export
from optimizer.exporters.shipment import Export, Shipment, plain
from optimizer.prompt import Prompt
from optimizer.prompt.layout import Turn
from optimizer.prompt.template import Segment, Template, Var
from optimizer.results.records import as_json
from optimizer.types import Example
from tests.e2e.consumers.reading import INSIDE, consumed_all, example, rows, scored

PROMPTS = 150
MARKS = (
    *(
        "{",
        "}",
        "{{",
        "}}",
        "{{{",
        "}}}",
        "{{{{",
        "}}}}",
        "{%",
        "%}",
        "{#",
        "#}",
        "{%-",
        "-%}",
        "{{~",
        "{{!",
        "{{> x}}",
    ),
    *(
        "{{#if x}}",
        "{{/",
        "{{else}}",
        "{{x}}",
        "{{ 'a' }}",
        "{n}",
        "{t}",
        "{0}",
        "${a}",
        "%s",
        "$",
        "#",
        "%",
        "~",
        "<<<",
    ),
    *("\\", "\\\\", "\n", "\r", "\r\n", "\t", " ", "\x85", "\xa0", "\u2028", "'", '"', "<b>", "&amp;", "---", "+++"),
    *("user:", "\nUser:", "\nsystem:\n", "x", "é", "🙂"),
)
MLFLOW = """
import json
from mlflow.entities.model_registry import PromptVersion

with open("register_prompt.json", encoding="utf-8") as file:
    made = json.load(file)
messages = PromptVersion(made["name"], 1, made["template"]).format(**inputs)
"""
LITELLM = """
import json, os
from litellm.integrations.dotprompt.dotprompt_manager import DotpromptManager
from litellm.integrations.generic_prompt_management.generic_prompt_manager import GenericPromptManager

if os.path.exists("beta"):
    manager = GenericPromptManager(api_base="http://127.0.0.1")
    with open("beta/litellm_prompt_management", encoding="utf-8") as file:
        fetched = manager._parse_api_response("ticket-triage", None, json.load(file))
    messages = manager._apply_variables(fetched, inputs)["prompt_template"]
else:
    manager = DotpromptManager(prompt_directory="prompts")
    about = {"prompt_id": "ticket-triage", "prompt_variables": inputs, "dynamic_callback_params": {}}
    messages = manager.get_chat_completion_prompt("any", [], {}, **about)[1]
"""
NUNJUCKS = """
const engine = require("nunjucks").configure({ autoescape: false });
const told = JSON.parse(require("fs").readFileSync("prompt.json", "utf8"));
const messages = told.map((m) => ({ role: m.role, content: [{ text: engine.renderString(m.content, inputs) }] }));
"""


def text(dice: random.Random) -> str:
    return "".join(dice.choice(MARKS) for _ in range(dice.randrange(7)))


def content(dice: random.Random, *, asks: bool) -> Template:
    segments: list[Segment] = []
    for _ in range(dice.randrange(1, 4)):
        segments.append(text(dice) or "x")
        if asks:
            segments.append(Var(dice.choice(["n", "t"])))
    return Template(tuple(segments))


def shipment(seed: int) -> Shipment:
    dice = random.Random(seed)
    system, asked = content(dice, asks=dice.random() < 0.4), content(dice, asks=True)
    earlier = (Turn("user", content(dice, asks=False)), Turn("assistant", content(dice, asks=False)))
    prompt = Prompt(system, asked, turns=earlier if dice.random() < 0.5 else ())
    values = [{name: f"v{text(dice)}w" for name in ("n", "t")} for _ in range(2)]
    return Shipment("ticket-triage", "openai/m", prompt, tuple(Example(str(i), row) for i, row in enumerate(values)))


def nunjucks(given: Shipment) -> Export:
    """The prompt of promptfoo's export, which wants a finished run for its tests."""
    return Export({"prompt.json": as_json(jinja(plain(given, "promptfoo")), sort=False)})


def by_name(form: str) -> Callable[[Shipment], Export]:
    return lambda given: export(given, form)


@pytest.mark.parametrize(
    ("name", "make", "code", "least"),
    [
        ("langchain", by_name("langchain"), None, 1.0),
        ("langfuse", by_name("langfuse"), None, 0.3),
        ("mlflow", by_name("mlflow"), MLFLOW, 0.8),
        ("prompty", by_name("prompty"), None, 0.1),
        ("dotpromptz", by_name("dotprompt"), None, 0.4),
        ("dotprompt", by_name("dotprompt"), None, 0.4),
        ("nunjucks", nunjucks, NUNJUCKS, 1.0),
        ("litellm", by_name("litellm"), LITELLM, 0.3),
        ("openai", by_name("openai"), None, 0.9),
    ],
    ids=["langchain", "langfuse", "mlflow", "prompty", "dotpromptz", "dotprompt", "nunjucks", "litellm", "openai"],
)
def test_random_prompts_are_rendered_as_scored_or_refused(  # noqa: PLR0917
    tmp_path: Path,
    request: pytest.FixtureRequest,
    name: str,
    make: Callable[[Shipment], Export],
    code: str | None,
    least: float,
) -> None:
    cases, wanted = [], []
    for seed in range(PROMPTS):
        given = shipment(seed)
        try:
            made = make(given)
        except ExportError:
            continue
        write_export(made, tmp_path / str(seed))
        cases.append((tmp_path / str(seed), rows(given)))
        wanted.append((seed, scored(given)))

    found = consumed_all(command(name, request), code or example(name), cases)["messages"]

    assert [(seed, said) for (seed, _), said in zip(wanted, found, strict=True)] == wanted
    assert len(cases) >= least * PROMPTS


def command(name: str, request: pytest.FixtureRequest) -> list[str | Path]:
    if name in ("dotprompt", "nunjucks"):
        return ["node", INSIDE / "consume.cjs", request.getfixturevalue("node")]
    own = name in ("litellm", "openai")
    return [sys.executable if own else request.getfixturevalue("python"), INSIDE / "consume.py", name]
