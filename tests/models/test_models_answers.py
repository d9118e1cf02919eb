"""What an answer says: words, or calls of tools in the one form by which they are kept."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest

from optimizer import reader
from optimizer.models.replies.answers import said
from optimizer.models.replies.usage import stated
from optimizer.prompt.contract import Contract

CONTRACT = Contract("tools", tools={"book": {"type": "object"}})


def choice(content: str | None, *calls: tuple[str, str], finish: str | None = "stop") -> Any:
    made = [SimpleNamespace(id="c", function=SimpleNamespace(name=name, arguments=text)) for name, text in calls]
    return SimpleNamespace(message=SimpleNamespace(content=content, tool_calls=made or None), finish_reason=finish)


@pytest.mark.parametrize("finish", ["tool_calls", "stop", "length", None])
def test_calls_are_calls_whatever_reason_the_provider_gives(finish: str | None) -> None:
    made = choice("I will book it.", ("book", '{"room": "roof", "n": 1}'), finish=finish)

    assert said(made) == ('{"tool_calls": [{"arguments": {"n": 1, "room": "roof"}, "name": "book"}]}', "tool_calls")


def test_equal_calls_are_equal_texts_however_their_arguments_are_written() -> None:
    assert said(choice(None, ("book", '{"b": 1,  "a": "\\u00fc"}'))) == said(choice(None, ("book", '{"a":"ü","b":1}')))


@pytest.mark.parametrize(
    ("content", "calls", "told"),
    [
        (None, (), ("I cannot help.", "content_filter")),
        ("", (), ("I cannot help.", "content_filter")),
        ("Here.", (), ("Here.", "stop")),
        (None, (("book", "{}"),), ('{"tool_calls": [{"arguments": {}, "name": "book"}]}', "tool_calls")),
    ],
)
def test_a_refusal_is_one_only_where_nothing_else_was_said(
    content: str | None, calls: tuple[tuple[str, str], ...], told: tuple[str, str]
) -> None:
    for beside in ({"refusal": "I cannot help."}, {"provider_specific_fields": {"refusal": "I cannot help."}}):
        made = choice(content, *calls)
        made.message.__dict__.update(beside)
        assert said(made) == told


def test_a_call_without_arguments_is_one_with_none() -> None:
    nothing: Any = None
    assert said(choice(None, ("book", nothing))) == said(choice(None, ("book", "")))
    assert reader.calls([{"name": "book", "arguments": ""}]) == reader.calls(
        json.loads(said(choice(None, ("book", "")))[0])
    )


def test_words_stay_words() -> None:
    assert said(choice("Hello", finish="length")) == ("Hello", "length")
    assert said(choice(None, finish=None)) == ("", "stop")
    assert said(choice("Hello", finish="tool_calls")) == ("Hello", "stop")


@pytest.mark.parametrize(
    ("written", "answer"),
    [
        ("<think>\nbilling? no\n</think>\n\naccess", "access"),
        ("  <think></think>access", "access"),
        ("billing? no\n</think>\n\naccess", "access"),  # the model's template has written <think> into the question
        ("<think>billing? no", "<think>billing? no"),  # cut off before there was an answer
        ("Write <think> first and </think> last.", "Write <think> first and </think> last."),
        ("Close it with </think>, then go on.", "Close it with </think>, then go on."),
        ("access", "access"),
    ],
)
def test_thoughts_before_an_answer_are_no_part_of_it(written: str, answer: str) -> None:
    assert said(choice(written)) == (answer, "stop")
    reply = Contract().read(written)
    assert reply.text == reply.value == answer == reader.parse(Contract().to_dict(), written)


def test_a_reply_behind_thoughts_keeps_its_contract() -> None:
    thoughts = '<think>{"label": "billing"}? No.</think>\n'

    assert Contract("labels", labels=("billing", "access")).read(f"{thoughts}access").value == "access"
    assert Contract("json").read(f'{thoughts}{{"label": "access"}}').value == {"label": "access"}
    assert CONTRACT.read(f"{thoughts}roof").status == "ok"


@pytest.mark.parametrize("text", ['{"room": ', "roof", "[1]", '{"n": NaN}', "[" * 100_000, "9" * 5_000])
def test_arguments_that_are_no_json_object_are_kept_and_invalid(text: str) -> None:
    kept, finish = said(choice(None, ("book", text)))
    reply = CONTRACT.read(kept, prose=finish != "tool_calls")

    assert (reply.status, reply.error) == ("invalid", "invalid reply: the arguments of book are no JSON object")


def test_arguments_nested_beyond_measure_are_invalid_and_end_no_run() -> None:
    kept, _ = said(choice(None, ("book", '{"a":' * 900 + "1" + "}" * 900)))

    assert CONTRACT.read(kept).status in ("ok", "invalid")


def test_half_a_surrogate_pair_is_replaced() -> None:
    text, _ = said(choice(None, ("book", '{"a": "\\ud800"}')))

    assert text.encode("utf-8").decode() == text
    assert said(choice("\ud800"))[0] == "?"


def test_empty_arguments_are_none() -> None:
    assert said(choice(None, ("book", ""))) == ('{"tool_calls": [{"arguments": {}, "name": "book"}]}', "tool_calls")


@pytest.mark.parametrize("count", [10**9 + 1, 10**400, -3, "12", 1.5, None])
def test_a_count_that_can_be_none_is_missing(count: object) -> None:
    assert stated(SimpleNamespace(prompt_tokens=count, completion_tokens=4), "four words are here") is None
    assert stated(SimpleNamespace(prompt_tokens=12, completion_tokens=count), "four words are here") is None
