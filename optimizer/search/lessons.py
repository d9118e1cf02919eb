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

_WORDINGS, _CONFIGURATIONS = 3, 2  # handed on at most, whatever the number of earlier targets

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
    ranked = [_renamed(result, number) for number, result in enumerate(earlier, start=1)]
    turns = [found for rank in zip_longest(*ranked) for found in rank if found is not None]
    texts = {
        f"{name}_of_{number}": text
        for number, result in enumerate(earlier, start=1)
        for name, text in result.instructions.items()
    }
    named = dict.fromkeys(str(params["wording"]) for params, _ in turns if params.get("wording", "as_is") != "as_is")
    values: dict[_Key, list[float]] = {}
    for params, value in turns:
        values.setdefault(frozenset(params.items()), []).append(value)
    wordings = {name: texts[name] for name in list(named)[:_WORDINGS]}
    known = [p for p, _ in turns if p.get("wording", "as_is") in {"as_is", *wordings} and not _borrows(p)]
    return Lessons(wordings, known[:_CONFIGURATIONS], {key: fmean(found) for key, found in values.items()})


def _renamed(result: SearchResult, number: int) -> list[tuple[Mapping[str, Value], float]]:
    """Plain trials with their centred values, best first; a compiled program is of its target and stays there."""
    measured = [(trial, trial.value) for trial in result.trials if trial.value is not None and trial.program == "plain"]
    if not measured:
        return []
    middle = fmean(value for _, value in measured)
    ranked = sorted(measured, key=lambda pair: -pair[1])
    return [(_params(trial, number), value - middle) for trial, value in ranked]


def _params(trial: Trial, number: int) -> Mapping[str, Value]:
    params = cast("Mapping[str, Value]", trial.params)
    wording = params.get("wording", "as_is")
    return dict(params) | ({} if wording == "as_is" else {"wording": f"{wording}_of_{number}"})


def _borrows(params: Mapping[str, Value]) -> bool:
    """Does it name what only its own search has: parts of a compiled program, or of a program's prompts?"""
    return any("/" in str(value) or str(value).startswith("from_") for value in params.values())
