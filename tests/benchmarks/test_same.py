"""A target that is the source under another name is not sent away; in full size: benchmarks/same.py."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from benchmarks.same import simulate
from optimizer.objective import Constraints, Evaluation, pooled
from optimizer.types import Output, Score
from optimizer.verdict.confirm import Basis, Verdict, decide
from optimizer.verdict.matched import Confirmation, MatchedPairs, Standard

RUNS, HELD_OUT = 100, 80


@pytest.mark.parametrize("gold", [True, False], ids=["gold", "agreement"])
def test_whole_runs_of_a_model_against_itself_do_not_end_in_stay(gold: bool) -> None:
    """At 5 % more than one in four runs would be one chance in seventy; so it is for a slice that is called worse."""
    ended = [simulate(seed, gold=gold, rows=160) for seed in range(4)]
    assert all(end.sliced >= 8 for end in ended), "nothing to be alarmed about shows nothing here"
    assert [end.verdict for end in ended].count("stay") <= 1
    assert sum(end.alarms > 0 for end in ended) <= 1


@pytest.mark.parametrize(
    ("kind", "standard", "draws"), [("binary", "gold", 1), ("graded", "parity", 1), ("binary", "parity", 3)]
)
def test_confirmations_with_noise_seldom_say_that_the_target_is_worse(
    kind: str, standard: Standard, draws: int
) -> None:
    """With no margin at all, which is where a false alarm is likeliest."""
    rng = np.random.default_rng([draws, kind == "binary", standard == "gold"])
    verdicts = [confirmed(rng, kind, standard, draws) for _ in range(RUNS)]
    assert verdicts.count(Verdict.STAY) <= stats.binom.ppf(0.99, RUNS, 0.05)


def confirmed(rng: np.random.Generator, kind: str, standard: Standard, draws: int) -> Verdict:
    """Source, source again and target draw from the same distribution on each example."""
    ease = rng.choice([0.5, 0.8, 0.95, 1.0], HELD_OUT)

    def side() -> Evaluation:
        return pooled([one() for _ in range(draws)])

    def one() -> Evaluation:
        drawn = rng.random(HELD_OUT) < ease if kind == "binary" else rng.beta(8 * ease + 1, 9 - 8 * ease)
        outputs = tuple(Output(str(i), "x") for i in range(HELD_OUT))
        return Evaluation(outputs, tuple(Score(float(value)) for value in drawn))

    pairs = MatchedPairs(Confirmation(side(), None, side(), side()), standard)
    return decide(Basis(pairs, Constraints(), margin=0.0, confidence=0.95)).verdict
