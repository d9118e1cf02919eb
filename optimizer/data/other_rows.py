"""The task file's settings for rows that are not the task's own: new examples for the gate."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from optimizer.config import Settings
from optimizer.config.scoring import SliceSettings
from optimizer.config.sections import Recorded
from optimizer.data.files import read_files


def header_of(settings: Settings, data: Path) -> Collection[str]:
    """The columns of a file in no other tool's format."""
    return read_files([data], encoding=settings.data.encoding, delimiter=settings.data.delimiter, wanted=()).columns


def on_other_rows(settings: Settings, data: Path, header: Collection[str]) -> Settings:
    """The source's answers count where the new rows have them, and nothing else that was recorded of it."""
    own = settings.data
    column = own.source.output if own.source else ""
    recorded = own.source if column in header or column.partition(".")[0] in header else None
    changes = {"path": (str(data.resolve()),), "hub": None, "group": None, "stratify": None, "human": None}
    section = own.model_copy(update={**changes, "source": recorded and Recorded(output=recorded.output)})
    return settings.model_copy(update={"data": section, "slices": SliceSettings()})
