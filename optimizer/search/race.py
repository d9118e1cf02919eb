"""Which candidate gets the next call: a race over shared examples, decided without I/O.

Every (candidate, example) pair costs one call. The race is a continuous sequential halving on a two-way
Bayesian model: value of candidate k on example i = a_k + d_i + noise, so that two candidates which saw
different numbers of examples are still compared fairly, an easy example counts as easy, and choices that
candidates share (the dimensions of the search space) lend each other strength.

Rule 1: all candidates see the examples in one shared order, stratified by label, each a prefix of it.
Rule 2: nothing here is random; equal observations give equal decisions, whatever order they came in.
Rule 3: a winner is reported with its posterior mean. Its raw mean is too high: it was chosen for being high.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from heapq import heapify, heappop, heappush
from typing import Any

import numpy as np

from optimizer.search.twoway import Evidence, Field, Matrix, Posterior, Shares

_BEND = 1.4  # how long the field stays wide: 1 halves it evenly over the budget, more does so later
_MOST = 256  # candidates in the model at once
_REFIT = 2.5  # the model's three shares are fitted anew each time the calls have grown by this factor


class Race:
    """Candidates are numbered in the order in which they join; examples by their place in the shared order.

    `budget` and `price` are in the same unit: calls if every price is 1, else dollars or any measure of cost.
    The `anchor` is never dropped: it is what the winner is compared with in the end.
    """

    def __init__(self, examples: int, budget: float, *, anchor: int | None = None) -> None:
        self.budget = budget
        self.anchor = anchor
        self.spent = 0.0
        self._values: list[Matrix] = []  # by candidate: the value of each example, 0 where there is none
        self._seen: list[Matrix] = []  # 1 where there is one
        self._factors: list[Mapping[str, Any]] = []
        self._hints: list[float | None] = []
        self._prices: list[float] = []
        self._asked: list[int] = []  # how far along the shared order each candidate is
        self._due: list[float] = []  # what is spent on each in any case, be it good or bad
        self._live: list[int] = []  # those the model is about; the others have left it with the value they had
        self._left: dict[int, float] = {}
        self._examples = examples
        self._field: Field | None = None  # of the live
        self._known: Posterior | None = None  # from what was observed so far
        self._shares = Shares()
        self._fitted_at = 0.0

    def join(self, factors: Mapping[str, Any], price: float = 1.0, z: float | None = None) -> int:
        """A candidate enters, also in mid-race; `factors` are its choices in the search space.

        `z` is how the same candidate did on the source, in 0..1, where that is known. How much it counts is learned.
        """
        if len(self._live) >= _MOST:
            self._retire()
        self._live.append(len(self._prices))
        self._due.append(max(price, self.spent / max(len(self._due), 1) / 2))
        self._values.append(np.zeros(self._examples))
        self._seen.append(np.zeros(self._examples))
        self._factors.append(dict(factors))
        self._hints.append(z)
        self._prices.append(price)
        self._asked.append(0)
        self._field = self._known = None
        return len(self._prices) - 1

    def observe(self, candidate: int, example: int, value: float | None) -> None:
        """One answer came back; None: it was paid for, but nothing can be learned from it."""
        self._asked[candidate] += 1
        if value is not None:
            self._values[candidate][example] = value
            self._seen[candidate][example] = 1.0
        self.spent += self._prices[candidate]
        self._known = None

    def batch(self, upto: float) -> list[tuple[int, int]]:
        """The next (candidate, example) pairs to buy, together; none when the budget `upto` is used or all is seen."""
        size = len(self._live)
        wanted = max(4, size // (2 if size > 64 else 4))
        return self._buy(self.kept(), wanted, min(upto, self.budget))

    def posterior(self) -> Posterior:
        if self._known is None:
            live = self._evidence().posterior(self._shares)
            mean = np.zeros(len(self._prices))
            mean[list(self._left)] = list(self._left.values())
            mean[self._live] = live.mean
            self._known = Posterior(mean, live.cov, {k: row for row, k in enumerate(self._live)})
        return self._known

    def kept(self) -> list[int]:
        """The best by posterior mean, fewer and fewer as money goes; and who has not yet had what is due to all."""
        left = 1 - min(1.0, self.spent / self.budget) ** _BEND
        keep = max(2, math.ceil(len(self._prices) ** left))
        mean = self.posterior().mean
        order = sorted(self._live, key=lambda k: -round(float(mean[k]), 9))  # equal but for rounding: by number
        late = [k for k in order[keep:] if self._asked[k] * self._prices[k] < self._due[k] - 1e-9]
        anchor = [self.anchor] if self.anchor is not None and self.anchor not in {*order[:keep], *late} else []
        return [*order[:keep], *late, *anchor]

    def _retire(self) -> None:
        """The worst quarter of those who were measured leave the model, whose arithmetic is cubic in their number."""
        mean = self.posterior().mean
        measured = [k for k in self._live if self._asked[k] and k != self.anchor]
        worst = set(sorted(measured, key=lambda k: mean[k])[: _MOST // 4])
        self._left |= {k: float(mean[k]) for k in worst}
        self._live = [k for k in self._live if k not in worst]

    def _evidence(self) -> Evidence:
        """What is known of the live; the shares are fitted anew where it has grown enough since."""
        if self._field is None:
            self._field = Field([self._factors[k] for k in self._live], [self._hints[k] for k in self._live])
        values, seen = ([rows[k] for k in self._live] for rows in (self._values, self._seen))
        evidence = Evidence(self._field, np.array(values), np.array(seen))
        if evidence.seen.sum() >= _REFIT * self._fitted_at:
            self._fitted_at = float(evidence.seen.sum())
            self._shares = evidence.fit()
        return evidence

    def refit(self) -> None:
        """The last word is spoken with shares that are fitted to all answers, not to those of some time ago."""
        self._fitted_at, self._known = 0.0, None

    def _buy(self, kept: Sequence[int], wanted: int, upto: float) -> list[tuple[int, int]]:
        """One example after the other for whom the least money was spent on; ties go to the better."""
        queue = [(self._asked[k] * self._prices[k], rank, self._asked[k]) for rank, k in enumerate(kept)]
        heapify(queue)
        bought: list[tuple[int, int]] = []
        spent = self.spent
        while queue and len(bought) < wanted:
            paid, rank, place = heappop(queue)
            price = self._prices[kept[rank]]
            if place < self._examples and spent + price <= upto + 1e-9:
                bought.append((kept[rank], place))
                spent += price
                heappush(queue, (paid + price, rank, place + 1))
        return bought


def shared_order(labels: Sequence[str], seed: int) -> list[int]:
    """An order of the examples in which every prefix has the labels in their proportions."""
    draw = random.Random(seed)  # noqa: S311  (a shuffle, not a secret)
    places: list[tuple[float, int]] = []
    for label in sorted(set(labels)):
        members = [i for i, found in enumerate(labels) if found == label]
        draw.shuffle(members)
        shift = draw.random()
        places += [((rank + shift) / len(members), i) for rank, i in enumerate(members)]
    return [i for _, i in sorted(places)]
