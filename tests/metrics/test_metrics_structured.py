"""JSON replies are scored field by field, each in the way that suits it."""

from __future__ import annotations

import json

import pytest

from optimizer.errors import ConfigError, DataError
from optimizer.metrics import build
from optimizer.prompt.contract import Contract
from optimizer.types import JSON, Example, Output, Score

SCHEMA = {
    "type": "object",
    "properties": {
        "urgency": {"type": "string", "enum": ["high", "low"]},
        "tags": {"type": "array", "items": {"type": "string"}},
        "amount": {"type": ["number", "null"]},
        "note": {"type": "string"},
        "customer": {"type": "object", "properties": {"vip": {"type": "boolean"}}},
    },
}
TRIAGE = Contract("json", schema=SCHEMA)


def judge(said: JSON, right: JSON, contract: Contract | None = None, **options: object) -> Score:
    text = json.dumps(said)
    return build("json_fields", options, contract=contract)(Example("7", {}, right), Output("7", text, said), None)


def test_the_schema_says_how_each_field_is_compared() -> None:
    right: JSON = {
        "urgency": "high",
        "tags": ["a", "b"],
        "amount": 1200,
        "note": "call back soon",
        "customer": {"vip": True},
    }
    said: JSON = {
        "urgency": "High",
        "tags": ["B", "c"],
        "amount": "1,200",
        "note": "call soon",
        "customer": {"vip": False},
    }
    score = judge(said, right, TRIAGE)
    assert score.parts == {"urgency": 1, "tags": 0.5, "amount": 1, "note": pytest.approx(0.8), "customer.vip": 0}
    assert score.value == pytest.approx((1 + 0.5 + 1 + 0.8 + 0) / 5)


def test_feedback_names_the_field_and_both_values() -> None:
    said: JSON = {"urgency": "low", "tags": ["x", "b"], "note": "ok"}
    score = judge(said, {"urgency": "high", "tags": ["a", "b"], "amount": 3, "note": "ok"}, TRIAGE)
    assert score.feedback == (
        "urgency: expected 'high', got 'low'; tags: lacks 'a' and adds 'x'; amount: missing, expected '3'"
    )


def test_equal_objects_score_one_and_sets_know_no_order() -> None:
    right: JSON = {"tags": ["a", "b"], "urgency": "low"}
    assert judge({"urgency": "low", "tags": ["b", "A", "a"]}, right, TRIAGE).value == 1


def test_null_and_a_missing_field_both_say_that_nothing_is_there() -> None:
    assert judge({}, {"amount": None}, TRIAGE).value == 1
    assert judge({"amount": 3}, {"amount": None}, TRIAGE).value == 0
    assert judge({"amount": None}, {"amount": 3}, TRIAGE).value == 0
    assert judge({"tags": []}, {"tags": []}, TRIAGE).value == 1


def test_a_field_that_the_right_answer_leaves_out_is_not_scored() -> None:
    assert judge({"urgency": "low", "note": "x"}, {"urgency": "low"}, TRIAGE).parts == {"urgency": 1}
    with pytest.raises(DataError, match="example '7': the right answer has none of the fields urgency"):
        judge({"urgency": "low"}, {"urgent": "low"}, fields={"urgency": "label"})


def test_fields_can_be_chosen_weighted_and_given_options() -> None:
    fields = {"a": {"compare": "numeric", "tolerance": 0.1, "weight": 3}, "b.c": "exact"}
    score = judge({"a": 105, "b": {"c": 2}}, {"a": 100, "b": {"c": 1}}, fields=fields)
    assert (score.value, score.parts) == (0.75, {"a": 1, "b.c": 0})
    assert (
        judge({"a": 1, "b": 0}, {"a": 1, "b": 1}, fields={"a": "exact", "b": "exact"}, weights={"a": 3}).value == 0.75
    )


def test_exact_tells_true_from_one_but_not_one_from_one_point_nought() -> None:
    fields = {"a": "exact"}
    assert judge({"a": True}, {"a": 1}, fields=fields).value == 0
    assert judge({"a": 1.0}, {"a": 1}, fields=fields).value == 1
    assert judge({"a": {"x": [1]}}, {"a": {"x": [1]}}, fields=fields).value == 1
    assert judge({"a": {"x": [1.0]}}, {"a": {"x": [1]}}, fields=fields).value == 1
    assert judge({"a": {"x": [True]}}, {"a": {"x": [1]}}, fields=fields).value == 0
    assert judge({"a": {"x": 1, "y": 2}}, {"a": {"y": 2, "x": 1}}, fields=fields).value == 1
    assert judge({"a": "1"}, {"a": 1}, fields=fields).value == 0


@pytest.mark.parametrize(
    ("said", "right", "score"),
    [([2.0, 1.5], [1.5, 2], 1.0), ([{"price": 10}], [{"price": 10.0}], 1.0), ([True], [1], 0.0), ([2.5], [2], 0.0)],
)
def test_a_set_takes_one_point_nought_for_one_too(said: JSON, right: JSON, score: float) -> None:
    assert judge({"a": said}, {"a": right}, fields={"a": "set"}).value == score


def test_any_asks_only_that_the_field_is_there() -> None:
    assert judge({"a": "whatever"}, {"a": "x"}, fields={"a": "any"}).value == 1
    assert judge({"b": 1}, {"a": "x"}, fields={"a": "any"}).value == 0


def test_without_a_schema_the_right_answer_says_which_fields_count() -> None:
    assert judge({"n": 5, "t": "a b", "l": ["x"]}, {"n": 5, "t": "b", "l": ["x"]}).parts == {"n": 1, "t": 1, "l": 1}


def test_json_that_a_table_holds_as_text_is_read() -> None:
    assert judge({"urgency": "low"}, '{"urgency": "low"}', TRIAGE).value == 1
    with pytest.raises(DataError, match="must be a JSON object with fields, found 'urgent'"):
        judge({"urgency": "low"}, "urgent", TRIAGE)


def test_a_reply_that_is_no_object_scores_nought_and_says_so() -> None:
    score = judge(["low"], {"urgency": "low"}, TRIAGE)
    assert (score.value, score.feedback) == (0, "the reply is no JSON object: '[\"low\"]'")


def test_weights_hold_where_the_right_answer_names_the_fields_too() -> None:
    assert judge({"a": 1, "b": 0}, {"a": 1, "b": 1}, weights={"a": 3}).value == 0.75
    with pytest.raises(ConfigError, match=r"fields\.a: the weight must be a number above 0, found -1"):
        judge({"a": 1}, {"a": 1}, weights={"a": -1})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"fields": {"a": "lable"}}, "fields.a: 'lable' is no comparator. Did you mean 'label'"),
        ({"fields": {"a": {"compare": "numeric", "tolerence": 1}}}, "'tolerence'. Did you mean 'tolerance'"),
        ({"fields": {"a": {"compare": "label", "weight": 0}}}, "the weight must be a number above 0, found 0"),
        ({"fields": {"a": "label"}, "weights": {"b": 1}}, "weights.b: no such field"),
        ({"felds": {}}, "no option is called 'felds'. Did you mean 'fields'"),
    ],
)
def test_slips_in_the_options_are_told_with_place_and_way_out(options: dict[str, JSON], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        build("json_fields", options)
