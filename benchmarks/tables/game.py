"""A recorded landscape as a game in which every answer costs one call.

The examples are halved: answers on one half can be bought, the mean over the other is a prompt's true quality. Where
only accuracies were recorded, answers are drawn first: example i has an ease d_i ~ N(0, 1), and a prompt of accuracy p
is right on it where sqrt(link) d_i + sqrt(1 - link) e > the (1 - p) quantile of N(0, 1), with an e ~ N(0, 1) for each
prompt and example. So every prompt keeps its accuracy in expectation, and prompts tend to fail on the same examples.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.tables.recorded import Factors, Landscape, Matrix
from optimizer.search.race import shared_order

LINK = 0.9  # between the prompts of one search, as measured in `alike`
EXAMPLES = 1400  # drawn for each prompt where only accuracies were recorded
MOST = {"mind_your_format": 200}  # prompts taken from a larger landscape, at random


@dataclass(frozen=True)
class Game:
    """`answers[k, i]`: the score of prompt k on the i-th example of the shared order.

    `source[k]`: the accuracy of the same prompt on the model that the user comes from, None where unknown: of the
    models that were asked the most of these prompts, the one that is best in the mean.
    """

    answers: NDArray[np.int8]
    truth: Matrix
    source: Sequence[float | None]
    factors: Sequence[Factors]

    @property
    def prompts(self) -> int:
        return len(self.truth)

    def regret(self, chosen: int) -> float:
        return float(self.truth.max() - self.truth[chosen])


def game(landscapes: Sequence[Landscape], seed: int, most: int | None = None, link: float = LINK) -> Game:
    """The seed's landscape (each has its turn before any comes again), halved by the seed."""
    turn, place = divmod(seed, len(landscapes))
    order = np.random.default_rng([turn, 11]).permutation(len(landscapes))
    return _halved(landscapes[order[place]], seed, most, link)


def _halved(landscape: Landscape, seed: int, most: int | None, link: float) -> Game:
    rng = np.random.default_rng([seed, 7])
    rows = rng.permutation(len(landscape.accuracy))[:most]  # no order that tells the better ones
    known = landscape.answers
    answers = _drawn(landscape.accuracy[rows], link, rng) if known is None else known[rows]
    bought, held = np.array_split(rng.permutation(answers.shape[1]), 2)
    order = shared_order([landscape.labels[i] if landscape.labels else "" for i in bought], seed)
    source = _strongest(landscape.sources)[rows]
    return Game(
        answers[:, bought[order]],
        answers[:, held].mean(axis=1),
        [None if math.isnan(value) else float(value) for value in source],
        [landscape.factors[k] for k in rows],
    )


def _strongest(sources: Matrix) -> Matrix:
    """Whom one comes from: of the models that were asked the most of the same prompts, the best in the mean."""
    known = (~np.isnan(sources)).sum(axis=1)
    full = sources[known == known.max()]
    return np.asarray(full[np.nanmean(full, axis=1).argmax()], np.float64)


def _drawn(accuracy: Matrix, link: float, rng: np.random.Generator) -> NDArray[np.int8]:
    from scipy.special import ndtri

    ease = math.sqrt(link) * rng.standard_normal(EXAMPLES)
    own = math.sqrt(1 - link) * rng.standard_normal((len(accuracy), EXAMPLES))
    return np.asarray(ease + own > ndtri(1 - accuracy)[:, None], np.int8)
