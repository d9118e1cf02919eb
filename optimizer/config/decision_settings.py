"""The task file's sections on the decision: what is weighed, which limits hold, and how much worse is good enough."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from optimizer.config.sections import Count, NotNegative, Number, Positive, Section, Share, Text
from optimizer.objective import Constraints, Formula, Objective, Unit
from optimizer.plugins import resolve


class ObjectiveSettings(Section):
    quality: Positive = 1.0
    cost: NotNegative = 0.02
    latency: NotNegative = 0.0
    formula: Text | None = Field(
        default=None,
        description="module:attribute: makes a value of weighted quality, cost and latency; default: difference",
    )

    def build(self) -> Objective:
        """Raises PluginError where the formula cannot be had, or gives no number for the source itself."""
        found: Formula | None = resolve("objectives", self.formula, {}) if self.formula else None
        objective = Objective(**self.model_dump(exclude={"formula"}), formula=found)
        objective.of(1.0, 1.0, 1.0, Unit(1.0, 1.0))
        return objective


class ConstraintSettings(Section):
    valid: Share | None = Field(default=None, description="Least share of valid replies")
    p95_latency: Positive | None = Field(default=None, description="Seconds")
    cost_per_1000: NotNegative | None = Field(default=None, description="Dollars per 1,000 calls")
    prompt_tokens: Positive | None = Field(default=None, description="Mean input tokens per call")
    slice_drop: Share | None = Field(
        default=None, description="No slice's quality may surely be worse than the source's by more, as in 0.05"
    )

    def build(self) -> Constraints:
        return Constraints(**self.model_dump())


class DecisionSettings(Section):
    margin: Annotated[Number, Field(ge=0, lt=1)] = Field(
        default=0.05, description="How much worse is still good enough"
    )
    confidence: Annotated[Number, Field(gt=0.5, lt=1)] = 0.95
    draws: Annotated[Count, Field(le=20)] = Field(default=1, description="How often each held-out example is asked")
