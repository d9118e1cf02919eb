"""What is wrong with a search space, found before anything is asked: the contract of dimensions, choice by choice.

`promptport check` refuses a space with a fault; in a run the faulty choices are lost, and named in log and report.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Literal, get_args, get_origin, get_type_hints

from optimizer.errors import ConfigError, nearest
from optimizer.models.providers.reserved import SET_HERE
from optimizer.prompt import Prompt
from optimizer.prompt.layout import Layout
from optimizer.space.demos import check_plan
from optimizer.space.dimension import UNCHANGED, Choice, Dimension
from optimizer.space.search_space import SearchSpace
from optimizer.space.variant import Value, Variant

_RANGES: Mapping[str, tuple[str, Callable[[Any], bool]]] = {
    "temperature": ("a number from 0 to 2", lambda v: 0 <= v <= 2),
    "top_p": ("a number above 0, at most 1", lambda v: 0 < v <= 1),
    "max_tokens": ("a whole number from 1 on", lambda v: isinstance(v, int) and v >= 1),
}

#: Dimensions that gain values in the course of a search.
_GROWING = ("wording", "demo_choice")
_SLIP = 0.85  # how alike two names are if one is the other misspelt; `reasoning` and `reasoning_effort` are 0.72
#: Dimensions that each prompt of a program has for itself, by its name behind a dot.
_BY_PARTS = ("wording", "demos")


@dataclass(frozen=True)
class Fault:
    """A choice that cannot be used; the whole dimension where `whole` is set."""

    dimension: str
    value: Value
    problem: str
    whole: bool = False

    def __str__(self) -> str:
        return f"{self.dimension} {self.problem}" if self.whole else f"{self.dimension}={self.value!r} {self.problem}"


def faults(space: SearchSpace, prompt: Prompt) -> Iterator[Fault]:
    """Every choice that breaks the contract of dimensions on this prompt, in the order of the space."""
    for dimension in space.dimensions:
        if problem := _unfit(dimension) or _never(dimension, space):
            yield Fault(dimension.name, None, problem, whole=True)
            continue
        given = deepcopy(prompt)
        for value in dimension.choices:
            first = value == dimension.choices[0]
            try:
                problem = _changed(dimension, given) if first else _broken(dimension, value, given)
            except ConfigError as error:
                problem = f"cannot be built: {str(error).removeprefix(f'{dimension.name}={value!r} ')}"
            if given != prompt:
                first, problem = True, "changes the prompt that it is given; make another one, with dataclasses.replace"
            if problem:
                yield Fault(dimension.name, value, problem, whole=first)
            if problem and first:
                break


def refuse_faults(name: str, found: Iterable[Fault]) -> None:
    """Raises ConfigError with all of them."""
    lines = [str(fault) for fault in found]
    if lines:
        raise ConfigError("\n  ".join([f"search.space: {name} cannot be used as it is: ", *lines]))


def without_faults(space: SearchSpace, prompt: Prompt) -> tuple[SearchSpace, tuple[str, ...]]:
    """The space that is left, and a note on each choice that was lost."""
    found = list(faults(space, prompt))
    lost = {(fault.dimension, fault.value) for fault in found}
    whole = {fault.dimension for fault in found if fault.whole}
    sound = tuple(d for d in space.dimensions if d.name not in whole)
    left = SearchSpace(sound or (UNCHANGED,)).without(lost)
    return left, tuple(f"search space: {fault}: lost" for fault in found)


def scarce(space: SearchSpace, prompt: Prompt, there: int) -> Iterator[str]:
    """Which dimensions of a sound space ask for more worked examples than are `there` to train on."""
    for dimension in space.dimensions:
        counts = {_made(dimension, value, prompt).demos.count for value in dimension.choices}
        if beyond := sorted(count for count in counts if count > there):
            yield (
                f"search space: {dimension.name} asks for {' or '.join(map(str, beyond))} worked examples, and the "
                f"split has {there} for training: no more than that can be shown"
            )


def _unfit(dimension: Dimension) -> str | None:
    """What is wrong with a dimension before it is ever applied."""
    if missing := [name for name in ("choices", "suggest", "apply") if not hasattr(dimension, name)]:
        return f"is a {type(dimension).__name__} without `{missing[0]}`; a dimension has name, choices, suggest, apply"
    choices = dimension.choices
    if not isinstance(choices, tuple) or not choices:
        return f"offers {choices!r}; `choices` is a tuple of values, the first of which changes nothing"
    for value in choices:
        if not (value is None or isinstance(value, str | int | float)):
            kind = type(value).__name__
            return f"offers the {kind} {value!r}, which Optuna cannot hold; name it by a text or a number"
        if isinstance(value, float) and not math.isfinite(value):
            return f"offers {value!r}, which is no number; remove it"
    if len(set(choices)) < len(choices):
        twice = next(value for place, value in enumerate(choices) if value in choices[:place])
        return f"offers the choice {twice!r} twice; remove one of them"
    return None


def _never(dimension: Dimension, space: SearchSpace) -> str | None:
    """A condition under which the dimension can never count."""
    given = {"when": dimension.when, "unless": dimension.unless} if isinstance(dimension, Choice) else {}
    for key, condition in given.items():
        if condition is None:
            continue
        if not isinstance(condition, tuple) or len(condition) != 2:
            return f"has {key}={condition!r}; give another dimension's name and a value, ('program', 'gepa')"
        other, value = condition
        if other == dimension.name:
            return f"has {key}={condition!r}, which is itself; name another dimension"
        if meant := _misspelt(other, space):
            return f"has {key}={condition!r}, and no dimension is called {other!r}. Did you mean {meant!r}?"
        known = space.choices(other)
        if key == "when" and known and value not in known and other.partition(".")[0] not in _GROWING:
            return f"counts only where {other} is {value!r}, which {other} does not offer; it has {known!r}"
    return None


def _misspelt(name: str, space: SearchSpace) -> str:
    """A condition on a dimension that other spaces have, and this one does not, holds; a slip of the pen is none."""
    names = {own.partition(".")[0] if own.partition(".")[0] in _BY_PARTS else own for own in space.names}
    return "" if name in names else next(iter(get_close_matches(str(name), names, 1, _SLIP)), "")


def _changed(dimension: Dimension, prompt: Prompt) -> str | None:
    """The first choice leaves everything as it is."""
    value, unchanged = dimension.choices[0], Variant(deepcopy(prompt))
    if _made(dimension, value, prompt) != unchanged:
        return f"changes the prompt with its first choice, {value!r}; let that one return the variant as it is"
    return _backwards(dimension, prompt) if isinstance(dimension, Choice) else None


def _backwards(dimension: Choice, prompt: Prompt) -> str | None:
    """The order is the wrong way round: what the first choice would do is never done, and another one does nothing."""
    unchanged, (first, *others) = Variant(prompt), dimension.choices
    if first in (None, "as_is"):  # nothing is carried out for these, and nothing is meant to be
        return None
    try:
        does = dimension.put(unchanged, first) != unchanged
        idle = [value for value in others if does and dimension.put(unchanged, value) == unchanged]
    except Exception:  # noqa: BLE001  somebody else's code, judged choice by choice afterwards
        return None
    if not idle:
        return None
    return (
        f"would never carry out {first!r}: the first choice changes nothing; put {idle[0]!r}, which does nothing, first"
    )


def _broken(dimension: Dimension, value: Value, prompt: Prompt) -> str | None:
    made = _made(dimension, value, prompt)
    if made != _made(dimension, value, prompt):
        return "builds something else the second time; `apply` may depend on its arguments only"
    if made.prompt.names != prompt.names:
        found, wanted = sorted(made.prompt.names), sorted(prompt.names)
        return f"changes the variables to {found}, from {wanted}; a choice keeps every {{{{variable}}}}, and adds none"
    if lost := made.prompt.lacks(prompt.protected):
        return f"loses the protected text {lost[:40]!r}; leave what prompt.protect names as it is"
    if odd := [knob for knob in made.knobs if getattr(dimension, "when", None) != ("program", knob.partition(".")[0])]:
        program = odd[0].partition(".")[0]
        return f"turns {odd[0]} whatever the program is; add when=('program', {program!r}), as search_spaces.knob does"
    if isinstance(dimension, Choice) and dimension.tells and made == Variant(prompt):
        return "changes nothing in this prompt: the text that it replaces does not stand in the instructions"
    return _unknown(made)


def _unknown(made: Variant) -> str | None:
    """Layouts, worked examples and parameters that nobody could carry out."""
    check_plan(made.demos)
    for name, kind in get_type_hints(Layout).items():
        value = getattr(made.prompt.layout, name)
        if get_origin(kind) is Literal and value not in (known := get_args(kind)):
            return f"sets {name} to {value!r}.{nearest(str(value), known)} Known: {', '.join(known)}"
    for name, (wanted, fits) in _RANGES.items():
        value = made.prompt.params.get(name)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float) or not fits(value)):
            return f"sets {name} to {value!r}; give {wanted}"
    for name, value in made.prompt.params.items():
        if name in SET_HERE:
            return f"sets the parameter {name}, which no task may set: {SET_HERE[name]}"
        try:
            json.dumps(value)
        except (TypeError, ValueError):
            return f"sets {name} to {value!r:.60}, which JSON cannot hold; give texts, numbers, lists or mappings"
    return None


def _made(dimension: Dimension, value: Value, prompt: Prompt) -> Variant:
    return SearchSpace((dimension,)).build(prompt, {dimension.name: value})
