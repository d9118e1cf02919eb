"""What a fleet has paid: an answer that several tasks share was paid for once.

Each task's own purse counts every question that the task asks, wherever the answer comes from: so its decisions do not
depend on who was faster, and a task that is started again gets no further than before. The fleet's money is counted
here, from what is on disk: the tries of every task, and the answers that all of them share.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from optimizer.models.money.book import PICO
from optimizer.models.money.journal import read_tries
from optimizer.models.money.tries import Cost, Lost, settled


class Amount(NamedTuple):
    calls: int = 0
    pico: int = 0
    tokens: int = 0

    @property
    def dollars(self) -> float:
        return self.pico / PICO

    def plus(self, other: Amount) -> Amount:
        return Amount(self.calls + other.calls, self.pico + other.pico, self.tokens + other.tokens)


@dataclass(frozen=True)
class Bill:
    """`answers`: each counted once. `shared`: what they would be more if each task had asked for itself. `wasted`:
    calls that came to nothing and may be billed. `counted`: what each task's own purse holds for spent."""

    answers: Amount
    shared: Amount
    wasted: Amount
    counted: Mapping[str, Amount]

    @property
    def paid(self) -> Amount:
        return self.answers.plus(self.wasted)


def bill(journals: Mapping[str, Path], paid: Callable[[str], Cost | None]) -> Bill:
    """`journals`: of the tries of each task, by its name; a task that has asked nothing has none. `paid`: what the
    stored answer to a question took."""
    known: dict[str, Cost | None] = {}
    shared = wasted = Amount()
    counted: dict[str, Amount] = {}
    for name, path in journals.items():
        own = Amount()
        for key, tries in _tries(path).items():
            again = key in known
            if not again:
                known[key] = paid(key)
            lost = settled(tries, known[key])
            own = own.plus(Amount(lost.calls, lost.pico, lost.tokens))
            wasted = wasted.plus(Amount(lost.times, lost.times * lost.cost.pico, lost.times * lost.cost.tokens))
            if again and lost.paid is not None:
                shared = shared.plus(Amount(1, *lost.paid))
        counted[name] = own
    return Bill(_sum(cost for cost in known.values() if cost is not None), shared, wasted, counted)


def _tries(path: Path) -> Mapping[str, Lost]:
    try:
        return read_tries(path.read_text("utf-8", "replace"))
    except FileNotFoundError:
        return {}


def _sum(costs: Iterable[Cost]) -> Amount:
    total = Amount()
    for cost in costs:
        total = total.plus(Amount(1, *cost))
    return total
