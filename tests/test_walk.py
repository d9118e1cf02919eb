"""Whole runs, from a task file to a verdict, with scripted models in every role."""

from __future__ import annotations

import json
import math
import random
import re
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from optimizer.config.scoring import MetricSettings
from optimizer.config.terms import Terms
from optimizer.errors import BudgetExceeded, ConfigError, DataError, ModelError, RunDirError
from optimizer.planning.plan import plan
from optimizer.progress import Progress
from optimizer.report.summary import outcome, outcome_json
from optimizer.results.migration import Migration
from optimizer.results.rescore import rescore
from optimizer.results.rundir import RunDir
from optimizer.task import load_task
from optimizer.types import Example, Output, Request
from optimizer.verdict.confirm import Verdict
from tests.conftest import Walked
from tests.walking import (
    SEARCH,
    SOURCE,
    TARGET,
    Script,
    crew,
    finished,
    hopeless,
    number,
    parity,
    walk,
    wordy,
    write_task,
    writes,
)

KEPT = ("decision.json", "trials.jsonl", "baseline.jsonl", "confirmation.jsonl", "split.json", "examples.jsonl")


def only(found: Migration) -> Any:
    assert len(found.targets) == 1
    return found.targets[0]


def files(run_dir: Path) -> dict[str, bytes]:
    """What must be equal where runs are equal."""
    return {name: (run_dir / name).read_bytes() for name in KEPT}


def breaks_at(nth: int, script: Script, where: Callable[[Request], bool] = lambda _: True) -> Script:
    """Answers like `script`, but for the `nth` request of those that are meant, which tears everything down."""
    seen: list[Request] = []

    def answer(request: Request) -> str:
        if where(request):
            seen.append(request)
            if len(seen) == nth:
                raise ConnectionResetError("pulled the plug")
        return script(request)

    return answer


# -- verdicts


def test_the_form_that_works_is_found_and_the_verdict_is_migrate(plain_run: Walked) -> None:
    result = only(plain_run.migration)
    assert result.decision.verdict is Verdict.MIGRATE
    assert result.search.winner.params["reply"] == "told"
    assert (result.confirmation.unchanged.quality, result.confirmation.winner.quality) == (0.0, 1.0)


def test_a_hopeless_target_is_told_to_stay(tmp_path: Path) -> None:
    found, _ = finished(tmp_path, crew(target=hopeless))

    assert only(found).decision.verdict is Verdict.STAY
    assert "beyond the margin of 5" in only(found).decision.reason


def test_few_examples_are_inconclusive_and_say_how_many_would_settle_it(tmp_path: Path) -> None:
    def nearly(request: Request) -> str:
        return "even" if number(request) == 7 else wordy(request)

    found, _ = finished(tmp_path, crew(target=nearly), rows=40)

    decision = only(found).decision
    assert decision.verdict is Verdict.INCONCLUSIVE
    assert decision.needed is not None and decision.needed > 20
    assert f"About {decision.needed:,} held-out examples would settle it, " in decision.reason


def test_each_held_out_example_meets_source_unchanged_and_winner_once(plain_run: Walked) -> None:
    met, ids = only(plain_run.migration).confirmation, plain_run.migration.split["test"]
    for side in (met.source, met.again, met.unchanged, met.winner):
        assert tuple(output.example_id for output in side.outputs) == ids


def test_the_search_never_sees_a_held_out_example(tmp_path: Path) -> None:
    asked: list[int] = []

    def spy(request: Request) -> str:
        asked.append(number(request))
        return wordy(request)

    found, _ = finished(tmp_path, crew(target=spy))

    held_out = {found.examples[key].inputs["n"] for key in found.split["test"]}
    searched, confirmed = asked[: -2 * len(held_out)], asked[-2 * len(held_out) :]
    assert 24 < len(searched) <= 48 and not held_out & set(searched)
    assert set(confirmed) == held_out


# -- going on


def test_running_again_asks_nothing_and_leaves_the_same_bytes(tmp_path: Path, plain_run: Walked) -> None:
    run_dir, idle = plain_run.copy(tmp_path / "run"), crew()
    before = files(run_dir)

    walk(plain_run.folder / "task.yaml", run_dir, idle)

    assert idle.calls == 0
    assert files(run_dir) == before


