"""A finished run under other terms: as a fresh run would have it, without one call."""

from __future__ import annotations

import csv
import hashlib
import json
import re
from dataclasses import replace
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest
from click.testing import CliRunner

from optimizer.cli import main
from optimizer.compare import write_comparison
from optimizer.config.terms import Terms, Wishes, terms_of
from optimizer.errors import ConfigError, RunDirError
from optimizer.objective import Evaluation
from optimizer.report.rescored import Outcome, as_text
from optimizer.results.migration import Migration, TargetResult
from optimizer.results.rescore import rescore
from optimizer.results.rundir import RunDir
from optimizer.results.sensitivity import take_apart
from optimizer.search.study import importance
from optimizer.search.trial import Trial
from optimizer.types import Output, Request, Score
from optimizer.verdict.confirm import Verdict
from tests.recorded.test_compare import comparison, table
from tests.walking import SEARCH, Crew, crew, finished, number, parity, wordy

#: One round, and money enough for every candidate to see every example: then other terms meet the same answers.
WHOLE = {**SEARCH, "trials": 8, "rounds": 1, "calls_per_trial": 20_000, "least_gain": 0}


def sometimes(request: Request) -> str:
    """Right in more cases the more it is told."""
    told = any("nothing else" in message.content for message in request.messages)
    marked = any("<" in message.content for message in request.messages)
    wrong = number(request) % (9 if told else 5 if marked else 3) == 0
    return {"odd": "even", "even": "odd"}[parity(request)] if wrong else parity(request)


def run(folder: Path, models: Crew | None = None, **sections: Any) -> Migration:
    return finished(folder, models or crew(target=sometimes), search=WHOLE, **sections)[0]


def wished(migration: Migration, **wishes: Any) -> Terms:
    (terms,) = terms_of(Terms.of(migration.settings), Wishes(**wishes))
    return terms


def confirmed(migration: Migration, fresh: TargetResult) -> bool:
    """Did the run ask the held-out examples of the prompt that a fresh run picks? Only then is there a verdict."""
    return migration.targets[0].search.winner.prompt == fresh.search.winner.prompt


def test_the_runs_own_terms_give_the_runs_own_answer(tmp_path: Path) -> None:
    migration = run(tmp_path)
    (found,) = rescore(migration, Terms.of(migration.settings))
    (result,) = migration.targets

    assert (found.best, found.before) == (result.search.best, result.search.best)
    assert found.decision == result.decision
    for mine, its in zip(found.trials, result.search.trials, strict=True):
        assert replace(mine, value=its.value) == its
        assert mine.value == pytest.approx(its.value, abs=1e-9)


@pytest.mark.parametrize(
    "weights",
    [{"cost": 0.0}, {"cost": 0.1}, {"cost": 3.0}, {"quality": 0.5, "cost": 0.05, "latency": 0.3}],
)
def test_other_weights_give_a_fresh_runs_answer_without_a_call(weights: dict[str, float], tmp_path: Path) -> None:
    models = crew(target=sometimes)
    migration = run(tmp_path / "old", models)
    stored = tmp_path / "old" / "run" / "calls.sqlite"
    before = models.calls, hashlib.sha256(stored.read_bytes()).hexdigest()
    text = ",".join(f"{name}={value}" for name, value in weights.items())
    (found,) = rescore(migration, wished(migration, weights=[text]))

    assert (models.calls, hashlib.sha256(stored.read_bytes()).hexdigest()) == before
    (fresh,) = run(tmp_path / "new", objective=weights).targets
    assert [t.prompt.digest for t in found.trials] == [t.prompt.digest for t in fresh.search.trials]
    assert found.best == fresh.search.best
    assert [t.value for t in found.trials] == pytest.approx([t.value for t in fresh.search.trials], abs=1e-9)
    assert found.decision == (fresh.decision if confirmed(migration, fresh) else None)


def test_weights_that_change_the_winner_say_what_a_verdict_would_take(tmp_path: Path) -> None:
    """One candidate is better, a second one cheaper; the second was never confirmed."""
    migration = crafted(run(tmp_path), {0: (0.3, 1.5), 1: (0.9, 2.0), 2: (0.8, 1.0)}, best=1)
    (dear,) = rescore(migration, wished(migration, weights=["cost=0"]))
    (cheap,) = rescore(migration, wished(migration, weights=["cost=0.5"]))

    assert (dear.best, dear.before, dear.calls) == (1, 1, 0)
    assert (cheap.best, cheap.before) == (2, 1)
    assert cheap.decision is None and cheap.calls == len(migration.split["test"]) == 60
    unit = sum(output.cost for output in migration.baseline) / len(migration.baseline)
    assert cheap.dollars == pytest.approx(60 * unit), "trial 2 costs as much as the source"
    assert (dear.calls, dear.dollars) == (0, 0.0)
    told = as_text([Outcome(wished(migration, weights=["cost=0.5"]), False, (cheap,))], [])
    assert f"60 calls of the target would tell, about ${60 * unit:,.4f}" in told


