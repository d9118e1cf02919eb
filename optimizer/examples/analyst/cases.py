"""Cases: a question, the passage that answers it, and passages that only seem to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from optimizer.examples.analyst.passages import Writer
from optimizer.examples.analyst.wording import Passage, Unsuitable, percent
from optimizer.examples.analyst.world import AMOUNTS, Fact, Metric, metrics

Maker = Callable[[], Passage]
#: What is asked, and in how many of a hundred rows.
KINDS = {"level": 46, "earlier": 10, "prior": 6, "segment": 16, "half": 6, "change": 7, "outlook": 6, "restated": 3}
#: Distractors, and how often each is tried: the same figure of another time, part or standing comes first.
LURES = {
    "before": 8, "after": 8, "half": 1, "part": 9, "other part": 5, "forecast": 5, "next forecast": 3, "early": 1,
    "near": 5, "near before": 8, "near part": 8, "listing": 2, "policy": 2, "near policy": 2, "colour": 5,
}  # fmt: skip
NAMED = 0.5  # of the answering sentences are drawn from those that call the figure by its name
HINTED = 0.4  # of the questions say in which kind of document the answer stands
PLAIN = 0.85  # of the questions whose passage names the figure use the passage's word


@dataclass(frozen=True)
class Case:
    kind: str
    metric: str
    question: str
    figure: str
    unit: str
    answer: Passage


class CaseWriter:
    """Asks about one company. Every method may raise Unsuitable."""

    def __init__(self, writer: Writer, frames: Mapping[str, Any], rng: Random) -> None:
        self.writer, self.world, self.company = writer, writer.world, writer.company
        self.frames, self.deck, self.rng = frames, writer.deck, rng

    def fact(self, kind: str, metric: Metric) -> Fact:
        """What a question of this kind is about."""
        latest, rng = self.company.year, self.rng
        if kind == "segment" and metric.segments:
            return Fact(metric.key, latest - (rng.random() < 0.25), rng.choice(self.company.segments))
        if kind == "half" and metric.half:
            return Fact(metric.key, latest - (rng.random() < 0.3), half=True)
        if kind in ("segment", "half"):
            raise Unsuitable("the figure has no such part")
        part = (
            rng.choice(self.company.segments) if kind == "change" and metric.segments and rng.random() < 0.3 else None
        )
        return Fact(metric.key, latest - 1 if kind in ("earlier", "prior", "restated") else latest, part)

    def write(self, kind: str, fact: Fact) -> Case:
        metric = metrics()[fact.metric]
        writer, world = self.writer, self.world
        later = Fact(fact.metric, fact.year + 1, fact.segment, fact.half)
        if kind == "outlook":
            answer, figure = writer.outlook(fact)
            return self._case(kind, fact, answer, figure=figure, frame="ask_outlook")
        value, before = writer.pair(fact)
        if kind == "change":
            points = metric.unit == "%"
            if metric.signed or metric.unit in ("x", "days"):
                raise Unsuitable("a change of this figure says little")
            change = value - before if points else percent(value, before)
            figure = f"{change:.{world.decimals(metric) if points else 1}f}"
            unit, frame = ("percentage points", "ask_change_points") if points else ("%", "ask_change")
            return self._case(kind, fact, writer.change(fact), figure=figure, unit=unit, frame=frame)
        named = self.rng.random() < NAMED
        if kind == "prior":
            answer = writer.state(later, prior="with", named=named) if self.rng.random() < 0.6 else self._grid(later)
        elif kind == "restated":
            answer = writer.restated(later, self.old(fact))
        elif kind == "earlier" or fact.half:
            answer = writer.state(fact, named=named) if self.rng.random() < 0.85 else writer.call(fact)
        else:
            answer = self._answer(fact)
        return self._case(kind, fact, answer, figure=f"{value:.{world.decimals(metric)}f}")

    def old(self, fact: Fact) -> float:
        """The figure as first published, where it was restated later."""
        value, _ = self.writer.pair(fact)
        draw = Random(f"{self.company.short}:{fact}")
        return round(
            value * (1 + draw.choice([-1, 1]) * draw.uniform(0.015, 0.05)), self.world.decimals(metrics()[fact.metric])
        )

    def lures(self, kind: str, fact: Fact) -> dict[str, Maker]:
        """What else a search might have found for the question."""
        makers = self._of_other_times(kind, fact) | self._of_other_parts(fact) | self._of_other_matters(kind, fact)
        if kind == "outlook":
            makers["early"] = lambda: self.writer.state(fact)
        return makers

    def _of_other_times(self, kind: str, fact: Fact) -> dict[str, Maker]:
        writer, latest = self.writer, self.company.year
        before = Fact(fact.metric, fact.year - 1, fact.segment, fact.half)
        after = Fact(fact.metric, fact.year + 1, fact.segment, fact.half)
        whole_before = Fact(fact.metric, fact.year - 1, fact.segment)
        makers: dict[str, Maker] = {
            "before": lambda: self._statement(before),
            "forecast": lambda: writer.outlook(whole_before)[0],
            "early": lambda: writer.early(fact),
        }
        if metrics()[fact.metric].half:
            makers["half"] = lambda: self._statement(Fact(fact.metric, fact.year, fact.segment, not fact.half))
        if fact.year < latest and kind != "restated":
            makers["after"] = lambda: writer.state(after, prior="without")
        elif fact.year == latest and kind != "outlook":
            makers["next forecast"] = lambda: writer.outlook(Fact(fact.metric, fact.year, fact.segment))[0]
        if kind == "restated":
            value, prior = self.old(fact), writer.pair(fact)[1]
            makers["after"] = lambda: writer.state(fact, override=(value, prior))
        return makers

    def _of_other_parts(self, fact: Fact) -> dict[str, Maker]:
        if not metrics()[fact.metric].segments:
            return {}
        parts = [name for name in (None, *self.company.segments) if name != fact.segment]
        first, second = self.rng.sample(parts, 2) if len(parts) > 1 else (parts[0], parts[0])
        return {
            "part": lambda: self._statement(Fact(fact.metric, fact.year, first, fact.half)),
            "other part": lambda: self._statement(Fact(fact.metric, fact.year, second, fact.half)),
        }

    def _of_other_matters(self, kind: str, fact: Fact) -> dict[str, Maker]:
        writer = self.writer
        near = self._near(fact)
        part = fact.segment if metrics()[near].segments else None
        alike = Fact(near, fact.year, part, fact.half and bool(metrics()[near].half))
        return {
            "near": lambda: writer.outlook(alike)[0] if kind == "outlook" else self._statement(alike),
            "near before": lambda: self._statement(Fact(self._near(fact), fact.year - 1)),
            "near part": lambda: self._statement(self._part_of(self._near(fact), fact.year)),
            "listing": lambda: writer.listing(Fact(near, fact.year), self._others(Fact(near, fact.year), fact.metric)),
            "policy": lambda: writer.policy(fact),
            "near policy": lambda: writer.policy(alike),
            "colour": lambda: writer.colour(fact),
        }

    def _part_of(self, key: str, year: int) -> Fact:
        if not metrics()[key].segments:
            raise Unsuitable("not reported by segment")
        return Fact(key, year, self.rng.choice(self.company.segments))

    def _statement(self, fact: Fact) -> Passage:
        return self.writer.call(fact) if self.rng.random() < 0.15 else self.writer.state(fact)

    def _answer(self, fact: Fact) -> Passage:
        draw, writer = self.rng.random(), self.writer
        if draw < 0.70:
            return writer.state(fact, named=self.rng.random() < NAMED)
        if draw < 0.78:
            return writer.call(fact)
        if draw < 0.83:
            return writer.box(fact)
        return self._grid(fact)

    def _grid(self, fact: Fact) -> Passage:
        """A list or a table."""
        writer, draw = self.writer, self.rng.random()
        if fact.segment and draw < 0.6:
            return writer.segments(fact, self._others(fact))
        if draw < 0.45:
            return writer.listing(fact, self._others(fact))
        return writer.table(fact, self._others(fact))

    def _others(self, fact: Fact, *without: str) -> list[str]:
        """Two or three further figures that a list may hold beside that of `fact`."""
        known = [
            key for key, metric in metrics().items()
            if metric.suits(self.company) and key not in (fact.metric, *without)
            and (fact.segment is None or metric.segments) and (not fact.half or metric.half)
        ]  # fmt: skip
        if len(known) < 2:
            raise Unsuitable("nothing to put beside it")
        return self.rng.sample(known, min(len(known), self.rng.randint(2, 3)))

    def _near(self, fact: Fact) -> str:
        metric = metrics()[fact.metric]
        known = [key for key in metric.near if key in metrics() and metrics()[key].suits(self.company)]
        return str(self.rng.choice(known or self._others(fact)))

    def _unit(self, metric: Metric) -> str:
        if metric.unit == "money":
            return self.company.money
        return self.company.currency if metric.unit in AMOUNTS else str(metric.unit)

    def _case(self, kind: str, fact: Fact, answer: Passage, *, figure: str, unit: str = "", frame: str = "") -> Case:
        metric = metrics()[fact.metric]
        same = [name for name in metric.names if name.lower() in answer.text.lower()]
        plain = bool(same) and self.rng.random() < PLAIN
        sentence = self.deck.deal(self.frames[frame or "ask_plain"] if frame or plain else metric.ask)
        words = self._asked(fact) | {"ask": self.rng.choice(same if plain else metric.asks), "name": (same or [""])[0]}
        question = sentence.format_map(words)
        if kind != "restated" and self.rng.random() < HINTED:
            question = f"{question[:-1]}, according to {self._document(answer.source)}{question[-1]}"
        if self.rng.random() < 0.2:
            question = self.deck.deal(self.frames["ask_prefix"]) + question
        return Case(kind, fact.metric, question, figure, unit or self._unit(metric), answer)

    def _document(self, source: str) -> str:
        """The kind of document, as somebody remembers it who has read it once."""
        for word, name in self.frames["remembered"].items():
            if word in source:
                return str(name)
        raise Unsuitable(f"no name for {source!r}")

    def _asked(self, fact: Fact) -> dict[str, str]:
        rng, label = self.rng, self.company.label(fact.year)
        whens = [f"in {label}", f"for {label}", f"in financial year {label}", f"in FY {label}"]
        if fact.half:
            whens = [f"in the first half of {label}", f"in H1 {label}"]
        elif metrics()[fact.metric].when == "end":
            whens = [f"at the end of {label}", f"at year-end {label}", f"at the close of {label}"]
        part = fact.segment
        return {
            "company": self.company.name if rng.random() < 0.15 else self.company.short,
            "scope": rng.choice([f" in {part}", f" in the {part} segment", f" in its {part} business"]) if part else "",
            "when": rng.choice(whens),
            "period": label,
            "before": self.company.label(fact.year - 1),
            "next": self.company.label(fact.year + 1),
        }


def shuffled(weights: Mapping[str, int], rng: Random) -> Sequence[str]:
    """All keys in an order in which heavy ones tend to come first."""
    return sorted(weights, key=lambda key: -(rng.random() ** (1 / weights[key])))
