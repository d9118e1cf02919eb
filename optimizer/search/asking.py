"""Which configurations to try next: Optuna's proposals, and what won apart put together, in turn."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import zip_longest
from random import Random

from optimizer.search.crossover import Told, crossings
from optimizer.search.study import ask
from optimizer.space import SearchSpace, Value

_STRAYS = 16  # steps at random before a configuration is given up

Weighed = Sequence[tuple[Mapping[str, Value], Sequence[float]]]


def proposed(
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

    The more a sampler has learnt, the more often it asks for what it knows: such a proposal goes on from there to
    one that is not `known`. Thrown away, it would cost as much as one that is used.
    """
    random = Random(seed)  # noqa: S311 - it says what to try, and guards nothing
    asked = ask(space, weighed or [(p, (v,)) for p, v in told], count, sampler=sampler, seed=seed)
    fresh = (strayed(space, params, known, random) for params in asked)
    for pair in zip_longest(crossings(space, told, count), fresh):
        yield from (params for params in pair if params is not None)


def strayed(
    space: SearchSpace, params: Mapping[str, Value], known: Callable[[Mapping[str, Value]], bool], random: Random
) -> Mapping[str, Value] | None:
    """`params`, or where that is `known` one some random steps from it which is not; None where none is found."""
    for _ in range(_STRAYS):
        if not known(params):
            return params
        dimension = random.choice(space.dimensions)
        params = {**params, dimension.name: random.choice(dimension.choices)}
    return None
