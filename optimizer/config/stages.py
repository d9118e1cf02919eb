"""The section on stages beside the one that is migrated: which columns say what they gave, and what they took."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import BeforeValidator, Field

from optimizer.config.sections import Section, Word, many, named


class StageColumns(Section):
    latency: Word | None = Field(default=None, description="Column with seconds")
    input_tokens: Word | None = None
    output_tokens: Word | None = None
    cost: Word | None = Field(default=None, description="Column with dollars")


class StageSettings(StageColumns):
    name: Word = Field(description="As in retrieve, rerank")
    frozen: bool = Field(default=True, description="Its outputs are taken as they are, for source and target alike")
    output: Word | None = Field(default=None, description="Column with what it gave, as in contexts")


Stages = Annotated[
    tuple[Annotated[StageSettings, named("name", StageSettings)], ...],
    BeforeValidator(many, json_schema_input_type=str | StageSettings | list[str | StageSettings]),
]


def refuse_odd(stages: Sequence[StageSettings], *, recorded: bool) -> None:
    """Raises ValueError. `recorded`: nothing is run, so that a stage may also be one that each side ran for itself."""
    names = [stage.name for stage in stages]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"stages: {twice[0]!r} stands twice; name each stage once")
    for stage in stages:
        if not (stage.frozen or recorded):
            raise ValueError(
                f"stages: {stage.name!r} is not frozen, but a run asks models with the prompt alone; freeze it (its "
                "outputs stand in the data), or hold recorded outputs of both against each other: promptport compare"
            )
