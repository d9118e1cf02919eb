"""The model behind the race: score of candidate k on example i = a_k + s_k (d_i + e), in closed form.

`a` are the candidates' true values; `d`, with variance `rho`, is how easy the example is for everybody, `e`, with
variance 1 - `rho`, is noise, and `s_k` the spread of the candidate's scores. So candidates that saw different numbers
of examples are compared fairly, and an easy example counts as easy. What is known of `a` beforehand: its level is
unknown; a hint (how the same candidate did elsewhere) counts by a slope that is learned, and for nothing where that
comes out negative; candidates that share choices are alike to a share that is learned; and the rest is their own. What
a hint is expected to tell is a share of what the candidates differ by, however much or little they differed elsewhere.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]
_RHO = (0.05, 0.25, 0.45, 0.65)
_OWN = (0.001, 0.004, 0.015, 0.05)
_LIKE = (0.0, 1.0, 8.0)
_TYPICAL, _DOUBT = 0.006, 1.4  # `own` before anything is known, and how far off that may be, as a logarithm
_LEVEL = 0.25  # prior variance of the level that all candidates share: as good as unknown for scores in 0..1
_SLOPE, _SLOPES = 0.7, 0.25  # prior mean and variance of the slope on the hint, both in their own spreads
_NOISE = 0.005  # hints that spread less than this hardly tell an order


@dataclass(frozen=True)
class Shares:
    """`rho`: the example's share of the noise. Variance between candidates: `own`, and `like` x `own` by kinship."""

    rho: float = 0.25
    own: float = _TYPICAL
    like: float = 0.0


@dataclass(frozen=True)
class Posterior:
    """`mean[k]` of the candidates' true values, and `cov[i, j]` of those that `rows` names (all of them, in order, if
    it is None)."""

    mean: Matrix
    cov: Matrix
    rows: Mapping[int, int] | None = None

    def among(self, candidates: Sequence[int]) -> tuple[Matrix, Matrix]:
        """Mean and covariance of some candidates. One that left the model long ago is taken for sure."""
        names = list(candidates)
        if self.rows is None:
            return self.mean[names], self.cov[np.ix_(names, names)]
        cov = np.zeros((len(names), len(names)))
        known = [i for i, name in enumerate(names) if name in self.rows]
        rows = [self.rows[names[i]] for i in known]
        cov[np.ix_(known, known)] = self.cov[np.ix_(rows, rows)]
        return self.mean[names], cov

    def surely_better(self, ours: int, theirs: int) -> float:
        """Probability that candidate `ours` is truly better than `theirs`."""
        mean, cov = self.among([ours, theirs])
        variance = max(float(cov[0, 0] + cov[1, 1] - 2 * cov[0, 1]), 1e-12)
        return 0.5 * (1 + math.erf(float(mean[0] - mean[1]) / math.sqrt(2 * variance)))


class Field:
    """The candidates as they are before any answer: who is like whom, and what is hinted of each.

    Hints are centred and in units of their spread, unknown ones are 0: on a strong model all prompts do well, and still
    the order among them tells something.
    """

    def __init__(self, factors: Sequence[Mapping[str, Any]], hints: Sequence[float | None]) -> None:
        known = [hint for hint in hints if hint is not None]
        middle = sum(known) / max(len(known), 1)
        hint = np.array([0.0 if hint is None else hint - middle for hint in hints])
        width = math.sqrt(float((hint**2).sum()) / max(len(known), 1))
        self.kin = _kinship(factors)
        self.hint = hint / max(width, _NOISE)
        self._known: dict[float, tuple[Matrix, float]] = {}

    def unhinted(self) -> Field:
        """The same candidates, of whom nothing is hinted."""
        bare = copy(self)
        bare.hint = np.zeros_like(self.hint)
        return bare

    def expected(self, shares: Shares) -> Matrix:
        """The hints in units of the candidates' own spread: what a slope of 1 would make of them."""
        return np.asarray(math.sqrt(shares.own) * self.hint, np.float64)

    def prior(self, shares: Shares) -> tuple[Matrix, Matrix, float, float]:
        """(P, Pm, log det of P's inverse, m'Pm) for the prior precision P and the prior mean m of `a` - 0.5.

        The covariance is `own` x (1 + `like` x kinship) and two terms of rank one, for the level and the slope.
        """
        inverse, plain = self._plain(shares.like)
        hint = self.expected(shares)
        wide = np.column_stack([np.full(len(hint), math.sqrt(_LEVEL)), math.sqrt(_SLOPES) * hint])
        side = inverse @ wide / shares.own
        both = np.eye(2) + wide.T @ side
        precision = inverse / shares.own - side @ np.linalg.solve(both, side.T)
        start = precision @ (_SLOPE * hint)
        logdet = plain + len(side) * math.log(shares.own) + float(np.linalg.slogdet(both)[1])
        return precision, start, logdet, float(start @ (_SLOPE * hint))

    def _plain(self, like: float) -> tuple[Matrix, float]:
        """Inverse and log determinant of 1 + `like` x kinship."""
        if like not in self._known:
            cov = np.eye(len(self.hint)) + like * self.kin
            self._known[like] = _inverse(cov), float(np.linalg.slogdet(cov)[1])
        return self._known[like]


