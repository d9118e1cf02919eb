"""How invented companies word their reports: printed figures, filled sentences, names of documents."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from optimizer.examples.analyst.world import AMOUNTS, Company, Fact, Metric, World, metrics

SIGNS = {"EUR": "€", "USD": "$", "GBP": "£"}
UP = ("rose", "increased", "climbed", "went up")
LEADS = ("dated", "dated", "dated", "lead", "lead_numbers")
DOWN = ("fell", "declined", "decreased", "went down")


class Unsuitable(Exception):
    """What was to be said cannot be said of this figure; draw something else."""


@dataclass(frozen=True)
class Passage:
    source: str
    text: str

    def __str__(self) -> str:
        return f"{self.source}: {self.text}"


class Deck:
    """Deals the sentences of a list evenly: each once, in random order, before any comes again."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._bags: dict[tuple[str, ...], list[str]] = {}

    def deal(self, sentences: Iterable[str]) -> str:
        key = tuple(sentences)
        if not key:
            raise Unsuitable("no sentence fits")
        if not self._bags.get(key):
            self._bags[key] = self._rng.sample(key, len(key))
        return self._bags[key].pop()


@dataclass(frozen=True)
class House:
    """How one company prints its figures."""

    money: str
    percent: str
    points: str
    times: str
    brackets: bool
    newest_first: bool

    @classmethod
    def of(cls, company: Company, rng: Random) -> House:
        styles = ["code", "code", "sign", "short"] if company.currency in SIGNS else ["code"]
        if company.money.endswith("thousand"):
            styles = ["code", "sign"]
        return cls(
            money=rng.choice(styles),
            percent=rng.choice([" %", "%", " per cent"]),
            points=rng.choice([" percentage points", " percentage points", " pp"]),
            times=rng.choice(["x", " times"]),
            brackets=rng.random() < 0.5,
            newest_first=rng.random() < 0.6,
        )


class Wording:
    """The words of one company's reports: figures as its house prints them, sentences filled in."""

    def __init__(
        self, world: World, frames: Mapping[str, Any], colours: Sequence[str], deck: Deck, rng: Random
    ) -> None:
        self.world, self.company = world, world.company
        self.frames, self.colours, self.deck, self.rng = frames, colours, deck, rng
        self.house = House.of(self.company, rng)

    def bare(self, metric: Metric, value: float) -> str:
        return f"{value:,.{self.world.decimals(metric)}f}"

    def full(self, metric: Metric, value: float) -> str:
        return self.measured(metric, self.bare(metric, value))

    def measured(self, metric: Metric, number: str) -> str:
        """A printed number with its unit in the house's style."""
        if metric.unit == "money" or metric.unit in AMOUNTS:
            scale = self.company.money.split()[1] if metric.unit == "money" else ""
            if self.house.money == "code":
                return f"{self.company.currency} {number} {scale}".strip()
            short = self.house.money == "short" and scale == "million"
            minus, digits = ("-", number[1:]) if number.startswith("-") else ("", number)
            return f"{minus}{SIGNS[self.company.currency]}{digits}{'m' if short else ' ' + scale}".strip()
        if metric.unit == "%":
            return number + self.house.percent
        return number + (self.house.times if metric.unit == "x" else f" {metric.unit}")

    def pair(self, fact: Fact) -> tuple[float, float]:
        """The figure and that of the year before. Raises Unsuitable unless both exist and differ."""
        value = self.world.value(fact)
        prior = self.world.value(Fact(fact.metric, fact.year - 1, fact.segment, fact.half))
        if value is None or prior is None or value == prior:
            raise Unsuitable("no comparison")
        return value, prior

    def words(self, fact: Fact, value: float, prior: float) -> dict[str, str]:
        metric, rng = metrics()[fact.metric], self.rng
        more, business = value > prior, rng.choice(["segment", "division", "business"])
        label = self.company.label
        half = "the first half of " if fact.half else ""
        name = rng.choice(metric.names)
        at = f"in the {fact.segment} {business}" if fact.segment else rng.choice(
            ["at Group level", "across the Group", "in the Group", "in the Group as a whole"])  # fmt: skip
        who = f"the {fact.segment} {business}" if fact.segment else rng.choice(
            ["the Group", "the Group", "the company", "the company", self.company.short])  # fmt: skip
        end = rng.choice(["the end of {}", "year-end {}"] + ([] if self.company.split else ["31 December {}"]))
        words = {
            "value": self.full(metric, value), "bare": self.bare(metric, value), "prior": self.full(metric, prior),
            "prior_bare": self.bare(metric, prior), "loss": self.full(metric, abs(value)),
            "pct": f"{abs(percent(value, prior)):.1f}{self.house.percent}",
            "pp": f"{abs(value - prior):.{self.world.decimals(metric)}f}{self.house.points}",
            "period": half + label(fact.year), "before": half + label(fact.year - 1), "next": label(fact.year + 1),
            "end": end.format(label(fact.year)), "end_before": end.format(label(fact.year - 1)),
            "year": label(fact.year), "short": self.company.short, "name": name, "label": metric.label, "at": at,
            "here": f" {at}" if fact.segment else "", "who": who, "whose": f"{who}'s",
            "rose": rng.choice(UP if more else DOWN), "rise_verb": "rise" if more else "fall",
            "up": "up" if more else "down", "higher": "higher" if more else "lower",
            "page": str(rng.randint(12, 196)), "small": str(rng.randint(3, 38)),
        }  # fmt: skip
        words["label"] = re.sub(r" \([^)]*\)$", "", words["label"])
        return words | {key.capitalize(): text[:1].upper() + text[1:] for key, text in words.items()}

    def fill(self, sentence: str, words: Mapping[str, str]) -> str:
        return re.sub(r"\s+([,.;])", r"\1", sentence.format_map(words))

    def header(self, kind: str, words: Mapping[str, str], fact: Fact | None = None, body: str = "") -> str:
        source = self.fill(self.deck.deal(self.frames["documents"][kind]), words)
        unnamed = fact is not None and fact.segment is not None and fact.segment not in body
        return f"{source}, segment {fact.segment}" if fact and unnamed else source

    def around(self, core: str, metric: Metric | None, more: bool, words: Mapping[str, str]) -> str:
        """The sentence with the figure among others, as reports have it."""
        rng, parts = self.rng, [core]
        if rng.random() < 0.45:
            parts.insert(0, self.deck.deal(self.frames[rng.choice(LEADS)]))
        if metric is not None and rng.random() < 0.7:
            parts.append(self.deck.deal(metric.up if more else metric.down))
        if rng.random() < 0.25:
            parts.append(self.deck.deal((*self.company.notes, *self.colours)))
        if rng.random() < 0.25:
            parts.append(self.deck.deal(self.frames["tail"]))
        return " ".join(self.fill(part, words) if part is not core else part for part in parts)


def percent(value: float, prior: float) -> float:
    return 100 * (value / prior - 1)
