"""The dimensions together: from a configuration, a value for each of them, to the variant that it stands for."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from optimizer.errors import ConfigError, OptimizerError, raised_at
from optimizer.prompt import Prompt
from optimizer.space.dimension import UNCHANGED, Choice, Dimension
from optimizer.space.variant import Value, Variant

if TYPE_CHECKING:
    from optuna.trial import BaseTrial


@dataclass(frozen=True)
class SearchSpace:
    dimensions: tuple[Dimension, ...]

    def __post_init__(self) -> None:
        if not self.dimensions:
            raise ConfigError("the search space has no dimension")
        if odd := [d for d in self.dimensions if not isinstance(getattr(d, "name", None), str)]:
            found = f"the {type(odd[0]).__name__} {odd[0]!r:.60}"
            raise ConfigError(f"the search space holds {found}; give dimensions, as in search_spaces.DELIMITERS")
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


def _applied(dimension: Dimension, variant: Variant, value: Value) -> Variant:
    try:
        made = dimension.apply(variant, value)
    except OptimizerError:
        raise
    except Exception as problem:  # somebody else's code: what it cannot do is lost, not the run
        raise ConfigError(f"{dimension.name}={value!r} cannot be applied: {problem!r}{raised_at(problem)}") from problem
    if not isinstance(made, Variant):
        raise ConfigError(f"{dimension.name}={value!r} gives {type(made).__name__}, not a Variant; `apply` returns one")
    return made
