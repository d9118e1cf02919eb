"""The journal that Optuna's tools open: one study for each target, with every trial and its result.

Where several objectives are weighed against each other, another one has a value for each, to draw a Pareto front from.

A journal, not a database: Optuna takes 15 ms to write a trial to SQLite, less than one to write it to a journal. The
file is only ever appended to, so that a tool that has it open can read on: to rewrite a study is to delete it first.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from optimizer.errors import RunDirError
from optimizer.models.stores.pgserver import for_optuna
from optimizer.search.study import door, frozen, tried
from optimizer.search.trial import Trial

_ONE, _APART = ("objective",), ": "  # the only objective; and what stands between a target and several in a name


@dataclass(frozen=True)
class Study:
    """What is written of one search. `courses`: by trial, the mean objective of its first example, its first two, and
    so on. `objectives`: those that the sampler weighed against each other."""

    trials: Sequence[Trial]
    courses: Mapping[int, Sequence[float]] = field(default_factory=dict)
    objectives: Sequence[str] = ()

    def frozen(self) -> list[Any]:
        """The trials as Optuna writes them down."""
        distributions, courses = tried(self.trials), self.courses
        return [
            frozen(distributions, trial, course=courses.get(trial.number, ()), objectives=self.objectives)
            for trial in self.trials
        ]


class StudyJournal:
    """Optuna's journal in a file, kept in memory as well, so that many entries are one write.

    There is one writer, since the run has locked its directory. A dashboard may still append a note: `flush` then
    refuses to write. No `fsync`: what a power cut takes, the resumed run writes again.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        data = path.read_bytes() if path.exists() else b""
        self._size = data.rfind(b"\n") + 1  # after it comes what a killed run began to write
        self._lines = data[: self._size].splitlines()
        self._written = len(self._lines)
        self.storage = door().storages.JournalStorage(self)

    def read_logs(self, log_number_from: int) -> Iterator[dict[str, Any]]:
        return (json.loads(line) for line in self._lines[log_number_from:])

    def append_logs(self, logs: Iterable[dict[str, Any]]) -> None:
        self._lines += (json.dumps(log, separators=(",", ":")).encode() for log in logs)

    def flush(self) -> bool:
        """Write what is new; False, with nothing written, if the file is no longer as it was left."""
        new = b"".join(line + b"\n" for line in self._lines[self._written :])
        if not new:
            return True
        with self._path.open("ab") as file:
            size = file.tell()
            if size != self._size and self._grown(size):
                return False
            file.truncate(self._size)
            file.write(new)
        self._size, self._written = self._size + len(new), len(self._lines)
        return True

    def _grown(self, size: int) -> bool:
        """Whether lines were added, or the file was cut; half a line at the end is only what a killed run left."""
        return size < self._size or b"\n" in self._path.read_bytes()[self._size :]

    def seen(self) -> int:
        """Examples that all trials in it have seen."""
        studies = [study for study in self.storage.get_all_studies() if len(study.directions) == 1]
        trials = (trial for study in studies for trial in self.storage.get_all_trials(study._study_id))
        return sum(int(t.user_attrs.get("examples", max(t.intermediate_values, default=0))) for t in trials)


def open_journal(path: Path) -> StudyJournal:
    """The journal in `path`; a file that is no journal is replaced by an empty one."""
    try:
        return StudyJournal(path)
    except (ValueError, LookupError, TypeError, AttributeError, AssertionError):  # the last is Optuna's own
        path.unlink()
        return StudyJournal(path)


def write_study(path: Path, studies: Mapping[str, Study]) -> None:
    """Write the results of a run's searches over what was noted on the way, unless they are there already.

    Raises RunDirError where it cannot be written.
    """
    try:
        written = open_journal(path)
        if not _holds(written.storage, studies):
            fill(written.storage, studies)
            written.flush()
    except OSError as error:
        raise RunDirError(
            f"{path}: cannot be written ({error.strerror}); make room or choose another --run-dir"
        ) from error


def share_study(url: str, prefix: str, studies: Mapping[str, Study]) -> None:
    """The same on a PostgreSQL server, for one dashboard over many runs; replaces what an earlier run left there.

    Raises RunDirError where the server cannot be used.
    """
    optuna = door()
    from sqlalchemy.exc import SQLAlchemyError

    try:
        storage = optuna.storages.RDBStorage(for_optuna(url))
        fill(storage, {f"{prefix} {name}": study for name, study in studies.items()})
    except (SQLAlchemyError, optuna.exceptions.OptunaError) as error:
        said = str(getattr(error, "orig", None) or error).splitlines()[0]
        raise RunDirError(
            f"{url}: the trials cannot be written there ({said}); they are in the run's folder"
        ) from error


def open_storage(storage: str | Path) -> Any:
    """Optuna's storage in a run's file, or on the server at that address."""
    optuna = door()
    if isinstance(storage, str):
        return optuna.storages.RDBStorage(for_optuna(storage))
    return optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(str(storage)))


def new_study(storage: Any, name: str, objectives: Sequence[str] = ()) -> Any:
    """An empty study of that name; an earlier one is deleted. Of several objectives all but the quality are costs."""
    for study in storage.get_all_studies():
        if study.study_name == name:
            storage.delete_study(study._study_id)
    directions = ["maximize" if name in ("objective", "quality") else "minimize" for name in objectives or _ONE]
    study = door().create_study(storage=storage, study_name=name, directions=directions)
    study.set_metric_names(list(objectives or _ONE))
    return study


def fill(storage: Any, studies: Mapping[str, Study]) -> None:
    for old in _apart(storage, studies):
        storage.delete_study(old._study_id)
    for name, study in _pages(studies).items():
        new_study(storage, name, study.objectives).add_trials(study.frozen())


def _pages(studies: Mapping[str, Study]) -> dict[str, Study]:
    """What is written, by the studies' names."""
    pages = {name: replace(study, objectives=()) for name, study in studies.items()}
    weighed = {name: study for name, study in studies.items() if study.objectives}
    apart = {f"{name}{_APART}{' and '.join(s.objectives)}": replace(s, courses={}) for name, s in weighed.items()}
    return pages | apart


def _apart(storage: Any, studies: Iterable[str]) -> list[Any]:
    """The studies with several objectives that are there; a run that went on may have others, or none any more."""
    names = tuple(name + _APART for name in studies)
    return [study for study in storage.get_all_studies() if study.study_name.startswith(names)]


def _holds(storage: Any, studies: Mapping[str, Study]) -> bool:
    found = {study.study_name: storage.get_all_trials(study._study_id) for study in storage.get_all_studies()}
    pages = _pages(studies)
    if any(old.study_name not in pages for old in _apart(storage, studies)):
        return False
    return all(_facts(found.get(name, [])) == _facts(study.frozen()) for name, study in pages.items())


def _facts(trials: Iterable[Any]) -> list[tuple[Any, ...]]:
    return [(trial.params, trial.values, trial.user_attrs, trial.intermediate_values) for trial in trials]
