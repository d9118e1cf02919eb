"""Reads the hand-written situations: `material/<reason>.txt`, whose form material/README.md explains."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

MATERIAL = Path(__file__).parent / "material"
VOICES = ("plain", "chatty", "angry", "elderly", "terse", "learner")
OUTCOMES = ("resolved", "callback", "escalated", "no_resolution")
_LINE = re.compile(r"(?P<kind>\w+)(?P<rest>(?:, [\w ]+)*): (?P<text>.+)")

Line = tuple[str, str, str]  # kind, what follows it before the colon, text


@dataclass(frozen=True)
class Opening:
    voice: str
    text: str
    gist: str


@dataclass(frozen=True)
class Ending:
    """`turns` alternate, the agent first; `unfit` are the voices whose opening would contradict it."""

    outcome: str
    follow_up: str
    turns: tuple[str, ...]
    gist: str
    unfit: tuple[str, ...] = ()


@dataclass(frozen=True)
class Situation:
    """`asks` are questions of the agent with their answers; nobody chats in an `urgent` call."""

    reason: str
    title: str
    openings: tuple[Opening, ...]
    asks: tuple[tuple[str, str], ...]
    finds: tuple[str, ...]
    endings: tuple[Ending, ...]
    urgent: bool = False


def read_situations(folder: Path = MATERIAL) -> list[Situation]:
    """The situations of every `<reason>.txt`. Raises ValueError at a line that cannot be understood."""
    return [
        _situation(path.stem, *_split(path.name, block))
        for path in sorted(folder.glob("*.txt"))
        for block in path.read_text(encoding="utf-8").split("== ")[1:]
    ]


def _split(file: str, block: str) -> tuple[str, list[Line]]:
    title, *lines = block.strip().splitlines()
    return title, [_line(f"{file}, {title!r}", line) for line in lines]


def _line(place: str, line: str) -> Line:
    match = _LINE.fullmatch(line)
    if not match or match["kind"] not in (*VOICES, *OUTCOMES, "ask", "find", "urgent"):
        raise ValueError(f"{place}: found {line!r}; write `kind: text`, the kinds are in material/README.md")
    if (match["kind"] not in ("find", "urgent")) != (match["text"].count(" => ") == 1):
        raise ValueError(f"{place}: {line!r} must have ` => ` once, or not at all if it is a finding")
    return match["kind"], match["rest"], match["text"]


def _situation(reason: str, title: str, lines: list[Line]) -> Situation:
    def pairs(*kinds: str) -> Iterator[tuple[str, str, str, str]]:
        for kind, rest, text in lines:
            if kind in kinds:
                first, _, second = text.partition(" => ")
                yield kind, rest, first, second

    return Situation(
        reason,
        title,
        tuple(Opening(voice, text, gist) for voice, _, text, gist in pairs(*VOICES)),
        tuple((question, answer) for _, _, question, answer in pairs("ask")),
        tuple(text for _, _, text, _ in pairs("find")),
        tuple(_ending(*parts) for parts in pairs(*OUTCOMES)),
        any(kind == "urgent" for kind, _, _ in lines),
    )


def _ending(outcome: str, rest: str, text: str, gist: str) -> Ending:
    follow_up, *unfit = rest.removeprefix(", ").split(", ")
    return Ending(outcome, follow_up, tuple(text.split(" / ")), gist, tuple(v.removeprefix("not ") for v in unfit))
