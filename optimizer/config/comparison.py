"""A comparison file: where the recorded outputs of source and targets stand, and how they are to be judged.

A side's rows are those of its own file (or of `data.path`) that hold its values of `where`; the sides are joined by
the example's id. So one table with a column for each model, one table with a row for each model and example, and one
file for each model are all said in the same words.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, field_validator, model_validator

from optimizer.config.decision_settings import ConstraintSettings, DecisionSettings, ObjectiveSettings
from optimizer.config.model_settings import Hours, Tokens, refuse_two_prices
from optimizer.config.scoring import DEFAULT_METRICS, MetricSettings, SliceSettings
from optimizer.config.sections import (
    Count,
    Number,
    Positive,
    ReplySettings,
    Section,
    Text,
    Word,
    as_targets,
    many,
    named,
)
from optimizer.config.stages import StageColumns, Stages, refuse_odd

Files = Annotated[tuple[Text, ...], BeforeValidator(many, json_schema_input_type=str | list[str])]


class Columns(Section):
    """Columns of what was recorded for each answer."""

    output: Word | None = None
    latency: Word | None = Field(default=None, description="Seconds")
    input_tokens: Word | None = None
    output_tokens: Word | None = None
    cost: Word | None = Field(default=None, description="Dollars; default: tokens at the known price")
    finish: Word | None = Field(default=None, description="Why the model stopped: stop, length, end_turn, max_tokens")
    score: Word | dict[Text, Word] | None = Field(
        default=None, description="Scores that were found elsewhere; of several, their columns by name"
    )

    @property
    def scores(self) -> dict[str, str]:
        """Columns with scores, by name; a single one is called `score`."""
        return {"score": self.score} if isinstance(self.score, str) else self.score or {}

    @property
    def named(self) -> list[tuple[str, str]]:
        """All columns, each with its key."""
        own = {key: value for key, value in self if key in Columns.model_fields and key != "score" and value}
        return [*own.items(), *(("score", column) for column in self.scores.values())]


class ScoreSettings(Section):
    """Of scores that were found elsewhere: a scale and a weight."""

    low: Number = Field(default=0.0, description="The worst that could be given")
    high: Number = Field(default=1.0, description="The best")
    weight: Positive = 1.0

    @model_validator(mode="after")
    def _scale(self) -> ScoreSettings:
        if self.low >= self.high:
            raise ValueError(f"high: must be above low ({self.low:g}), found {self.high:g}")
        return self


class Side(Columns):
    """One model's recorded outputs. Columns that are not named here are those of the section `columns`."""

    model: Text = Field(description="Its name, for the report and the price table")
    path: Files = Field(default=(), description="File or files with its rows; default: data.path")
    where: dict[str, Word] = Field(default={}, description="Only rows with these values, as in {prompt: raw}")
    price: Tokens = None
    provisioned: Hours = None
    max_tokens: Count | None = Field(default=None, description="Length at which its replies were cut")
    stages: dict[str, StageColumns] = Field(default={}, description="By stage: columns of this side's own")

    @model_validator(mode="after")
    def _one_price(self) -> Side:
        refuse_two_prices(self.provisioned, price=self.price)
        return self


class Records(Section):
    path: Files = Field(default=(), description="File or files, .jsonl, .csv, .tsv or .parquet")
    id: Word | None = Field(default=None, description="Column with the example's id; default: the row number")
    model: Word | None = Field(default=None, description="Column that names the model, where rows of several are mixed")
    inputs: Annotated[tuple[Word, ...], BeforeValidator(many, json_schema_input_type=str | list[str])] = Field(
        default=(), description="Columns that the report shows; default: all that nothing else names"
    )
    expected: Word | None = Field(default=None, description="Column with the gold answer")
    group: Word | None = None
    encoding: Text = "utf-8"
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] | None = None


class ComparisonSettings(Section):
    name: Annotated[str, Field(pattern=r"^\w[\w .-]{0,99}$")] = "comparison"
    data: Annotated[Records, named("path", Records)] = Records()
    columns: Columns = Columns()
    source: Annotated[Side, named("model", Side)]
    targets: Annotated[
        tuple[Annotated[Side, named("model", Side)], ...],
        BeforeValidator(many, json_schema_input_type=str | Side | list[str | Side]),
        Field(max_length=10),
    ] = Field(default=(), description="Default, where data.model names the models: all but the source")
    reply: ReplySettings = ReplySettings()
    metrics: Annotated[
        tuple[Annotated[MetricSettings, named("name", MetricSettings)], ...],
        BeforeValidator(many, json_schema_input_type=str | MetricSettings | list[str | MetricSettings]),
    ] = ()
    scores: dict[Text, ScoreSettings] = Field(
        default={}, description="Scale and weight of scores found elsewhere, by name; one without a name: score"
    )
    objective: ObjectiveSettings = ObjectiveSettings()
    constraints: ConstraintSettings = ConstraintSettings()
    decision: DecisionSettings = DecisionSettings()
    slices: SliceSettings = SliceSettings()
    stages: Stages = Field(default=(), description="What the application does beside what is compared")

    @model_validator(mode="before")
    @classmethod
    def _one_target(cls, data: Any) -> Any:
        return as_targets(data)

    @field_validator("targets")
    @classmethod
    def _once(cls, targets: tuple[Side, ...]) -> tuple[Side, ...]:
        names = [side.model for side in targets]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"{twice[0]!r} stands twice; name each model once")
        return targets

    @model_validator(mode="after")
    def _complete(self) -> ComparisonSettings:
        if not self.targets and not self.data.model:
            raise ValueError("target: is missing: the model whose recorded outputs are held against the source's")
        refuse_odd(self.stages, recorded=True)
        for side in (self.source, *self.targets):
            if stray := sorted(side.stages.keys() - {stage.name for stage in self.stages}):
                raise ValueError(f"{side.model!r} has columns for a stage {stray[0]!r}; name it in `stages`")
            if not (side.path or self.data.path):
                raise ValueError(f"data.path: is missing, and {side.model!r} names no file of its own")
        if not (self.metrics or self._scored):
            metric = MetricSettings(name=DEFAULT_METRICS[self.reply.kind])
            object.__setattr__(self, "metrics", (metric,))
        return self

    @property
    def _scored(self) -> bool:
        return any(section.score for section in (self.columns, self.source, *self.targets))

    def columns_of(self, side: Side) -> Columns:
        given = {name: getattr(side, name) or getattr(self.columns, name) for name in Columns.model_fields}
        return Columns(**given)

    def to_dict(self) -> dict[str, Any]:
        return self.model_dump(mode="json")
