"""The search space: a list of dimensions, each a small choice about the prompt.

A dimension asks an Optuna trial for a value and carries it out on a `Variant`. It sees no data: what goes by a name is
settled later (`search.candidates`; worked examples: `demos`). `file` finds a space, `check` tries it out, `parts` makes
that of a program of several prompts; `parameters` knows which decoding parameters a target takes.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from optimizer.errors import ConfigError, OptimizerError
from optimizer.prompt import Prompt
from optimizer.tools import Toolset

if TYPE_CHECKING:
    from optuna.trial import BaseTrial

Value = str | int | float | bool | None  # what Optuna's categorical choices can be


@dataclass(frozen=True)
class DemoPlan:
    """Which worked examples to show: how many, chosen how, in what order (names of `demos`)."""

    count: int = 0
    choice: str = "random"
    order: str = "as_chosen"

    def __post_init__(self) -> None:
        if isinstance(self.count, bool) or not isinstance(self.count, int) or self.count < 0:
            raise ConfigError(f"a number of worked examples must be a whole number from 0 on, found {self.count!r}")


@dataclass(frozen=True)
class Variant:
    """A point in the space, before it is filled with data. The default is the prompt as it is.

    `knobs` are those of the program, by `<program>.<knob>`, where they are not the usual ones; `parts`: what is chosen
    for the parts of a program of several prompts, by dimension.
    """

    prompt: Prompt
    wording: str = "as_is"
    demos: DemoPlan = DemoPlan()
    program: str = "plain"
    knobs: Mapping[str, Value] = field(default_factory=dict)
    parts: Mapping[str, str] = field(default_factory=dict)


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


@dataclass(frozen=True)
class SearchSpace:
    dimensions: tuple[Dimension, ...]

    def __post_init__(self) -> None:
        if not self.dimensions:
            raise ConfigError("the search space has no dimension")
        if twice := sorted({name for name in self.names if self.names.count(name) > 1}):
            raise ConfigError(f"the search space has the dimension {twice[0]!r} twice")

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(dimension.name for dimension in self.dimensions)

    @property
    def unchanged(self) -> Mapping[str, Value]:
        """The configuration that leaves the prompt as it is."""
        return {dimension.name: dimension.choices[0] for dimension in self.dimensions}

    def choices(self, name: str) -> tuple[Value, ...]:
        """The values of one dimension; none where the space does not have it."""
        return next((d.choices for d in self.dimensions if d.name == name), ())

    def offering(self, name: str, values: Iterable[Value]) -> SearchSpace:
        """The same space with other choices in one dimension: new wordings, or programs that were compiled."""
        changed = (
            replace(d, choices=tuple(values)) if d.name == name and isinstance(d, Choice) else d
            for d in self.dimensions
        )
        return SearchSpace(tuple(changed))

    def without(self, lost: Collection[tuple[str, Value]]) -> SearchSpace:
        """The space without those choices; a dimension goes with its last real one. Never empty: see `UNCHANGED`."""
        kept: list[Dimension] = []
        for d in self.dimensions:
            left = tuple(value for value in d.choices if (d.name, value) not in lost)
            if left == d.choices:
                kept.append(d)
            elif len(left) > 1:
                kept.append(replace(d, choices=left) if isinstance(d, Choice) else Choice(d.name, left, d.apply))
        return SearchSpace(tuple(kept) or (UNCHANGED,))

    def suggest(self, trial: BaseTrial) -> Mapping[str, Value]:
        return {dimension.name: dimension.suggest(trial) for dimension in self.dimensions}

    def counting(self, name: str) -> Mapping[str, Value]:
        """The unchanged configuration but for what makes the dimension `name` count."""
        dimension = next((d for d in self.dimensions if d.name == name and isinstance(d, Choice)), None)
        made = dict(self.unchanged)
        if dimension and dimension.when:
            made |= dict([dimension.when])
        if dimension and dimension.unless and dimension.unless[0] in made:
            other, idle = dimension.unless
            made[other] = next(value for value in self.choices(other) if value != idle)
        return made

    def settled(self, params: Mapping[str, Value]) -> Mapping[str, Value]:
        """The same configuration with the first choice wherever a choice does not count."""
        settled = dict(params)
        for dimension in self.dimensions:
            if isinstance(dimension, Choice) and dimension.idle(settled):
                settled[dimension.name] = dimension.choices[0]
        return settled

    def key(self, params: Mapping[str, Value]) -> frozenset[tuple[str, Value]]:
        """The same for configurations that differ in idle choices only."""
        return frozenset(self.settled(params).items())

    def build(self, prompt: Prompt, params: Mapping[str, Value]) -> Variant:
        """Pure: the same params always give the same variant. Raises ConfigError where a dimension cannot do it."""
        variant, params = Variant(prompt), self.settled(params)
        for dimension in self.dimensions:
            variant = _applied(dimension, variant, params[dimension.name])
        return variant

    def preset(self, wishes: Mapping[str, Value]) -> Mapping[str, Value]:
        """The unchanged configuration with those wishes that the space can fulfil."""
        return {**self.unchanged, **{name: value for name, value in wishes.items() if value in self.choices(name)}}


#: Stands where a space has nothing to choose: the prompt as it is, and no other.
UNCHANGED = Choice("unchanged", ("as_is",), lambda variant, _value: variant)


def _applied(dimension: Dimension, variant: Variant, value: Value) -> Variant:
    try:
        made = dimension.apply(variant, value)
    except OptimizerError:
        raise
    except Exception as problem:  # somebody else's code: what it cannot do is lost, not the run
        raise ConfigError(f"{dimension.name}={value!r} cannot be applied: {problem!r}") from problem
    if not isinstance(made, Variant):
        raise ConfigError(f"{dimension.name}={value!r} gives {type(made).__name__}, not a Variant; `apply` returns one")
    return made


def in_layout(name: str) -> Callable[[Variant, Any], Variant]:
    """Carry a value out as the layout's field `name`."""

    def put(variant: Variant, value: Any) -> Variant:
        layout = replace(variant.prompt.layout, **{name: value})
        return replace(variant, prompt=replace(variant.prompt, layout=layout))

    return put


