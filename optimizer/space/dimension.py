"""One choice about the prompt: what a dimension answers, and the dimension with named values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from optimizer.space.variant import Value, Variant

if TYPE_CHECKING:
    from optuna.trial import BaseTrial


@runtime_checkable
class Dimension(Protocol):
    """One choice. The first of `choices` changes nothing."""

    @property
    def name(self) -> str: ...

    @property
    def choices(self) -> tuple[Value, ...]: ...

    def suggest(self, trial: BaseTrial) -> Value: ...

    def apply(self, variant: Variant, value: Value) -> Variant: ...


@dataclass(frozen=True)
class Choice:
    """A dimension with named values: `Choice("tone", ("as_is", "brief"), put)`.

    `tells`: every choice but the first is meant to change the team's own prompt; one that does not is a slip.
    `when`: it counts only where another dimension, if the space has it, has this value, `("program", "gepa")`;
    `unless`: only where it has not.
    """

    name: str
    choices: tuple[Value, ...]
    put: Callable[[Variant, Any], Variant] = field(repr=False)
    tells: bool = False
    when: tuple[str, Value] | None = None
    unless: tuple[str, Value] | None = None

    def among(self, *values: Value) -> Choice:
        """The same dimension with other values beside its first one, which changes nothing: `DEMOS.among(3, 6)`."""
        first = self.choices[0]
        return replace(self, choices=(first, *(value for value in values if value != first)))

    def idle(self, params: Mapping[str, Value]) -> bool:
        """Would another value build the same prompt, the other choices being as they are?"""
        if self.when and params.get(self.when[0], self.when[1]) != self.when[1]:
            return True
        return self.unless is not None and params.get(self.unless[0], self) == self.unless[1]

    def suggest(self, trial: BaseTrial) -> Value:
        value: Value = trial.suggest_categorical(self.name, self.choices)
        return value

    def apply(self, variant: Variant, value: Value) -> Variant:
        return variant if value == self.choices[0] else self.put(variant, value)


#: Stands where a space has nothing to choose: the prompt as it is, and no other.
UNCHANGED = Choice("unchanged", ("as_is",), lambda variant, _value: variant)
