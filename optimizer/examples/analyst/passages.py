"""Passages of invented reports: every kind of text in which a figure, or something that looks like it, may stand."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from optimizer.examples.analyst.world import AMOUNTS, Company, Fact, Metric, World, metrics

SIGNS = {"EUR": "€", "USD": "$", "GBP": "£"}
UP = ("rose", "increased", "climbed", "went up")
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


class Writer:
    """Writes the passages of one company."""

    def __init__(self, world: World, frames: Mapping[str, Any], colours: Sequence[str], deck: Deck, rng: Random) -> None:
        self.world, self.company = world, world.company
        self.frames, self.colours, self.deck, self.rng = frames, colours, deck, rng
        self.house = House.of(self.company, rng)

    # ---- figures

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

    # ---- words

    def words(self, fact: Fact, value: float, prior: float) -> dict[str, str]:
        metric, rng = metrics()[fact.metric], self.rng
        more, business = value > prior, rng.choice(["segment", "division", "business"])
        label, month = self.company.label, "30 June" if self.company.split else "31 December"
        half = "the first half of " if fact.half else ""
        name = rng.choice(metric.names)
        at = f"in the {fact.segment} {business}" if fact.segment else rng.choice(
            ["at Group level", "across the Group", "in the Group", f"at {self.company.short}"])  # fmt: skip
        who = f"the {fact.segment} {business}" if fact.segment else rng.choice(
            ["the Group", self.company.short, self.company.short, "the company"])  # fmt: skip
        ends = [f"{month} {{}}", "the end of {}", "year-end {}"][1 if self.company.split else rng.randrange(3) :]
        end = ends[0]
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
        if rng.random() < 0.30:
            parts.insert(0, self.deck.deal(self.frames["lead_numbers" if rng.random() < 0.5 else "lead"]))
        if metric is not None and rng.random() < 0.75:
            parts.append(self.deck.deal(metric.up if more else metric.down))
        if rng.random() < 0.35:
            parts.append(self.deck.deal((*self.company.notes, *self.colours)))
        if rng.random() < 0.35:
            parts.append(self.deck.deal(self.frames["tail"]))
        return " ".join(self.fill(part, words) if part is not core else part for part in parts)

    # ---- passages that state a figure

    def state(self, fact: Fact, prior: str = "any", override: tuple[float, float] | None = None) -> Passage:
        """`prior`: "with" or "without" the figure of the year before, or "any"."""
        metric = metrics()[fact.metric]
        value, before = override or self.pair(fact)
        sentences = metric.loss if value < 0 else metric.state
        if prior != "any":
            sentences = [text for text in sentences if ("{prior" in text) == (prior == "with")]
        if min(value, before) <= 0:
            sentences = [text for text in sentences if "{pct}" not in text]
        return self.said(fact, self.deck.deal(sentences), value, before)

    def said(self, fact: Fact, sentence: str, value: float, before: float, kind: str = "") -> Passage:
        metric = metrics()[fact.metric]
        words = self.words(fact, value, before)
        body = self.around(self.fill(sentence, words), metric, value > before, words)
        kind = kind or ("half" if fact.half else "people" if metric.chapter == "people" else "year")
        return Passage(self.header(kind, words, fact, body), body)

    def call(self, fact: Fact) -> Passage:
        return self.said(fact, self.deck.deal(self.frames["call"]), *self.pair(fact))

    def box(self, fact: Fact) -> Passage:
        return self.said(fact, self.deck.deal(self.frames["boxes"]), *self.pair(fact))

    def change(self, fact: Fact) -> Passage:
        value, before = self.pair(fact)
        if min(value, before) <= 0:
            raise Unsuitable("no change to speak of")
        points = metrics()[fact.metric].unit == "%"
        return self.said(fact, self.deck.deal(self.frames["change_points" if points else "change"]), value, before)

    def restated(self, fact: Fact, old: float) -> Passage:
        metric, (value, before) = metrics()[fact.metric], self.pair(fact)
        words = self.words(fact, value, before) | {"old": self.full(metric, old)}
        body = self.around(self.fill(self.deck.deal(self.frames["restated"]), words), None, True, words)
        return Passage(self.header("policy", words, fact, body), body)

    def listing(self, fact: Fact, others: Sequence[str]) -> Passage:
        """One line with several key figures; that of `fact` stands anywhere among them."""
        keys = self.mixed(fact, others)
        entries = []
        for key in keys:
            value, prior = self.pair(Fact(key, fact.year, fact.segment, fact.half))
            metric = metrics()[key]
            entries.append(f"{self.rng.choice(metric.names)} {self.full(metric, value)} ({self.bare(metric, prior)})")
        words = self.words(fact, *self.pair(fact))
        body = f"{self.fill(self.deck.deal(self.frames['intro_list']), words)} {'; '.join(entries)}. Previous year in brackets."
        return Passage(self.header("half" if fact.half else "year", words, fact, body), body)

    def table(self, fact: Fact, others: Sequence[str]) -> Passage:
        years = [fact.year, fact.year - 1] + ([fact.year - 2] if self.rng.random() < 0.4 else [])
        years = years if self.house.newest_first else years[::-1]
        rows = [[self.row_label(key)] + [self.cell(Fact(key, year, fact.segment)) for year in years]
                for key in self.mixed(fact, others)]  # fmt: skip
        words = self.words(fact, *self.pair(fact))
        title = self.deck.deal(self.frames["intro_table"]) + (f", {fact.segment}" if fact.segment else "")
        grid = [["", *map(self.company.label, years)], *rows]
        body = "\n".join([title, *(" | ".join(row).strip() for row in grid)])
        return Passage(self.header("year", words, fact, body), body)

    def segments(self, fact: Fact, others: Sequence[str]) -> Passage:
        """A table with a column for each segment."""
        keys = [key for key in self.mixed(fact, others) if metrics()[key].segments]
        names = list(self.company.segments)
        rows = [[self.row_label(key)] + [self.cell(Fact(key, fact.year, name)) for name in names] for key in keys]
        words = self.words(fact, *self.pair(fact))
        title = f"Segment reporting {words['year']}"
        body = "\n".join([title, *(" | ".join(row).strip() for row in [["", *names], *rows])])
        return Passage(self.header("policy", words), body)

    def mixed(self, fact: Fact, others: Sequence[str]) -> list[str]:
        keys = [fact.metric, *others]
        self.rng.shuffle(keys)
        return keys

    def row_label(self, key: str) -> str:
        metric = metrics()[key]
        unit = self.company.money if metric.unit == "money" else self.company.currency
        return f"{metric.label} ({unit})" if metric.unit == "money" or metric.unit in AMOUNTS else str(metric.label)

    def cell(self, fact: Fact) -> str:
        value = self.world.value(fact)
        if value is None:
            raise Unsuitable("a gap in the table")
        text = self.bare(metrics()[fact.metric], value)
        return f"({text[1:]})" if value < 0 and self.house.brackets else text

    # ---- passages that look alike

    def outlook(self, fact: Fact) -> tuple[Passage, str]:
        """What was forecast, at the end of the fact's year, for the next one; and the lower end of it."""
        metric, value = metrics()[fact.metric], self.world.value(fact)
        if value is None or value <= 0 or not metric.guided:
            raise Unsuitable("no guidance")
        step = grain(value) if metric.unit != "%" else 0.5
        low = round(value * self.rng.uniform(0.94, 1.09) / step) * step
        high = low + step * self.rng.randint(1, 3)
        decimals = 0 if step >= 1 and low >= 10 else 1
        shown = [self.measured(metric, f"{number:,.{decimals}f}") for number in (low, high)]
        ranged = self.rng.random() < 0.7
        words = self.words(fact, value, value + 1) | {"low": shown[0], "high": shown[1]}
        parts = [self.deck.deal(self.frames["outlook_range" if ranged else "outlook_point"])]
        parts += [self.deck.deal(self.frames["outlook_around"]) for _ in range(self.rng.randint(1, 2))]
        if self.rng.random() < 0.5:
            parts.insert(0, parts.pop())
        body = self.fill(" ".join(parts), words)
        return Passage(self.header("outlook", words, fact, body), body), f"{low:.{decimals}f}"

    def early(self, fact: Fact) -> Passage:
        metric, (value, prior) = metrics()[fact.metric], self.pair(fact)
        if value <= 0 or fact.half:
            raise Unsuitable("nothing preliminary")
        rough = round(value, -1) if value >= 200 else round(value)
        words = self.words(fact, value, prior) | {"rough": self.measured(metric, f"{rough:,.0f}")}
        parts = [self.deck.deal(self.frames[name]) for name in ("early", "early_around")]
        body = self.fill(" ".join(parts), words)
        return Passage(self.header("early", words, fact, body), body)

    def policy(self, fact: Fact) -> Passage:
        metric = metrics()[fact.metric]
        words = self.words(fact, 2.0, 1.0)
        body = self.around(self.deck.deal(metric.policy), None, True, words)
        return Passage(self.header("policy", words), body)

    def colour(self, fact: Fact) -> Passage:
        words = self.words(fact, 2.0, 1.0)
        parts = [self.deck.deal(self.company.notes), self.deck.deal(self.colours), self.deck.deal(self.frames["lead"])]
        self.rng.shuffle(parts)
        body = " ".join(self.fill(part, words) for part in parts)
        return Passage(self.header("year", words), body)


def percent(value: float, prior: float) -> float:
    return 100 * (value / prior - 1)


def grain(value: float) -> float:
    """A round step of about two per cent of the value."""
    step = 0.1
    while step * 50 < value:
        step *= 5 if str(step).lstrip("0.")[0] == "1" else 2
        step = round(step, 1)
    return step