def test_no_question_is_asked_twice(tmp_path: Path) -> None:
    models = crew(target=writes)
    finished(tmp_path, models, search=SEARCH | {"space": "tests.walking:COMPILED"})

    assert set(models.asked.values()) == {1}


@pytest.fixture(scope="module")
def whole(compiled_run: Walked) -> dict[str, bytes]:
    """What an uninterrupted run with proposals and a compile writes."""
    return files(compiled_run.run)


def _proposing(request: Request) -> bool:
    return "<failures>" in request.messages[-1].content


def test_a_compile_keeps_to_the_limit_that_the_task_file_sets(tmp_path: Path) -> None:
    search = SEARCH | {"space": "tests.walking:COMPILED", "compile_calls": 3}
    found, _ = finished(tmp_path, crew(target=writes), search=search)

    few = "needs 4 calls at least, but may make only 3; raise search.compile_calls"
    lost = f"bootstrap_few_shot lost: bootstrap_few_shot: {few}"
    assert lost in found.targets[0].search.notes


@pytest.mark.parametrize(
    ("who", "nth", "where"),
    [
        ("source", 7, lambda _: True),  # the first few of the baseline
        ("source", 70, lambda _: True),  # the baseline
        ("source", 150, lambda request: request.sample == 1),  # never reached: the second draw is shorter
        ("source", 30, lambda request: request.sample == 1),  # the source asked again
        ("target", 1, _proposing),  # the first proposals
        ("target", 2, _proposing),  # the second round's
        ("target", 12, lambda _: True),  # the look at what fails
        ("target", 30, lambda _: True),  # the compile
        ("target", 60, lambda _: True),  # the race
        ("target", 150, lambda _: True),  # the confirmation of the unchanged prompt
        ("target", 200, lambda _: True),  # the confirmation of the winner
    ],
)
def test_an_interrupted_run_ends_as_if_it_had_not_been(
    tmp_path: Path, whole: dict[str, bytes], who: str, nth: int, where: Callable[[Request], bool]
) -> None:
    task = write_task(tmp_path, search=SEARCH | {"space": "tests.walking:COMPILED"})
    scripts = {"source": parity, "target": writes}
    broken = crew(**(scripts | {who: breaks_at(nth, scripts[who], where)}))
    if nth == 150 and who == "source":
        walk(task, tmp_path / "run", broken)
    else:
        with pytest.raises(ConnectionResetError):
            walk(task, tmp_path / "run", broken)
        assert not (tmp_path / "run/decision.json").exists()
    rest = crew(target=writes)

    walk(task, tmp_path / "run", rest)

    assert files(tmp_path / "run") == whole
    assert not set(broken.asked) & set(rest.asked)


def test_a_run_broken_off_many_times_asks_each_question_once(tmp_path: Path, whole: dict[str, bytes]) -> None:
    task = write_task(tmp_path, search=SEARCH | {"space": "tests.walking:COMPILED"})
    answered: set[str] = set()
    for _attempt in range(60):
        models = crew(target=breaks_at(9, writes), source=breaks_at(25, parity))
        try:
            walk(task, tmp_path / "run", models)
            break
        except ConnectionResetError:
            assert not answered & set(models.asked)
            answered |= set(models.asked)
    else:
        pytest.fail("never came to an end")

    assert len(answered) > 300
    assert files(tmp_path / "run") == whole


