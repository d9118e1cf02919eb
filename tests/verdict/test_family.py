"""Several targets and several draws: the error is shared out, and noise is told apart."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from optimizer.config.terms import Terms
from optimizer.objective import Evaluation, pooled
from optimizer.report import as_page
from optimizer.report.summary import outcome, outcome_json
from optimizer.results.migration import Migration, TargetResult
from optimizer.results.recommendation import recommend
from optimizer.results.rescore import rescore
from optimizer.results.rundir import RunDir
from optimizer.task import load_task
from optimizer.types import Output, Request, Score
from optimizer.verdict.confirm import Verdict
from optimizer.verdict.power import power
from optimizer.verdict.statistics import examples_needed, fewest_pairs, noise, p_value, shared_confidence
from tests.walking import TARGET, crew, finished, number, parity, wordy, write_task

# -- Holm


def test_the_shares_are_holms_worked_out_by_hand() -> None:
    """p = 0.01, 0.04, 0.03 at 5 %: 0.01 <= 0.05 / 3 succeeds, 0.03 > 0.05 / 2 fails, and with it 0.04."""
    levels = shared_confidence([0.01, 0.04, 0.03], 0.95)
    assert levels == pytest.approx([1 - 0.05 / 3, 1 - 0.05 / 2, 1 - 0.05 / 2])
    assert shared_confidence([0.5], 0.9) == pytest.approx([0.9])
    assert shared_confidence([], 0.9) == []


def test_a_test_succeeds_at_its_share_just_where_holms_adjusted_p_value_does() -> None:
    rng = np.random.default_rng(0)
    for _ in range(300):
        p = np.round(rng.random(int(rng.integers(1, 8))) ** 3, 3)
        order = np.argsort(p, kind="stable")
        adjusted = np.empty(len(p))
        adjusted[order] = np.maximum.accumulate(p[order] * (len(p) - np.arange(len(p))))
        own = [value <= 1 - level + 1e-12 for value, level in zip(p, shared_confidence(list(p), 0.95), strict=True)]
        assert own == list(adjusted <= 0.05 + 1e-12)


def test_the_order_of_the_targets_does_not_matter() -> None:
    given = (0.001, 0.2, 0.02)
    told = dict(zip(given, shared_confidence(given, 0.95), strict=True))
    for turned in permutations(given):
        assert dict(zip(turned, shared_confidence(turned, 0.95), strict=True)) == pytest.approx(told)


def test_five_hopeless_targets_are_not_let_through_oftener_than_one() -> None:
    """All worse by exactly the margin: the chance that any is let through stays at 5 %."""
    rng, passed, runs = np.random.default_rng(7), 0, 300
    for _ in range(runs):
        p = []
        for _target in range(5):
            draw = rng.random(200)
            ours = np.where(draw < 0.15, 0.0, 1.0)
            theirs = np.where((draw >= 0.15) & (draw < 0.25), 0.0, 1.0)
            p.append(p_value(list(ours), list(theirs), 0.05))
        levels = shared_confidence(p, 0.95)
        passed += any(value <= 1 - level for value, level in zip(p, levels, strict=True))
    assert passed <= stats.binom.ppf(0.999, runs, 0.05)


# -- draws


def drawn(rng: Any, n: int, k: int, example_sd: float, draw_sd: float) -> tuple[list[list[float]], list[list[float]]]:
    gap = rng.normal(0, example_sd, n)
    theirs = 0.5 + rng.normal(0, draw_sd / np.sqrt(2), (n, k))
    ours = 0.5 + gap[:, None] + rng.normal(0, draw_sd / np.sqrt(2), (n, k))
    return ours.tolist(), theirs.tolist()


@pytest.mark.parametrize(("example_sd", "draw_sd"), [(0.2, 0.1), (0.1, 0.3), (0.0, 0.2)])
def test_the_variance_of_examples_and_of_draws_are_told_apart(example_sd: float, draw_sd: float) -> None:
    found = noise(*drawn(np.random.default_rng(1), 4000, 3, example_sd, draw_sd))
    assert found and found.draws == 3
    assert found.draw_sd == pytest.approx(draw_sd, rel=0.05)
    assert found.example_sd == pytest.approx(example_sd, abs=0.02)
    assert found.share == pytest.approx(draw_sd**2 / 3 / (draw_sd**2 / 3 + example_sd**2), abs=0.05)


def test_the_parts_of_the_variance_are_those_of_a_random_effects_analysis() -> None:
    """With differences paired draw by draw this is one-way ANOVA: (MS between - MS within) / k."""
    ours, theirs = drawn(np.random.default_rng(2), 60, 4, 0.2, 0.2)
    theirs = [[0.5] * 4 for _ in theirs]
    table = np.array(ours) - 0.5
    within = table.var(axis=1, ddof=1).mean()
    between = 4 * table.mean(axis=1).var(ddof=1)
    found = noise(ours, theirs)
    assert found and found.draw_sd**2 == pytest.approx(within)
    assert found.example_sd**2 == pytest.approx((between - within) / 4)


def test_draws_of_unequal_number_and_examples_without_any_are_told_apart_by_hand() -> None:
    """Ours: variances 0.02 and 0.08 within two examples, a third drawn once; theirs once each. The fourth has no draw.

    Within: 0.05. Means -0.1, 0.1, 0.6 have a variance of 0.13; the draws explain (0.05 / 2 + 0.05 / 2 + 0.05) / 3.
    """
    found = noise([[0.3, 0.5], [0.4, 0.8], [0.9], []], [[0.5], [0.5], [0.3], [0.9]])

    assert found is not None and found.draws == 2
    assert found.draw_sd**2 == pytest.approx(0.05)
    assert found.example_sd**2 == pytest.approx(0.13 - 0.1 / 3)


def test_single_draws_tell_nothing_of_their_noise() -> None:
    assert noise([[0.1], [0.2]], [[0.3], [0.4]]) is None
    assert noise([], []) is None


def test_the_pool_of_draws_has_the_mean_score_and_one_answers_latency() -> None:
    def one(value: float, latency: float, status: Any = "ok") -> Evaluation:
        return Evaluation((Output("a", "x", latency=latency, status=status),), (Score(value, parts={"p": value}),))

    found = pooled((one(0.0, 9.0, "failed"), one(1.0, 1.0), one(0.5, 5.0)))
    assert found.scores[0].value == 0.75 and found.scores[0].parts == {"p": 0.75}
    assert found.outputs[0].latency == 1.0 and found.outputs[0].status == "ok"
    assert pooled((one(0.0, 9.0, "failed"), one(0.0, 9.0, "failed"))).outputs[0].status == "failed"


def unsteady(request: Request) -> str:
    """Right two times out of three, as the draw decides."""
    wrong = (number(request) + request.sample) % 3 == 0
    return {"odd": "even", "even": "odd"}[parity(request)] if wrong else parity(request)


def test_a_run_asks_every_held_out_example_as_often_as_it_is_told(tmp_path: Path) -> None:
    models = crew(target=unsteady, source=unsteady)
    migration, folder = finished(tmp_path, models, decision={"draws": 3})
    (result,) = migration.targets
    met = result.confirmation

    assert models.models["test/source"].calls == 120 + 3 * 60
    assert {name: len(draws) for name, draws in met.draws.items()} == dict.fromkeys(
        ("source", "unchanged", "winner", "again"), 3
    )
    assert all(mark.value == pytest.approx(2 / 3) for mark in met.winner.scores), "each is wrong in one draw of three"
    assert result.decision.noise and result.decision.noise.draws == 3
    assert result.decision.noise.draw_sd == pytest.approx(np.sqrt(2 * (2 / 9) * 3 / 2))
    assert RunDir.read(folder).migration() == migration
    assert "each asked 3 times" in as_page(migration)
    assert rescore(migration, Terms.of(migration.settings))[0].decision == result.decision


def test_draws_are_in_the_estimate_before_they_are_paid_for(tmp_path: Path) -> None:
    from optimizer.planning.plan import plan

    once = plan(load_task(write_task(tmp_path / "1"))).expected
    thrice = plan(load_task(write_task(tmp_path / "3", decision={"draws": 3}))).expected
    assert thrice.roles["source"].calls - once.roles["source"].calls == 2 * 60
    assert thrice.roles["target"].calls - once.roles["target"].calls == 2 * 2 * 60


# -- several targets


@pytest.fixture(scope="module")
def several(tmp_path_factory: pytest.TempPathFactory) -> tuple[Migration, Path]:
    """One that is dear and good, one cheap and good, one hopeless."""
    targets = [
        TARGET,
        TARGET | {"model": "test/cheap", "price": {"input": 0.1, "output": 0.4}},
        TARGET | {"model": "test/bad", "price": {"input": 0.01, "output": 0.04}},
    ]
    models = crew(cheap=wordy, bad=lambda request: "odd" if number(request) % 3 else "even")
    folder = tmp_path_factory.mktemp("several")
    return finished(folder, models, rows=240, target=None, targets=targets)


def test_only_acceptable_targets_are_recommended_or_called_best_cheapest_or_fastest(
    several: tuple[Migration, Path],
) -> None:
    migration, folder = several
    found = recommend(migration)
    by_model = {row.model: row for row in found.targets}

    assert [by_model[name].acceptable for name in ("test/target", "test/cheap", "test/bad")] == [True, True, False]
    assert by_model["test/bad"].cost < by_model["test/cheap"].cost < by_model["test/target"].cost
    assert found.cheapest == found.recommended == "test/cheap"
    assert found.best == "test/target", "equal quality: the first that was named"
    told = json.loads((folder / "decision.json").read_text("utf-8"))["recommendation"]
    assert (told["recommended"], told["cheapest"], len(told["targets"])) == ("test/cheap", "test/cheap", 3)
    assert outcome_json(migration, folder)["recommended"] == "test/cheap"
    assert "test/cheap is recommended: of 2 acceptable targets it has the highest objective." in outcome(
        migration, folder
    )


def test_the_objective_of_a_target_is_the_declared_one(several: tuple[Migration, Path]) -> None:
    migration, _ = several
    source = [output for output in migration.baseline if output.status != "failed"]
    unit = sum(output.cost for output in source) / len(source)
    for row in recommend(migration).targets:
        assert row.objective == pytest.approx(row.quality - 0.02 * row.cost / unit)


def test_the_verdicts_say_for_how_many_targets_they_hold(several: tuple[Migration, Path]) -> None:
    migration, _ = several
    for result in migration.targets:
        assert "The verdicts on all 3 targets together hold at 95 % confidence (Holm)." in result.decision.reason
    levels = sorted(result.decision.confidence for result in migration.targets)
    assert levels[-1] == pytest.approx(1 - 0.05 / 3) and levels[0] == pytest.approx(0.95)


def test_the_page_shows_all_targets_in_one_table_and_one_picture(several: tuple[Migration, Path]) -> None:
    page = as_page(several[0])
    assert "3 targets side by side" in page and "test/cheap is recommended" in page
    assert "Quality against cost and latency of 3 targets" in page


def without_cost(migration: Migration, *models: str) -> Migration:
    def unpriced(result: TargetResult) -> TargetResult:
        if result.model not in models:
            return result
        met = replace(result.confirmation.winner, unmeasured=frozenset({"cost"}))
        return replace(result, confirmation=replace(result.confirmation, winner=met))

    return replace(migration, targets=tuple(unpriced(result) for result in migration.targets))


def test_a_target_whose_cost_is_not_known_is_no_less_acceptable_and_cannot_be_weighed(
    several: tuple[Migration, Path],
) -> None:
    """The objective weighs cost."""
    migration, _ = several
    acceptable = [row.model for row in recommend(migration).targets if row.acceptable]
    cheap, other = sorted(acceptable, key=lambda model: model != "test/cheap")

    one = recommend(without_cost(migration, cheap))
    none = recommend(without_cost(migration, cheap, other))

    assert one.recommended == other and one.reason.endswith(
        f"; of {cheap} not all is recorded that the objective weighs."
    )
    assert none.recommended is None and none.best in acceptable
    names = " and ".join(acceptable)
    assert none.reason == f"No target is recommended: of {names} not all is recorded that the objective weighs."


def test_no_acceptable_target_means_no_recommendation(several: tuple[Migration, Path]) -> None:
    migration, _ = several
    stays = tuple(replace(t, decision=replace(t.decision, verdict=Verdict.STAY)) for t in migration.targets)
    found = recommend(replace(migration, targets=stays))
    assert (found.recommended, found.best, found.cheapest, found.fastest) == (None, None, None, None)
    assert found.reason == "No target is shown to be acceptable, so none is recommended."


# -- power


def test_fewer_examples_than_the_margin_can_ever_show_are_told_before_the_spend() -> None:
    """59 flawless pairs exclude a loss of 5 %: 0.95 ** 59 = 0.0485 is the first power below 5 %."""
    assert 0.95**59 <= 0.05 < 0.95**58
    assert fewest_pairs(0.05, 0.95) == 59
    told = power(58, targets=1, margin=0.05, confidence=0.95)
    assert len(told) == 2 and told[1].startswith("too few: with 58 held-out") and "takes 59 at least" in told[1]
    assert len(power(59, targets=1, margin=0.05, confidence=0.95)) == 1
    assert "takes 72 at least" in power(60, targets=2, margin=0.05, confidence=0.95)[1]
    assert 0.95**72 <= 0.025 < 0.95**71
    assert "Unless the target is clearly better, the verdict" in power(10, targets=1, margin=0.05, confidence=0.95)[1]
    assert "Fewer than 10 give no verdict: add" in power(9, targets=1, margin=0.05, confidence=0.95)[1]


def test_the_smallest_difference_is_one_that_a_simulation_shows_four_times_in_five() -> None:
    told = power(200, targets=1, margin=0.05, confidence=0.95)[0]
    shown = float(told.split("or less than ")[1].split(" (where 1 in 5")[0]) / 100
    rng = np.random.default_rng(11)
    hits = 0
    for _ in range(400):
        draw = rng.random(200)
        ours, theirs = np.where(draw < 0.1, 0.0, 1.0), np.where(draw > 0.9, 0.0, 1.0)
        hits += p_value(list(ours), list(theirs), shown) <= 0.05
    assert hits / 400 == pytest.approx(0.8, abs=0.06)


def test_check_prints_it(tmp_path: Path) -> None:
    from optimizer.planning.plan import plan
    from optimizer.report.summary import expectation

    told = expectation(plan(load_task(write_task(tmp_path, rows=60))))
    assert "held out: 30 examples; of a target as good as the source they show, with a chance of 80 %, that" in told
    assert "too few: with 30 held-out examples not even a target that equals the source" in told


def test_so_many_more_examples_do_settle_an_open_verdict() -> None:
    """The number that is told, tried: with it a target that is as good is let through four times in five."""
    needed = examples_needed(0.0, np.sqrt(0.1), 0.05, 0.95)
    assert needed
    rng, passed = np.random.default_rng(5), 0
    for _ in range(300):
        draw = rng.random(needed)
        ours, theirs = np.where(draw < 0.05, 0.0, 1.0), np.where(draw > 0.95, 0.0, 1.0)
        passed += p_value(list(ours), list(theirs), 0.05) <= 0.05
    assert passed / 300 == pytest.approx(0.8, abs=0.07)


def test_a_target_that_is_clearly_better_passes_on_fewer_examples_than_equality_takes() -> None:
    """What `check` says of few examples: 45 are too few for equal scores, but not for a target that wins on 20."""
    source, target = [0.0] * 20 + [1.0] * 25, [1.0] * 45
    assert p_value(target, source, 0.05) <= 0.05 < p_value([1.0] * 45, [1.0] * 45, 0.05)
