"""The verdict: what it follows from, what leaves it open, and what it says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from scipy.stats import binomtest

from optimizer.errors import DataError
from optimizer.metrics.whole import Figure
from optimizer.objective import Constraints, Evaluation
from optimizer.types import Example, Output, Score
from optimizer.verdict.confirm import Basis, Decision, Verdict, decide
from optimizer.verdict.matched import Confirmation, MatchedPairs, Standard, standard_of
from optimizer.verdict.statistics import examples_needed

MIGRATE, STAY, OPEN = Verdict.MIGRATE, Verdict.STAY, Verdict.INCONCLUSIVE


def side(scores: Sequence[float], status: Sequence[str] = (), **facts: Any) -> Evaluation:
    """`status` holds for the first outputs, "ok" for the others; lists among `facts` are spread over the outputs."""
    outputs = []
    for i in range(len(scores)):
        own = {name: value[i] if isinstance(value, list) else value for name, value in facts.items()}
        kind: Any = status[i] if i < len(status) else "ok"
        outputs.append(Output(str(i), "", status=kind, **own))
    return Evaluation(tuple(outputs), tuple(map(Score, scores)))


def verdict(
    source: Evaluation,
    winner: Evaluation,
    again: Evaluation | None = None,
    standard: Standard = "gold",
    **agreed: Any,
) -> Decision:
    pairs = MatchedPairs(Confirmation(source, winner, winner, again), standard)
    return decide(Basis(pairs, **{"constraints": Constraints(), "margin": 0.05, "confidence": 0.95, **agreed}))


def pairs(won: int, lost: int, n: int) -> tuple[Evaluation, Evaluation]:
    """Source and target with 0/1 scores."""
    return side([0.0] * won + [1.0] * (n - won)), side([1.0] * (n - lost) + [0.0] * lost)


def test_a_target_that_is_surely_not_worse_by_the_margin_may_take_over() -> None:
    decision = verdict(*pairs(5, 4, 300))
    assert decision.verdict is MIGRATE
    assert decision.needed is None
    assert decision.reason.startswith("The target scores 0.3 points above the source on 300 held-out examples; ")
    low = 100 * -decision.comparison.low
    assert f"at 95 % confidence it is at most {low:.1f} points below, inside the margin of 5." in decision.reason


def test_a_target_that_is_surely_worse_by_more_than_the_margin_may_not() -> None:
    decision = verdict(*pairs(2, 60, 300))
    assert decision.verdict is STAY
    assert "The target scores 19.3 points below the source" in decision.reason
    assert "points below, beyond the margin of 5." in decision.reason


def test_what_the_examples_cannot_tell_stays_open_with_the_number_that_would_settle_it() -> None:
    decision = verdict(*pairs(5, 6, 60))
    assert decision.verdict is OPEN
    assert decision.needed is not None and decision.needed > 60
    more = f"{decision.needed - 60:,} more than there are"
    assert f"About {decision.needed:,} held-out examples would settle it, {more}." in decision.reason
    assert "it may be as much as" in decision.reason and "outside the margin of 5." in decision.reason


def test_the_number_that_would_settle_it_is_that_of_the_open_question() -> None:
    """Quality by the differences as they are; a constraint by its own numbers: 7 broken of 200 where 6 are allowed."""
    open_quality = verdict(*pairs(5, 6, 60))
    assert open_quality.needed == examples_needed(-1 / 60, (11 / 60 - 1 / 3600) ** 0.5, 0.05, 0.95)
    winner = side([0.6] * 200, ["invalid"] * 7)
    open_replies = verdict(side([0.5] * 200), winner, constraints=Constraints(valid=0.97))
    assert open_replies.needed == examples_needed(-0.005, (0.035 * 0.965) ** 0.5, 0.0, 0.95)


@pytest.mark.parametrize(
    ("low", "high", "n", "needed"),
    [
        (
            -0.09,
            0.07,
            100,
            939,
        ),  # 2.4865 * 0.08 * 10 / 1.6449 / sqrt(939) + 0.5 / 939 = 0.04, the way from -0.01 to -0.05
        (-0.13, 0.03, 100, None),  # on the line
        (None, None, 100, None),
        (0.05 ** (1 / 20) - 1, 1 - 0.05 ** (1 / 20), 20, 59),  # nothing lost: 0.95 ** 59 is the first below 5 %
        (-0.04, 0.1, 300, 0),
    ],
)
def test_where_a_figure_is_open_the_number_is_the_one_that_it_takes(
    low: float | None, high: float | None, n: int, needed: int | None
) -> None:
    """Not one example more than there are, which would settle nothing."""
    figure = Figure("macro_f1", 0.9, None, 0.89, low, high, n)
    decision = verdict(side([0.5] * n), side([0.9] * n), figures=(figure,))

    assert decision.verdict is (MIGRATE if needed == 0 else OPEN)
    assert decision.needed == (needed or None)
    assert ("would settle it" in decision.reason) is bool(needed)


def test_a_loss_that_is_sure_on_too_few_pairs_takes_no_more_than_a_verdict_does() -> None:
    assert verdict(side([1.0] * 9), side([0.0] * 9)).needed == 10


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(-0.04, 0.1, MIGRATE), (-0.05, 0.1, OPEN), (-0.2, -0.05, OPEN), (-0.2, -0.06, STAY), (None, None, OPEN)],
)
def test_a_figure_over_the_set_must_pass_too(low: float | None, high: float | None, expected: Verdict) -> None:
    figure = Figure("macro_f1", 0.9, None, 0.85, low, high, 300)
    decision = verdict(*pairs(5, 4, 300), figures=(figure,))
    assert (decision.verdict, decision.figures) == (expected, (figure,))


def test_twenty_flawless_examples_are_not_enough() -> None:
    assert verdict(*pairs(0, 0, 20)).verdict is OPEN


def test_equal_scores_are_called_equal() -> None:
    assert "The target scores exactly as high as the source on 100" in verdict(*pairs(0, 0, 100)).reason


@pytest.mark.parametrize(("invalid", "expected"), [(0, MIGRATE), (6, MIGRATE), (7, OPEN), (10, OPEN), (11, STAY)])
def test_broken_replies_end_it_only_where_chance_does_not_explain_them(invalid: int, expected: Verdict) -> None:
    """Of 200 replies 97 % must be valid: 6 may be broken; 11 are too many to be chance, 10 are not."""
    assert (binomtest(invalid, 200, 0.03, "greater").pvalue <= 0.05) == (expected is STAY)
    source = side([0.5] * 200)
    winner = side([0.6] * 200, ["invalid"] * invalid)
    decision = verdict(source, winner, constraints=Constraints(valid=0.97))
    assert decision.verdict is expected
    assert [check.met for check in decision.checks] == [expected is MIGRATE]


def test_a_broken_constraint_is_named_with_both_figures() -> None:
    winner = side([0.6] * 200, ["invalid"] * 7)
    decision = verdict(side([0.5] * 200), winner, constraints=Constraints(valid=0.97))
    assert (
        "A constraint is broken, though chance may explain it: valid replies 96.5%, at least 97.0% allowed."
        in decision.reason
    )
    assert decision.needed is not None and decision.needed > 200


@pytest.mark.parametrize(
    ("limits", "facts", "expected"),
    [
        ({"cost_per_1000": 2.0}, {"cost": 0.0021}, STAY),
        ({"cost_per_1000": 2.0}, {"cost": 0.002}, MIGRATE),
        ({"cost_per_1000": 2.0}, {"cost": [0.0, 0.0041] * 100}, OPEN),
        ({"prompt_tokens": 500}, {"input_tokens": 501}, STAY),
        ({"p95_latency": 1.0}, {"latency": [2.0] * 11 + [0.5] * 189}, OPEN),
        ({"p95_latency": 1.0}, {"latency": [2.0] * 10 + [0.5] * 190}, MIGRATE),
        ({"p95_latency": 1.0}, {"latency": [2.0] * 20 + [0.5] * 180}, STAY),
    ],
)
def test_every_constraint_is_held_against_its_own_noise(
    limits: dict[str, float], facts: dict[str, Any], expected: Verdict
) -> None:
    decision = verdict(side([0.5] * 200), side([0.6] * 200, **facts), constraints=Constraints(**limits))
    assert decision.verdict is expected
    assert ("Every constraint is kept." in decision.reason) == (expected is MIGRATE)


def test_a_kept_constraint_does_not_save_a_target_that_is_worse() -> None:
    source, winner = pairs(0, 60, 300)
    assert verdict(source, winner, constraints=Constraints(valid=0.9)).verdict is STAY


def test_examples_lost_on_either_side_are_left_out_of_both_and_counted() -> None:
    source = side([0.0, 1.0] + [0.5] * 98, ["failed"])
    winner = side([1.0, 0.0] + [0.5] * 98, ["ok", "failed"])
    decision = verdict(source, winner)
    assert (decision.comparison.n, decision.comparison.mean, decision.comparison.sd) == (98, 0, 0)
    assert "2 of 100 examples got no answer from one side or both and were left out of both." in decision.reason


def test_too_many_lost_examples_leave_it_open_however_good_the_rest_looks() -> None:
    decision = verdict(side([0.5] * 100), side([0.9] * 100, ["failed"] * 6))
    assert (decision.verdict, decision.needed) == (OPEN, None)
    assert "more than 5%, too many for a verdict; run again." in decision.reason
    assert verdict(side([0.5] * 100), side([0.9] * 100, ["failed"] * 5)).verdict is MIGRATE


@pytest.mark.parametrize("n", [0, 9])
def test_fewer_than_ten_pairs_give_no_verdict(n: int) -> None:
    decision = verdict(side([0.0] * n), side([1.0] * n), constraints=Constraints(valid=0.5))
    assert decision.verdict is OPEN
    assert "Fewer than 10 pairs give no verdict." in decision.reason
    assert decision.needed is not None and decision.needed >= 10


def test_all_examples_lost_is_open_and_not_a_crash() -> None:
    failed = side([0.0] * 20, ["failed"] * 20)
    decision = verdict(side([1.0] * 20), failed, constraints=Constraints(valid=0.9))
    assert (decision.verdict, decision.comparison.n, decision.checks) == (OPEN, 0, ())
    assert decision.reason.startswith("No held-out example has an answer from both sides.")


def test_parity_is_judged_against_the_source_asked_again() -> None:
    first, again = side([1.0] * 200), side([0.0] * 40 + [1.0] * 160)
    winner = side([0.0] * 42 + [1.0] * 158)
    decision = verdict(first, winner, again, standard="parity")
    assert decision.verdict is MIGRATE
    assert (
        "agreement with the source's answers is 1.0 points below the source's agreement with itself" in decision.reason
    )
    assert verdict(first, winner, again, standard="gold").verdict is STAY


def test_where_the_source_was_not_asked_twice_full_agreement_is_the_standard() -> None:
    decision = verdict(side([1.0] * 200), side([0.0] * 42 + [1.0] * 158), standard="parity")
    assert decision.verdict is STAY
    assert "full agreement (the source was not asked twice)" in decision.reason


def test_parity_leaves_out_examples_on_which_the_source_gave_nothing_to_agree_with() -> None:
    first = side([0.0] * 4 + [1.0] * 96, ["invalid"] * 4)
    decision = verdict(first, side([0.0] * 4 + [1.0] * 96), side([0.0] * 4 + [1.0] * 96), standard="parity")
    assert decision.comparison.n == 96


def test_sides_that_met_other_examples_are_refused() -> None:
    source, winner = pairs(0, 0, 20)
    turned = Evaluation(winner.outputs[::-1], winner.scores)
    with pytest.raises(DataError, match="not given the same examples in the same order"):
        verdict(source, turned)


def test_a_bound_just_inside_the_margin_does_not_read_as_the_margin() -> None:
    source, winner = pairs(5, 4, 300)
    low = verdict(source, winner).comparison.low
    decision = verdict(source, winner, margin=round(-low, 3) + 0.0002)
    assert decision.verdict is MIGRATE
    shown = decision.reason.split("at most ")[1].split(" points")[0]
    assert float(shown) != pytest.approx(100 * decision.margin)


class Against:
    def __init__(self, against: str) -> None:
        self.against = against


@pytest.mark.parametrize(
    ("against", "golds", "standard", "scored"),
    [
        (["auto"], ["a", "b"], "gold", "gold"),
        (["auto"], ["a", None], "mixed", "mixed"),
        (["auto"], [None, None], "parity", "mixed"),
        (["source"], ["a", "b"], "parity", "mixed"),
        (["gold"], [None, None], "gold", "gold"),
        (["gold", "source"], ["a", "b"], "mixed", "mixed"),
    ],
)
def test_the_standard_is_what_the_scores_are_made_of(
    against: list[str], golds: list[str | None], standard: Standard, scored: Standard
) -> None:
    """`scored`: beside the metrics there are scores from elsewhere."""
    examples = [Example(str(i), {"x": "y"}, gold) for i, gold in enumerate(golds)]
    assert standard_of(map(Against, against), examples) == standard
    assert standard_of(map(Against, against), examples, scored=True) == scored


def test_a_draw_without_an_answer_is_no_score_of_zero_in_the_noise() -> None:
    """Variances within two examples: 0.08 and 0.02; the draw that failed says nothing of a third."""
    first, second = side([0.2, 0.4, 0.5]), side([0.0, 0.8, 0.7], ["failed"])
    source = side([0.5] * 3)

    for standard, again in (("gold", source), ("parity", None)):
        met = Confirmation(source, None, side([0.2, 0.6, 0.6]), again, {"winner": (first, second), "source": (source,)})
        spread = MatchedPairs(met, standard).spread  # type: ignore[arg-type]
        assert spread is not None and spread.draw_sd**2 == pytest.approx(0.05)


def test_why_answers_could_not_be_scored_is_told_once_for_each_example() -> None:
    def told(*errors: str) -> Evaluation:
        return Evaluation(
            tuple(Output(str(i), "x" if e else "", status="failed", error=e) for i, e in enumerate(errors)),
            (Score(0.0),) * len(errors),
        )

    source, winner = told("judge: a", "", "judge: b"), told("judge: c", "", "")
    assert MatchedPairs(Confirmation(source, None, winner)).unscored == ["judge: a", "judge: b"]


def test_where_some_examples_have_gold_the_reason_does_not_speak_of_agreement_alone() -> None:
    source, winner = pairs(5, 4, 300)
    reason = verdict(source, winner, again=source, standard="mixed").reason
    assert reason.startswith(
        "By gold answers, and by the source's own answers where there are none, the target scores 0.3 points above the "
        "source asked again on 300 held-out examples; "
    )


def test_what_the_source_could_not_answer_counts_where_a_gold_answer_judges_it() -> None:
    """Of 40 examples the source refused four: two that have a gold answer, two that only it could have answered."""
    source = side([0.0] * 4 + [1.0] * 36, ["refused"] * 4)
    winner = side([1.0] * 2 + [0.0] * 2 + [1.0] * 36)
    golds = frozenset(["0", "1", *map(str, range(20, 40))])

    def kept(standard: Standard) -> tuple[int, ...]:
        return MatchedPairs(Confirmation(source, winner, winner, source), standard, golds).kept

    assert kept("mixed") == (0, 1, *range(4, 40))
    assert kept("parity") == tuple(range(4, 40))
    assert kept("gold") == tuple(range(40))
