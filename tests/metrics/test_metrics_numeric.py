"""Numbers are read as people write them, and held against each other with units and tolerance."""

from __future__ import annotations

import time

import pytest

from optimizer.errors import ConfigError, DataError
from optimizer.metrics import build
from optimizer.metrics.values.numeric import quantities
from optimizer.types import JSON, Example, Output


def value(said: JSON, right: JSON, **options: object) -> float:
    text = said if isinstance(said, str) else str(said)
    return build("numeric", options)(Example("1", {}, right), Output("1", text, said), None).value


@pytest.mark.parametrize(
    ("text", "number", "unit"),
    [
        ("4.2", 4.2, ""),
        ("-3", -3.0, ""),
        ("−3", -3.0, ""),
        ("minus 3", -3.0, ""),
        ("(12.5)", -12.5, ""),
        ("(12.5%)", -12.5, "%"),
        ("($3.2 million)", -3.2e6, "USD"),
        ("-$5", -5.0, "USD"),
        ("$-5", -5.0, "USD"),
        ("1,234", 1234.0, ""),
        ("1,234,567.89", 1234567.89, ""),
        ("1.234.567,89", 1234567.89, ""),
        ("1\u202f234", 1234.0, ""),
        ("1'234.50", 1234.5, ""),
        ("12,34,567", 1234567.0, ""),
        ("1,5", 1.5, ""),
        ("0,125", 0.125, ""),
        (".5", 0.5, ""),
        ("$4.2 billion", 4.2e9, "USD"),
        ("4.2bn", 4.2e9, ""),
        ("€ 300k", 3e5, "EUR"),
        ("USD 12 million", 1.2e7, "USD"),
        ("12 million euros", 1.2e7, "EUR"),
        ("15 percent", 15.0, "%"),
        ("35 bps", 0.35, "%"),
        ("2 crore", 2e7, ""),
        ("1.5e3", 1500.0, ""),
    ],
)
def test_a_number_is_read_as_it_is_written(text: str, number: float, unit: str) -> None:
    (found,) = quantities(text)
    assert found.value == pytest.approx(number, rel=1e-12)
    assert found.unit == unit


@pytest.mark.parametrize("text", ["Q3", "GPT-4o", "A1", "none", "", "1st"])
def test_digits_in_names_are_no_numbers(text: str) -> None:
    assert quantities(text) == []


def test_a_comma_before_three_digits_is_a_decimal_point_where_the_task_says_so() -> None:
    assert [q.value for q in quantities("1,234", ",")] == [1.234]
    assert [q.value for q in quantities("1.234", ",")] == [1234.0]


@pytest.mark.parametrize(
    ("said", "right", "score"),
    [
        ("The revenue was $4.2 billion in 2023.", "$4.2 billion", 1),
        ("In 2023 revenue reached 4,200 million dollars", "$4.2 billion", 1),
        ("In 2023 revenue reached 4.2 billion", 4.2e9, 1),
        ("€4.2 billion", "$4.2 billion", 0),
        ("12%", 12, 1),
        ("12%", "$12", 0),
        ("margin fell (2.5%)", "-2.5%", 1),
        ("margin 2.5%", "-2.5%", 0),
        ("5 and 7", "7", 0),
        ("no idea", "7", 0),
        ("2023", 2024, 0),
        (7, "seven (7)", 0),
    ],
)
def test_the_number_in_the_right_unit_is_held_against_the_right_one(said: JSON, right: JSON, score: float) -> None:
    assert value(said, right) == score


def test_tolerance_is_a_share_of_the_right_number_or_a_figure_whichever_is_wider() -> None:
    assert value("102", 100, tolerance=0.02) == 1
    assert value("102.1", 100, tolerance=0.02) == 0
    assert value("0.4", 0, absolute=0.5) == 1
    assert value("100.4", 100, tolerance=0.0) == 0


def test_which_of_several_numbers_counts_is_chosen() -> None:
    assert value("5 and 7", "7", pick="last") == 1
    assert value("5 and 7 and 9", "7", pick="any") == 1


def test_a_power_beyond_all_bounds_is_no_error() -> None:
    assert value("1e999", 7) == 0


def test_feedback_names_both_numbers() -> None:
    score = build("numeric")(Example("1", {}, "$4.2 billion"), Output("1", "$4.1 million", "$4.1 million"), None)
    assert score.feedback == "expected $4.2 billion, got $4.1 million"


def test_a_right_answer_without_a_number_is_refused_with_its_example() -> None:
    with pytest.raises(DataError, match="example '1': the right answer 'n/a' holds no number"):
        value("7", "n/a")


def test_options_out_of_range_are_refused() -> None:
    for wrong in (-1, float("inf"), float("nan"), True, "1"):
        for name in ("tolerance", "absolute"):
            with pytest.raises(ConfigError, match=f"{name} must be a number of 0 or more, found {wrong!r}"):
                build("numeric", {name: wrong})
    with pytest.raises(ConfigError, match=r"pick must be first, last or any, found 'frist'\. Did you mean 'first'"):
        build("numeric", {"pick": "frist"})


@pytest.mark.parametrize("piece", ["1,", "(", "-", " ", "1 ", "$ ", "minus ", "9", "1.1"])
def test_a_hostile_reply_is_read_in_no_time(piece: str) -> None:
    start = time.process_time()
    quantities(piece * 10_000)
    assert time.process_time() - start < 2
