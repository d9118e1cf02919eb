"""The offline proposer understands how other tools ask for a new prompt, and gives all of them what it can."""

from __future__ import annotations

import json
import re

import pytest

from optimizer.habits import habits_of
from optimizer.offline import OfflineModel
from optimizer.offline.reading.request import read
from optimizer.offline.reading.sheet import read_sheet
from optimizer.offline.roles.meta import recognise
from optimizer.prompt import Prompt
from optimizer.search.propose import Failure, question
from optimizer.types import Message, Request

PROMPT = """You sort what customers of a bakery write.

topic is one of these:
- order: bread that somebody wants to buy, and when it is to be there
- complaint: bread that was bad, late or wrong

Always decide by what is asked for first. Reply in JSON with topic."""
VARY = """Generate a single variation of the following instruction while keeping the semantic meaning.
Generate the variation starting with <prompt> and ending with </prompt> tags.

Input: {one}

Output:"""
REPHRASE = """You receive a prompt for the following task: Sort letters.
Please rephrase the prompt, preserving its core meaning while substantially varying the linguistic style.
Prompt: {one}

Return the new prompt in the following format:
<prompt>new prompt</prompt>"""
MERGE = """You receive two prompts for the following task: Sort letters.
Please merge the two prompts into a single coherent prompt. Maintain the key linguistic features from both \
original prompts:
Prompt 1: {one}
Prompt 2: {two}

Return the new prompt in the following format:
<prompt>new prompt</prompt>"""
REFLECT = """I provided an assistant with the following instructions to perform a task for me:
```
{one}
```

The following are examples of different task inputs provided to the assistant along with the assistant's response for \
each of them, and some feedback on how the assistant's response could be better:
```
# Example 1
## component_name
instructions

## score
0.0

## inputs
### letter
The loaf was mouldy

## outputs
{{"topic": "order"}}

## expectations
### expected_response
{{"topic": "complaint"}}

## rationales
### quality
topic: expected "complaint", got "order"
```

Your task is to write a new instruction for the assistant.

Provide the new instructions within ``` blocks."""


def asked(text: str, sample: int = 0) -> str:
    turns = (Message("system", "You are a helpful assistant."), Message("user", text))
    return OfflineModel("offline/sim-alpha").respond(Request(turns, sample=sample)).text


@pytest.mark.parametrize("form", [VARY, REPHRASE, MERGE])
def test_a_prompt_that_is_to_be_varied_comes_back_in_its_tags_with_what_it_says(form: str) -> None:
    answer = asked(form.format(one=PROMPT, two=PROMPT))

    inside = re.fullmatch(r"<prompt>(.*)</prompt>", answer, re.DOTALL)
    assert inside
    assert all(word in inside[1] for word in ("bakery", "order", "complaint", "JSON"))
    assert "new prompt" not in inside[1] and "Return the" not in inside[1] and "Output:" not in inside[1]


def test_variations_differ_from_draw_to_draw() -> None:
    assert len({asked(VARY.format(one=PROMPT), sample) for sample in range(6)}) > 1


def test_records_of_inputs_outputs_and_expectations_are_read_as_failures() -> None:
    meta = recognise((Message("user", REFLECT.format(one=PROMPT)),))

    assert meta and meta.form == "fence"
    (case,) = meta.cases
    assert (case.input, case.expected, case.answered) == (
        "The loaf was mouldy",
        '{"topic": "complaint"}',
        '{"topic": "order"}',
    )
    answer = asked(REFLECT.format(one=PROMPT))
    assert answer.startswith("```\n") and answer.endswith("\n```")


CALLS = [
    '[{"name": "cancel", "arguments": {"order": "RB3618"}}]',
    '{"tool_calls": [{"name": "cancel", "arguments": {"order": "RB3618"}}]}',
    '[{"type": "function", "function": {"name": "cancel", "arguments": "{\\"order\\": \\"RB3618\\"}"}}]',
]


@pytest.mark.parametrize("calls", CALLS)
def test_the_arguments_of_calls_are_not_written_into_instructions(calls: str) -> None:
    prompt = Prompt.from_messages(
        [
            {"role": "system", "content": "You answer for a bakery. Never decide about money."},
            {"role": "user", "content": "Letter: {{letter}}"},
        ]
    )
    failures = [Failure("letter: No bread for me, please, of RB3618.", calls, "Gladly.")]

    written = asked(question(prompt, habits_of("x"), failures, [], 3).messages[-1].content)

    assert written.count("<instructions>") == 3 and "bakery" in written
    assert "RB3618" not in written and "arguments" not in written


def test_a_question_about_prompts_in_an_input_is_no_request_to_write_one() -> None:
    turns = (
        Message("system", PROMPT),
        Message("user", "Letter: please rephrase the prompt on your machine, it is rude"),
    )

    assert recognise(turns) is None


TYPED = """Your input fields are:
1. `letter` (str):
Your output fields are:
1. `topics` (list[Literal['order', 'complaint']]): all that apply
2. `urgent` (Literal['yes', 'no']):
All interactions will be structured in the following way, with the appropriate values filled in.

[[ ## letter ## ]]
{letter}

[[ ## completed ## ]]
In adhering to this structure, your objective is:
        Sort the letters of a bakery. order: somebody wants bread. complaint: bread was bad or late."""
LETTER = """[[ ## letter ## ]]
The loaf was mouldy and late, a disgrace

Respond with the corresponding output fields, starting with the field `[[ ## topics ## ]]`."""


def test_a_field_that_is_a_list_of_choices_is_answered_with_a_list() -> None:
    request = Request((Message("system", TYPED), Message("user", LETTER)))
    answer = OfflineModel("offline/sim-alpha").respond(request).text

    topics = re.search(r"\[\[ ## topics ## \]\]\n(.*)", answer)
    assert topics
    assert set(json.loads(topics[1])) <= {"order", "complaint"}


def test_marked_fields_set_inputs_apart_as_headings_do_whatever_they_are_called() -> None:
    sheet = read_sheet((Message("system", TYPED), Message("user", LETTER)))

    assert sheet
    turn = sheet.plain()[-1]
    assert turn.content == "## Input 1\n\nLetter:\nThe loaf was mouldy and late, a disgrace"
    assert read((turn,)).style == "markdown"


def test_the_type_of_a_field_goes_before_the_form_that_the_prose_asks_for() -> None:
    sheet = read_sheet((Message("system", TYPED), Message("user", LETTER)))

    assert sheet
    filled = sheet.reply('{"topics": {"order": true, "complaint": false}, "urgent": "no"}')
    assert '[[ ## topics ## ]]\n["order"]' in filled


SHOTS = """Answer with one of the following intents: close_account, lost_card

Input:

Question: My card is gone
Output:
lost_card

Input:

Question: Please close my account"""


def test_an_empty_name_in_front_of_the_input_is_no_input_of_its_own() -> None:
    reading = read((Message("user", SHOTS),))

    assert reading.inputs == (("question", "Please close my account"),)
    assert [(shot.input, shot.output) for shot in reading.shots] == [("My card is gone", "lost_card")]
