"""Optuna's pruners in place of the race: candidates meet the examples one after another, and hopeless ones are cut.

Each candidate is a trial that is measured to the end or pruned; a few are under way at once. Nothing is shared
between candidates, and what a candidate is said to be worth is its mean.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from optimizer.search.study import pruner
from optimizer.search.twoway import Posterior
from optimizer.space import Value

_AT_ONCE, _CHUNK = 4, 8  # candidates under way, and examples of each that are bought together
_NOTHING_KNOWN = 0.25  # variance of a value that was never measured
_WHOLE = 12  # candidates that can be measured to the end


def depth(examples: int, budget: float) -> int:
    """Where the end is. Were it always the last example, the first few candidates could use up the budget before any
    of them is through, and until then no pruner has anything to compare with."""
    return min(examples, max(_CHUNK, int(budget / _WHOLE)))


class Pruning:
    """Takes the place of `race.Race`: the same questions, answered by the pruner called `name`."""

    def __init__(self, examples: int, budget: float, name: str) -> None:
        self.budget, self.spent = budget, 0.0
        self._examples = examples
        self._pruned_by = pruner(name, examples)
        self._asked: list[int] = []
        self._values: list[dict[int, float]] = []
        self._pruned: set[int] = set()
        self._through: set[int] = set()

    def join(self, _factors: Mapping[str, Value], _price: float = 1.0, _z: float | None = None) -> int:
        self._asked.append(0)
        self._values.append({})
        return len(self._asked) - 1

    def observe(self, candidate: int, example: int, value: float | None) -> None:
        self._asked[candidate] += 1
        self.spent += 1
        if value is not None:
            self._values[candidate][example] = value

    def batch(self, upto: float) -> list[tuple[int, int]]:
        """The next chunk of examples for the first few candidates that are neither pruned nor through."""
        for candidate in self._open()[:_AT_ONCE]:
            self._judge(candidate)
        bought: list[tuple[int, int]] = []
        for candidate in self._open()[:_AT_ONCE]:
            start = self._asked[candidate]
            bought += [(candidate, place) for place in range(start, min(start + _CHUNK, self._examples))]
        return bought[: max(0, int(min(upto, self.budget) - self.spent + 1e-9))]

    def posterior(self) -> Posterior:
        known = [list(values.values()) for values in self._values]
        pooled = [np.var(values) for values in known if len(values) > 1]
        noise = float(np.mean(pooled)) if pooled else _NOTHING_KNOWN
        means = [float(np.mean(values)) if values else 0.0 for values in known]
        spread = [max(noise, 1e-4) / len(values) if values else _NOTHING_KNOWN for values in known]
        return Posterior(np.array(means), np.diag(spread))

    def refit(self) -> None:
        """Nothing is fitted here."""

    def kept(self) -> list[int]:
        return [candidate for candidate in range(len(self._asked)) if candidate not in self._pruned]

    def _judge(self, candidate: int) -> None:
        values, through = self._values[candidate], self._asked[candidate] >= self._examples
        if values and self._pruned_by(candidate, values, through):
            self._pruned.add(candidate)
        elif through:
            self._through.add(candidate)

    def _open(self) -> list[int]:
        return [candidate for candidate in self.kept() if candidate not in self._through]
