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
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]
_RHO, _SPREAD = (0.05, 0.25, 0.45, 0.65), (0.001, 0.004, 0.015, 0.05)
_LEVEL = 0.25  # prior variance of the level that all candidates share: as good as unknown for scores in 0..1
_REFIT = 2.5  # the model's three shares are fitted anew each time the calls have grown by this factor


@dataclass(frozen=True)
class Shares:
    """Of the noise `v`: `rho` belongs to the example. Variance between candidates: `own`, and `shared` per factor."""

    v: float = 0.2
    rho: float = 0.25
    own: float = 0.015
    shared: float = 0.0


@dataclass(frozen=True)
class Posterior:
    """`mean[k]` and `cov[k, l]` of the candidates' true values."""

    mean: Matrix
    cov: Matrix

    def surely_better(self, ours: int, theirs: int) -> float:
        """Probability that candidate `ours` is truly better than `theirs`."""
        variance = self.cov[ours, ours] + self.cov[theirs, theirs] - 2 * self.cov[ours, theirs]
        difference = float(self.mean[ours] - self.mean[theirs])
        return 0.5 * (1 + math.erf(difference / math.sqrt(2 * max(float(variance), 1e-12))))


class Race:
    """Candidates are numbered in the order in which they join; examples by their place in the shared order.

    `budget` and `price` are in the same unit: calls if every price is 1, else dollars or any measure of cost.
    The `anchor` is never dropped: it is what the winner is compared with in the end.
    """

    def __init__(self, examples: int, budget: float, *, anchor: int | None = None) -> None:
        self.budget = budget
        self.anchor = anchor
        self.spent = 0.0
        self._values: Matrix = np.zeros((0, examples))
        self._seen: Matrix = np.zeros((0, examples))
        self._factors: list[Mapping[str, Any]] = []
        self._prices: list[float] = []
        self._asked: list[int] = []  # how far along the shared order each candidate is
        self._kin: Matrix = np.zeros((0, 0))
        self._shares = Shares()
        self._fitted_at = 0.0

    def join(self, factors: Mapping[str, Any], price: float = 1.0, z: float | None = None) -> int:  # noqa: ARG002
        """A candidate enters, also in mid-race; `factors` are its choices in the search space."""
        row = np.zeros((1, self._values.shape[1]))
        self._values, self._seen = np.vstack([self._values, row]), np.vstack([self._seen, row])
        self._factors.append(dict(factors))
        self._prices.append(price)
        self._asked.append(0)
        self._kin = _kinship(self._factors)
        return len(self._prices) - 1

    def observe(self, candidate: int, example: int, value: float | None) -> None:
        """One answer came back; None: it was paid for, but nothing can be learned from it."""
        self._asked[candidate] += 1
        if value is not None:
            self._values[candidate, example] = value
            self._seen[candidate, example] = 1.0
        self.spent += self._prices[candidate]

    def batch(self, upto: float) -> list[tuple[int, int]]:
        """The next (candidate, example) pairs to buy, together; none when the budget `upto` is used or all is seen."""
        size = len(self._prices)
        wanted = max(4, size // (2 if size > 64 else 4))
        return self._buy(self.kept(), wanted, min(upto, self.budget))

    def posterior(self) -> Posterior:
        if self._seen.sum() >= _REFIT * self._fitted_at:
            self._fitted_at = float(self._seen.sum())
            self._shares = self._fit()
        return self._solve(self._shares)[0]

    def kept(self) -> list[int]:
        """The best by posterior mean, fewer and fewer as money goes; and who joined late and has seen too little."""
        size, counts = len(self._prices), np.array(self._asked)
        keep = max(2, math.ceil(size ** (1 - min(1.0, self.spent / self.budget))))
        order = np.argsort(-self.posterior().mean, kind="stable")
        late = [k for k in order[keep:] if counts[k] < counts.mean() / 2]
        anchor = [self.anchor] if self.anchor is not None and self.anchor not in {*order[:keep], *late} else []
        return [int(k) for k in [*order[:keep], *late, *anchor]]

    def _buy(self, kept: Sequence[int], wanted: int, upto: float) -> list[tuple[int, int]]:
        place = {k: self._asked[k] for k in kept}
        paid = {k: place[k] * self._prices[k] for k in kept}
        bought: list[tuple[int, int]] = []
        spent = self.spent
        while len(bought) < wanted:
            open_ = [k for k in kept if place[k] < self._seen.shape[1] and spent + self._prices[k] <= upto + 1e-9]
            if not open_:
                break
            k = min(open_, key=lambda k: paid[k])  # the least money spent; ties go to the better
            bought.append((k, place[k]))
            place[k] += 1
            paid[k] += self._prices[k]
            spent += self._prices[k]
        return bought

    def _fit(self) -> Shares:
        """The shares with the largest marginal likelihood on a small grid."""
        v = self._noise()
        grid = [Shares(v, rho, own, share) for rho, own in product(_RHO, _SPREAD) for share in (0.0, own)]
        return max(grid, key=lambda shares: self._solve(shares)[1] - 0.5 * math.log(shares.own / 0.015) ** 2 / 4)

    def _noise(self) -> float:
        """Pooled variance within candidates; before there is any, that of a coin."""
        n = self._seen.sum(axis=1, keepdims=True)
        means = np.divide(self._values.sum(axis=1, keepdims=True), n, where=n > 0, out=np.zeros_like(n))
        free = float((n - 1).clip(min=0).sum())
        squares = float((self._seen * (self._values - means) ** 2).sum())
        return max((squares + 0.2 * 4) / (free + 4), 1e-4)

    def _solve(self, s: Shares) -> tuple[Posterior, float]:
        """Posterior of the candidates and the log marginal likelihood, in closed form."""
        seen, y = self._seen, self._values * self._seen
        noise, count = (1 - s.rho) * s.v, seen.sum(axis=0)
        shrink = 1.0 / (count / noise + 1.0 / (s.rho * s.v)) / noise**2
        precision = np.diag(seen.sum(axis=1)) / noise - (seen * shrink) @ seen.T
        pull = y.sum(axis=1) / noise - (seen * shrink) @ y.sum(axis=0)
        prior = _LEVEL + s.own * np.eye(len(seen)) + s.shared * self._kin
        inverse = np.linalg.inv(prior)
        start = inverse.sum(axis=1) * 0.5
        cov = np.linalg.inv(inverse + precision)
        mean = cov @ (pull + start)
        fit = (
            np.linalg.slogdet(cov)[1]
            - np.linalg.slogdet(prior)[1]
            + float((pull + start) @ mean)
            - 0.25 * float(inverse.sum())
            - float((y**2).sum()) / noise
            + float(shrink @ y.sum(axis=0) ** 2)
            - float(((count - 1).clip(min=0) * math.log(noise)).sum())
            - float(np.log(noise + count[count > 0] * s.rho * s.v).sum())
        )
        return Posterior(mean, cov), 0.5 * float(fit)


def _kinship(factors: Sequence[Mapping[str, Any]]) -> Matrix:
    """Share of the dimensions on which two candidates agree, centred."""
    names = sorted({name for chosen in factors for name in chosen})
    kin = np.zeros((len(factors), len(factors)))
    for name in names:
        codes = np.unique([repr(chosen.get(name)) for chosen in factors], return_inverse=True)[1]
        kin += codes[:, None] == codes[None, :]
    kin /= max(len(names), 1)
    rows = kin.mean(axis=0)
    return np.asarray(kin - rows[None, :] - rows[:, None] + kin.mean(), dtype=np.float64)


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
