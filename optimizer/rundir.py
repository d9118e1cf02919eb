"""The run directory: what is written where. The only module that knows the file names of a run.

    manifest.json      format, fingerprint of the task, versions, status, spend
    task.yaml          the task file with all defaults filled in
    split.json         which example is in which part
    baseline.jsonl     what the source answered
    trials.jsonl       every configuration that was tried, with its prompt
    confirmation.jsonl what source, unchanged and winner answered on the held-out examples
    examples.jsonl     the examples, as they were read
    decision.json      the verdict, with its evidence
    report.html        the page for people
    bundle/            the winning prompt, for production
    study.db           Optuna's own storage
    calls.sqlite       every answer that was paid for

A file is written whole or not at all. There is no checkpoint: a run that was cut off is started again, walks the
same way over the remembered answers and pays for nothing twice.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from optimizer import records
from optimizer.errors import RunDirError
from optimizer.migration import Migration, TargetResult
from optimizer.records import as_json, plain
from optimizer.study import write_study

if TYPE_CHECKING:
    from filelock import FileLock

FORMAT = 1


class RunDir:
    """One run's directory, locked while a run writes to it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.calls = path / "calls.sqlite"
        self.report = path / "report.html"
        self.study = path / "study.db"
        self.log = path / "run.log"
        self._lock: FileLock | None = None

    @classmethod
    def open(cls, path: Path, *, fingerprint: str, versions: Mapping[str, str]) -> RunDir:
        """Create the directory, or return to one of the same task to go on with it.

        Raises RunDirError where it belongs to another task, to a newer format, to a run that is going on now, or
        cannot be written.
        """
        run = cls(path)
        try:
            path.mkdir(parents=True, exist_ok=True)
            run._take_lock()
        except OSError as error:
            raise RunDirError(f"{path}: cannot write here ({error.strerror}); choose another --run-dir") from error
        found = run._manifest()
        if found and found.get("fingerprint") != fingerprint:
            run.close()
            raise RunDirError(
                f"{path} holds a run of another task (fingerprint {found.get('fingerprint')}, this task's is "
                f"{fingerprint}); choose another --run-dir, or delete the folder to start afresh"
            )
        run.write_manifest({**found, "format": FORMAT, "fingerprint": fingerprint, "versions": dict(versions)})
        return run

    @classmethod
    def read(cls, path: Path) -> RunDir:
        """A directory to read from. Raises RunDirError where there is no finished run."""
        run = cls(path)
        if not run._manifest():
            raise RunDirError(
                f"{path}: no run here (manifest.json is missing); give the folder that `promptport run` wrote"
            )
        return run

    def __enter__(self) -> RunDir:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        if self._lock is not None:
            self._lock.release()

    def bundle(self, migration: Migration, result: TargetResult) -> Path:
        """The bundle's folder; with several targets each has one below it."""
        folder = self.path / "bundle"
        return folder / slug(result.model) if len(migration.targets) > 1 else folder

    def manifest(self) -> dict[str, Any]:
        return self._manifest()

    def write_manifest(self, facts: Mapping[str, Any]) -> None:
        self._write("manifest.json", as_json(facts))

    def note_clock(self, facts: Mapping[str, Any]) -> None:
        self.write_manifest(self._manifest() | {"clock": dict(facts)})

    def write(self, migration: Migration) -> None:
        """All that a run found out; `decision.json` last, so that its presence means the rest is there."""
        self.write_manifest(self._manifest() | {"run": records.facts(migration), "status": "finished"})
        self._write("task.yaml", records.task_yaml(migration.settings))
        self._write("split.json", as_json(migration.split))
        self._write_lines("examples.jsonl", migration.examples.values())
        self._write_lines("baseline.jsonl", migration.baseline)
        self._write_lines("trials.jsonl", records.trial_lines(migration))
        self._write_lines("confirmation.jsonl", records.confirmation_lines(migration))
        write_study(self.study, {result.model: result.search.trials for result in migration.targets})
        self._write("decision.json", as_json(records.decision(migration)))

    def migration(self) -> Migration:
        """The run as one value again, read from its files. Raises RunDirError where one is missing or damaged."""
        try:
            return records.read_migration(self.path, self._manifest())
        except FileNotFoundError as error:
            raise RunDirError(
                f"{error.filename}: missing, so the run is not finished; start it again with the same --run-dir"
            ) from error
        except (KeyError, TypeError, ValueError) as error:
            raise RunDirError(f"{self.path}: damaged ({error!r}); start the run again, its answers are kept") from error

    def _manifest(self) -> dict[str, Any]:
        path = self.path / "manifest.json"
        if not path.exists():
            return {}
        try:
            found: dict[str, Any] = json.loads(path.read_text("utf-8"))
        except (ValueError, OSError) as error:
            raise RunDirError(f"{path}: damaged ({error}); choose another --run-dir, or delete the file") from error
        if found.get("format") != FORMAT:
            raise RunDirError(f"{path}: format {found.get('format')!r}, this version reads {FORMAT}; update promptport")
        return found

    def _take_lock(self) -> None:
        from filelock import FileLock, Timeout

        self._lock = FileLock(self.path / ".lock")
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            raise RunDirError(
                f"{self.path}: another run is writing here; wait for it, or choose another --run-dir"
            ) from None

    def _write_lines(self, name: str, rows: Iterable[Any]) -> None:
        self._write(name, "".join(json.dumps(plain(row), ensure_ascii=False, sort_keys=True) + "\n" for row in rows))

    def _write(self, name: str, text: str) -> None:
        write_whole(self.path / name, text)


def write_whole(path: Path, text: str) -> None:
    """The old file or the new one, never a half; also after a power cut."""
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        with temporary.open("w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise RunDirError(
            f"{path}: cannot be written ({error.strerror}); make room or choose another --run-dir"
        ) from error


def slug(name: str) -> str:
    """A model's name as a folder's."""
    return "".join(char if char.isalnum() or char in ".-" else "_" for char in name)
