"""The metric `tool_call`: values worked out by hand, and what must hold for any calls."""

from __future__ import annotations

import random
from itertools import permutations
from typing import Any

import pytest

from optimizer.errors import ConfigError, DataError
from optimizer.metrics import build
from optimizer.types import JSON, Example, Output, Score


def call(name: str, **arguments: JSON) -> dict[str, Any]:
    return {"name": name, "arguments": arguments}


def scored(right: JSON, made: JSON, **options: Any) -> Score:
    return build("tool_call", options)(Example("7", {}, right), Output("7", "calls", made), None)


BOOK = call("book", room="roof", people=4)
CANCEL = call("cancel", id="KN1")
HAND = [
    ([BOOK], [BOOK], {}, 1.0),
    ([BOOK], [call("book", room=" ROOF ", people=4.0)], {}, 1.0),  # case, white space and 4 = 4.0 do not count
    ([BOOK], [call("book", room="roof", people=5)], {}, 0.75),  # the name, and one of two arguments
    ([BOOK], [call("book", room="roof")], {}, 0.75),
    ([BOOK], [call("book", room="roof", people=4, sofa=True)], {}, 0.5 + 0.5 * 2 / 3),  # one argument too many of three
    ([BOOK], [call("book", room="roof", people=4, sofa=None)], {}, 1.0),  # null says nothing
    ([BOOK], [call("book", room="roof", people="4")], {}, 0.75),  # a text is no number
    ([call("flag", on=True)], [call("flag", on=1)], {}, 0.5),  # and 1 is not true
    ([BOOK], [call("book")], {}, 0.5),
    ([BOOK], [CANCEL], {}, 0.0),
    ([BOOK], [], {}, 0.0),
    ([], [], {}, 1.0),
    ([], [BOOK], {}, 0.0),
    ([call("ping")], [call("ping")], {}, 1.0),
    ([BOOK, CANCEL], [BOOK], {}, 0.5),
    ([BOOK], [BOOK, CANCEL], {}, 0.5),  # one too many costs what one too few costs
    ([BOOK, CANCEL], [CANCEL, BOOK], {}, 1.0),
    ([BOOK, CANCEL], [CANCEL, BOOK], {"order": "strict"}, 0.5),
    ([BOOK, CANCEL], [BOOK, call("ping"), CANCEL], {"order": "strict"}, 2 / 3),
    ([BOOK, BOOK], [BOOK, call("book")], {}, 0.75),  # (1 + 0.5) / 2
    ([BOOK], [call("book")], {"name_weight": 0.2}, 0.2),
    ([BOOK], [call("book", room="roof")], {"name_weight": 0.0}, 0.5),
    ([BOOK], [call("book", room="x", people=4)], {"arguments": {"room": "any"}}, 1.0),
    ([BOOK], [call("book", room="x", people=4)], {"arguments": {"cancel.room": "any"}}, 0.75),
    ([BOOK], [call("book", room="x", people=4)], {"arguments": {"people": {"compare": "exact", "weight": 3}}}, 0.875),
]


@pytest.mark.parametrize(("right", "made", "options", "value"), HAND)
def test_the_score_is_what_is_worked_out_by_hand(
    right: list[Any], made: list[Any], options: dict[str, Any], value: float
) -> None:
    assert scored(right, made, **options).value == pytest.approx(value)


def test_the_pairs_are_those_that_are_worth_most() -> None:
    near, far = call("book", room="roof", people=5), call("book", room="cellar", people=9)

    # near fits BOOK by 0.75 and far is far itself: (0.75 + 1) / 2, where pairing in order would give (0.5 + 0.5) / 2
    assert scored([far, BOOK], [near, far]).value == pytest.approx(0.875)


