"""Writes data.jsonl: `python -m optimizer.examples.analyst.generate`. Equal for equal seeds, on every machine."""

from __future__ import annotations

import argparse
import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from optimizer.examples.analyst.cases import KINDS, LURES, Case, CaseWriter, shuffled
from optimizer.examples.analyst.passages import Writer
from optimizer.examples.analyst.wording import Deck, Passage, Unsuitable
from optimizer.examples.analyst.world import Company, Metric, World, companies, metrics, read

DATA = Path(__file__).parent / "data.jsonl"
ROWS = 560
SEED = 20241
NUMBER = re.compile(r"(?<![\w.])\d[\d,]*(?:\.\d+)?")
TOLERANCE = 0.005
SHARED = 0.45  # of the word 3-shingles of two rows, at most
CLOSE_PER_ROW = (1, 1, 2)
CLOSE = {"before", "after", "half", "part", "other part", "forecast", "next forecast", "early", "policy"}


@dataclass(frozen=True)
class Row:
    company: Company
    case: Case
    passages: tuple[Passage, ...]
    kinds: tuple[str, ...]
    source: str

    def to_dict(self, number: int) -> dict[str, Any]:
        texts = [f"[P{at}] {passage}" for at, passage in enumerate(self.passages, 1)]
        return {
            "id": f"fa-{number:04d}",
            "company": self.company.name,
            "question": self.case.question,
            "passages": "\n\n".join(texts),
            "expected": {"figure": self.case.figure, "unit": self.case.unit, "source": self.source},
        }


def numbers(text: str) -> list[str]:
    """The figures in a text, without thousands separators and signs."""
    return [found.rstrip(",").replace(",", "") for found in NUMBER.findall(text)]


def alike(figure: str, text: str) -> int:
    """How many figures in the text a metric with half a per cent of tolerance would take for `figure`."""
    wanted = abs(float(figure))
    return sum(abs(float(number) - wanted) <= TOLERANCE * wanted for number in numbers(text))


def shingles(text: str) -> set[tuple[str, ...]]:
    words = re.findall(r"[\w.%]+", text.lower())
    return {tuple(words[at : at + 3]) for at in range(len(words) - 2)}


class Generator:
    """Rows in company order; figures, kinds, positions and lengths are dealt so that none gives the answer away."""

    def __init__(self, seed: int) -> None:
        self.seed, self.rng = seed, Random(seed)
        self.deck = Deck(self.rng)
        self.frames, self.families = read("frames"), read("families")
        self.used: Counter[str] = Counter()
        self.kinds: Counter[str] = Counter()
        self.seen: list[set[tuple[str, ...]]] = []

    def rows(self) -> Iterator[Row]:
        known = companies()
        for at, company in enumerate(known):
            yield from self._of_company(company, ROWS // len(known) + (at < ROWS % len(known)))

    def _of_company(self, company: Company, count: int) -> Iterator[Row]:
        world = World(company, self.seed)
        writer = Writer(world, self.frames, self.families[company.family], self.deck, self.rng)
        cases, done = CaseWriter(writer, self.frames, self.rng), 0
        asked: set[str] = set()
        while done < count:
            kind = min(KINDS, key=lambda kind: (self.kinds[kind] + self.rng.random()) / KINDS[kind])
            row = self._first_possible(cases, kind, self._by_use(company, asked))
            if row is None:
                self.kinds[kind] += 1  # not to be had here: the next kind's turn
                continue
            asked.add(row.case.metric)
            self.used[row.case.metric] += 1
            self.kinds[kind] += 1
            done += 1
            yield row

    def _by_use(self, company: Company, asked: set[str]) -> Sequence[Metric]:
        fit = [metric for key, metric in metrics().items() if metric.suits(company) and key not in asked]
        return sorted(fit, key=lambda metric: (self.used[metric.key] + 2 * self.rng.random()) / (metric.often or 1))

    def _first_possible(self, cases: CaseWriter, kind: str, choice: Sequence[Metric]) -> Row | None:
        for metric in choice:
            for _ in range(4):
                try:
                    return self._row(cases, kind, metric)
                except Unsuitable:
                    continue
        return None

    def _row(self, cases: CaseWriter, kind: str, metric: Metric) -> Row:
        fact = cases.fact(kind, metric)
        case = cases.write(kind, fact)
        if alike(case.figure, str(case.answer)) != 1 or alike(case.figure, case.question):
            raise Unsuitable("the figure does not stand there once and only once")
        own = shingles(f"{case.question} {case.answer}")
        if any(len(own & other) > SHARED * len(own | other) for other in self.seen):
            raise Unsuitable("too much like another row")
        count = self.rng.choice([4, 5, 5, 6])
        others = self._others(cases.lures(kind, fact), case.figure, count - 1)
        self.seen.append(own)
        at = int(self.deck.deal([f"{place}/{count}" for place in range(count)]).split("/")[0])
        placed = [*others[:at], (kind, case.answer), *others[at:]]
        return Row(cases.company, case, tuple(p for _, p in placed), tuple(k for k, _ in placed), f"P{at + 1}")

    def _others(self, makers: dict[str, Any], figure: str, count: int) -> list[tuple[str, Passage]]:
        found: dict[str, Passage] = {}
        close = self.rng.choice(CLOSE_PER_ROW)
        for name in shuffled({name: weight for name, weight in LURES.items() if name in makers}, self.rng):
            if len(found) == count or (name in CLOSE and len(CLOSE & found.keys()) == close):
                continue
            try:
                passage = makers[name]()
            except Unsuitable:
                continue
            if not alike(figure, str(passage)) and all(passage.source != other.source for other in found.values()):
                found[name] = passage
        if len(found) < count or not CLOSE & found.keys():
            raise Unsuitable("too few passages beside the answer")
        return self.rng.sample(list(found.items()), count)


def main(arguments: Sequence[str] | None = None) -> None:
    options = argparse.ArgumentParser(description="Write the rows of the analyst example.")
    options.add_argument("--seed", type=int, default=SEED)
    options.add_argument("--out", type=Path, default=DATA)
    chosen = options.parse_args(arguments)
    lines = [json.dumps(row.to_dict(at), ensure_ascii=False) for at, row in enumerate(Generator(chosen.seed).rows(), 1)]
    chosen.out.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"{len(lines)} rows written to {chosen.out}")


if __name__ == "__main__":
    main()
