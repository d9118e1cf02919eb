"""A target that never answers some held-out examples: they are left out of both sides, counted, and decide nothing."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest

from optimizer.data.split import split_examples
from optimizer.results.migration import TargetResult
from optimizer.results.rundir import RunDir
from optimizer.task import Task, load_task
from optimizer.verdict.confirm import Verdict
from tests.e2e.tools.runs import SOURCE, TARGET, hosted, run, small_task
from tests.hostile import Body, gated

ROWS = 160


def _task(folder: Path, models: tuple[Any, Any]) -> Path:
    search = {"space": "quick", "trials": 8, "rounds": 2, "calls_per_trial": 8}
    return small_task(folder, models, rows=ROWS, search=search)


def _held_out(task: Task) -> dict[str, str]:
    """By id, words of the ticket that no other ticket has, and that look the same on the wire."""
    parts = split_examples(task.examples, task.settings.split.fractions, seed=task.settings.split.seed)
    tickets = [str(example.inputs["ticket"]) for example in task.examples]
    found = dict[str, str]()
    for example in parts.test:
        words = re.findall(r"[A-Za-z ,.]{20,}", str(example.inputs["ticket"]))
        own = [text for text in words if sum(text in ticket for ticket in tickets) == 1]
        if own:
            found[example.id] = own[0]
    return found


@dataclass(frozen=True)
class Stumbled:
    """A run in which some questions were never answered, beside one in which all were."""

    ours: TargetResult
    whole: TargetResult
    lost: set[str]
    held_out: int
    refused: Counter[str]
    told: tuple[str, ...]  # in the terminal, in the decision, on the page, in Markdown


@dataclass(frozen=True)
class Ground:
    folder: Path
    held_out: int
    texts: dict[str, str]
    whole: TargetResult


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Ground:
    folder = tmp_path_factory.mktemp("outage")
    task = _task(folder / "whole", (SOURCE, TARGET))
    ended = run(task, folder / "whole/run")
    assert ended.code == 0, ended.err
    found = RunDir.read(folder / "whole/run").migration()
    return Ground(folder, len(found.split["test"]), _held_out(load_task(task)), found.targets[0])


def stumbled(ground: Ground, lost: int) -> Stumbled:
    folder, texts = ground.folder / f"without {lost}", dict(list(ground.texts.items())[:lost])

    def outage(body: Body) -> tuple[int, str] | None:
        asked = json.dumps(body["messages"])
        return (500, "The server had an error.") if any(text in asked for text in texts.values()) else None

    with gated(outage) as gate:
        ended = run(_task(folder, (SOURCE, hosted(TARGET, gate.url))), folder / "run")
        assert ended.code == 0, ended.err
    refused = Counter(json.dumps(body, sort_keys=True) for body in gate.asked if outage(body))
    written = [(folder / "run" / name).read_text("utf-8") for name in ("decision.json", "report.html", "report.md")]
    [ours] = RunDir.read(folder / "run").migration().targets
    return Stumbled(ours, ground.whole, set(texts), ground.held_out, refused, (ended.out, *written))


@pytest.fixture(scope="module")
def twentieth(ground: Ground) -> Stumbled:
    return stumbled(ground, ground.held_out // 20)


@pytest.fixture(scope="module")
def tenth(ground: Ground) -> Stumbled:
    return stumbled(ground, ground.held_out // 10)


@pytest.fixture(params=["twentieth", "tenth"])
def either(request: pytest.FixtureRequest) -> Stumbled:
    found: Stumbled = request.getfixturevalue(request.param)
    return found


def test_where_a_twentieth_is_never_answered_the_verdict_is_that_of_a_run_that_lost_nothing(
    twentieth: Stumbled,
) -> None:
    assert twentieth.ours.decision.verdict == twentieth.whole.decision.verdict


def test_where_a_tenth_is_never_answered_there_is_no_verdict_and_that_is_why(tenth: Stumbled) -> None:
    assert tenth.ours.decision.verdict is Verdict.INCONCLUSIVE
    assert "That is more than 5%, too many for a verdict; run again." in tenth.ours.decision.reason


def test_the_comparison_points_where_it_points_without_the_outage(either: Stumbled) -> None:
    ours, whole = either.ours.decision.comparison, either.whole.decision.comparison

    assert (ours.n, whole.n) == (either.held_out - len(either.lost), either.held_out)
    assert whole.low <= ours.mean <= whole.high


def test_both_sides_leave_the_same_examples_out(either: Stumbled) -> None:
    """The difference is that of the others alone, worked out here from what is written down of each answer."""
    source, winner = either.ours.confirmation.source, either.ours.confirmation.winner
    differences = [
        ours.value - theirs.value
        for output, ours, theirs in zip(winner.outputs, winner.scores, source.scores, strict=True)
        if output.example_id not in either.lost
    ]

    assert {output.example_id for output in winner.outputs if output.status == "failed"} == either.lost
    assert not any(output.status == "failed" for output in source.outputs), "the source did answer these"
    assert either.ours.decision.comparison.mean == pytest.approx(fmean(differences), abs=1e-9)


def test_every_lost_example_was_asked_again_before_it_was_given_up(either: Stumbled) -> None:
    assert len(either.refused) >= len(either.lost) and min(either.refused.values()) > 1


def test_what_was_left_out_is_counted_in_outcome_and_reports(either: Stumbled) -> None:
    said = f"{len(either.lost)} of {either.held_out} examples got no answer from one side or both and were left out of"

    assert [said in text for text in either.told] == [True] * 4
