"""A template's literal text survives every syntax, and nothing in data or text is parsed twice."""

from __future__ import annotations

import pytest

from optimizer.errors import ConfigError, ExportError
from optimizer.prompt.template import Logic, Syntax, Template, Var, join

NASTY = 'Reply {"a": 1} or {{"b": 2}}, {# no comment #}, {$5}, user: "quoted" — ünï\n\n'


@pytest.mark.parametrize(
    ("syntax", "text"),
    [
        ("mustache", "Dear {{name}}, {{ name }}!"),
        ("jinja2", "Dear {{name}}, {{ name }}!"),
        ("handlebars", "Dear {{name}}, {{{name}}}!"),
        ("f-string", "Dear {name}, {name}!"),
        ("dollar", "Dear {$name}, {$name}!"),
    ],
)
def test_each_syntax_names_its_variables(syntax: Syntax, text: str) -> None:
    template = Template.parse(text, syntax)

    assert template.segments == ("Dear ", Var("name"), ", ", Var("name"), "!")
    assert template.render({"name": "{{name}}"}) == "Dear {{name}}, {{name}}!"


def test_without_a_syntax_everything_is_text() -> None:
    assert Template.parse(NASTY, "none").render({}) == NASTY


def test_json_braces_are_text_in_mustache() -> None:
    template = Template.parse('{"a": {"b": [{{x}}]}} {{\'a\': 1}}')

    assert template.names == {"x"}
    assert template.render({"x": 3}) == '{"a": {"b": [3]}} {{\'a\': 1}}'


@pytest.mark.parametrize("syntax", ["f-string", "jinja2"])
def test_printing_escapes_and_parsing_gives_it_back(syntax: Syntax) -> None:
    template = Template((NASTY, Var("x"), "{x} {{x}} {% raw %}"))

    printed = template.print(syntax)

    assert Template.parse(printed, syntax).render({"x": "v"}) == template.render({"x": "v"})


def test_jinja_prints_what_jinja_itself_renders_to_the_same_text() -> None:
    from jinja2 import Environment

    template = Template((NASTY, Var("x"), "{{x}} {%"))

    rendered = Environment(keep_trailing_newline=True).from_string(template.print("jinja2")).render(x="<b>")  # noqa: S701

    assert rendered == template.render({"x": "<b>"})


def test_f_string_prints_what_str_format_renders_to_the_same_text() -> None:
    template = Template((NASTY, Var("x")))

    assert template.print("f-string").format(x="v") == template.render({"x": "v"})


@pytest.mark.parametrize(("syntax", "text"), [("mustache", "a {{ b"), ("dollar", "costs {$ 5")])
def test_a_syntax_without_an_escape_refuses_what_it_cannot_hold(syntax: Syntax, text: str) -> None:
    with pytest.raises(ExportError, match="cannot hold as text"):
        Template((text,)).print(syntax)


def test_jinja_logic_is_kept_whole_rendered_in_a_sandbox_and_refused_by_other_formats() -> None:
    template = Template.parse("{% for x in xs %}- {{ x }}\n{% endfor %}", "jinja2")

    assert template.segments == (Logic("{% for x in xs %}- {{ x }}\n{% endfor %}", frozenset({"xs"})),)
    assert template.render({"xs": ["a", "b"]}) == "- a\n- b\n"
    with pytest.raises(ExportError, match="control flow"):
        _ = template.parts


@pytest.mark.parametrize(
    "attack",
    [
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{% for a in range(9999) %}{% for b in range(9999) %}xxxxxxxxxx{% endfor %}{% endfor %}{{ x }}",
        "{{ x.pop() }}",
    ],
)
def test_jinja_cannot_reach_out_nor_fill_the_memory(attack: str) -> None:
    with pytest.raises(ConfigError, match="jinja2 template"):
        Template.parse(attack, "jinja2").render({"x": ["y"]})


@pytest.mark.parametrize(
    ("syntax", "text", "complaint"),
    [
        ("f-string", '{"a": 1}', "double"),
        ("f-string", "{x!r}", "no plain variable"),
        ("f-string", "{x", "expected '}'"),
        ("jinja2", "{% if %}", "line 1"),
        ("mustache", "{{#each}}", "logic is not supported"),
    ],
)
def test_what_a_syntax_cannot_mean_is_refused(syntax: Syntax, text: str, complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        Template.parse(text, syntax)


def test_a_missing_input_is_named() -> None:
    with pytest.raises(ConfigError, match=r"asks for \['b'\], but the example has only \['a'\]"):
        Template.parse("{{a}} {{b}}").render({"a": 1})


def test_values_that_are_no_strings_are_written_as_json() -> None:
    template = Template.parse("{{a}}|{{b}}|{{c}}")

    assert template.render({"a": True, "b": ["ü", 1], "c": None}) == 'true|["ü", 1]|null'


def test_joining_leaves_no_gap_for_empty_templates() -> None:
    joined = join("\n\n", [Template(), Template(("a",)), Template(("",)), Template((Var("b"),))])

    assert joined.render({"b": "B"}) == "a\n\nB"
