"""A point in the search space: the prompt, and what is still to be settled about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from optimizer.errors import ConfigError
from optimizer.prompt import Prompt

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
