"""Which configurations to try next: Optuna's proposals and crossings of the best ones, in turn."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import zip_longest
from random import Random

from optimizer.search.crossover import Told, crossings
from optimizer.search.study import ask
from optimizer.space import SearchSpace, Value

_STEPS = 16  # random steps before a configuration is given up

Weighed = Sequence[tuple[Mapping[str, Value], Sequence[float]]]


def configurations(
    space: SearchSpace,
    told: Told,
    weighed: Weighed | None,
    count: int,
    *,
    sampler: str,
    seed: int,
    known: Callable[[Mapping[str, Value]], bool],
) -> Iterator[Mapping[str, Value]]:
    """Up to `count` of each kind, given what earlier ones were worth (`weighed`: by each of several objectives).

    The more a sampler has learnt, the more often it repeats itself. A `known` proposal is replaced by one a few random
    steps away: asking for it took as long as asking for a new one.
    """
    random = Random(seed)  # noqa: S311 - it says what to try, and guards nothing
    asked = ask(space, weighed or [(p, (v,)) for p, v in told], count, sampler=sampler, seed=seed)
    fresh = (untried(space, params, known, random) for params in asked)
    for pair in zip_longest(crossings(space, told, count), fresh):
        yield from (params for params in pair if params is not None)


def untried(
    space: SearchSpace, params: Mapping[str, Value], known: Callable[[Mapping[str, Value]], bool], random: Random
) -> Mapping[str, Value] | None:
    """`params`, or if that is `known`, a configuration a few random steps away that is not; None if none is found."""
    for _ in range(_STEPS):
        if not known(params):
            return params
        dimension = random.choice(space.dimensions)
        params = {**params, dimension.name: random.choice(dimension.choices)}
    return None