@pytest.mark.parametrize("metric", ["label_accuracy", "exact_match"])
def test_where_the_unchanged_prompt_wins_its_own_draws_are_weighed(tmp_path: Path, metric: str) -> None:
    """It is never right here, and was confirmed beside a winner that always is; cost alone decides for it."""
    migration, _ = finished(tmp_path, crew(target=wordy), decision={"draws": 2})
    met = migration.targets[0].confirmation
    assert met.winner.quality == 1.0 and met.unchanged is not None and met.unchanged.quality == 0.0

    (found,) = rescore(migration, wished(migration, weights=("quality=0.001,cost=1",), metrics=(metric,)))

    assert (found.best, found.before) == (0, migration.targets[0].search.best)
    assert found.confirmation is not None and found.decision is not None
    assert found.confirmation.winner.quality == 0.0
    assert found.confirmation.draws["winner"] == found.confirmation.draws["unchanged"]
    assert found.decision.verdict is Verdict.STAY and found.decision.comparison.mean == -1.0


def crafted(migration: Migration, known: dict[int, tuple[float, float]], best: int) -> Migration:
    """The same run with answers of our own: by trial its quality and its cost in units of the source's."""
    (result,) = migration.targets
    ids = migration.split["validation"]
    unit = sum(output.cost for output in migration.baseline) / len(migration.baseline)

    def answers(quality: float, cost: float) -> Evaluation:
        right = [i < round(quality * len(ids)) for i in range(len(ids))]
        outputs = tuple(Output(identity, "", cost=cost * unit, latency=0.1, calls=1) for identity in ids)
        return Evaluation(outputs, tuple(Score(float(good)) for good in right))

    search = replace(result.search, best=best, answers={n: answers(*facts) for n, facts in known.items()})
    return replace(migration, targets=(replace(result, search=search),))


def test_the_winner_changes_at_the_weight_that_can_be_worked_out_by_hand(tmp_path: Path) -> None:
    """0.9 - 2 w = 0.8 - w at w = 0.1: below it the better wins, above it the cheaper."""
    migration = crafted(run(tmp_path), {0: (0.2, 1.5), 1: (0.9, 2.0), 2: (0.8, 1.0)}, best=1)
    terms = wished(migration, constraints=["valid=0.5"])
    (study,) = take_apart(migration, terms, rescore(migration, terms))

    assert [cell.winner for cell in study.cells if cell.latency == 0 and cell.cost <= 0.05] == [1, 1, 1, 1]
    assert {cell.winner for cell in study.cells if cell.cost >= 0.2} == {2}
    assert study.along_cost(0.0)[0][0] == 0.0 and study.along_cost(0.0)[-1][1:] == (1.0, 2)
    assert {(c.cost, c.latency) for c in study.cells} >= {(0.02, 0.0), (1.0, 1.0)}


def test_margin_confidence_and_constraints_are_judged_as_in_a_fresh_run(tmp_path: Path) -> None:
    migration = run(tmp_path / "old")
    terms = wished(migration, margin=0.25, confidence=0.8, constraints=["valid=0.99,p95_latency=0.05"])
    (found,) = rescore(migration, terms)
    decision = {"margin": 0.25, "confidence": 0.8}
    constraints = {"valid": 0.99, "p95_latency": 0.05}
    (fresh,) = run(tmp_path / "new", decision=decision, constraints=constraints).targets

    assert found.best == fresh.search.best
    assert found.decision == fresh.decision
    assert fresh.decision.verdict is Verdict.STAY, "a limit of 0.05 s is surely broken"
    assert fresh.decision != migration.targets[0].decision


def test_another_metric_scores_the_stored_answers(tmp_path: Path) -> None:
    migration = run(tmp_path / "old")
    (found,) = rescore(migration, wished(migration, metrics=["valid"]))
    (fresh,) = run(tmp_path / "new", metrics=["valid"]).targets
    assert found.decision == (fresh.decision if confirmed(migration, fresh) else None)
    assert [t.quality for t in found.trials] == [t.quality for t in fresh.search.trials]
    assert {t.quality for t in found.trials} == {1.0}, "every reply is valid, whatever it says"


def test_a_comparison_of_recorded_outputs_can_be_rescored(tmp_path: Path) -> None:
    migration = comparison(tmp_path, table(300, 0.9, 0.84))
    (found,) = rescore(migration, wished(migration, margin=0.2))
    assert migration.targets[0].decision.verdict is not Verdict.MIGRATE
    assert found.decision and found.decision.verdict is Verdict.MIGRATE


