"""A task file as a whole: its sections, what must agree with what, and its two smallest, split and budget."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, cast

from pydantic import BeforeValidator, Field, model_validator

from optimizer.config.decision_settings import ConstraintSettings, DecisionSettings, ObjectiveSettings
from optimizer.config.engine_settings import EngineSettings, Store
from optimizer.config.gateway_settings import GatewaySettings
from optimizer.config.model_settings import Model, ModelSettings, hourly, odd_clocks
from optimizer.config.prompts import PromptSettings
from optimizer.config.scoring import DEFAULT_METRICS, MetricSettings, SliceSettings, odd_judges
from optimizer.config.search_settings import SearchSettings
from optimizer.config.sections import (
    Count,
    Data,
    Number,
    Positive,
    ProgramSettings,
    Section,
    Seed,
    as_targets,
    many,
    named,
)
from optimizer.config.stages import Stages, refuse_odd
from optimizer.config.taskfile import open_file
from optimizer.config.yamlfile import write_yaml


class SplitSettings(Section):
    train: Annotated[Number, Field(ge=0, lt=1)] = 0.2
    validation: Annotated[Number, Field(gt=0, lt=1)] = 0.3
    test: Annotated[Number, Field(gt=0, lt=1)] = 0.5
    seed: Seed = 0

    @property
    def fractions(self) -> tuple[float, float, float]:
        return self.train, self.validation, self.test

    @model_validator(mode="after")
    def _whole(self) -> SplitSettings:
        if abs(sum(self.fractions) - 1) > 1e-6:
            parts = f"train {self.train:g} + validation {self.validation:g} + test {self.test:g}"
            raise ValueError(f"the fractions must add up to 1, found {parts} = {sum(self.fractions):g}")
        return self


class Budget(Section):
    """None: no limit."""

    dollars: Positive | None = None
    calls: Count | None = None
    tokens: Count | None = Field(default=None, description="In and out, of all models together")
    minutes: Positive | None = None

    @property
    def limits(self) -> list[str]:
        """In words; empty where there is none."""
        words = {"${:g}": self.dollars, "{:,} calls": self.calls, "{:,} tokens": self.tokens}
        words |= {"{:g} minutes": self.minutes}
        return [text.format(limit) for text, limit in words.items() if limit is not None]


class Settings(Section):
    name: Annotated[str, Field(pattern=r"^\w[\w .-]{0,99}$")] = Field(
        default="task", description="Default: the folder's name"
    )
    data: Annotated[Data, named("path", Data)]
    prompt: Annotated[PromptSettings, named("user", PromptSettings)] | None = None
    program: Annotated[ProgramSettings, named("dspy", ProgramSettings)] | None = Field(
        default=None, description="Instead of a prompt: a DSPy program"
    )
    source: Model
    targets: Annotated[tuple[Model, ...], Field(min_length=1, max_length=10)]
    proposer: Model | None = Field(default=None, description="Writes new instructions")
    judge: Model | None = Field(default=None, description="Scores where a metric asks for a judge")
    judges: tuple[Model, ...] = Field(default=(), description="Instead of judge: several; their mean counts")
    embedder: Model | None = Field(
        default=None, description="Turns texts into vectors: a LiteLLM embedding model, or local/NAME"
    )
    metrics: Annotated[
        tuple[Annotated[MetricSettings, named("name", MetricSettings)], ...],
        BeforeValidator(many, json_schema_input_type=str | MetricSettings | list[str | MetricSettings]),
    ] = Field(
        default=(), description="Default: label_accuracy, json_fields, exact_match or token_f1, by the reply's kind"
    )
    objective: ObjectiveSettings = ObjectiveSettings()
    constraints: ConstraintSettings = ConstraintSettings()
    search: SearchSettings = SearchSettings()
    split: SplitSettings = SplitSettings()
    decision: DecisionSettings = DecisionSettings()
    slices: SliceSettings = SliceSettings()
    stages: Stages = Field(default=(), description="What the application does beside the prompt, as in retrieval")
    budget: Budget = Budget()
    engine: EngineSettings = EngineSettings()
    store: Store | None = Field(
        default=None,
        description="Where answers are remembered: postgresql://user@host/database, which many machines may share, or "
        "a file, which many runs of one machine may share; default: calls.sqlite in the run's folder",
    )
    gateway: GatewaySettings = GatewaySettings()

    @model_validator(mode="before")
    @classmethod
    def _one_target(cls, data: Any) -> Any:
        return as_targets(data)

    @model_validator(mode="after")
    def _complete(self) -> Settings:
        names = [target.model for target in self.targets]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"targets: {twice[0]!r} stands twice; name each model once")
        refuse_odd(self.stages, recorded=False)
        if self.judge and self.judges:
            raise ValueError("give either `judge` or `judges`, not both")
        if self.prompt is None and self.program is None:
            raise ValueError("prompt: is missing; a DSPy program goes by `program` instead")
        if self.prompt and self.program:
            raise ValueError("give either `prompt` or `program`, not both")
        if not self.metrics:
            metric = MetricSettings(name=DEFAULT_METRICS[self.subject.reply.kind])
            object.__setattr__(self, "metrics", (metric,))
        return self

    @property
    def panel(self) -> tuple[ModelSettings, ...]:
        """Those who judge."""
        return (self.judge,) if self.judge else self.judges

    @property
    def subject(self) -> PromptSettings | ProgramSettings:
        """What is migrated: there is always one of both."""
        return self.prompt or cast(ProgramSettings, self.program)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is allowed, but seldom meant."""
        found = []
        for target in self.targets:
            if target.model == self.source.model and target.api_base == self.source.api_base:
                found.append(f"target {target.model!r} is the source itself: this run compares it with itself (A/A)")
        asked = (self.source, *self.targets, self.proposer, *self.panel, self.embedder)
        found += hourly((one.model, one.provisioned) for one in asked if one)
        found += odd_clocks(self.source, self.targets, recorded=bool(self.data.source))
        found += odd_judges(self.panel, self.source, self.targets, self.metrics)
        return tuple(found)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON with all defaults filled in; a task file again."""
        return self.model_dump(mode="json")

    def to_yaml(self) -> str:
        return write_yaml(self.to_dict())


def load_settings(path: str | Path) -> Settings:
    """The settings in a task file. Raises ConfigError with all that is wrong in it."""
    return open_file(Path(path), Settings)[0]
