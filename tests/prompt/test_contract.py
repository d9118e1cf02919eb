"""A reply says what its contract allows, or is invalid and says why."""

from __future__ import annotations

import pytest

from optimizer.errors import ConfigError
from optimizer.prompt.contract import Contract

JSON = Contract(
    "json",
    schema={
        "type": "object",
        "properties": {
            "urgency": {"type": "string", "enum": ["high", "low"]},
            "tags": {"type": "array", "items": {"type": "string"}},
            "amount": {"type": ["number", "null"]},
        },
        "required": ["urgency"],
        "additionalProperties": False,
    },
)


@pytest.mark.parametrize(
    "text",
    [
        '{"urgency": "high"}',
        '```json\n{"urgency": "high"}\n```',
        ' \n{"urgency": "high", "tags": ["a"], "amount": null}',
    ],
)
def test_json_that_keeps_the_schema(text: str) -> None:
    reply = JSON.read(text)

    assert reply.status == "ok" and isinstance(reply.value, dict) and reply.value["urgency"] == "high"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Sure! {}", "Expecting value"),
        ("[]", r"\$ must be of type object"),
        ("{}", r"\$ lacks \['urgency'\]"),
        ('{"urgency": "hi"}', r"\$.urgency must be one of"),
        ('{"urgency": "low", "tags": ["a", 1]}', r"\$.tags\[1\] must be of type string"),
        ('{"urgency": "low", "amount": true}', r"\$.amount must be of type"),
        ('{"urgency": "low", "x": 1}', r"unknown key 'x'"),
        ("[" * 100_000, "invalid reply"),
        ("", "Expecting value"),
    ],
)
def test_json_that_breaks_it(text: str, reason: str) -> None:
    reply = JSON.read(text)

    assert reply.status == "invalid" and reply.value is None
    assert reply.error is not None
    import re

    assert re.search(reason, reply.error)


@pytest.mark.parametrize(("text", "label"), [("yes", "yes"), (" 'Yes'. ", "yes"), ("**no**", "no")])
def test_labels_are_read_without_case_and_quotes(text: str, label: str) -> None:
    assert Contract("labels", ("yes", "no")).read(text).value == label


@pytest.mark.parametrize(
    ("text", "label"),
    [("u.s.", "U.S."), ('"U.S."', "U.S."), ("U.S", "U.S."), ("UK.", "UK"), ("A*", "A*"), ("A", "A"), ("**A**", "A")],
)
def test_a_label_may_itself_end_in_a_mark(text: str, label: str) -> None:
    assert Contract("labels", ("U.S.", "UK", "A*", "A")).read(text).value == label


def test_marks_alone_are_no_label() -> None:
    assert Contract("labels", ("*", "ok")).read("").status == "invalid"
    assert Contract("labels", ("*", "ok")).read("*").value == "*"


def test_a_label_in_a_sentence_is_no_label() -> None:
    assert Contract("labels", ("yes", "no")).read("I think yes").status == "invalid"


def test_a_regex_gives_its_group() -> None:
    contract = Contract("regex", pattern=r"Total: (\d+)")

    assert contract.read("Total: 42\n").value == "42"
    assert contract.read("Total: none").status == "invalid"


def test_a_group_that_took_no_part_gives_the_whole_reply() -> None:
    assert Contract("regex", pattern="Total: ([0-9]+)|none").read("none").value == "none"


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
def test_what_only_python_reads_as_json_is_none(number: str) -> None:
    schema = {"type": "object", "properties": {"amount": {"type": "number"}}}

    assert Contract("json", schema=schema).read(f'{{"amount": {number}}}').status == "invalid"


def test_free_text_must_not_be_empty() -> None:
    assert Contract().read("  hello ").value == "hello"
    assert Contract().read(" ").status == "invalid"


@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        (lambda: Contract("labels", ("a",)), "two or more different labels"),
        (lambda: Contract("labels", ("a", "A")), "two or more different labels"),
        (lambda: Contract("regex", pattern="("), "not a regular expression"),
        (lambda: Contract("regex"), "needs a pattern"),
        (
            lambda: Contract("json", schema={"properties": {"a": {"minLength": 3}}}),
            "keyword 'minLength' is not supported",
        ),
    ],
)
def test_a_contract_that_means_nothing_is_refused(make: object, complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        make()  # type: ignore[operator]


def test_told_and_shown_name_every_choice() -> None:
    for text in (JSON.told(), JSON.shown()):
        for word in ("urgency", "high", "low", "tags", "amount"):
            assert word in text
