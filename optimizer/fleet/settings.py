"""What a fleet is: the tasks below a folder, and what its fleet.yaml says of all of them together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, Field

from optimizer.config import Budget
from optimizer.config.engine_settings import EngineSettings, Store
from optimizer.config.model_settings import Model
from optimizer.config.sections import Count, Section, Text, many
from optimizer.config.taskfile import open_file
from optimizer.errors import ConfigError
from optimizer.task import Task, load_task

FILE = "fleet.yaml"
TASK = "task.yaml"


class FleetSettings(Section):
    name: Text = "fleet"
    targets: Annotated[tuple[Model, ...], BeforeValidator(many)] = Field(
        default=(), description="For every task, in place of its own"
    )
    budget: Budget = Field(default=Budget(), description="Of all tasks together")
    at_once: Annotated[Count, Field(le=64)] = Field(default=4, description="Tasks under way at the same time")
    engine: EngineSettings = EngineSettings()
    store: Store | None = Field(
        default=None, description="Where all of them remember answers; default: calls.sqlite in the fleet's run folder"
    )


def read_fleet(folder: Path) -> FleetSettings:
    """Raises ConfigError for a folder that is not there, or a fleet.yaml with mistakes."""
    if not folder.is_dir():
        raise ConfigError(f"{folder}: no such folder; name the one that holds the tasks")
    return open_file(folder / FILE, FleetSettings)[0] if (folder / FILE).exists() else FleetSettings(name=_name(folder))


def tasks_below(folder: Path) -> list[Path]:
    """Task files: every task.yaml in the folder and below, apart from those that runs have written down.

    Raises ConfigError where there is none.
    """
    found = sorted(path for path in folder.rglob(TASK) if not _written_by_a_run(path))
    if not found:
        raise ConfigError(f"{folder}: holds no {TASK}; a fleet is a folder with one folder for each task")
    return found


def opened(path: Path, settings: FleetSettings) -> Task:
    """A task with what the fleet says of all tasks. Raises what is wrong with it."""
    task = load_task(path)
    changes: dict[str, object] = {"engine": EngineSettings(), "store": None}
    if settings.targets:
        changes["targets"] = settings.targets
    return replace(task, settings=task.settings.model_copy(update=changes))


def names(folder: Path, paths: list[Path]) -> Iterator[str]:
    """Of tasks, by where they lie: no two alike."""
    for path in paths:
        yield path.parent.relative_to(folder).as_posix() if path.parent != folder else folder.resolve().name


def _written_by_a_run(path: Path) -> bool:
    return (path.parent / "manifest.json").exists()


def _name(folder: Path) -> str:
    return folder.resolve().name or "fleet"
