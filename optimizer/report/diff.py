"""The prompt before and after, line by line, with the changed words marked."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

from optimizer.layout import Turn

Mark = Literal["same", "old", "new"]
_WORD = re.compile(r"\s+|\w+|[^\w\s]")


@dataclass(frozen=True)
class Line:
    """One line of the comparison; `pieces` are (text, changed)."""

    mark: Mark
    pieces: tuple[tuple[str, bool], ...]


def compare(before: Sequence[Turn], after: Sequence[Turn]) -> list[Line]:
    """Both prompts as texts with a line for each role, compared."""
    old, new = _lines(before), _lines(after)
    found: list[Line] = []
    for equal, i, j, k, m in _stretches(old, new):
        if equal:
            found += [Line("same", ((text, False),)) for text in old[i:j]]
        else:
            found += _changed(old[i:j], new[k:m])
    return found


def _stretches(old: Sequence[str], new: Sequence[str]) -> list[tuple[bool, int, int, int, int]]:
    """Equal and changed stretches in turn. Empty lines alone are no agreement: they would tear what changed apart."""
    found: list[tuple[bool, int, int, int, int]] = []
    for kind, i, j, k, m in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        equal = kind == "equal" and any(line.strip() for line in old[i:j])
        if not equal and found and not found[-1][0]:
            _, begin, _, other, _ = found.pop()
            found.append((False, begin, j, other, m))
        else:
            found.append((equal, i, j, k, m))
    return found


def _lines(turns: Iterable[Turn]) -> list[str]:
    return [line for turn in turns for line in (f"[{turn.role}]", *turn.content.text.splitlines())]


def _changed(old: Sequence[str], new: Sequence[str]) -> Iterator[Line]:
    """Lines that replace each other one for one show which words changed; others are wholly old or new."""
    paired = len(old) == len(new)
    olds = [_against(a, b) for a, b in zip(old, new, strict=True)] if paired else [((a, True),) for a in old]
    news = [_against(b, a) for a, b in zip(old, new, strict=True)] if paired else [((b, True),) for b in new]
    yield from (Line("old", tuple(pieces)) for pieces in olds)
    yield from (Line("new", tuple(pieces)) for pieces in news)


def _against(text: str, other: str) -> tuple[tuple[str, bool], ...]:
    """The pieces of `text`, each with whether `other` lacks it."""
    mine, theirs = _WORD.findall(text), _WORD.findall(other)
    blocks = SequenceMatcher(None, mine, theirs, autojunk=False).get_opcodes()
    return tuple(("".join(mine[i:j]), kind != "equal") for kind, i, j, _, _ in blocks if j > i)
