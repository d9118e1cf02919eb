"""What a decision says for itself, sentence by sentence; and that all which was agreed on reaches it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from optimizer.config import ConstraintSettings, DecisionSettings
from optimizer.config.scoring import SliceSettings
from optimizer.metrics.whole import Figure
from optimizer.objective import Evaluation
from optimizer.types import Example, Output, Score
from optimizer.verdict import reasons
from optimizer.verdict.confirm import Decision, Family, Verdict
from optimizer.verdict.matched import Confirmation
from optimizer.verdict.slices import CLUSTER, SliceResult, find_slices
from optimizer.verdict.statistics import Comparison, Noise
from optimizer.verdict.weigh import Evidence, weigh_all


def of_slice(value: str, high: float, column: str = "region") -> SliceResult:
    return SliceResult(column, value, 40, 0.9, 0.5, -0.4, -0.5, high)


@pytest.mark.parametrize(
    ("mean", "low", "p", "told"),
    [
        (
            0.2,
            0.1,
            0.01,
            "20.0 points above the source on 50 held-out examples; at 95 % confidence it is at least 10.0",
        ),
        (0.2, 0.0, 0.01, "it is at least 0.0 points above."),
        (0.01, -0.02, 0.01, "it is at most 2.0 points below, inside the margin of 5."),
        (0.01, -0.06, 0.2, "it may be as much as 6.0 points below, outside the margin of 5."),
    ],
)
def test_the_quality_is_told_by_the_bound_that_matters(mean: float, low: float, p: float, told: str) -> None:
    assert told in reasons.quality(Comparison(mean, low, 0.3, 50, p, ""), 0.05, 0.95, "gold", again=False)


@pytest.mark.parametrize(
    ("low", "high", "told"),
    [
        (0.01, 0.2, "it is at least 1.0 points above."),
        (0.0, 0.2, "it is at most 0.0 points below, inside the margin."),
        (-0.049, 0.2, "it is at most 4.9 points below, inside the margin."),
        (-0.05, 0.2, "it is at most 5.000 points below, outside the margin."),
        (-0.2, -0.05, "it is at most 20.0 points below, outside the margin."),
        (-0.2, -0.06, "it is at least 6.0 points below, beyond the margin."),
    ],
)
def test_a_figure_is_told_by_the_bound_that_matters(low: float, high: float, told: str) -> None:
    sentence = reasons.of_figure(Figure("macro_f1", 0.9, None, 0.85, low, high, 100), 0.05, 0.95)

    assert sentence == f"macro_f1 is 0.850 against the source's 0.900; at 95 % confidence {told}"


@pytest.mark.parametrize(
    ("difference", "limit", "told"),
    [
        (0.0498, 0.05, "4.98"),
        (-0.05004, 0.05, "5.004"),
        (0.05, 0.05, "5.000"),
        (0.0004, 0.0, "0.04"),
        (0.1, 0.05, "10.0"),
    ],
)
def test_points_have_the_decimals_that_tell_them_from_the_limit(difference: float, limit: float, told: str) -> None:
    assert reasons.points(difference, limit) == told


def test_a_hundred_times_the_examples_are_still_told_as_a_number_and_more_are_not() -> None:
    assert reasons.outlook(5000, 50) == "About 5,000 held-out examples would settle it, 4,950 more than there are."
    assert "no affordable number of examples" in reasons.outlook(5001, 50)


@pytest.mark.parametrize(
    ("draw_sd", "way"), [(0.2, "more examples would help more"), (0.21, "asking each example more")]
)
def test_where_half_of_the_noise_is_the_draws_more_examples_help(draw_sd: float, way: str) -> None:
    """Four draws of a deviation of 0.2 leave 0.1 in their mean: half the variance, where the examples' own is 0.1."""
    assert way in reasons.of_noise(Noise(4, 0.1, draw_sd))


def test_the_three_slices_that_lose_most_for_sure_are_named_and_the_others_counted() -> None:
    worse = [of_slice("a", -0.1), of_slice("b", -0.3), of_slice("c", -0.2), of_slice("“x”", -0.05, CLUSTER)]

    told = reasons.hidden([*worse, of_slice("fine", 0.0)], 0.95)

    assert told == (
        "Surely worse in slices (95 % for all 5 together): region = b (40 examples, 40.0 points below, at least 30.0); "
        "region = c (40 examples, 40.0 points below, at least 20.0); "
        "region = a (40 examples, 40.0 points below, at least 10.0); and 1 more."
    )
    assert "more." not in reasons.hidden(worse[:3], 0.95)
    assert reasons.hidden([of_slice("fine", 0.0)], 0.95) == ""
    assert worse[3].name == "inputs like “x”"


