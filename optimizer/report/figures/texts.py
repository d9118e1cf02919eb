"""Texts beside each other: two prompts line by line, two answers word by word, what differs marked; long ones cut."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from typing import cast

from optimizer.prompt import Prompt
from optimizer.prompt.layout import Turn
from optimizer.prompt.template import Template
from optimizer.types import JSON, Role, as_text

_WORD = re.compile(r"\s+|\w+|[^\w\s]")
_LONG = 4000  # characters of one text
_MOST = 20_000_000  # characters of one text times those of the other, beyond which comparing takes too long

Line = tuple[tuple[str, bool], ...]
"""The pieces of one line, each with whether the other side lacks it."""


@dataclass(frozen=True)
class Stretch:
    """Lines that both prompts share, or `old` lines in whose place stand the `new` ones."""

    same: tuple[Line, ...] = ()
    old: tuple[Line, ...] = ()
    new: tuple[Line, ...] = ()


def compare(before: Sequence[Turn], after: Sequence[Turn]) -> list[Stretch]:
    """Both prompts as texts with a line for each role, compared."""
    old, new = _lines(before), _lines(after)
    return [
        Stretch(same=tuple(((text, False),) for text in old[i:j])) if equal else _changed(old[i:j], new[k:m])
        for equal, i, j, k, m in _stretches(old, new)
    ]


def words(one: str, other: str) -> tuple[Line, Line]:
    """Two answers, each in pieces with whether the other lacks them; very long ones are not taken apart."""
    if len(one) * len(other) > _MOST:
        return ((one, False),), ((other, False),)
    return _against(one, other), _against(other, one)


def readable(value: JSON) -> str:
    """A value as text, of a length that a reader bears."""
    return cut(as_text(value), _LONG)


def cut(text: str, most: int) -> str:
    """The first `most` characters; a text that is longer says how long it is."""
    return text if len(text) <= most else f"{text[:most]} … ({len(text):,} characters)"


def _stretches(old: Sequence[str], new: Sequence[str]) -> list[tuple[bool, int, int, int, int]]:
    """Equal and changed stretches in turn. Empty lines alone are no agreement: they would tear what changed apart."""
    found: list[tuple[bool, int, int, int, int]] = []
    for kind, i, j, k, m in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        equal = kind == "equal" and any(line.strip() for line in old[i:j])
        if not equal and found and not found[-1][0]:
            _, first, _, other, _ = found.pop()
            found.append((False, first, j, other, m))
        else:
            found.append((equal, i, j, k, m))
    return found


def spoken(prompt: Prompt) -> tuple[Turn, ...]:
    """The messages, and behind them the tools that the prompt offers, in words."""
    if not prompt.tools:
        return prompt.messages
    choice = f"\ntool_choice: {prompt.tools.choice}" if prompt.tools.choice else ""
    text = Template((replace(prompt.tools, stated=True).text + choice,))
    return (*prompt.messages, Turn(cast(Role, "tools"), text))


def _lines(turns: Iterable[Turn]) -> list[str]:
    return [line for turn in turns for line in (f"[{turn.role}]", *turn.content.text.splitlines())]


def _changed(old: Sequence[str], new: Sequence[str]) -> Stretch:
    """Lines that replace each other one for one show which words changed; others are wholly old or new."""
    if len(old) != len(new):
        return Stretch(old=tuple(((text, True),) for text in old), new=tuple(((text, True),) for text in new))
    pairs = list(zip(old, new, strict=True))
    return Stretch(old=tuple(_against(a, b) for a, b in pairs), new=tuple(_against(b, a) for a, b in pairs))


def _against(text: str, other: str) -> Line:
    """The pieces of `text`, each with whether `other` lacks it."""
    mine, theirs = _WORD.findall(text), _WORD.findall(other)
    blocks = SequenceMatcher(None, mine, theirs, autojunk=False).get_opcodes()
    return tuple(("".join(mine[i:j]), kind != "equal") for kind, i, j, _, _ in blocks if j > i)
