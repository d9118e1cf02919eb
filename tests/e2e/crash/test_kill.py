"""A run that is killed, again and again, and started again each time ends as if nothing had happened."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.tools.books import Books, holds, served, stored
from tests.e2e.tools.runs import WRITTEN, Finished, different, ended, finished, small_task, started

KILLS = int(os.environ.get("PROMPTPORT_KILLS", "10"))
_FLYING = 16  # calls that may be in flight at once: the task file's default
_PATIENCE = 120.0

_INTERRUPTED = "interrupted; all answers so far are kept: run the same command again to go on"

Moment = Callable[[subprocess.Popen[str]], bool]


@dataclass
class Killed:
    """What came of a run with many lives."""

    books: Books
    folder: Path
    task: Path
    kills: int = 0
    kept: set[str] = field(default_factory=set)  # stored at one kill or another
    asked_again: set[str] = field(default_factory=set)  # stored at a kill, and yet asked after it
    on_the_wire: set[str] = field(default_factory=set)  # answered before a kill, but not stored by then
    seconds: float = 0.0


def _strike(killed: Killed, moment: Moment) -> None:
    """Start the run, kill it at that moment, and note what its store held."""
    before = killed.books.answered.copy()
    with started(killed.task, killed.folder) as process:
        struck = moment(process)
        process.send_signal(signal.SIGKILL)
        assert (struck, process.wait()) == (True, -signal.SIGKILL), process.communicate()
    killed.kills += 1
    killed.books.settle()
    _settle_accounts(killed, before)


def _settle_accounts(killed: Killed, before: dict[str, int]) -> None:
    """Was anything asked, since the books looked like `before`, that had been stored by then?"""
    asked = {key for key, count in killed.books.answered.items() if count > before.get(key, 0)}
    killed.asked_again |= asked & killed.kept
    killed.kept |= stored(killed.folder)
    killed.on_the_wire |= asked - killed.kept


def _after(seconds: float) -> Moment:
    def moment(process: subprocess.Popen[str]) -> bool:
        time.sleep(seconds)
        return process.poll() is None

    return moment


def _at_answer(books: Books, number: int, later: float) -> Moment:
    def moment(process: subprocess.Popen[str]) -> bool:
        found = books.wait(number, _PATIENCE)
        time.sleep(later)
        return found and process.poll() is None

    return moment


def _while_writing(folder: Path) -> Moment:
    """In the middle of writing what was found: the manifest says that the run is through, and there is no decision."""

    def moment(process: subprocess.Popen[str]) -> bool:
        until = time.monotonic() + _PATIENCE
        while time.monotonic() < until and process.poll() is None:
            if '"status": "finished"' in _text(folder / "manifest.json") and not (folder / "decision.json").exists():
                return True
            time.sleep(0.002)
        return False

    return moment


def _text(path: Path) -> str:
    return path.read_text("utf-8") if path.exists() else ""


@pytest.fixture(scope="module")
def killed(through_http: tuple[Finished, Books], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Killed]:
    """The run of `through_http`, killed at ten random moments, and finished at last."""
    whole = len(through_http[1].answered)
    dice = random.Random(20)
    folder = tmp_path_factory.mktemp("killed")
    with served() as books:
        killed = Killed(books, folder / "run", small_task(folder, books.models))
        begun = time.monotonic()
        _strike(killed, _after(dice.uniform(0.05, 1.0)))
        stretches = KILLS - 2
        for n in range(stretches):
            number = int(whole * (n + dice.random()) / stretches)
            _strike(killed, _at_answer(books, max(1, number), dice.uniform(0, 0.05)))
        _strike(killed, _while_writing(killed.folder))
        before = books.answered.copy()
        finished(killed.task, killed.folder)
        _settle_accounts(killed, before)
        killed.seconds = time.monotonic() - begun
        yield killed


def test_kills_leave_every_file_as_an_undisturbed_run_writes_it(
    killed: Killed, through_http: tuple[Finished, Books]
) -> None:
    whole = through_http[0].folder

    assert killed.kills == KILLS
    assert different(killed.folder, whole) == []


def test_kills_leave_optunas_record_as_an_undisturbed_run_writes_it(
    killed: Killed, through_http: tuple[Finished, Books]
) -> None:
    """Each trial once, though most were written down by several lives; what differs are the times."""
    [ours], [whole] = (studies(folder / "study.journal") for folder in (killed.folder, through_http[0].folder))

    assert ours.study_name == whole.study_name
    assert told(ours) == told(whole) and len(told(ours)) == len(set(map(str, told(ours))))


def test_no_stored_answer_is_asked_for_again(
    killed: Killed, through_http: tuple[Finished, Books], figure: Callable[[str], None]
) -> None:
    answered = killed.books.answered
    twice = {key for key, count in answered.items() if count > 1}
    figure(
        f"killed {killed.kills} times in {killed.seconds:.0f} s: {sum(answered.values())} answers to {len(answered)} "
        f"questions, {len(killed.on_the_wire)} of them on the wire at a kill and {len(twice)} asked again for it"
    )

    assert stored(killed.folder) == set(answered), "the books and the store speak of the same questions"
    assert len(answered) == len(through_http[1].answered)
    assert killed.asked_again == set()
    assert twice <= killed.on_the_wire
    assert len(twice) <= KILLS * _FLYING


def test_a_finished_run_started_again_asks_nothing_and_changes_nothing(
    through_http: tuple[Finished, Books],
) -> None:
    (done, books), before = through_http, through_http[1].stats()["requests"]
    written = {name: (done.folder / name).read_bytes() for name in WRITTEN}

    outcome = finished(done.task, done.folder)

    assert books.stats()["requests"] == before
    assert {name: (done.folder / name).read_bytes() for name in WRITTEN} == written
    assert outcome == done.outcome


def test_interrupts_and_kills_of_a_run_without_a_server_leave_no_trace(
    direct: Finished, tmp_path: Path, figure: Callable[[str], None]
) -> None:
    """The offline models in the process itself: then the compilers of DSPy are most of a run."""
    whole, dice, folder = len(stored(direct.folder)), random.Random(30), tmp_path / "run"
    signals = [signal.SIGINT, signal.SIGKILL] * 2
    held: list[int] = []
    for n, sent in enumerate(signals):
        with started(direct.task, folder) as process:
            assert holds(folder, process, int(whole * (n + dice.random()) / len(signals)))
            process.send_signal(sent)
            last = ended(process)
        held.append(len(stored(folder)))
        if sent == signal.SIGINT:
            assert (last.code, last.err.strip()) == (130, _INTERRUPTED)
        else:
            assert last.code == -signal.SIGKILL
    finished(direct.task, folder)
    figure(f"stopped {len(signals)} times without a server, with {held} of {whole} answers in the store")

    assert held == sorted(held)
    assert stored(folder) == stored(direct.folder)
    assert different(folder, direct.folder) == []


def studies(path: Path) -> list[Any]:
    import optuna
    from optuna.storages.journal import JournalFileBackend

    storage = optuna.storages.JournalStorage(JournalFileBackend(str(path)))
    return [optuna.load_study(study_name=name, storage=storage) for name in optuna.get_all_study_names(storage)]


def told(study: Any) -> list[Any]:
    return [(t.number, t.params, t.value, t.state, t.user_attrs) for t in study.trials]