@pytest.mark.parametrize(
    ("unscored", "lost", "told"),
    [
        ([], 5, "5 of 100 examples got no answer from one side or both and were left out of both."),
        (["judge: no"], 5, "5 of 100 examples were left out of both sides; for 1 of them there was an answer but no"),
        (["judge: no"], 1, "1 of 100 examples were left out of both sides; for all of them there was an answer but no"),
        ([], 0, ""),
    ],
)
def test_what_was_lost_is_told_with_why(unscored: list[str], lost: int, told: str) -> None:
    sentence = reasons.losses(lost, 100, unscored, 0.05)

    assert sentence.startswith(told) and "too many" not in sentence and bool(sentence) is bool(told)
    assert "judge: no" in sentence or not unscored


# -- what was agreed on


def met(scores: Sequence[float]) -> Confirmation:
    def side(values: Sequence[float]) -> Evaluation:
        return Evaluation(tuple(Output(str(i), "x") for i in range(len(values))), tuple(map(Score, values)))

    return Confirmation(side([1.0] * len(scores)), None, side(scores))


def weighed(confirmations: Sequence[Confirmation | None], **slices: Any) -> tuple[Decision | None, ...]:
    """Of 40 examples, by a column `region`: six of the south, all others of the north; two topics, half each."""
    topics = ("invoice payment refund bank amount", "parcel courier delivery address van")
    examples = [Example(str(i), {"text": topics[i % 2]}, "gold") for i in range(40)]
    regions = {str(i): "south" if i < 6 else "north" for i in range(40)}
    agreed: Any = SimpleNamespace(
        constraints=ConstraintSettings(),
        decision=DecisionSettings(margin=0.05, confidence=0.9),
        slices=SliceSettings(**slices),
        metrics=(),
    )
    evidence = Evidence(examples, {}, columns={"region": regions} if slices.get("columns") else None)
    return weigh_all(confirmations, evidence, agreed, "gold")


@pytest.mark.parametrize("size", [1, 2, 3])
def test_several_targets_are_a_family_and_one_is_none(size: int) -> None:
    decisions = weighed([met([1.0] * 40)] * size, clusters=0)

    assert [d.family if d else 0 for d in decisions] == [Family(size, 0.9) if size > 1 else None] * size
    assert all(("(Holm)" in d.reason) is (size > 1) for d in decisions if d)


def test_a_target_that_was_not_confirmed_has_no_decision_and_takes_its_share_of_the_error() -> None:
    """The surest of two is held to half of the error that both have together: 1 - 0.1 / 2."""
    none, found = weighed([None, met([1.0] * 40)], clusters=0)

    assert none is None and found is not None
    assert found.confidence == pytest.approx(0.95) and found.family == Family(2, 0.9)


@pytest.mark.parametrize(("score", "told"), [(0.0, False), (0.9, True)])
def test_where_the_noise_comes_from_is_told_of_an_open_verdict_alone(score: float, told: bool) -> None:
    one = met([1.0, score] * 20)
    draws = {"winner": (met([1.0] * 40).winner, met([1.0, max(0.0, 2 * score - 1)] * 20).winner)}

    (found,) = weighed([replace(one, draws=draws)], clusters=0)

    assert found is not None and found.noise is not None
    assert (found.verdict is Verdict.INCONCLUSIVE) is told
    assert ("of the variance of the differences comes from asking an example again" in found.reason) is told


@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        ({"clusters": 0}, set()),
        ({"clusters": 0, "columns": ("region",)}, {"region = north"}),
        ({"clusters": 0, "columns": ("region",), "least": 5}, {"region = north", "region = south"}),
        ({"clusters": 0, "columns": ("region",), "least": 7}, {"region = north"}),
        ({"clusters": 2}, {CLUSTER}),
    ],
)
def test_slices_are_those_that_were_asked_for(wanted: dict[str, Any], names: set[str]) -> None:
    (found,) = weighed([met([1.0] * 40)], **wanted)

    assert found is not None
    assert {CLUSTER if part.column == CLUSTER else part.name for part in found.slices} == names


def test_as_many_groups_of_inputs_are_looked_for_as_their_number_allows() -> None:
    """One for each 25 examples, and for fewer than two there is nothing to tell apart."""
    words = ["invoice payment refund", "parcel courier delivery", "password login account"]

    def found(n: int) -> int:
        return len(find_slices([f"{words[i % 3]} {words[i % 3].split()[i % 2]}" for i in range(n)], {}))

    assert (found(49), found(50), found(75)) == (0, 2, 3)
