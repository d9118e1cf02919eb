"""What won in different places, put together: configurations one or two steps from the best one.

Choices mostly add up, so what each is worth is read off all that was told (ridge regression on the choices), and
the steps that promise most are tried first; a choice that was seldom tried gets the benefit of the doubt.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations

import numpy as np

from optimizer.space import SearchSpace, Value

_RIDGE = 1.0  # as if each choice had been seen once more, with no effect
_DOUBT = 0.5  # of the spread of values: what a choice that was never tried may be worth more than it seems

Told = Sequence[tuple[Mapping[str, Value], float]]


def crossings(space: SearchSpace, told: Told, count: int) -> list[Mapping[str, Value]]:
    """The `count` most promising configurations near the best one, best first; none without a start."""
    if len(told) < 2:
        return []
    worth = _worth(space, told)
    best = max(told, key=lambda pair: pair[1])[0]
    tried = [params for params, _ in told]
    unlike = {tuple(params.items()): params for params in map(space.settled, _near(space, best))}
    near = [params for params in unlike.values() if params not in tried]
    return sorted(near, key=lambda params: -sum(worth[choice] for choice in params.items()))[:count]


def _worth(space: SearchSpace, told: Told) -> dict[tuple[str, Value], float]:
    choices = [(d.name, value) for d in space.dimensions for value in d.choices]
    chosen = np.array([[float(params.get(name) == value) for name, value in choices] for params, _ in told])
    values = np.array([value for _, value in told])
    effect = np.linalg.solve(chosen.T @ chosen + _RIDGE * np.eye(len(choices)), chosen.T @ (values - values.mean()))
    doubt = _DOUBT * values.std() / np.sqrt(1 + chosen.sum(axis=0))
    return dict(zip(choices, (effect + doubt).tolist(), strict=True))


def _near(space: SearchSpace, best: Mapping[str, Value]) -> Iterator[Mapping[str, Value]]:
    steps = [(d.name, value) for d in space.dimensions for value in d.choices if value != best.get(d.name)]
    yield from ({**best, name: value} for name, value in steps)
    for (name, value), (other, its) in combinations(steps, 2):
        if name != other:
            yield {**best, name: value, other: its}
