"""An objective of one's own: plugged in by its path, checked, and rescored like any other."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from optimizer.config.terms import Terms, Wishes, terms_of
from optimizer.errors import PluginError
from optimizer.objective import Objective, Unit
from optimizer.planning.plan import plan
from optimizer.results.recommendation import recommend
from optimizer.results.rescore import rescore
from optimizer.task import load_task
from tests.results.test_rescore import WHOLE, sometimes
from tests.walking import crew, finished, walk, write_task

UNIT = Unit(cost=0.002, latency=2.0)


def steep(quality: float, cost: float, latency: float) -> float:
    """Quality counts by its square, cost only above the source's."""
    return quality**2 - max(0.0, cost - 1.0) - latency


def usual(quality: float, cost: float, latency: float) -> float:
    return quality - cost - latency


def endless(quality: float, cost: float, latency: float) -> float:
    return math.inf


def torn(quality: float, cost: float, latency: float) -> float:
    raise ZeroDivisionError("by nothing")


def test_a_formula_is_given_the_weighted_terms_in_units_of_the_source() -> None:
    own = Objective(quality=2.0, cost=0.5, latency=0.1, formula=steep)

    # quality 2 * 0.75 = 1.5; cost 0.5 * 0.008 / 0.002 = 2; latency 0.1 * 1 / 2 = 0.05
    assert own.of(0.75, 0.008, 1.0, UNIT) == pytest.approx(1.5**2 - 1.0 - 0.05)


@pytest.mark.parametrize(
    ("formula", "message"),
    [
        (endless, "'endless': inf is no value"),
        (torn, r"'torn': failed on .*by nothing'\), at test_objective_own\.py:\d+$"),
    ],
)
def test_a_formula_that_gives_no_number_is_refused_by_its_name(formula: object, message: str) -> None:
    with pytest.raises(PluginError, match=message):
        Objective(formula=formula).of(1.0, 0.002, 2.0, UNIT)  # type: ignore[arg-type]


def test_a_formula_that_is_not_there_is_named_before_the_spend(tmp_path: Path) -> None:
    task = load_task(write_task(tmp_path, objective={"formula": f"{__name__}:stepe"}))
    with pytest.raises(PluginError, match=r"has no 'stepe'\. Did you mean 'steep'"):
        plan(task)


def lonely(quality: float) -> float:
    return quality


@pytest.mark.parametrize("name", ["torn", "endless", "lonely", "UNIT"])
def test_a_formula_that_cannot_be_used_is_refused_before_the_spend(tmp_path: Path, name: str) -> None:
    task = load_task(write_task(tmp_path, objective={"formula": f"{__name__}:{name}"}))
    with pytest.raises(PluginError, match=r"objective .*\(1\.0, 0\.02, 0\.0\)"):
        plan(task)


def test_the_usual_formula_written_out_gives_the_usual_run(tmp_path: Path) -> None:
    plain, _ = finished(tmp_path / "plain", crew(target=sometimes), search=WHOLE)
    own = write_task(tmp_path / "own", search=WHOLE, objective={"formula": f"{__name__}:usual"})
    found = walk(own, tmp_path / "own" / "run", crew(target=sometimes))

    assert found.targets == plain.targets
    assert recommend(found) == recommend(plain)


def test_a_finished_run_is_rescored_under_a_formula_as_a_fresh_run_would_be(tmp_path: Path) -> None:
    models = crew(target=sometimes)
    migration, _ = finished(tmp_path / "old", models, search=WHOLE)
    before = models.calls
    (tmp_path / "terms.yaml").write_text(f"objective: {{cost: 1.0, formula: '{__name__}:steep'}}\n")
    (terms,) = terms_of(Terms.of(migration.settings), Wishes(task=tmp_path / "terms.yaml"))
    (found,) = rescore(migration, terms)
    objective = {"cost": 1.0, "formula": f"{__name__}:steep"}
    (fresh,) = finished(tmp_path / "new", crew(target=sometimes), search=WHOLE, objective=objective)[0].targets

    assert models.calls == before and terms.weights == f"quality 1, cost 1, by {__name__}:steep"
    assert found.best == fresh.search.best
    assert [t.value for t in found.trials] == pytest.approx([t.value for t in fresh.search.trials], abs=1e-9)