def test_of_a_comparison_the_figures_are_those_of_its_report(tmp_path: Path) -> None:
    write_comparison(comparison(tmp_path, table(80, 0.9, 0.84)), tmp_path / "out")
    told = CliRunner().invoke(main, ["rescore", str(tmp_path / "out"), "--margin", "0.2"]).output
    with (tmp_path / "data.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    right = fmean(row["new_reply"] == row["gold"] for row in rows)
    dollars = 1000 * fmean(float(row["new_usd"]) for row in rows)

    line = next(line for line in told.splitlines() if "margin 0.2" in line)
    assert re.split(r"  +", line.strip())[1:] == [
        *(["test/new", "as recorded"]),
        *(f"{right:.3f}", f"{dollars:.4f}", "migrate"),
    ]
    (one,) = json.loads((tmp_path / "out" / "rescored" / "rescored.json").read_text("utf-8"))["terms"][0]["targets"]
    assert (one["quality"], one["cost"]) == (pytest.approx(right), pytest.approx(dollars / 1000))
    assert f"<td>{right:.3f}</td><td>{dollars:.4f}</td>" in (tmp_path / "out/rescored/rescored.html").read_text("utf-8")


# -- what is refused


def test_a_metric_that_asks_a_model_is_refused(tmp_path: Path) -> None:
    migration = comparison(tmp_path, table(20, 0.9, 0.9))
    terms = Terms(metrics=[{"name": "judge", "rubric": "good?"}])  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="rescoring asks no model"):
        rescore(migration, terms)


def test_a_run_without_its_answers_says_how_to_get_them(tmp_path: Path) -> None:
    migration = run(tmp_path)
    (tmp_path / "run" / "answers.jsonl").unlink()
    manifest = json.loads((tmp_path / "run" / "manifest.json").read_text("utf-8"))
    del manifest["files"]["answers.jsonl"]
    (tmp_path / "run" / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    old = RunDir.read(tmp_path / "run").migration()
    with pytest.raises(RunDirError, match=r"no answers\.jsonl"):
        rescore(old, Terms.of(migration.settings))


@pytest.mark.parametrize(
    ("wishes", "message"),
    [
        ({"weights": ["costs=1"]}, "nothing is called 'costs'. Did you mean 'cost'?"),
        ({"weights": ["cost=much"]}, "cost must be a number, found 'much'"),
        ({"weights": ["cost=-1"]}, "must be 0 or more"),
        ({"constraints": ["valid=2"]}, "must be 1 or less"),
        ({"margin": 1.5}, "must be less than 1"),
    ],
)
def test_wishes_that_make_no_sense_are_answered(wishes: dict[str, Any], message: str, tmp_path: Path) -> None:
    migration = comparison(tmp_path, table(20, 0.9, 0.9))
    with pytest.raises(ConfigError) as caught:
        wished(migration, **wishes)
    assert message in str(caught.value)


# -- the command, and importance


def test_the_command_tells_every_weighting_and_writes_what_it_found(tmp_path: Path) -> None:
    run(tmp_path)
    words = ["rescore", str(tmp_path / "run"), "--weights", "cost=0.5", "--weights", "cost=0,latency=1"]
    ran = CliRunner().invoke(main, words)
    assert ran.exit_code == 0, ran.output
    assert "quality 1, cost 0.5" in ran.output and "(the run's)" in ran.output

    told = json.loads((tmp_path / "run" / "rescored" / "rescored.json").read_text("utf-8"))
    assert told["calls"] == 0 and [terms["own"] for terms in told["terms"]] == [True, False, False]
    with (tmp_path / "run" / "rescored" / "sensitivity.csv").open(encoding="utf-8", newline="") as file:
        cells = list(csv.DictReader(file))
    assert len(cells) >= 64 and set(cells[0]) == {"target", "quality", "cost", "latency", "winner"}
    page = (tmp_path / "run" / "rescored" / "rescored.html").read_text("utf-8")
    assert 'role="img" aria-label="Winner by weights: trial' in page
    assert RunDir.read(tmp_path / "run").migration(), "the run itself is as it was"


def test_terms_that_differ_in_more_than_weights_say_in_what_and_the_runs_own_are_told_once(tmp_path: Path) -> None:
    run(tmp_path)

    def names(*words: str) -> list[str]:
        ran = CliRunner().invoke(main, ["rescore", str(tmp_path / "run"), *words])
        assert ran.exit_code == 0, ran.output
        return [
            line.partition(" test/")[0].rstrip() for line in ran.output.splitlines() if line.startswith("quality 1")
        ]

    own = "quality 1, cost 0.02 (the run's)"
    assert names() == [own]
    assert names("--margin", "0.125", "--constraint", "valid=0.5") == [
        own,
        "quality 1, cost 0.02; valid 0.5; margin 0.125",
    ]


def test_the_dimension_that_decides_is_the_important_one(tmp_path: Path) -> None:
    prompt = run(tmp_path).targets[0].search.trials[0].prompt

    def trial(n: int) -> Trial:
        params = {"decides": "ab"[n % 2], "idle": "xyz"[n % 3]}
        return Trial(n, 1, params, "complete", prompt, value=float(n % 2) + 0.001 * n)

    found = importance([trial(n) for n in range(24)])
    assert set(found) == {"fanova", "ped_anova"}
    for shares in found.values():
        assert next(iter(shares)) == "decides" and shares["decides"] > 0.8
    assert importance([trial(n) for n in range(3)]) == {}
