"""Passages of invented reports: every kind of text in which a figure, or something that looks like it, may stand."""

from __future__ import annotations

import re
from collections.abc import Sequence

from optimizer.examples.analyst.wording import Passage, Unsuitable, Wording
from optimizer.examples.analyst.world import AMOUNTS, Fact, metrics

FIGURE = re.compile(r"\{(value|bare|loss|prior_bare|prior|pct|pp)\}")
VALUE_FIRST = 0.85  # of the sentences are drawn from those that begin with the figure itself


class Writer(Wording):
    """Writes the passages of one company."""

    # ---- passages that state a figure

    def state(
        self, fact: Fact, prior: str = "any", override: tuple[float, float] | None = None, named: bool = False
    ) -> Passage:
        """`prior`: "with" or "without" the figure of the year before, or "any"; `named`: call the figure by its name."""
        metric = metrics()[fact.metric]
        value, before = override or self.pair(fact)
        sentences = metric.loss if value < 0 else metric.state
        if prior != "any":
            sentences = [text for text in sentences if ("{prior" in text) == (prior == "with")]
        if min(value, before) <= 0:
            sentences = [text for text in sentences if "{pct}" not in text]
        if prior != "with" and self.rng.random() < VALUE_FIRST:
            sentences = [
                text for text in sentences if FIGURE.findall(text)[0] in ("value", "bare", "loss")
            ] or sentences
        if named:
            sentences = [text for text in sentences if any(name in text for name in metric.names)] or sentences
        return self.said(fact, self.deck.deal(sentences), value, before)

    def said(self, fact: Fact, sentence: str, value: float, before: float, *, spoken: bool = False) -> Passage:
        metric = metrics()[fact.metric]
        words = self.words(fact, value, before)
        body = self.around(self.fill(sentence, words), metric, value > before, words)
        own = metric.chapter if metric.chapter in self.frames["documents"] else "year"
        kind = "spoken" if spoken else "half" if fact.half else own
        return Passage(self.header(kind, words, fact, body), body)

    def call(self, fact: Fact) -> Passage:
        return self.said(fact, self.deck.deal(self.frames["call"]), *self.pair(fact), spoken=True)

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
        return Passage(self.header("notes", words, fact, body), body)

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
        return Passage(self.header("notes", words), body)

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
        if self.rng.random() < 0.5:
            parts.append(self.deck.deal((*self.company.notes, *self.colours)))
        body = self.fill(" ".join(parts), words)
        return Passage(self.header("outlook", words, fact, body), body), f"{low:.{decimals}f}"

    def early(self, fact: Fact) -> Passage:
        metric, (value, prior) = metrics()[fact.metric], self.pair(fact)
        if value <= 0 or fact.half:
            raise Unsuitable("nothing preliminary")
        rough = round(value * self.rng.choice([0.97, 0.98, 1.02, 1.03]) / grain(value)) * grain(value)
        words = self.words(fact, value, prior) | {
            "rough": self.measured(metric, f"{rough:,.{0 if rough >= 10 else 1}f}")
        }
        parts = [self.deck.deal(self.frames[name]) for name in ("early", "early_around")]
        body = self.fill(" ".join(parts), words)
        return Passage(self.header("early", words, fact, body), body)

    def policy(self, fact: Fact) -> Passage:
        metric = metrics()[fact.metric]
        words = self.words(Fact(fact.metric, fact.year), 2.0, 1.0)
        body = self.around(self.deck.deal(metric.policy), None, True, words)
        return Passage(self.header("policy", words), body)

    def colour(self, fact: Fact) -> Passage:
        words = self.words(Fact(fact.metric, fact.year), 2.0, 1.0)
        parts = [self.deck.deal(self.company.notes), self.deck.deal(self.colours), self.deck.deal(self.frames["lead"])]
        self.rng.shuffle(parts)
        body = " ".join(self.fill(part, words) for part in parts)
        return Passage(self.header("year", words), body)


def grain(value: float) -> float:
    """A round step of about two per cent of the value."""
    step = 0.1
    while step * 50 < value:
        step *= 5 if str(step).lstrip("0.")[0] == "1" else 2
        step = round(step, 1)
    return step