class Evidence:
    """What `seen` (0 or 1) of the `values` says about the candidates: precision and pull, for each rho."""

    def __init__(self, field: Field, values: Matrix, seen: Matrix) -> None:
        used = seen.any(axis=0)
        self.field, self.seen = field, seen[:, used]
        self.spread = _spread(values[:, used], self.seen)
        self.scores = (values[:, used] - 0.5) * self.seen / self.spread[:, None]
        self._known: dict[float, tuple[Matrix, Matrix, float]] = {}

    def likelihood(self, rho: float) -> tuple[Matrix, Matrix, float]:
        """(M, b, c): up to a constant, the log-likelihood of the values `a` is b'a - a'Ma / 2 + c."""
        if rho not in self._known:
            noise, count, sums = 1 - rho, self.seen.sum(axis=0), self.scores.sum(axis=0)
            shrink = 1.0 / (count * noise + noise**2 / rho)
            weighted = self.seen * shrink
            scale = 1.0 / self.spread
            precision = (np.diag(self.seen.sum(axis=1) / noise) - weighted @ self.seen.T) * np.outer(scale, scale)
            pull = (self.scores.sum(axis=1) / noise - weighted @ sums) * scale
            constant = -float((self.scores**2).sum()) / noise + float(shrink @ sums**2)
            constant -= float(((count - 1) * math.log(noise)).sum() + np.log(noise + count * rho).sum())
            self._known[rho] = precision, pull, 0.5 * constant
        return self._known[rho]

    def fit(self) -> Shares:
        """The shares with the largest marginal likelihood on a small grid, and a weak prior on `own`."""
        likes = _LIKE if self.field.kin.any() else (0.0,)
        grid = [Shares(rho, own, like) for rho in _RHO for own in _OWN for like in likes]
        return max(grid, key=lambda s: self.marginal(s) - 0.5 * (math.log(s.own / _TYPICAL) / _DOUBT) ** 2)

    def marginal(self, shares: Shares) -> float:
        """Log of the chance of the values, up to a constant that is the same for all shares."""
        precision, pull, constant = self.likelihood(shares.rho)
        prior, start, logdet, weight = self.field.prior(shares)
        size = len(prior)
        whole = np.empty((size + 1, size + 1))  # the Cholesky factor of the bordered matrix has the quadratic form
        whole[:size, :size] = prior + precision
        whole[size, :size] = pull + start
        whole[size, size] = 1e12
        factor = np.linalg.cholesky(whole)
        square, logs = float((factor[size, :size] ** 2).sum()), float(np.log(np.diag(factor)[:size]).sum())
        return constant + 0.5 * (square - logdet - weight) - logs

    def posterior(self, shares: Shares) -> Posterior:
        """Who did well on the source is not the worse for it: a negative slope would be read from the many, and be held
        against the few that are the best on both."""
        posterior, slope = self._posterior(self.field, shares)
        return posterior if slope >= 0 else self._posterior(self.field.unhinted(), shares)[0]

    def _posterior(self, field: Field, shares: Shares) -> tuple[Posterior, float]:
        """And the posterior mean of the slope on the hint."""
        precision, pull, _ = self.likelihood(shares.rho)
        prior, start, _, _ = field.prior(shares)
        cov = _inverse(prior + precision)
        mean = cov @ (pull + start)
        return Posterior(0.5 + mean, cov), _SLOPE + _SLOPES * float(field.expected(shares) @ (prior @ mean - start))


def _inverse(matrix: Matrix) -> Matrix:
    return np.asarray(np.linalg.inv(matrix), np.float64)


def _spread(values: Matrix, seen: Matrix) -> Matrix:
    """Pooled spread within candidates; before there is any, that of a coin."""
    n = seen.sum(axis=1)
    means = (values * seen).sum(axis=1) / np.maximum(n, 1)
    squares = (seen * (values - means[:, None]) ** 2).sum(axis=1)
    pooled = (squares.sum() + 0.2 * 4) / ((n - 1).clip(min=0).sum() + 4)
    return np.full(len(n), math.sqrt(max(float(pooled), 1e-4)))


def _kinship(factors: Sequence[Mapping[str, Any]]) -> Matrix:
    """Share of the dimensions on which two candidates agree, centred."""
    names = sorted({name for chosen in factors for name in chosen})
    kin = np.zeros((len(factors), len(factors)))
    for name in names:
        codes = np.unique([repr(chosen.get(name)) for chosen in factors], return_inverse=True)[1]
        kin += codes[:, None] == codes[None, :]
    kin /= max(len(names), 1)
    rows = kin.sum(axis=0) / max(len(kin), 1)
    return np.asarray(kin - rows[None, :] - rows[:, None] + rows.sum() / max(len(kin), 1), dtype=np.float64)
