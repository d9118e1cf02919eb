"""Reads the hand-written texts of `material/`.

A text line is `<urgency><feeling>: <text>`, for instance `h-: ...`, with `[+category]` for further categories and
`[@trade]` for who can have written it. It belongs to the situation, `# name @trade`, that stands above it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

URGENCY = {"h": "high", "m": "medium", "l": "low"}
SENTIMENT = {"-": "negative", "0": "neutral", "+": "positive"}
ON_ITS_WAY = frozenset({"delivery_trouble", "pickup_collection", "customs_paperwork"})
FOLDER = Path(__file__).with_name("material")


@dataclass(frozen=True)
class Text:
    """One way in which one situation was told, and the gold answer that its words justify."""

    situation: str
    words: str
    urgency: str
    sentiment: str
    categories: tuple[str, ...]
    subjects: tuple[str, ...]
    trade: str


@dataclass(frozen=True)
class Customer:
    name: str
    size: int
    goods: str
    ships: tuple[str, ...]
    people: tuple[str, ...]  # "name / role"

    @property
    def perishable(self) -> bool:
        return "fresh" in self.ships

    def can_write(self, text: Text) -> bool:
        """House rule 1 of the prompt: what holds up fresh goods is high, so these customers write no milder ones."""
        if self.perishable and text.urgency == "medium" and ON_ITS_WAY.intersection(text.categories):
            return False
        return not text.trade or text.trade in self.ships or "all" in self.ships


def texts() -> tuple[Text, ...]:
    return tuple(text for path in sorted(FOLDER.glob("*.txt")) for text in _read(path))


def customers() -> tuple[Customer, ...]:
    rows = _load("customers.yaml")["customers"]
    return tuple(Customer(**{**row, "ships": tuple(row["ships"]), "people": tuple(row["people"])}) for row in rows)


def frames() -> Mapping[str, Any]:
    return _load("frames.yaml")


def _read(path: Path) -> Iterator[Text]:
    situation, trade = "", ""
    subjects: tuple[str, ...] = ()
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if line.startswith("# "):
            situation, _, trade = line[2:].partition(" @")
        elif line.startswith("subject: "):
            subjects = tuple(line.removeprefix("subject: ").split(" | "))
        elif found := re.fullmatch(r"([hml])([-0+]): (.+?)((?: \[[+@][^\]]+\])*)", line):
            urgency, feeling, words, marks = found.groups()
            also = re.findall(r"\w+", " ".join(re.findall(r"\[\+([^\]]+)\]", marks)))
            own = re.findall(r"\[@(\w+)\]", marks)
            yield Text(
                situation,
                words,
                URGENCY[urgency],
                SENTIMENT[feeling],
                (path.stem, *also),
                subjects,
                (own or [trade])[0],
            )
        elif line:
            raise ValueError(
                f"{path.name}, line {number}: neither a situation, nor subjects, nor a text: {line[:60]!r}"
            )


def _load(name: str) -> Mapping[str, Any]:
    content: Mapping[str, Any] = yaml.safe_load((FOLDER / name).read_text(encoding="utf-8"))
    return content