def test_the_feedback_says_what_is_wrong_with_which_call() -> None:
    score = scored([BOOK, CANCEL], [call("book", room="cellar", sofa=1), call("ping")])

    assert score.feedback == (
        "book.room: expected 'roof', got 'cellar'; book.people: missing, expected '4'; "
        "book.sofa: must not be there, got '1'; cancel is not called; ping is called, which is wrong"
    )
    assert score.parts == {"name": 0.5}


@pytest.mark.parametrize(
    "right",
    [
        [{"type": "function", "id": "c1", "function": {"name": "cancel", "arguments": '{"id": "KN1"}'}}],
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"function": {"name": "cancel", "arguments": {"id": "KN1"}}}],
        },
        {"name": "cancel", "arguments": {"id": "KN1"}},
    ],
)
def test_the_right_answer_may_stand_in_any_form_in_which_providers_write_calls(right: JSON) -> None:
    assert scored(right, [CANCEL]).value == 1


def test_words_where_the_right_answer_is_words_are_right() -> None:
    assert scored({"answer": "yes"}, {"answer": "no"}).value == 1
    assert scored({"answer": "yes"}, [CANCEL]).value == 0


def test_a_right_answer_that_is_no_list_of_calls_is_refused() -> None:
    with pytest.raises(DataError, match="example '7': the right answer must be a list of calls of tools, found 'yes'"):
        scored("yes", [CANCEL])


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"name_weight": 2}, "name_weight must be a number from 0 to 1, found 2"),
        ({"order": "strikt"}, "order must be any or strict, found 'strikt'. Did you mean 'strict'?"),
        (
            {"arguments": {"room": "exakt"}},
            "metric 'tool_call': arguments.room: 'exakt' is no comparator. Did you mean 'exact'?",
        ),
        ({"weight": 2}, "metric 'tool_call': no option is called 'weight'"),
    ],
)
def test_a_wrong_option_is_told_with_its_place(options: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        build("tool_call", options)

    assert told in str(caught.value)


VALUES: list[JSON] = [None, True, False, 0, 1, 1.0, 2, "", "a", "A b", [], [1, 2], {"z": 1}]


def drawn(seed: int) -> list[Any]:
    """Up to four calls of three tools, with up to three arguments."""
    dice = random.Random(seed)
    return [
        call(dice.choice("fgh"), **{name: dice.choice(VALUES) for name in dice.sample("xyz", dice.randint(0, 3))})
        for _ in range(dice.randint(0, 4))
    ]


@pytest.mark.parametrize("seed", range(60))
def test_any_calls_are_as_good_as_themselves_in_any_order(seed: int) -> None:
    calls = drawn(seed)

    assert scored(calls, calls).value == pytest.approx(1)
    assert scored(calls, calls, order="strict").value == pytest.approx(1)
    assert scored(calls, calls[::-1]).value == pytest.approx(1)


@pytest.mark.parametrize("seed", range(60))
def test_the_score_is_symmetric_and_a_strict_order_never_raises_it(seed: int) -> None:
    right, made = drawn(seed), drawn(1000 + seed)
    free, bound = scored(right, made).value, scored(right, made, order="strict").value

    assert 0 <= bound <= free + 1e-12 <= 1 + 1e-9
    assert free == pytest.approx(scored(made, right).value)


@pytest.mark.parametrize("seed", range(60))
def test_a_call_of_a_tool_that_nobody_wants_only_costs(seed: int) -> None:
    right, made = drawn(seed), drawn(2000 + seed)

    assert scored(right, [*made, call("stray")]).value <= scored(right, made).value + 1e-12


@pytest.mark.parametrize("seed", range(40))
def test_the_pairing_is_the_best_of_all_there_are(seed: int) -> None:
    """By trying out every one."""
    right, made = drawn(seed), drawn(3000 + seed)
    few, many = sorted((right, made), key=len)
    sums = [
        sum(scored([one], [other]).value for one, other in zip(few, chosen, strict=True))
        for chosen in permutations(many, len(few))
    ]

    assert scored(right, made).value == pytest.approx(max(sums) / len(many) if many else 1)
