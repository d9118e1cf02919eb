"""Metrics of texts against values worked out by hand, and against the definitions done the slow way."""

from __future__ import annotations

import random
from functools import cache

import pytest

from optimizer.errors import ConfigError
from optimizer.metrics import build
from optimizer.metrics.texts.overlap import common_subsequence, distance
from optimizer.metrics.texts.tokens import tokens
from optimizer.types import JSON, Example, Output, Score

SIMILARITIES = ["exact_match", "normalized_match", "token_f1", "rouge_l", "edit_similarity"]


def judge(name: str, said: str, right: JSON = None, **options: object) -> Score:
    return build(name, options)(Example("1", {}, right), Output("1", said, said), None)


def texts(seed: int) -> tuple[str, str]:
    rng = random.Random(seed)
    words = ["the", "cat", "Cat.", "sat", "on", "3.5", "-2", "", "né", "猫", "!"]
    return tuple(" ".join(rng.choices(words, k=rng.randrange(0, 9))) for _ in range(2))  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("name", "said", "right", "score"),
    [
        ("exact_match", " yes\n", "yes", 1),
        ("exact_match", "Yes", "yes", 0),
        ("normalized_match", "The Eiffel Tower!", "eiffel  tower", 1),
        ("normalized_match", "-5", "5", 0),
        ("normalized_match", "3.5", "35", 0),
        ("normalized_match", "5%", "5", 0),
        ("normalized_match", "👍", "👎", 0),
        ("token_f1", "the cat sat", "cat sat down", 2 * 2 / (2 + 3)),
        ("token_f1", "yes yes", "yes", 2 * 1 / (2 + 1)),
        ("token_f1", "", "", 1),
        ("token_f1", "", "yes", 0),
        ("rouge_l", "police killed the gunman", "police kill the gunman", 0.75),
        ("rouge_l", "the gunman kill police", "police kill the gunman", 0.5),
        ("edit_similarity", "kitten", "sitting", 1 - 3 / 7),
        ("edit_similarity", "", "", 1),
        ("edit_similarity", "abc", "", 0),
        ("contains", "The answer is  Paris, of course", "paris", 1),
        ("contains", "Lyon", "Paris", 0),
    ],
)
def test_values_worked_out_by_hand(name: str, said: str, right: str, score: float) -> None:
    assert judge(name, said, right).value == pytest.approx(score)


@pytest.mark.parametrize("name", SIMILARITIES)
@pytest.mark.parametrize("seed", range(60))
def test_a_similarity_is_symmetric_in_range_and_one_for_equal_texts(name: str, seed: int) -> None:
    one, other = texts(seed)
    assert judge(name, one, other).value == pytest.approx(judge(name, other, one).value)
    assert 0 <= judge(name, one, other).value <= 1
    assert judge(name, one, one).value == 1


@pytest.mark.parametrize("seed", range(100))
def test_bit_parallel_tables_agree_with_the_definitions(seed: int) -> None:
    rng = random.Random(seed)
    one, other = ("".join(rng.choices("abc", k=rng.randrange(0, 90))) for _ in range(2))

    @cache
    def edits(i: int, j: int) -> int:
        if not i or not j:
            return i + j
        return min(edits(i - 1, j) + 1, edits(i, j - 1) + 1, edits(i - 1, j - 1) + (one[i - 1] != other[j - 1]))

    @cache
    def common(i: int, j: int) -> int:
        if not i or not j:
            return 0
        if one[i - 1] == other[j - 1]:
            return common(i - 1, j - 1) + 1
        return max(common(i - 1, j), common(i, j - 1))

    assert distance(one, other) == edits(len(one), len(other))
    assert common_subsequence(one, other) == common(len(one), len(other))


def test_words_of_scripts_without_spaces_are_compared_by_character() -> None:
    assert tokens("猫が好き") == ["猫", "が", "好", "き"]
    assert tokens("naïve café’s") == ["naïve", "cafés"]


def test_a_list_of_right_answers_means_that_any_of_them_is_right() -> None:
    assert judge("exact_match", "NYC", ["New York", "NYC"]).value == 1
    assert judge("token_f1", "New York", ["NYC", "New York City"]).value == pytest.approx(0.8)


def test_contains_counts_the_share_of_the_wanted_texts() -> None:
    score = judge("contains", "refund within 14 days", text=["Refund", "14 days", "receipt"])
    assert score.value == pytest.approx(2 / 3)
    assert score.feedback == "lacks 'receipt'"
    assert judge("contains", "refund", text="Refund", case=True).value == 0


def test_a_pattern_is_searched_or_must_match_all() -> None:
    assert judge("regex_match", "ticket AB-12 closed", pattern=r"[A-Z]{2}-\d+").value == 1
    assert judge("regex_match", "ticket AB-12 closed", pattern=r"[A-Z]{2}-\d+", whole=True).value == 0
    with pytest.raises(ConfigError, match="'\\(' is not a regular expression"):
        build("regex_match", {"pattern": "("})
    with pytest.raises(ConfigError, match="the option 'pattern' must be given"):
        build("regex_match")


def test_length_falls_off_in_proportion_outside_its_limits() -> None:
    assert judge("length", "one two three", at_least=2, at_most=3).value == 1
    assert judge("length", "one", at_least=2).value == 0.5
    assert judge("length", "one two three four", at_most=3).value == 0.75
    assert judge("length", "abcd", at_most=2, unit="characters").feedback == "4 characters, expected at most 2"
    assert judge("length", "one two", "one two three four").value == 0.5
    with pytest.raises(ConfigError, match=r"at_least \(5\) is above at_most \(2\)"):
        build("length", {"at_least": 5, "at_most": 2})


def test_feedback_says_what_was_expected_and_stays_short() -> None:
    told = judge("exact_match", "no", "yes " * 100).feedback
    assert told.startswith("expected 'yes yes") and told.endswith("…', got 'no'") and len(told) < 120
