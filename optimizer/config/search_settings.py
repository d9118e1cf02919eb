"""The task file's section on the search: how hard to look, and where."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from optimizer.config.sections import Count, NotNegative, Section, Seed, Text

_LEARN_NOTHING = ("random", "qmc")


class SearchSettings(Section):
    space: Text = Field(default="standard", description="A search space's name, module:attribute, or a YAML file")
    trials: Annotated[Count, Field(le=10_000)] = 48
    rounds: Count = 4
    calls_per_trial: Count = Field(default=12, description="Mean number of validation calls that a trial may take")
    compile_calls: Count = Field(
        default=150, description="Most calls of one compile by an optimizer of DSPy, for each prompt that it writes"
    )
    least_gain: NotNegative = Field(
        default=0.0005,
        description="What 100 more calls must promise of the objective for the search to go on; 0: never stop",
    )
    sure: Annotated[float, Field(ge=0.5, lt=1)] = Field(
        default=0.98,
        description="How surely a changed prompt must beat the unchanged one on validation examples to replace it",
    )
    sampler: Text = Field(default="tpe", description="tpe, random, gp (promptport[gp]), nsgaii, nsgaiii or qmc")
    objectives: tuple[Literal["quality", "cost", "latency"], ...] = Field(
        default=(),
        description="Two or three that the sampler weighs against each other; default: the weighted objective",
    )
    pruner: Text = Field(
        default="race",
        description="race, or a pruner of Optuna: wilcoxon, median, percentile, successive_halving, hyperband, none",
    )
    advice: Annotated[str, Field(min_length=1, max_length=20_000)] | None = Field(
        default=None,
        description="An expert's style guide or notes, shown to the proposer beside the target's habits: a text, or a "
        "text file relative to the task file (one word, or one line that ends in .md or .txt)",
    )
    seed: Seed = 0
    jobs: Count = Field(default=1, description="Processors for scoring, through joblib; for metrics that take long")

    @model_validator(mode="after")
    def _enough(self) -> SearchSettings:
        if self.rounds > self.trials and "rounds" not in self.model_fields_set:
            object.__setattr__(self, "rounds", self.trials)  # the default is for the usual number of trials
        if self.objectives and not 1 < len(set(self.objectives)) == len(self.objectives):
            raise ValueError(f"objectives: two or three different ones are wanted, found {list(self.objectives)}")
        if self.objectives and self.sampler in _LEARN_NOTHING:
            raise ValueError(
                f"objectives: the sampler {self.sampler} does not learn from any, found {list(self.objectives)}; "
                "choose tpe, gp, nsgaii or nsgaiii, or leave objectives out"
            )
        if self.rounds > self.trials:
            raise ValueError(f"rounds: {self.rounds} rounds need at least as many trials, found {self.trials}")
        return self
