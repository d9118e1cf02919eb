"""The journal that Optuna's tools open grows while a search is running, and no decision depends on it."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState

import optimizer.report
from optimizer.errors import RunDirError
from optimizer.progress import Progress
from optimizer.search.brief import Brief
from optimizer.search.journal import Study, write_study
from optimizer.search.live import Live
from optimizer.search.loop import search
from optimizer.search.trial import Glance, SearchResult, Standing, Trial
from tests.conftest import Walked
from tests.search.test_search import PROMPT, SPACE, brief
from tests.walking import walk, wordy

Seen = list[tuple[int, int]]  # trials RUNNING and COMPLETE, each time that somebody looked


class Hands:
    """A clock that each answer turns by a second."""

    def __init__(self) -> None:
        self.at = 0.0

    def __call__(self) -> float:
        return self.at

    def turned(self, request: Any) -> str:
        self.at += 1.0
        return wordy(request)


def study(path: Path, name: str = "target") -> optuna.Study:
    """As somebody opens it who knows Optuna alone."""
    return optuna.load_study(study_name=name, storage=JournalStorage(JournalFileBackend(str(path))))


def watched(path: Path, **changes: object) -> Brief:
    hands = Hands()
    live = Live(path, hands)
    return brief(hands.turned, show=lambda look, due: live.show("target", look, due=due), **changes)


def written(trials: list[Any]) -> list[tuple[Any, ...]]:
    return [(trial.params, trial.value, trial.user_attrs) for trial in trials]


def sound(path: Path) -> bool:
    return all(isinstance(json.loads(line), dict) for line in path.read_bytes().splitlines())


# -- while the search is going on


def test_whoever_opened_the_record_reads_on_while_the_search_goes_on(tmp_path: Path) -> None:
    """One reader from the first trial to the last; it never opens the file again."""
    path = tmp_path / "study.journal"
    readers: list[optuna.Study] = []
    looks: Seen = []

    def look(progress: Progress) -> None:
        if path.exists() and not progress.text:
            readers[:] = readers or [study(path)]
            states = [trial.state for trial in readers[0].trials]
            looks.append((states.count(TrialState.RUNNING), states.count(TrialState.COMPLETE)))

    result = search(PROMPT, SPACE, watched(path, watch=look))

    assert looks[0] == (6, 0), "the first round's, before any is told"
    assert sorted({sum(states) for states in looks}) == [6, 12, 18], "three rounds of six"
    assert [done for _, done in looks] == sorted(done for _, done in looks) and looks[-1][1] > 6
    last = readers[0].trials
    assert [trial.params for trial in last] == [dict(trial.params) for trial in result.trials]
    assert {trial.state for trial in last} == {TrialState.COMPLETE}


def test_a_running_trial_shows_its_worth_by_the_number_of_examples_seen(tmp_path: Path) -> None:
    path = tmp_path / "study.journal"
    result = search(PROMPT, SPACE, watched(path))

    for trial, out in zip(study(path).trials, result.trials, strict=True):
        steps = trial.intermediate_values
        assert 0 < len(steps) <= out.examples and max(steps) <= out.examples
        assert trial.user_attrs["round"] == out.round


def test_a_search_that_is_watched_finds_what_it_finds_unseen(tmp_path: Path) -> None:
    def compared(result: SearchResult) -> list[object]:
        return [result.best, result.notes, *((t, a) for t, a in zip(result.trials, result.answers.items()))]  # noqa: B905

    for name in ("race", "median"):
        effort = replace(brief(wordy).effort, pruner=name)
        unseen = search(PROMPT, SPACE, brief(wordy, effort=effort))
        assert compared(search(PROMPT, SPACE, watched(tmp_path / name, effort=effort))) == compared(unseen)


def test_writing_takes_a_fiftieth_of_the_time_at_most(tmp_path: Path) -> None:
    """A look that takes a second is followed by forty-nine without one."""
    hands, looked = Hands(), []

    def slow() -> Glance:
        looked.append(hands.at)
        hands.at += 1.0
        return Glance((), lambda _n: pytest.fail("there is none"), {})

    live = Live(tmp_path / "study.journal", hands)
    while hands.at < 500:
        live.show("target", slow)
        hands.at += 0.5

    assert looked == [50.0 * n for n in range(10)]


def test_a_disk_that_cannot_be_written_does_not_end_the_search(tmp_path: Path) -> None:
    (tmp_path / "study.journal").mkdir()

    assert search(PROMPT, SPACE, watched(tmp_path / "study.journal")).winner.quality == 1.0


# -- starts after the first


def trial(number: int, value: float | None, examples: int) -> Trial:
    prompt = PROMPT
    return Trial(number, 1, {"reply": "as_is"}, "complete", prompt, value=value, examples=examples)


def glance(*examples: int, going: bool = True) -> Glance:
    return Glance(
        tuple(Standing(n, going, 0.5 if seen else None, seen) for n, seen in enumerate(examples)),
        lambda n: trial(n, 0.5, examples[n]),
        {"reply": ("as_is", "told")},
    )


def shown(path: Path, *glances: Glance, target: str = "target") -> Live:
    live = Live(path)
    for one in glances:
        live.show(target, partial(_same, one), due=True)
    return live


def _same(one: Glance) -> Glance:
    return one


def test_a_run_that_goes_on_shows_no_trial_twice_and_never_less_than_before(tmp_path: Path) -> None:
    path = tmp_path / "study.journal"
    shown(path, glance(0, 0), glance(4, 3))
    before = path.read_bytes()

    again = shown(path, glance(0, 0), glance(4, 2), glance(4, 3))
    assert path.read_bytes() == before, "it is not yet further than it was"

    again.show("target", lambda: glance(4, 4, 0), due=True)
    assert path.read_bytes().startswith(before)
    assert [max(t.intermediate_values, default=0) for t in study(path).trials] == [4, 4, 0]
    assert len(optuna.get_all_study_names(JournalStorage(JournalFileBackend(str(path))))) == 1


@pytest.mark.parametrize("lost", [1, 30, 700])
def test_what_a_kill_left_half_written_is_cut_off(tmp_path: Path, lost: int) -> None:
    path = tmp_path / "study.journal"
    shown(path, glance(0, 0), glance(4, 3))
    path.write_bytes(path.read_bytes()[:-lost])

    shown(path, glance(5, 5))

    assert sound(path) and len(study(path).trials) == 2


@pytest.mark.parametrize("text", [b"no journal\n", b"{}\n", b"[]\n", b"null\n", b"\xff\n", b'{"op_code": 99}\n'])
def test_a_file_that_is_no_journal_makes_room_for_one(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "study.journal"
    path.write_bytes(text)

    shown(path, glance(1, 0))

    assert len(study(path).trials) == 2


def test_what_somebody_adds_with_a_dashboard_is_kept_and_confuses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "study.journal"
    live = shown(path, glance(1, 1))
    other = optuna.create_study(study_name="mine", storage=JournalStorage(JournalFileBackend(str(path))))
    other.enqueue_trial({"x": 1})

    live.show("target", lambda: glance(2, 2, 1), due=True)
    live.show("target", lambda: glance(2, 2, 3), due=True)

    assert [max(t.intermediate_values) for t in study(path).trials] == [2, 2, 3]
    assert len(study(path, "mine").trials) == 1


def test_each_target_has_its_study_and_the_first_stays(tmp_path: Path) -> None:
    path = tmp_path / "study.journal"
    live = shown(path, glance(3, 3, going=False), target="one")

    live.show("two", lambda: glance(1), due=True)

    assert [t.state for t in study(path, "one").trials] == [TrialState.COMPLETE] * 2
    assert [t.state for t in study(path, "two").trials] == [TrialState.RUNNING]


# -- at the end


def test_the_end_of_a_run_writes_what_each_trial_came_out_at(tmp_path: Path) -> None:
    path, alone = tmp_path / "study.journal", tmp_path / "alone.journal"
    result = search(PROMPT, SPACE, watched(path))

    write_study(path, {"target": Study(result.trials)})
    write_study(alone, {"target": Study(result.trials)})

    assert written(study(path).trials) == written(study(alone).trials)
    assert [t.value for t in study(path).trials] == [t.value for t in result.trials]
    assert study(path).best_value == max(t.value or 0.0 for t in result.trials)


def test_a_finished_run_that_is_started_again_leaves_its_record_as_it_is(plain_run: Walked, tmp_path: Path) -> None:
    run = plain_run.copy(tmp_path / "run")
    before = (run / "study.journal").read_bytes()

    walk(plain_run.folder / "task.yaml", run)

    assert (run / "study.journal").read_bytes() == before


def test_a_run_cut_off_anywhere_ends_with_the_record_of_one_that_was_not(plain_run: Walked, tmp_path: Path) -> None:
    """Control-C in the search, each time after more calls."""
    run, seen = tmp_path / "run", []

    def interrupts(progress: Progress, last: int) -> None:
        if progress.stage == "search" and progress.calls > last:
            raise KeyboardInterrupt

    for last in (185, 195, 205):
        with pytest.raises(KeyboardInterrupt):
            walk(plain_run.folder / "task.yaml", run, watch=partial(interrupts, last=last))
        trials = study(run / "study.journal", "test/target").trials
        seen.append(sum(max(trial.intermediate_values, default=0) for trial in trials))
    walk(plain_run.folder / "task.yaml", run)

    assert seen == sorted(seen)
    ours, whole = (study(path / "study.journal", "test/target").trials for path in (run, plain_run.run))
    assert written(ours) == written(whole)


def test_a_record_that_cannot_be_written_at_the_end_is_told_with_a_way_out(plain_run: Walked, tmp_path: Path) -> None:
    (tmp_path / "study.journal").mkdir()

    with pytest.raises(RunDirError, match=r"study\.journal: cannot be written .* choose another --run-dir"):
        write_study(tmp_path / "study.journal", {"t": Study(plain_run.migration.targets[0].search.trials)})


def test_the_page_of_the_report_tells_how_optuna_opens_a_study(plain_run: Walked) -> None:
    page = (Path(optimizer.report.__file__).parent / "README.md").read_text("utf-8").partition("Optuna's own tools")[2]
    (code,) = re.findall(r"^```python\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    (target,) = plain_run.migration.targets
    found: dict[str, Any] = {}

    exec(code.replace("RUN", str(plain_run.run)).replace("offline/sim-beta", target.model), found)  # noqa: S102

    assert found["trials"]["value_objective"].tolist() == [trial.value for trial in target.search.trials]
    assert set(found["shares"]) == set(target.search.winner.params)
    attrs = set(found["study"].trials[0].user_attrs)
    assert attrs >= {"quality", "cost", "latency", "valid", "examples", "state"}