def test_a_search_that_is_cut_off_by_control_c_goes_on(tmp_path: Path, plain_run: Walked) -> None:
    def interrupts(progress: Progress) -> None:
        if progress.stage == "search":
            raise KeyboardInterrupt

    task = write_task(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        walk(task, tmp_path / "run", watch=interrupts)
    walk(task, tmp_path / "run")

    assert files(tmp_path / "run") == files(plain_run.run)


def test_more_trials_carry_a_run_on(tmp_path: Path) -> None:
    short, run_dir = finished(tmp_path, search=SEARCH | {"trials": 3, "rounds": 1})
    models = crew()

    long = walk(write_task(tmp_path, search=SEARCH | {"trials": 9, "rounds": 1}), run_dir, models)

    assert len(only(long).search.trials) > len(only(short).search.trials)
    first = [trial.prompt for trial in only(short).search.trials]
    assert [trial.prompt for trial in only(long).search.trials[: len(first)]] == first
    assert models.models["test/source"].calls == 0


def test_a_finished_run_can_be_read_while_it_is_being_carried_on(tmp_path: Path, plain_run: Walked) -> None:
    run_dir = plain_run.copy(tmp_path / "run")
    before = (run_dir / "decision.json").read_bytes()

    with pytest.raises(ConnectionResetError):
        walk(
            write_task(tmp_path, search=SEARCH | {"trials": 9, "calls_per_trial": 12}),
            run_dir,
            crew(target=breaks_at(1, wordy)),
        )

    assert (run_dir / "decision.json").read_bytes() == before
    assert RunDir.read(run_dir).migration().settings["search"]["trials"] == 6


def test_what_only_earlier_starts_paid_for_is_told_beside_what_the_last_one_took(tmp_path: Path) -> None:
    first, second = crew(), crew()
    walk(write_task(tmp_path), tmp_path / "run", first)

    found = walk(write_task(tmp_path, search=SEARCH | {"seed": 5}), tmp_path / "run", second)

    asked = len(first.asked) + len(second.asked)  # no question twice, so that is what the providers bill
    assert found.earlier
    assert found.earlier.calls == asked - found.spent.calls > 0
    assert f"in {found.earlier.calls} calls: by earlier starts, not needed now" in outcome(found, tmp_path / "run")
    assert outcome_json(found, tmp_path / "run")["earlier"]["calls"] == found.earlier.calls
    assert RunDir.read(tmp_path / "run").migration().earlier == found.earlier
    assert "Earlier starts of this run" in (tmp_path / "run" / "report.html").read_text("utf-8")


def test_a_budget_that_earlier_starts_used_up_is_not_told_as_if_this_one_had(tmp_path: Path) -> None:
    models = crew()
    first = walk(write_task(tmp_path), tmp_path / "run", models)
    limit = len(models.asked) + 130  # 120 of these are the confirmation's

    found = walk(write_task(tmp_path, search=SEARCH | {"seed": 5}, budget={"calls": limit}), tmp_path / "run")

    assert first.earlier is None
    assert "calls that only earlier starts of the run made" in only(found).search.stopped_by
    assert found.earlier
    assert found.spent.calls + found.earlier.calls <= limit


# -- whose directory


def test_a_run_directory_of_another_task_is_refused_and_left_alone(tmp_path: Path, plain_run: Walked) -> None:
    run_dir = plain_run.copy(tmp_path / "run")
    before, models = files(run_dir), crew()

    with pytest.raises(RunDirError, match=r"holds a run of another task .* choose another --run-dir"):
        walk(write_task(tmp_path, decision={"margin": 0.2}), run_dir, models)

    assert (files(run_dir), models.calls) == (before, 0)
    assert "another task" not in (run_dir / "run.log").read_text()


@pytest.mark.parametrize(
    "change",
    [
        {"rows": 121},
        {"prompt": {"system": "Say what it is.", "user": "Number: {{n}}", "reply": {"labels": ["even", "odd"]}}},
        {"target": TARGET | {"params": {"max_tokens": 9}}},
        {"split": {"seed": 1}},
        {"constraints": {"valid": 0.5}},
        {"data": {"path": "data.jsonl", "expected": "gold", "stratify": "n"}},
        {"data": {"path": "data.jsonl", "expected": "gold", "source": "gold"}},
        {"name": "anew"},
    ],
)
def test_what_was_agreed_at_the_start_cannot_change_in_one_run_directory(tmp_path: Path, change: Any) -> None:
    with pytest.raises(ConnectionResetError):
        walk(write_task(tmp_path), tmp_path / "run", crew(source=breaks_at(1, parity)))

    with pytest.raises(RunDirError, match="another task") as caught:
        walk(write_task(tmp_path, **change), tmp_path / "run")

    section = next(iter(change))
    changed = {"rows": "data", "target": "targets"}.get(section, section)
    assert f": they differ in {changed}; " in str(caught.value)
    assert f"`store: {(tmp_path / 'run' / 'calls.sqlite').resolve()}`" in str(caught.value)


def test_limits_timeouts_budget_and_effort_may_change_in_one_run_directory(tmp_path: Path, plain_run: Walked) -> None:
    run_dir = plain_run.copy(tmp_path / "run")

    again = walk(
        write_task(
            tmp_path,
            target=TARGET | {"limits": {"concurrency": 2}, "timeout": 5.0},
            budget={"dollars": 5, "calls": 9_000, "minutes": 60},
            search=SEARCH | {"trials": 4},
        ),
        run_dir,
    )

    assert len(only(again).search.trials) == 4


def test_two_runs_cannot_share_a_directory_at_the_same_time(tmp_path: Path) -> None:
    task, models = write_task(tmp_path), crew()
    refused: list[str] = []

    def second(progress: Progress) -> None:
        if progress.stage == "confirm" and not refused:
            with pytest.raises(RunDirError) as caught:
                walk(task, tmp_path / "run", models)
            refused.append(str(caught.value))

    walk(task, tmp_path / "run", watch=second)

    assert refused == [
        f"{tmp_path / 'run'}: another run is writing here; wait for it, or choose another --run-dir",
    ]
    assert models.calls == 0


def test_a_directory_that_cannot_be_written_is_refused_before_the_first_call(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    models = crew()

    with pytest.raises(RunDirError, match=r"cannot write here .* choose another --run-dir"):
        walk(write_task(tmp_path), tmp_path / "file/run", models)

    assert models.calls == 0


def test_a_corrupt_call_store_is_refused_with_a_way_out_and_logged(tmp_path: Path) -> None:
    task, models = write_task(tmp_path), crew()
    (tmp_path / "run").mkdir()
    (tmp_path / "run/calls.sqlite").write_bytes(b"no database at all" * 100)

    with pytest.raises(RunDirError, match=r"calls.sqlite: the call store is damaged .* Move the file away"):
        walk(task, tmp_path / "run", models)

    assert models.calls == 0
    assert "broke off with RunDirError" in (tmp_path / "run/run.log").read_text()


def test_a_store_damaged_in_the_middle_is_refused_not_asked_anew(tmp_path: Path, plain_run: Walked) -> None:
    run_dir = plain_run.copy(tmp_path / "run")
    with sqlite3.connect(run_dir / "calls.sqlite") as db:
        db.execute("UPDATE calls SET response = '{\"text\":'")
    db.close()
    models = crew()

    with pytest.raises(RunDirError, match="damaged"):
        walk(plain_run.folder / "task.yaml", run_dir, models)

    assert models.calls == 0


# -- budget


def test_the_budget_stops_the_search_and_leaves_enough_to_confirm(tmp_path: Path) -> None:
    free, _ = finished(tmp_path / "free", search=SEARCH | {"trials": 9, "calls_per_trial": 20})
    calls = sum(spend.calls for spend in free.spend.values())

    tight, run_dir = finished(
        tmp_path / "tight", search=SEARCH | {"trials": 9, "calls_per_trial": 20}, budget={"calls": calls - 40}
    )

    assert "calls of the budget are used" in only(tight).search.stopped_by
    assert sum(spend.calls for spend in tight.spend.values()) <= calls - 40
    assert only(tight).decision.verdict is Verdict.MIGRATE
    idle = crew()
    walk(tmp_path / "tight/task.yaml", run_dir, idle)
    assert idle.calls == 0


@pytest.mark.parametrize("budget", [{"calls": 300}, {"dollars": 0.002}])
def test_a_budget_too_small_for_baseline_and_confirmation_is_refused_before_the_first_call(
    tmp_path: Path, budget: dict[str, float]
) -> None:
    models = crew()

    with pytest.raises(
        ConfigError, match=r"budget\.(calls|dollars): .* is too small: baseline, confirmation .*raise it"
    ):
        finished(tmp_path, models, budget=budget)

    assert models.calls == 0
    assert not (tmp_path / "run").exists()


def test_no_limit_is_ever_passed_and_no_accepted_budget_is_too_small_to_confirm(tmp_path: Path) -> None:
    """60 rows: 60 + 30 calls of the source, 60 to confirm, at least 4 to search: 154 are needed."""
    draw = random.Random(3)
    outcomes = []
    for attempt in range(14):
        budget = {"calls": draw.randint(140, 260)} if attempt % 2 else {"dollars": draw.uniform(0.006, 0.012)}
        folder = tmp_path / str(attempt)
        try:
            found, _ = finished(folder, crew(target=writes), rows=60, budget=budget, search=_WIDE)
        except ConfigError:
            outcomes.append("refused")
            assert budget.get("calls", 0) < 154
            continue
        spent = found.spend.values()
        assert sum(spend.calls for spend in spent) <= budget.get("calls", 10**9)
        assert sum(spend.dollars for spend in spent) <= budget.get("dollars", 10**9)
        outcomes.append("stopped" if "budget" in only(found).search.stopped_by else "free")

    assert {"refused", "stopped", "free"} == set(outcomes)


_WIDE = SEARCH | {"space": "tests.walking:WRITTEN", "trials": 8, "calls_per_trial": 10}


def test_a_proposer_dearer_than_all_else_cannot_eat_what_the_confirmation_needs(tmp_path: Path) -> None:
    """One question to the proposer takes more than the whole budget has beyond baseline and confirmation."""
    greedy = {"model": "test/writer", "price": {"input": 9.0, "output": 90.0}, "params": {"max_tokens": 2000}}

    found, _ = finished(tmp_path, crew(writer=writes), proposer=greedy, budget={"dollars": 0.03}, search=_WIDE)

    assert any("not bought" in note for note in only(found).search.notes)
    assert "proposer" not in found.spend
    assert only(found).decision.verdict is Verdict.MIGRATE


def test_a_budget_that_ends_before_any_candidate_was_measured_says_so_with_its_own_exit_code(tmp_path: Path) -> None:
    """A token is a word here, so letters by themselves cost twice what four bytes a token let expect."""
    dear: dict[str, Any] = {
        "source": SOURCE | {"price": {"input": 40.0, "output": 40.0}},
        "target": TARGET | {"price": {"input": 10.0, "output": 10.0}},
        "prompt": {"user": "a " * 400 + "\n\nNumber: {{n}}", "reply": {"labels": ["even", "odd"]}},
    }

    with pytest.raises(BudgetExceeded, match=r"no candidate .* measured: the dollars .* raise the budget") as ended:
        finished(tmp_path, budget={"dollars": 3.0}, **dear)

    assert ended.value.exit_code == 4


def test_an_empty_purse_is_filled_and_the_run_goes_on_where_it_was(tmp_path: Path) -> None:
    small, run_dir = finished(tmp_path, crew(target=writes), budget={"calls": 330}, search=_WIDE)
    models = crew(target=writes)

    large = walk(write_task(tmp_path, budget={"calls": 3000}, search=_WIDE), run_dir, models)

    assert "budget" in only(small).search.stopped_by and only(large).search.stopped_by == "all trials raced"
    assert models.models["test/source"].calls == 0


def test_a_stop_by_time_is_repeated_however_fast_the_replay_is(tmp_path: Path) -> None:
    task, models = write_task(tmp_path, budget={"minutes": 1}, search=_WIDE), crew(target=writes)
    first = walk(task, tmp_path / "run", models, now=lambda: 60.0 * models.calls / 400)
    before, idle = files(tmp_path / "run"), crew()

    second = walk(task, tmp_path / "run", idle, now=lambda: 0.0)

    assert only(first).search.stopped_by == only(second).search.stopped_by == "the time of the budget is used (1 min)"
    assert idle.calls == 0
    assert files(tmp_path / "run") == before


def test_a_run_that_had_time_enough_has_it_again_however_slow_the_replay_is(tmp_path: Path) -> None:
    task = write_task(tmp_path, budget={"minutes": 1})
    walk(task, tmp_path / "run", now=lambda: 0.0)
    before, ticks = files(tmp_path / "run"), iter(range(10**6))

    walk(task, tmp_path / "run", now=lambda: 1000.0 * next(ticks))

    assert files(tmp_path / "run") == before


def test_more_minutes_carry_a_run_on(tmp_path: Path) -> None:
    models = crew(target=writes)
    small = write_task(tmp_path, budget={"minutes": 1}, search=_WIDE)
    walk(small, tmp_path / "run", models, now=lambda: 60.0 * models.calls / 400)

    large = write_task(tmp_path, budget={"minutes": 100}, search=_WIDE)
    found = walk(large, tmp_path / "run", models, now=lambda: 0.0)

    assert only(found).search.stopped_by == "all trials raced"


# -- sources


def _with_outputs(folder: Path, answer: Callable[[int], str], **sections: Any) -> Path:
    task = write_task(folder, data={"path": "data.jsonl", "expected": "gold", "source": "said"}, **sections)
    rows = [json.loads(line) for line in (folder / "data.jsonl").read_text().splitlines()]
    lines = [json.dumps(row | {"said": answer(row["n"])}) + "\n" for row in rows]
    (folder / "data.jsonl").write_text("".join(lines), "utf-8")
    return task


def test_a_recorded_source_is_never_asked(tmp_path: Path) -> None:
    models = crew()
    task = _with_outputs(tmp_path, lambda n: "even" if n % 2 == 0 else "odd")

    found = walk(task, tmp_path / "run", models)

    assert models.models["test/source"].calls == 0
    assert "source" not in found.spend
    assert only(found).confirmation.again is None
    assert only(found).decision.verdict is Verdict.MIGRATE


@pytest.mark.parametrize("draws", [1, 2])
def test_what_the_record_lacks_of_the_source_is_not_told_as_nought(tmp_path: Path, draws: int) -> None:
    task = _with_outputs(tmp_path, lambda n: "even" if n % 2 == 0 else "odd", decision={"draws": draws})

    found = walk(task, tmp_path / "run")

    terms = Terms.of(found.settings).model_copy(update={"metrics": (MetricSettings(name="normalized_match"),)})
    for known in (found, RunDir.read(tmp_path / "run").migration()):
        (anew,) = rescore(known, terms)
        assert anew.confirmation is not None
        for met in (only(known).confirmation, anew.confirmation):
            source, winner = met.source, met.winner
            assert all(map(math.isnan, (source.cost, source.latency, source.p95_latency, source.input_tokens)))
            assert winner.cost > 0 and winner.input_tokens > 0
    bundle = json.loads((tmp_path / "run/bundle/bundle.json").read_text("utf-8"))
    side = bundle["evidence"]["held_out"]["source"]
    assert [side[key] for key in ("cost_per_1000", "latency_p95", "output_tokens")] == [None, None, None]
    assert bundle["evidence"]["break_even"] is None
    assert re.search(r"source +1\.000 +100\.0% +– +–", outcome(found, tmp_path / "run"))


def test_a_recorded_source_that_breaks_its_contract_is_refused(tmp_path: Path) -> None:
    task, models = _with_outputs(tmp_path, lambda n: "I would say even"), crew()

    with pytest.raises(DataError, match="120 of 120 replies of the source test/source break the contract"):
        walk(task, tmp_path / "run", models)

    assert models.calls == 0


def test_a_source_that_breaks_its_contract_is_refused_after_twenty_calls(tmp_path: Path) -> None:
    models = crew(source=lambda _: "I cannot say.")

    with pytest.raises(DataError, match=r"20 of 20 replies of the source .* correct prompt.reply or the prompt"):
        finished(tmp_path, models)

    assert models.models["test/source"].calls == 20


def test_a_source_that_declines_is_told_from_one_that_breaks_its_contract(tmp_path: Path) -> None:
    def declines(request: Request) -> str:
        raise ModelError("content policy", model="test/source", refused=True)

    with pytest.raises(DataError, match=r"20 of 20 questions were declined by the source test/source, by a filter"):
        finished(tmp_path, crew(source=declines))


def test_without_gold_answers_the_source_that_wavers_is_easy_to_match(tmp_path: Path) -> None:
    """Asked again, the source disagrees with itself on every third number; so may the target."""

    def wavers(request: Request) -> str:
        swapped = request.sample == 1 and number(request) % 3 == 0
        return {"even": "odd", "odd": "even"}[parity(request)] if swapped else parity(request)

    def off(request: Request) -> str:
        return {"even": "odd", "odd": "even"}[parity(request)] if number(request) % 5 == 0 else parity(request)

    steady, _ = finished(tmp_path / "steady", crew(target=off), gold=False)
    wavering, _ = finished(tmp_path / "wavering", crew(target=off, source=wavers), gold=False)

    assert only(steady).decision.verdict is Verdict.STAY
    assert only(wavering).decision.verdict is Verdict.MIGRATE
    assert "the source's agreement with itself" in only(wavering).decision.reason


def test_gold_answers_are_the_standard_where_there_are_any(tmp_path: Path) -> None:
    """The source is wrong on every fifth number, and the target right on all: better than the source."""

    def off(request: Request) -> str:
        return "odd" if number(request) % 10 == 0 else parity(request)

    found, _ = finished(tmp_path, crew(source=off))

    assert only(found).decision.comparison.mean == pytest.approx(
        sum(found.examples[key].inputs["n"] % 10 == 0 for key in found.split["test"]) / 60  # type: ignore[operator]
    )


# -- several targets, failures


def test_two_targets_share_one_baseline_and_have_a_verdict_each(tmp_path: Path) -> None:
    models = crew(bad=hopeless)
    found, run_dir = finished(tmp_path, models, rows=160, target=None, targets=[TARGET, TARGET | {"model": "test/bad"}])

    verdicts = {result.model: result.decision.verdict for result in found.targets}
    assert verdicts == {"test/target": Verdict.MIGRATE, "test/bad": Verdict.STAY}
    assert models.models["test/source"].calls == 160 + 80
    assert json.loads((run_dir / "decision.json").read_text())["verdict"] == "migrate"
    assert sorted(path.name for path in (run_dir / "bundle").iterdir()) == [
        "test_bad",
        "test_bad.zip",
        "test_target",
        "test_target.zip",
    ]


def test_a_budget_is_shared_so_that_every_target_is_searched_and_confirmed(tmp_path: Path) -> None:
    """180 calls of the source, and 2 * (120 + 4) for confirmation and first look of the targets: 428 at least."""
    found, _ = finished(
        tmp_path,
        crew(second=wordy),
        target=None,
        targets=[TARGET, TARGET | {"model": "test/second"}],
        budget={"calls": 470},
        search=SEARCH | {"calls_per_trial": 50},
    )

    assert [result.decision.comparison.n for result in found.targets] == [60, 60]
    assert all("budget" in result.search.stopped_by for result in found.targets)
    assert sum(spend.calls for spend in found.spend.values()) <= 470


def test_an_outage_ends_the_run_and_a_later_start_goes_on(tmp_path: Path, plain_run: Walked) -> None:
    down = [True]

    def flaky(request: Request) -> str:
        if down[0]:
            raise ModelError("503 everywhere", model="test/target", retryable=True)
        return wordy(request)

    task = write_task(tmp_path)
    with pytest.raises(ModelError, match="503 everywhere"):
        walk(task, tmp_path / "run", crew(target=flaky))
    down[0] = False
    walk(task, tmp_path / "run", crew(target=flaky))

    assert files(tmp_path / "run") == files(plain_run.run)


def test_a_wrong_key_ends_the_run_at_the_first_answer(tmp_path: Path) -> None:
    def denied(request: Request) -> str:
        raise ModelError("the key is not accepted", model="test/target", status=401)

    with pytest.raises(ModelError, match="the key is not accepted"):
        finished(tmp_path, crew(target=denied))


def test_refusals_count_against_the_target_and_are_not_asked_again(tmp_path: Path) -> None:
    def prudish(request: Request) -> str:
        if number(request) % 4 == 0:
            raise ModelError("declined by the content filter", model="test/target", refused=True)
        return wordy(request)

    found, run_dir = finished(tmp_path, crew(target=prudish))
    idle = crew()
    walk(tmp_path / "task.yaml", run_dir, idle)

    statuses = [output.status for output in only(found).confirmation.winner.outputs]
    assert statuses.count("refused") > 5
    assert only(found).decision.verdict is Verdict.STAY
    assert idle.calls == 0


# -- what is written


def test_the_decision_holds_no_time_of_day_and_no_path(plain_run: Walked) -> None:
    text = (plain_run.run / "decision.json").read_text()
    numbers = re.findall(r"(?<![\w.])\d+(?![\w.])", text)
    assert numbers and max(map(int, numbers)) < 1000
    assert not re.search(r"20\d\d-\d\d|\d\d:\d\d", text)
    assert str(plain_run.folder) not in text


def test_equal_answers_give_equal_files_in_another_place(tmp_path: Path, plain_run: Walked) -> None:
    _, run_dir = finished(tmp_path)

    assert files(run_dir) == files(plain_run.run)


def test_the_log_tells_the_run_with_relative_seconds_and_grows_with_every_start(
    tmp_path: Path, plain_run: Walked
) -> None:
    run_dir = plain_run.copy(tmp_path / "run")
    walk(plain_run.folder / "task.yaml", run_dir)

    lines = (run_dir / "run.log").read_text().splitlines()
    assert all(re.match(r" *\d+\.\d s  \S", line) for line in lines)
    assert sum(line.endswith(" s  started") for line in lines) == sum(line.endswith(" s  ended") for line in lines) == 2
    assert any("test/target: migrate. " in line for line in lines)


def test_secrets_and_control_characters_reach_neither_log_nor_terminal(tmp_path: Path) -> None:
    key = "sk-" + "a1b2c3d4" * 5

    def leaks(request: Request) -> str:
        raise ModelError(f"\x1b[31mno access with {key}", model="test/target", status=401)

    with pytest.raises(ModelError):
        finished(tmp_path, crew(target=leaks))

    log = (tmp_path / "run/run.log").read_text()
    assert "broke off with ModelError" in log and "<hidden>" in log
    assert key not in log and "\x1b" not in log


def test_a_prompt_that_no_bundle_can_hold_is_said_and_still_reported(tmp_path: Path) -> None:
    prompt = {
        "syntax": "jinja2",
        "user": "Say what it is. Just the label and nothing else.\n\nNumber: {% if n %}{{ n }}{% else %}0{% endif %}",
        "reply": {"labels": ["even", "odd"]},
    }
    said: list[str] = []

    _, run_dir = finished_and_heard(tmp_path, said, prompt=prompt)

    assert any("no bundle for test/target: the prompt has Jinja control flow" in text for text in said)
    assert (run_dir / "report.html").exists() and not (run_dir / "bundle").exists()


def finished_and_heard(folder: Path, said: list[str], **sections: Any) -> tuple[Migration, Path]:
    task = write_task(folder, **sections)
    found = walk(load_task(task), folder / "run", watch=lambda progress: said.append(progress.text))
    return found, folder / "run"


def test_a_budget_of_just_the_least_is_enough_where_no_limit_of_tokens_is_stated(tmp_path: Path) -> None:
    """An answer may have 4,096 tokens then, so what a call may take at worst is far above what it takes."""
    models: dict[str, Any] = {"source": SOURCE | {"params": {}}, "target": TARGET | {"params": {}}}
    least = plan(load_task(write_task(tmp_path, **models))).expected.least

    found, _ = finished(tmp_path, budget={"dollars": least.dollars * 1.001}, **models)

    assert only(found).decision.verdict is Verdict.MIGRATE
    assert sum(spend.dollars for spend in found.spend.values()) <= least.dollars * 1.001


def unfit(example: Example, output: Output) -> float:
    return 1.0


def lost(example: Example, output: Output, reference: Output | None) -> float:
    raise LookupError("no such label")


def test_a_metric_that_cannot_be_called_is_refused_before_anything_is_asked(tmp_path: Path) -> None:
    models = crew()
    with pytest.raises(ConfigError, match=r"too many .*; a metric is called with \(example, output, reference\)"):
        walk(write_task(tmp_path, metrics="tests.test_walk:unfit"), tmp_path / "run", models)
    assert models.calls == 0


def test_a_metric_that_cannot_score_is_found_out_on_the_first_answers(tmp_path: Path) -> None:
    models = crew()
    with pytest.raises(DataError, match=r"'tests.test_walk:lost', example .*: LookupError: no such label"):
        walk(write_task(tmp_path, metrics="tests.test_walk:lost"), tmp_path / "run", models)
    assert models.models["test/source"].calls == 20, "of 120 examples"
