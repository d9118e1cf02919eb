"""Every figure of the report has bounds that hold, and says on how many examples it stands."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from optimizer.objective import Evaluation
from optimizer.report.figures import intervals
from optimizer.report.figures.growth import Growth, growth, in_words
from optimizer.report.figures.intervals import Measured
from optimizer.report.figures.measures import Measure, measures
from optimizer.report.tables.table import table
from optimizer.results.migration import Migration, TargetResult
from optimizer.types import Output, Score
from optimizer.verdict.matched import Confirmation
from tests.conftest import Walked

RUNS, N, LEVEL = 400, 60, 0.95
#: What 95 % bounds may miss in so many runs, at three standard deviations.
MOST = 0.05 + 3 * math.sqrt(0.05 * 0.95 / RUNS)


def test_a_mean_has_students_bounds() -> None:
    values = list(np.random.default_rng(1).gamma(3, 2, 40))
    found = intervals.mean(values, LEVEL)
    low, high = stats.t.interval(0.90, 39, np.mean(values), stats.sem(values))

    assert found.value == pytest.approx(np.mean(values)) and found.n == 40
    assert found.low == pytest.approx(low) and found.high == pytest.approx(high)


def test_a_share_has_wilsons_bounds() -> None:
    found = intervals.share([True] * 17 + [False] * 3, LEVEL)
    check = stats.binomtest(17, 20).proportion_ci(0.90, method="wilson")

    assert found.low == pytest.approx(check.low) and found.high == pytest.approx(check.high)
    assert intervals.share([True] * 9, LEVEL).high == 1.0 and intervals.share([False] * 9, LEVEL).low == 0.0


def test_a_percentile_has_the_bounds_of_order_statistics() -> None:
    values = list(np.random.default_rng(2).lognormal(0, 1, 60))
    median = intervals.percentile(values, 0.5, LEVEL, float(np.median(values)))
    check = stats.quantile_test(values, q=0, p=0.5, alternative="two-sided").confidence_interval(0.90)

    assert (median.low, median.high) == (check.low, check.high)


def test_a_difference_of_medians_holds_where_both_of_its_bounds_do() -> None:
    found = intervals.difference(Measured(0.9, 0.8, 1.0, 40), Measured(0.5, 0.4, 0.7, 50))

    assert (found.value, found.low, found.high) == pytest.approx((0.4, 0.1, 0.6)) and found.n == 40
    assert intervals.difference(Measured(0.9, None, 1.0), Measured(0.5, 0.4, 0.7)).low is None


def test_the_median_stands_beside_the_mean_of_graded_scores(plain_run: Walked) -> None:
    (result,) = plain_run.migration.targets
    met = result.confirmation
    assert "quality_median" not in {one.key for one in measures(result)}  # right or wrong: it would tell nothing

    def graded(side: Evaluation, first: float) -> Evaluation:
        return replace(side, scores=tuple(Score(0.5 if i else first) for i, _ in enumerate(side.scores)))

    sides = replace(met, source=graded(met.source, 1.0), winner=graded(met.winner, 0.0))
    (found,) = [one for one in measures(replace(result, confirmation=sides)) if one.key == "quality_median"]
    assert found.source.value == found.migrated.value == 0.5 and found.change.value == 0.0


def test_few_examples_give_a_high_percentile_no_upper_bound() -> None:
    """0.95 ** n is 5 % at n = 58.4: of 58 examples even the largest may lie below the 95th percentile."""
    found = {n: intervals.percentile(list(range(n)), 0.95, LEVEL, n) for n in (58, 59)}
    assert found[58].high is None and found[59].high == 58


@pytest.mark.parametrize("n", [N, 500])
def test_bounds_miss_the_truth_as_seldom_as_they_say(n: int) -> None:
    rng, missed = np.random.default_rng(n), np.zeros((4, 2))
    for _ in range(RUNS):
        latency = rng.lognormal(0, 0.5, n)
        scores = rng.choice([0.0, 1 / 3, 2 / 3, 1.0], n, p=[0.1, 0.1, 0.2, 0.6])
        theirs = rng.gamma(4, 1, n)
        ours = theirs * rng.uniform(0.3, 0.7, n)
        for row, (found, truth) in enumerate(
            (
                (intervals.mean(list(latency), LEVEL), math.exp(0.125)),
                (intervals.percentile(list(latency), 0.5, LEVEL, 1.0), 1.0),
                (intervals.score(list(scores), LEVEL), 0.1 / 3 + 0.4 / 3 + 0.6),
                (intervals.ratio_of_means(list(ours), list(theirs), LEVEL), -0.5),
            )
        ):
            assert found.low is not None and found.high is not None
            missed[row] += found.low > truth, found.high < truth
    slack = np.array([[0, 0.03], [0, 0], [0, 0], [0.01, 0.01]])  # Student's t on skewed amounts, a linearised ratio
    assert (missed / RUNS <= MOST + slack).all(), missed / RUNS


def one(migration: Migration) -> TargetResult:
    return migration.targets[0]


def by_key(result: TargetResult) -> dict[str, Measure]:
    return {measure.key: measure for measure in measures(result)}


def test_every_line_says_on_how_many_examples_and_with_what_bounds(plain_run: Walked) -> None:
    found = measures(one(plain_run.migration))

    assert [measure.key for measure in found] == [
        *("quality", "valid", "cost_per_1000", "latency_mean", "latency_median", "latency_p95"),
        *("input_tokens", "output_tokens"),
    ]
    for measure in found:
        for side in (measure.source, measure.unchanged, measure.migrated):
            assert side and side.n == 60 and side.low is not None
            assert side.low <= side.value <= (math.inf if side.high is None else side.high)
        assert measure.change.n == 60
    for row in table(found):
        assert row.n == "60" and row.source.bounds and row.migrated.bounds


def test_the_change_in_quality_is_the_verdicts_own(plain_run: Walked) -> None:
    comparison = one(plain_run.migration).decision.comparison
    change = by_key(one(plain_run.migration))["quality"].change

    assert (change.value, change.low, change.high) == (comparison.mean, comparison.low, comparison.high)


def test_an_example_without_an_answer_counts_in_no_figure(plain_run: Walked) -> None:
    result = one(plain_run.migration)
    met = result.confirmation
    lost = (replace(met.winner.outputs[0], status="failed", latency=99.0, cost=99.0), *met.winner.outputs[1:])
    winner = Evaluation(lost, met.winner.scores)
    found = by_key(replace(result, confirmation=replace(met, winner=winner)))

    assert found["latency_mean"].migrated.n == 59 and found["latency_mean"].migrated.value < 1
    assert found["cost_per_1000"].change.n == 59 and found["quality"].migrated.n == 59


def test_what_was_not_measured_has_neither_figure_nor_bounds(plain_run: Walked) -> None:
    result = one(plain_run.migration)
    met = result.confirmation
    bare = replace(met, winner=replace(met.winner, unmeasured=frozenset({"cost", "latency"})))
    rows = {row.key: row for row in table(measures(replace(result, confirmation=bare)))}

    for key in ("cost_per_1000", "latency_mean", "latency_median", "latency_p95"):
        assert (rows[key].migrated.figure, rows[key].migrated.bounds) == ("not recorded", "")
        assert rows[key].change.figure == "–" and rows[key].better is None


# -- what a longer prompt costs


def _evaluated(cost: float, read: int, wrote: int) -> Evaluation:
    outputs = tuple(Output(f"{i}", "x", cost=cost, input_tokens=read, output_tokens=wrote) for i in range(4))
    return Evaluation(outputs, tuple(Score(1.0) for _ in outputs))


def priced(migration: Migration, source_cost: float, read: int, cost: float | None = None) -> Growth:
    """Prices are those of the task file: 1 and 4 dollars per million tokens."""
    met = Confirmation(
        source=_evaluated(source_cost, 100, 10),
        unchanged=_evaluated(0.00014, 100, 10),
        winner=_evaluated((read + 40) / 1e6 if cost is None else cost, read, 10),
    )
    found = growth(replace(migration, targets=(replace(one(migration), confirmation=met),)), 0)
    assert found
    return found


def test_the_point_where_growth_eats_the_saving_is_the_one_worked_out_by_hand(plain_run: Walked) -> None:
    """The source takes $0.001; replies of 10 tokens take $0.00004; so 960 tokens at $1 per million are left."""
    found = priced(plain_run.migration, 0.001, 200)

    assert found.factor == 2.0 and found.even == pytest.approx(960)
    assert found.even_price == pytest.approx(4.8), "$0.00096 over 200 tokens"
    growth_line, even_line = in_words(found)
    assert (
        "has 200 input tokens with the migrated prompt and 100 with the unchanged one: 2.00 times as many"
        in growth_line
    )
    assert "used up when a call has 960 input tokens" in even_line and "4.8 times its 200 input tokens" in even_line


def test_a_prompt_past_that_point_is_said_to_be_past_it(plain_run: Walked) -> None:
    assert "The prompt is past that point" in in_words(priced(plain_run.migration, 0.001, 2000))[-1]
    assert "its replies alone do" in in_words(priced(plain_run.migration, 0.00003, 200))[-1]


def test_without_a_price_that_explains_the_bill_no_such_point_is_named(plain_run: Walked) -> None:
    found = priced(plain_run.migration, 0.001, 200, cost=0.5)

    assert found.even is None and found.price is None
    assert in_words(found)[-1].startswith("At what length the saving is used up cannot be said")


def test_a_figure_without_a_bound_on_one_side_says_so(plain_run: Walked) -> None:
    side = Measured(1.0, 0.5, None, 20)
    [row] = table([Measure("latency_p95", "p95", "seconds", False, side, None, side, Measured(math.nan))])
    assert row.migrated.bounds == "0.50 s or more"
