"""One draft of several files: where two say the same, the first one is heard."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from optimizer.errors import ConfigError, DataError, nearest
from optimizer.importers.detecting import detect
from optimizer.importers.parsing.files import Source
from optimizer.importers.registry import FORMATS
from optimizer.importers.values import Draft, Format, Wish

_OF_THE_PROMPT = ("turns", "program", "asks", "prompt_todos", "reply", "tools", "tool_choice", "protected")
_OF_ROWS = ("rows", "columns")


def import_files(paths: Sequence[Path], *, named: str | None = None, wish: Wish | None = None) -> Draft:
    """One draft of all files: where two say the same, the first one is heard. Raises DataError and ConfigError.

    `named`: the format of the first file, where its content does not tell.
    """
    drafts = []
    for number, path in enumerate(paths):
        source = Source(path)
        found = _named(named) if named and number == 0 else detect(source)
        if found.folder != source.is_folder:
            wanted = "a folder" if found.folder else "a file"
            raise DataError(f"{path}: {found.name} is {wanted}; name that, or leave --as out")
        drafts.append(found.read(source, wish or Wish()))
    return joined(drafts)


def joined(drafts: Sequence[Draft]) -> Draft:
    """What the first draft leaves open, the next one fills."""
    found, *others = drafts
    for other in others:
        found = _filled(found, other)
    return found


def _filled(found: Draft, other: Draft) -> Draft:
    changes: dict[str, Any] = {}
    for key in (one.name for one in fields(Draft)):
        mine, theirs = getattr(found, key), getattr(other, key)
        if key in ("todos", "lost", "suggested"):
            changes[key] = (*mine, *theirs)
        elif not mine and theirs and key not in (*_OF_ROWS, *_OF_THE_PROMPT):
            changes[key] = theirs
    takes = {key: getattr(other, key) for key in _OF_THE_PROMPT}
    if _stands_in(found) and (other.turns or other.program) and not _stands_in(other):
        changes |= takes | {"format": f"{other.format}, {found.format}"}
    elif not (found.turns or found.program):
        changes |= takes
    elif not _stands_in(found) and not _stands_in(other) and (other.turns or other.program):
        changes["lost"] = (*changes["lost"], f"the prompt of the {other.format} file: the first file has one itself")
    if other.rows and not found.rows:
        changes |= {key: getattr(other, key) for key in _OF_ROWS}
    elif other.rows:
        changes["lost"] = (*changes["lost"], f"{len(other.rows)} rows of the second file: the first has rows itself")
    return replace(found, **changes)


def _stands_in(draft: Draft) -> bool:
    return draft.format in {name for name, one in FORMATS.items() if one.log or one.rows}


def _named(name: str) -> Format:
    if name not in FORMATS:
        raise ConfigError(f"no format is called {name!r}.{nearest(name, FORMATS)} Known: {', '.join(FORMATS)}")
    return FORMATS[name]
