"""What a recording says: examples, and the outputs of source and targets for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from optimizer.config.comparison import ComparisonSettings
from optimizer.data.stages import Stage
from optimizer.prompt.contract import Contract
from optimizer.recorded.scores import Marks
from optimizer.types import Example, Output


@dataclass(frozen=True)
class Answers:
    """One side: outputs in the order of the examples; `scores` where the record has them, by name and example id;
    `unmeasured` amounts."""

    model: str
    outputs: tuple[Output, ...]
    scores: Marks | None
    unmeasured: frozenset[str]


@dataclass(frozen=True)
class Recording:
    settings: ComparisonSettings
    contract: Contract
    examples: tuple[Example, ...]
    source: Answers
    targets: tuple[Answers, ...]
    notes: tuple[str, ...]
    columns: Mapping[str, Mapping[str, str]]
    stages: tuple[Stage, ...] = ()
