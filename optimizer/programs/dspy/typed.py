"""A row's inputs as the types of DSPy's own that a program declares for them (dspy.History, dspy.Image, ...).

Rows hold JSON; DSPy shows a text in the place of an image as text, and cannot read a conversation that is no History.
Only what is declared is made: by a module of DSPy's own in its signature, by a team's module in its `forward`. What
that leaves open, its code may want as it is.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, TypeAlias, get_type_hints

import dspy

from optimizer.programs.dspy.opening import Chain, live
from optimizer.prompt.suite import Suite

Kinds: TypeAlias = "Mapping[str, type[Any]]"
_known: dict[str, Kinds] = {}


def kinds_of(suite: Suite) -> Kinds:
    """What the suite's program declares: looked up once, since prompts and states change nothing of it."""
    path = suite.origin.dspy
    if path not in _known:
        _known[path] = declared(live(suite))
    return _known[path]


def typed(kinds: Kinds, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Raises ValueError for a value that its type does not take."""
    return {name: _made(name, kinds[name], value) if name in kinds else value for name, value in inputs.items()}


def declared(program: Any) -> Kinds:
    """By input: the type of DSPy's own that it is said to have."""
    if isinstance(program, Chain) or type(program).__module__.partition(".")[0] == "dspy":
        fields = {
            name: field.annotation
            for predictor in reversed(program.predictors())  # what the first asks for is what the program is given
            for name, field in predictor.signature.input_fields.items()
        }
    else:
        fields = _hints(type(program).forward)
    return {name: kind for name, kind in fields.items() if _is_own(kind)}


def _hints(forward: Any) -> dict[str, Any]:
    try:
        return get_type_hints(forward)
    except Exception:  # noqa: BLE001  annotations that only a type checker can read say nothing here
        return {name: one.annotation for name, one in inspect.signature(forward).parameters.items()}


def _is_own(kind: Any) -> bool:
    return inspect.isclass(kind) and issubclass(kind, (dspy.History, dspy.Type))


def _made(name: str, kind: Any, value: Any) -> Any:
    """A History also of the list alone of its messages, an Image of its address."""
    if kind is dspy.History and isinstance(value, list):
        value = {"messages": value}
    if kind is dspy.Image and isinstance(value, str):
        value = {"url": value}
    try:
        return kind.model_validate(value)
    except ValueError as problem:
        raise ValueError(f"{name} must be what makes a dspy.{kind.__name__}, found {str(value)[:60]!r}") from problem
