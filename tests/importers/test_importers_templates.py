"""Template languages: what an importer takes renders as the language's own engine renders it; all else is refused."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from jinja2 import StrictUndefined, TemplateError
from jinja2.sandbox import SandboxedEnvironment

from optimizer.errors import OptimizerError
from optimizer.importers.parsing import blocks, dialects
from optimizer.importers.parsing.dialects import Reader
from optimizer.importers.promptfile import prompt_file, syntax_of
from optimizer.prompt.layout import Turn
from optimizer.prompt.template import Template
from tests.importers.test_importers_fuzz import WRITTEN

SOUPS = json.loads((WRITTEN / "soups.json").read_text("utf-8"))
VALUES: dict[str, Any] = SOUPS["values"]
TRAPS = [
    '{"a": {"b": 1}}',
    "{# a note #}{{x}}",
    "a {# note #}\n{{x}}",
    "{%raw%}{{x}}{%endraw%} {{x}}",
    "{% raw %}{# {% raw %}",
    "{{'a':1}}",
    "{{ '{{' }}x{{ '}}' }}",
    '{{ "{%" }}',
    "{{ '\\n' }}{{x}}",
    "{{{{x}}}}",
    "{{ {'a': 1} }}",
    "{{ x | upper }}",
    "{{ x.y }}",
    "{{ x-y }}",
    "{{- x -}} ",
    "{% if x %}{{x}}{% else %}{{y}}{% endif %}\n",
    "{% for c in x %}{{c}}{% endfor %}",
    "{{ 9**9**9 }}",
    "{{ x * 3 }}",
    "{{ none }}{{ true }}",
    "{{ x.__class__.__mro__ }}",
    "{{ lipsum() }}",
    "{{x",
    "{% if x %}",
    "x}} {{y}}",
    "${x} {$x} {x} %(x)s",
    "{{x}}\r\n{{y}}",
    "{{ x }}{#",
    "{{!x}}",
]


def ours(reader: Reader, text: str, values: dict[str, Any] = VALUES) -> str | None:
    """None where the importer refuses the text, or its template asks for what is not there."""
    try:
        template = reader(text, "here")
        return template.render(values)
    except OptimizerError as error:
        assert str(error).strip()
        return None


def engine(text: str) -> str | None:
    """Jinja2 itself, which would fill in an unknown name with nothing: that counts as refused."""
    try:
        return (
            SandboxedEnvironment(undefined=StrictUndefined, keep_trailing_newline=True).from_string(text).render(VALUES)
        )
    except (TemplateError, TypeError, ValueError):
        return None


@pytest.mark.parametrize("text", [trap for trap in TRAPS if "**" not in trap])
def test_a_trap_is_refused_or_rendered_as_jinja_does(text: str) -> None:
    for reader in (dialects.jinja2, dialects.nunjucks):
        if (found := ours(reader, text)) is not None:
            assert found == engine(text).replace("\r\n", "\n") if "\r" not in text else True  # type: ignore[union-attr]


def test_arithmetic_in_a_template_is_refused_before_anything_reckons_it() -> None:
    assert ours(dialects.jinja2, "{{ 9**9**9 }}") is None
    assert ours(dialects.jinja2, "{% set a = 'x' * 10**9 %}{{ a }}") is None


def test_mixtures_of_signs_are_refused_or_rendered_as_jinja_does() -> None:
    chance = random.Random(1)
    signs = [
        "{{",
        "}}",
        "{%",
        "%}",
        "{#",
        "#}",
        "{{x}}",
        "{{ y }}",
        "{",
        "}",
        "'",
        '"',
        " ",
        "\n",
        "x",
        "raw",
        "endraw",
        "-",
    ]
    signs += [
        "{% raw %}",
        "{%- raw %}",
        "{% endraw %}",
        "{{ '{{' }}",
        "{{ '\\n' }}",
        "if x",
        "endif",
        "\\",
        "|upper",
        "{{'a':1}}",
    ]
    taken = 0
    for _ in range(4000):
        text = "".join(chance.choices(signs, k=chance.randint(1, 8)))
        found = ours(dialects.jinja2, text)
        taken += found is not None
        assert found is None or found == engine(text), text
    assert taken > 400, "the importer takes something"


@pytest.mark.parametrize(
    ("name", "reader"),
    [
        ("nunjucks", dialects.nunjucks),
        ("handlebars", dialects.handlebars),
        ("mustache", dialects.mustache),
        ("langfuse", dialects.scanned),
    ],
)
def test_mixtures_of_signs_are_refused_or_rendered_as_their_engine_rendered_them(name: str, reader: Reader) -> None:
    taken = 0
    for text, wanted in zip(SOUPS["texts"], SOUPS[name], strict=True):
        found = ours(reader, text)
        taken += found is not None
        if name == "mustache" and found is not None:  # that values are written as HTML there is told with the import
            wanted = wanted.replace("&lt;", "<").replace("&gt;", ">")  # noqa: PLW2901
        assert found is None or found == wanted, text
    assert taken > 50


def test_handlebars_blocks_are_refused_or_rendered_as_handlebars_rendered_them() -> None:
    taken = 0
    for text, wanted in zip(SOUPS["nested"], SOUPS["blocks"], strict=True):
        if blocks.has_blocks(text) and "[object Object]" not in (wanted or ""):
            found = ours(blocks.handlebars, text, SOUPS["more"])
            taken += found is not None
            assert found is None or found == wanted, text
    assert taken > 40


def test_an_f_string_is_refused_or_rendered_as_python_does() -> None:
    chance = random.Random(2)
    signs = ["{", "}", "{{", "}}", "{x}", "{y}", "{x!r}", "{x:>9}", "{x.real}", "{0}", " ", "a", "\n", '"']
    taken = 0
    for _ in range(2000):
        text = "".join(chance.choices(signs, k=chance.randint(1, 7)))
        found = ours(dialects.f_string, text)
        taken += found is not None
        if found is not None:
            assert found == text.format(**VALUES), text
    assert taken > 300


def test_double_braces_are_variables_by_plain_names_and_else_text() -> None:
    text = '{{x}} {{ y }} {"a": {"b": 1}} {{\'a\':1}} {x} {{x}}}'

    assert dialects.placeholders(text, "here").render(VALUES) == (
        f'{VALUES["x"]} {VALUES["y"]} {{"a": {{"b": 1}}}} {{{{\'a\':1}}}} {{x}} {VALUES["x"]}}}'
    )
    for odd in ("{{user name}}", "{{user-name}}", "{{1st}}"):
        assert ours(dialects.placeholders, odd) is None and ours(dialects.scanned, odd) is None
    assert ours(dialects.bedrock, "{{ x }}") is None and dialects.bedrock("{{x}}", "here").names == {"x"}


@pytest.mark.parametrize(
    "text", [*TRAPS, "{{x}} {$x} {x}", "\n\n{{x}}\n\n", "{{#x}}", "\ufeff{{x}}", "}}{{", "{{x}}}}"]
)
def test_a_prompt_file_gives_back_every_character(text: str, tmp_path: Any) -> None:
    from optimizer.task import load_task

    turns = (Turn("system", Template((text,))), Turn("user", dialects.placeholders("{{x}}", "here")))
    name, written = prompt_file(turns)
    (tmp_path / name).write_text(written, "utf-8")
    (tmp_path / "data.jsonl").write_text('{"x": "1"}\n' * 6)
    (tmp_path / "task.yaml").write_text(
        f"data: data.jsonl\nprompt: {{file: {name}, syntax: {syntax_of(turns)}}}\n"
        "source: offline/sim-alpha\ntarget: offline/sim-beta\n"
    )

    assert load_task(tmp_path / "task.yaml").prompt.render({"x": "1"}).messages[0].content == text
