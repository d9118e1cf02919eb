"""The run directory: what is written where. The only module that knows the file names of a run.

    manifest.json      format, fingerprint of the task, versions, status, spend, hashes of the other files
    task.yaml          the task file with all defaults filled in
    split.json         which example is in which part
    baseline.jsonl     what the source answered
    trials.jsonl       every configuration that was tried, with its prompt
    answers.jsonl      what each of them answered on validation examples, with scores
    confirmation.jsonl what source, unchanged and winner answered on the held-out examples
    columns.json       by what the examples are looked at in parts
    stages.json        what the other stages of the application took
    examples.jsonl     the examples, as they were read
    decision.json      the verdict, with its evidence
    report.html        the page for people
    report.md          the same in short, for a pull request
    report.json        the same for programs
    bundle/            the winning prompt, for production
    bundle.zip         the same in one file
    study.journal      Optuna's own storage
    calls.sqlite       every answer that was paid for
    tries.jsonl        every request that went out, so that nothing is lost sight of when a run is killed
    run.log            what the run said, each time that it was started
    status.json        where the run is, for those who look from outside

A file is written whole or not at all, and read back only as it was written. There is no checkpoint: a run that was
cut off is started again, walks the same way over the remembered answers and pays for nothing twice.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from optimizer.errors import RunDirError
from optimizer.models.money.journal import came_to_nothing
from optimizer.results import records
from optimizer.results.migration import Migration, TargetResult
from optimizer.results.records import as_json
from optimizer.results.restore import read_decisions, read_migration
from optimizer.results.studies import studies
from optimizer.search.journal import write_study
from optimizer.verdict.confirm import Decision

if TYPE_CHECKING:
    from filelock import FileLock

FORMAT = 1
_Read = TypeVar("_Read")


class RunDir:
    """One run's directory, locked while a run writes to it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.calls = path / "calls.sqlite"
        self.tries = path / "tries.jsonl"
        self.report = path / "report.html"
        self.study = path / "study.journal"
        self.log = path / "run.log"
        self.status = path / "status.json"
        self._decision = path / "decision.json"
        self._lock: FileLock | None = None

    @classmethod
    def open(
        cls, path: Path, *, fingerprint: str, versions: Mapping[str, str], parts: Mapping[str, str] | None = None
    ) -> RunDir:
        """Create the directory, or return to one of the same task to go on with it. `parts`: of what is agreed.

        Raises RunDirError where another task has had answers, for a newer format, a run that goes on, want of rights.
        """
        run = cls(path)
        run._lock = locked(path)
        try:
            run._begin(fingerprint, versions, parts or {})
        except BaseException:
            run.close()
            raise
        return run

    @classmethod
    def read(cls, path: Path) -> RunDir:
        """A directory to read from. Raises RunDirError where there is no run."""
        run = cls(path)
        if not run.manifest():
            fleet = "; those of a fleet are in tasks/NAME below it" if (path / "tasks").is_dir() else ""
            raise RunDirError(
                f"{path}: no run here (manifest.json is missing); give the folder that `promptport run` wrote{fleet}"
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
        """The bundle's folder; with several targets, asked or left out, each has one below it."""
        folder = self.path / "bundle"
        return folder / slug(result.model) if len(migration.targets) + len(migration.left_out) > 1 else folder

    def note_clock(self, facts: Mapping[str, Any]) -> None:
        self._write_manifest(clock=dict(facts))

    def write(self, migration: Migration) -> None:
        """All that a run found out. `decision.json` goes first and comes last: where it is, the rest belongs to it."""
        texts = {
            "task.yaml": records.task_yaml(migration.settings),
            "split.json": as_json(migration.split, sort=False),
            "columns.json": as_json(migration.columns, sort=False),
            "stages.json": as_json(migration.stages, sort=False),
            "examples.jsonl": records.as_lines(migration.examples.values()),
            "baseline.jsonl": records.as_lines(migration.baseline),
            "trials.jsonl": records.as_lines(records.trials(migration)),
            "answers.jsonl": records.as_lines(records.answers(migration)),
            "confirmation.jsonl": records.as_lines(records.confirmations(migration)),
            "decision.json": as_json(records.decision(migration)),
        }
        self._decision.unlink(missing_ok=True)
        files = {name: _digest(text.encode()) for name, text in texts.items()}
        self._write_manifest(run=records.facts(migration), files=files, status="finished")
        if found := studies(migration):
            write_study(self.study, found)
        for name, text in texts.items():
            write_whole(self.path / name, text)

    def migration(self) -> Migration:
        """The run as one value again, read from its files. Raises RunDirError where one is missing or damaged."""
        return self._whole(read_migration)

    def decisions(self) -> Mapping[str, Decision]:
        """The verdicts by target. Raises as `migration` does, but opens decision.json alone: others may be large."""
        return self._whole(read_decisions, only="decision.json")

    def _whole(self, read: Callable[[Path, Mapping[str, Any]], _Read], *, only: str = "") -> _Read:
        manifest = self.manifest()
        if not self._decision.exists():
            raise RunDirError(f"{self.path}: the run is not finished; start it again with the same --run-dir")
        try:
            for name in [only] if only else manifest["files"]:
                if _digest((self.path / name).read_bytes()) != manifest["files"][name]:
                    raise ValueError(f"{name} is not as it was written")
            return read(self.path, manifest)
        except (LookupError, TypeError, AttributeError, ValueError, OSError) as error:
            raise RunDirError(
                f"{self.path}: damaged ({error}); start the run again with the same --run-dir, its answers are kept"
            ) from error

    def manifest(self) -> dict[str, Any]:
        """What manifest.json says; nothing where there is none. Raises RunDirError where it cannot be read."""
        path = self.path / "manifest.json"
        try:
            found = json.loads(path.read_text("utf-8"))
        except (FileNotFoundError, NotADirectoryError):
            return {}
        except (ValueError, RecursionError, OSError) as error:
            raise RunDirError(f"{path}: damaged ({error}); choose another --run-dir, or delete the file") from error
        if not isinstance(found, dict):
            raise RunDirError(f"{path}: damaged (not an object); choose another --run-dir, or delete the file")
        if found.get("format") != FORMAT:
            raise RunDirError(f"{path}: format {found.get('format')!r}, this version reads {FORMAT}; update promptport")
        return found

    def _begin(self, fingerprint: str, versions: Mapping[str, str], parts: Mapping[str, str]) -> None:
        earlier = (found := self.manifest()).get("fingerprint", fingerprint)
        mended = found.get("status") != "finished" and came_to_nothing(self.tries)  # the task, that failed at once
        if earlier != fingerprint and not mended:
            raise RunDirError(
                f"{self.path} holds a run of another task (fingerprint {earlier}, this task's is {fingerprint}): they "
                f"differ in {_differing(found.get('agreed'), parts)}; choose another --run-dir, or undo the change"
                f"{self._kept(parts)}"
            )
        self._write_manifest(
            format=FORMAT, fingerprint=fingerprint, agreed=dict(parts), versions=dict(versions), status="under way"
        )

    def _kept(self, parts: Mapping[str, str]) -> str:
        """How a new run comes by the answers that this one has paid for."""
        if not parts or not self.calls.exists():
            return ""
        return f". With `store: {self.calls.resolve()}` in the task file no answer that is kept here is paid for twice"

    def _write_manifest(self, **facts: Any) -> None:
        write_whole(self.path / "manifest.json", as_json(self.manifest() | facts, sort=False))


def locked(folder: Path, what: str = "run", option: str = "--run-dir") -> FileLock:
    """The lock of a folder, made if need be. Raises RunDirError where others have it, or for want of rights."""
    from filelock import FileLock, Timeout

    lock = FileLock(folder / ".lock")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=0)
    except Timeout:
        told = f"{folder}: another {what} is writing here; wait for it, or choose another {option}"
        raise RunDirError(told) from None
    except OSError as error:
        raise RunDirError(f"{folder}: cannot write here ({error.strerror}); choose another {option}") from error
    return lock


def write_whole(path: Path, text: str) -> None:
    """The old file or the new one, never a half; also after a power cut."""
    write_bytes(path, text.encode())


def write_bytes(path: Path, data: bytes) -> None:
    """As `write_whole`, of what is no text."""
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink()
        raise RunDirError(
            f"{path}: cannot be written ({error.strerror}); make room, or have it written elsewhere"
        ) from error


def slug(name: str) -> str:
    """A model's name as a folder's; never one that leads upwards."""
    text = "".join(char if char.isalnum() or char in ".-" else "_" for char in name)
    return text if text.strip(".") else "_" * len(text)


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _differing(earlier: Any, parts: Mapping[str, str]) -> str:
    """Which sections of the task file; all that may where the run is of an earlier version."""
    known = earlier if isinstance(earlier, dict) else {}
    found = [name for name in {**parts, **known} if known and known.get(name) != parts.get(name)]
    return ", ".join(found) or "data, prompt, models, metrics, split, constraints or margin"
