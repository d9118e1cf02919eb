"""What the searches for earlier targets teach the next one: wordings, configurations, and what they were worth.

Only findings on validation and training examples are handed on: those are the same for all targets.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from statistics import fmean
from typing import cast

from optimizer.search.trial import SearchResult, Trial
from optimizer.space import Value
from optimizer.space.parts import place_of

_WORDINGS, _CONFIGURATIONS = 3, 2  # handed on at most, however many targets there were; each part's best wording is

_Key = frozenset[tuple[str, Value]]


@dataclass(frozen=True)
class Lessons:
    """`wordings`: texts by the name that they have in the next search. `values`: centred on each search's mean."""

    wordings: Mapping[str, str] = field(default_factory=dict)
    configurations: Sequence[Mapping[str, Value]] = ()
    values: Mapping[_Key, float] = field(default_factory=dict)

    def value(self, params: Mapping[str, Value]) -> float | None:
        """What a configuration was worth with earlier targets, against the mean of all; None where it is new."""
        return self.values.get(frozenset(params.items()))


def lessons(earlier: Sequence[SearchResult]) -> Lessons:
    """The best trials of each search in turn: the first of all, then the second of all, and so on."""
    names, texts = _names(earlier)
    ranked = [_renamed(result, named) for result, named in zip(earlier, names, strict=True)]
    turns = [found for rank in zip_longest(*ranked) for found in rank if found is not None]
    best: dict[str, dict[str, None]] = {}
    for params, _ in turns:
        for place, name in _wordings(params).items():
            best.setdefault(place, {})[name] = None
    each = max(1, _WORDINGS // max(1, len(best)))
    wordings = {name: texts[name] for found in best.values() for name in list(found)[:each]}
    own = [(p, value) for p, value in turns if not _borrows(p)]
    values: dict[_Key, list[float]] = {}
    for params, value in own:
        values.setdefault(frozenset(params.items()), []).append(value)
    known = [p for p, _ in own if wordings.keys() >= set(_wordings(p).values())]
    return Lessons(wordings, known[:_CONFIGURATIONS], {key: fmean(found) for key, found in values.items()})


def _names(earlier: Sequence[SearchResult]) -> tuple[list[dict[str, str]], dict[str, str]]:
    """For each search, the next one's names of its wordings; and the texts by those. A text that one search had from
    another goes by the first name that it got."""
    first: dict[tuple[str, str], str] = {}
    names = []
    for number, result in enumerate(earlier, start=1):
        named = {}
        for name, text in result.instructions.items():
            named[name] = first.setdefault((place_of(name), text), f"{name}_of_{number}")
        names.append(named)
    return names, {name: text for (_, text), name in first.items()}


def _renamed(result: SearchResult, names: Mapping[str, str]) -> list[tuple[Mapping[str, Value], float]]:
    """Plain trials with their centred values, best first; a compiled program is of its target and stays there."""
    measured = [(trial, trial.value) for trial in result.trials if trial.value is not None and trial.program == "plain"]
    if not measured:
        return []
    middle = fmean(value for _, value in measured)
    ranked = sorted(measured, key=lambda pair: -pair[1])
    return [(_params(trial, names), value - middle) for trial, value in ranked]


def _params(trial: Trial, names: Mapping[str, str]) -> Mapping[str, Value]:
    params = cast("Mapping[str, Value]", trial.params)
    return {**params, **{place: names[name] for place, name in _wordings(params).items()}}


def _wordings(params: Mapping[str, Value]) -> dict[str, str]:
    """By dimension, the wordings of a configuration that are not the team's own: of the prompt, or of each part."""
    named = {place: str(value) for place, value in params.items() if value != "as_is"}
    return {place: name for place, name in named.items() if place_of(name) == place}


def _borrows(params: Mapping[str, Value]) -> bool:
    """Does it show worked examples of a compiled program? Those have the same name in every search, and are others."""
    kinds = ("demo_choice", "demos")
    shown = (str(value) for place, value in params.items() if place.partition(".")[0] in kinds)
    return any(name.rpartition("/")[2].startswith("from_") for name in shown)
