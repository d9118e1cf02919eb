"""What a search found out about each candidate, as facts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from optimizer.objective import Evaluation
from optimizer.prompt import Prompt
from optimizer.space import Value
from optimizer.types import Params

State = Literal["complete", "pruned", "failed"]


@dataclass(frozen=True)
class Trial:
    """One configuration of the search space.

    `value` is the expected objective on validation (the race's posterior mean, never the raw mean of a
    winner); `examples` is how many validation examples it has seen. `program`: "plain", or the DSPy optimizer
    that compiled it. A "failed" trial has its reason in `note` and no prompt worth shipping.
    """

    number: int
    round: int
    params: Params
    state: State
    prompt: Prompt
    program: str = "plain"
    value: float | None = None
    quality: float | None = None
    cost: float | None = None
    latency: float | None = None
    valid: float | None = None
    input_tokens: float | None = None
    examples: int = 0
    note: str = ""


@dataclass(frozen=True)
class SearchResult:
    """`best` is the number of the winning trial; `instructions` are the wordings by the name in `params`.

    `answers`: by trial, what it answered on the validation examples that it saw.
    """

    trials: tuple[Trial, ...]
    best: int
    stopped_by: str
    instructions: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    answers: Mapping[int, Evaluation] = field(default_factory=dict)

    @property
    def winner(self) -> Trial:
        return self.trials[self.best]


#: Of outputs that were recorded elsewhere: it has no trials, and so no winner.
NO_SEARCH = SearchResult((), -1, "the outputs were recorded elsewhere")


@dataclass(frozen=True)
class Standing:
    """A candidate in mid-search: `value` by the `examples` that it has seen; `going` until it was told to the sampler,
    or left the race."""

    number: int
    going: bool
    value: float | None
    examples: int


@dataclass(frozen=True)
class Glance:
    """A search as it stands. `trial` tells all of one candidate; `choices`: what every dimension offers by now."""

    standings: tuple[Standing, ...]
    trial: Callable[[int], Trial]
    choices: Mapping[str, tuple[Value, ...]]