def in_params(name: str, *, instead_of: Sequence[str] = ()) -> Callable[[Variant, Any], Variant]:
    """Carry a value out as the decoding parameter `name`; parameters that may not stand beside it go."""

    def put(variant: Variant, value: Any) -> Variant:
        others = {key: kept for key, kept in variant.prompt.params.items() if key not in instead_of}
        return replace(variant, prompt=replace(variant.prompt, params={**others, name: value}))

    return put


def in_reply_format(variant: Variant, value: Any) -> Variant:
    """Demand JSON ("json_object") or the contract's schema ("json_schema") by parameter; nothing for other replies."""
    wanted = variant.prompt.contract.demanded(value)
    return in_params("response_format")(variant, wanted) if wanted else variant


def in_tools(change: Callable[[Toolset, Any], Toolset]) -> Callable[[Variant, Any], Variant]:
    """Carry a value out on the tools that the prompt offers; nothing where it offers none."""

    def put(variant: Variant, value: Any) -> Variant:
        prompt = variant.prompt
        return replace(variant, prompt=replace(prompt, tools=change(prompt.tools, value))) if prompt.tools else variant

    return put


def in_demos(name: str) -> Callable[[Variant, Any], Variant]:
    """Carry a value out as the field `name` of the plan for worked examples."""

    def put(variant: Variant, value: Any) -> Variant:
        return replace(variant, demos=replace(variant.demos, **{name: value}))

    return put


def in_knobs(name: str) -> Callable[[Variant, Any], Variant]:
    """Carry a value out as the program's knob `name`, `<program>.<knob>`."""

    def put(variant: Variant, value: Any) -> Variant:
        return replace(variant, knobs={**variant.knobs, name: value})

    return put
