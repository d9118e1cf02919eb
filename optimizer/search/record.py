"""The record that Optuna's tools can open: one study for each target, with every trial as it came out.

A journal, not a database: Optuna writes a trial to SQLite in 15 ms, to a journal in less than one. What is in the file
is never changed, only added to, so that whoever has it open reads on: a study that is written anew is deleted first.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from optimizer.errors import RunDirError
from optimizer.models.stores.pgserver import for_optuna
from optimizer.search.study import door, facts, frozen, tried
from optimizer.search.trial import Trial


class Journal:
    """Optuna's journal in a file, kept in memory as well, so that many entries are one write.

    One writer alone, as the run has locked its directory; a dashboard may add a note of its own, which `flush` refuses
    to go on behind. No `fsync`: what a power cut takes is written anew by the run that goes on.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        data = path.read_bytes() if path.exists() else b""
        self._size = data.rfind(b"\n") + 1  # behind it is what a killed run began to write
        self._lines = data[: self._size].splitlines()
        self._written = len(self._lines)
        self.storage = door().storages.JournalStorage(self)

    def read_logs(self, log_number_from: int) -> Iterator[dict[str, Any]]:
        return (json.loads(line) for line in self._lines[log_number_from:])

    def append_logs(self, logs: Iterable[dict[str, Any]]) -> None:
        self._lines += (json.dumps(log, separators=(",", ":")).encode() for log in logs)

    def flush(self) -> bool:
        """Write what is new; False, and nothing is written, where the file is no longer as it was left."""
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
        """By whole lines, or cut: half a line is only what a killed run has left."""
        return size < self._size or b"\n" in self._path.read_bytes()[self._size :]

    def seen(self) -> int:
        """Examples that all trials in it have seen."""
        studies = self.storage.get_all_studies()
        trials = (trial for study in studies for trial in self.storage.get_all_trials(study._study_id))
        return sum(int(t.user_attrs.get("examples", max(t.intermediate_values, default=0))) for t in trials)


def journal(path: Path) -> Journal:
    """The journal in `path`, begun afresh where what is there is none."""
    try:
        return Journal(path)
    except (ValueError, LookupError, TypeError, AttributeError, AssertionError):  # the last is Optuna's own
        path.unlink()
        return Journal(path)


def write_study(path: Path, studies: Mapping[str, Sequence[Trial]]) -> None:
    """What came out of a run's searches, in place of what was noted on the way; nothing where that is there already.

    Raises RunDirError where it cannot be written.
    """
    try:
        written = journal(path)
        if not _holds(written.storage, studies):
            fill(written.storage, studies)
            written.flush()
    except OSError as error:
        raise RunDirError(
            f"{path}: cannot be written ({error.strerror}); make room or choose another --run-dir"
        ) from error


def share_study(url: str, prefix: str, studies: Mapping[str, Sequence[Trial]]) -> None:
    """The same on a PostgreSQL server, for one dashboard over many runs; in place of what an earlier one left there.

    Raises RunDirError where the server cannot be used.
    """
    optuna = door()
    from sqlalchemy.exc import SQLAlchemyError

    try:
        storage = optuna.storages.RDBStorage(for_optuna(url))
        fill(storage, {f"{prefix} {name}": trials for name, trials in studies.items()})
    except (SQLAlchemyError, optuna.exceptions.OptunaError) as error:
        said = str(getattr(error, "orig", None) or error).splitlines()[0]
        raise RunDirError(
            f"{url}: the trials cannot be written there ({said}); they are in the run's folder"
        ) from error


def opened(storage: str | Path) -> Any:
    """Optuna's storage in a run's file, or at the address of a server."""
    optuna = door()
    if isinstance(storage, str):
        return optuna.storages.RDBStorage(for_optuna(storage))
    return optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(str(storage)))


def begun(storage: Any, name: str) -> Any:
    """A study of that name without trials, in place of an earlier one."""
    for study in storage.get_all_studies():
        if study.study_name == name:
            storage.delete_study(study._study_id)
    study = door().create_study(storage=storage, study_name=name, direction="maximize")
    study.set_metric_names(["objective"])
    return study


def fill(storage: Any, studies: Mapping[str, Sequence[Trial]]) -> None:
    for name, trials in studies.items():
        distributions, study = tried(trials), begun(storage, name)
        study.add_trials(frozen(distributions, trial) for trial in trials)


def _holds(storage: Any, studies: Mapping[str, Sequence[Trial]]) -> bool:
    found = {study.study_name: storage.get_all_trials(study._study_id) for study in storage.get_all_studies()}
    return found.keys() >= studies.keys() and all(
        [(t.params, t.value, t.user_attrs) for t in found[name]]
        == [(dict(t.params), t.value, facts(t)) for t in trials]
        for name, trials in studies.items()
    )
