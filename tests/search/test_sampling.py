"""Proposals in turn, and what is known already gives way to something next to it."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random

from optimizer.search.sampling import configurations, untried
from optimizer.space import SearchSpace, Value
from search_spaces import DELIMITERS, DEMOS, REPLY

SPACE = SearchSpace((DELIMITERS, DEMOS, REPLY))


def test_a_known_configuration_gives_way_to_one_that_is_not() -> None:
    known = {frozenset({**SPACE.unchanged, "delimiters": name}.items()) for name in DELIMITERS.choices}

    found = untried(SPACE, SPACE.unchanged, lambda params: frozenset(params.items()) in known, Random(0))

    assert found is not None
    assert frozenset(found.items()) not in known
    assert all(found[d.name] in d.choices for d in SPACE.dimensions)


def test_where_all_is_known_nothing_comes() -> None:
    assert untried(SPACE, SPACE.unchanged, lambda _: True, Random(0)) is None


def test_what_is_not_known_stays_as_it_was_asked() -> None:
    assert untried(SPACE, SPACE.unchanged, lambda _: False, Random(0)) == SPACE.unchanged


def test_a_sampler_that_keeps_asking_the_same_still_brings_a_new_one_each_time() -> None:
    tried: set[frozenset[tuple[str, Value]]] = set()

    def known(params: Mapping[str, Value]) -> bool:
        return frozenset(params.items()) in tried

    told = [(SPACE.unchanged, 0.2), ({**SPACE.unchanged, "demos": 4}, 0.4)]
    for params in configurations(SPACE, told, None, 20, sampler="random", seed=1, known=known):
        tried.add(frozenset(params.items()))

    assert len(tried) > 25
