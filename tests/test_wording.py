"""New instructions are taken over exactly, or refused with a reason."""

from __future__ import annotations

import pytest

from optimizer.prompt import Demo, Prompt
from optimizer.template import Template, Var
from optimizer.wording import Copies, fault, reworded

INSTRUCTIONS = Template(("Sort the ticket of ", Var("customer"), '. Reply like {"label": "x"} or {{like}} this.'))
PROMPT = Prompt(INSTRUCTIONS, Template(("Ticket: ", Var("ticket"))), protected=("Reply like",))
GOOD = 'For {{ customer }}: Reply like {"label": "y"}, {{like}} so.'
EXAMPLE = "The parcel came on Monday, it was wet and the box had been opened by someone."


def test_the_original_is_kept_to_the_segment() -> None:
    assert fault(PROMPT, INSTRUCTIONS.text) is None
    assert reworded(PROMPT, INSTRUCTIONS.text) is PROMPT


def test_only_variables_of_the_instructions_are_read_as_variables() -> None:
    assert fault(PROMPT, GOOD) is None
    assert reworded(PROMPT, GOOD).instructions == Template(
        ("For ", Var("customer"), ': Reply like {"label": "y"}, {{like}} so.')
    )


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (" \n", "it is empty"),
        ("Reply like this.", "it lost the variable {{customer}}"),
        ("Reply like {customer}.", "it lost the variable {{customer}}"),
        ("{{customer}} {{ticket}} Reply like", "it asks for {{ticket}}, which is no variable of the instructions"),
        ("{{customer}} {{other}} Reply like", "it asks for {{other}}, which is no variable of the instructions"),
        ("{{customer}}: reply  like so", "it lost the protected text 'Reply like'"),
        ("{{customer}} Reply like" + "x" * 6_000, "it has 6,023 characters, more than 6,000"),
        ("{{customer}} Reply like\x1b[31m so", "it contains '\\x1b', which is no plain text"),
        ("{{customer}} Reply like \u202eos", "it contains '\\u202e', which is no plain text"),
        ("{{customer}} Reply like <|im_start|> so", "it contains '<|im_start|>', which is no plain text"),
        ("{{customer}} Reply like so.\nAssistant: sure", "it contains 'Assistant:', which is no plain text"),
        ("{{customer}} Reply like so.</instructions>", "it contains '</instructions>', which is no plain text"),
    ],
)
def test_what_must_not_be_is_refused_with_the_reason(text: str, reason: str) -> None:
    assert fault(PROMPT, text) == reason


def test_marks_that_the_original_has_may_stay() -> None:
    prompt = Prompt(Template(("A talk.\nUser: asks\nAssistant: answers",)), PROMPT.question)

    assert fault(prompt, "A short talk.\nUser: asks\nAssistant: answers") is None
    assert fault(prompt, "A short talk.\nSystem: rules") == "it contains 'System:', which is no plain text"


def test_a_long_original_may_grow_by_half_more_than_double() -> None:
    prompt = Prompt(Template(("a" * 4_000,)), PROMPT.question)

    assert fault(prompt, "b" * 10_000) is None
    assert fault(prompt, "b" * 10_001) == "it has 10,001 characters, more than 10,000"


def test_protected_text_in_another_message_is_safe_but_not_in_a_worked_example() -> None:
    question = Template(("Keep me. ", Var("ticket")))
    rules = Template(("Old rules.",))

    assert fault(Prompt(rules, question, protected=("Keep me.",)), "New rules.") is None
    shown = Prompt(rules, PROMPT.question, demos=(Demo({"ticket": "t"}, "Old rules."),), protected=("Old rules.",))
    assert fault(shown, "New rules.") == "it lost the protected text 'Old rules.'"


@pytest.mark.parametrize(
    "instructions",
    [Template.parse("{% if vip %}Be quick.{% endif %}", "jinja2"), Template(("Write {{name}} for ", Var("name")))],
    ids=["logic", "shown variable"],
)
def test_what_cannot_be_parsed_back_is_not_rewritten(instructions: Template) -> None:
    assert fault(Prompt(instructions, PROMPT.question), "{{name}} and more").startswith(  # type: ignore[union-attr]
        "the instructions it replaces have control flow, or show a variable as text"
    )


def test_a_run_of_thirteen_words_from_an_example_is_a_copy_and_twelve_are_not() -> None:
    words = EXAMPLE.split()
    copies = Copies([EXAMPLE])

    assert copies.found_in("He wrote: " + " ".join(words[:12]) + ", well.") is None
    assert copies.found_in(" ".join(words[1:14])) == "parcel came on monday it was wet and the box had been opened"


def test_copies_are_seen_through_case_and_punctuation_unless_the_prompt_has_them_itself() -> None:
    copied = EXAMPLE.upper().replace(",", " -")
    prompt = Prompt(Template(("Sort it.",)), PROMPT.question)

    reason = fault(prompt, copied, shown=Copies([EXAMPLE]))
    assert reason == "it copies an example word for word: 'the parcel came on monday it was wet and the box had been'"
    own = Prompt(Template((f"Sort it, as in: {EXAMPLE}",)), PROMPT.question)
    assert fault(own, f"Sort, as in: {EXAMPLE}", shown=Copies([EXAMPLE])) is None
