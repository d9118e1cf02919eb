"""The sections of a task file by which answers are judged: they may change after the answers were paid for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator

from optimizer.config.decision_settings import ConstraintSettings, DecisionSettings, ObjectiveSettings
from optimizer.config.scoring import MetricSettings, SliceSettings
from optimizer.config.sections import Section, many, named
from optimizer.config.taskfile import checked
from optimizer.config.yamlfile import Document, read_yaml
from optimizer.errors import ConfigError, nearest

_SECTIONS = ("objective", "constraints", "metrics", "decision", "slices")


class Terms(Section):
    objective: ObjectiveSettings = ObjectiveSettings()
    constraints: ConstraintSettings = ConstraintSettings()
    metrics: Annotated[
        tuple[Annotated[MetricSettings, named("name", MetricSettings)], ...],
        BeforeValidator(many),
    ] = ()
    decision: DecisionSettings = DecisionSettings()
    slices: SliceSettings = SliceSettings()
    name: str = ""

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Terms:
        """The terms of a finished run."""
        return cls(**{key: settings[key] for key in _SECTIONS if key in settings})

    @property
    def weights(self) -> str:
        weights = self.objective.model_dump(exclude={"formula"})
        told = ", ".join(f"{name} {value:g}" for name, value in weights.items() if value)
        return told + (f", by {self.objective.formula}" if self.objective.formula else "")


@dataclass(frozen=True)
class Wishes:
    """What the command line asks for. `weights`: one text for each weighting, as in "quality=1,cost=0.1"."""

    weights: Sequence[str] = ()
    constraints: Sequence[str] = ()
    metrics: Sequence[str] = ()
    margin: float | None = None
    confidence: float | None = None
    task: Path | None = None


def terms_of(own: Terms, wishes: Wishes) -> tuple[Terms, ...]:
    """One for each weighting; what nobody asks for stays as it was in the run. Raises ConfigError."""
    base: dict[str, Any] = own.model_dump(mode="json", by_alias=True, include=set(_SECTIONS))
    document = Document("promptport rescore", {})
    if wishes.task:
        document = read_yaml(wishes.task)
        base |= {key: value for key, value in document.data.items() if key in _SECTIONS and value is not None}
    if wishes.metrics:
        base["metrics"] = list(wishes.metrics)
    if wishes.constraints:
        limits = [_numbers("--constraint", text, ConstraintSettings) for text in wishes.constraints]
        base["constraints"] = {key: value for limit in limits for key, value in limit.items()}
    given = {"margin": wishes.margin, "confidence": wishes.confidence}
    base["decision"] = {**base["decision"], **{key: value for key, value in given.items() if value is not None}}
    weightings = [_numbers("--weights", text, ObjectiveSettings) for text in wishes.weights] or [{}]
    found = []
    for weights in weightings:
        data = {**base, "objective": {**base["objective"], **weights}}
        terms, _ = checked(Document(document.name, {**data, "name": own.name}, document.lines), Path(), Terms)
        found.append(terms)
    return tuple(found)


def _numbers(option: str, text: str, section: type[Section]) -> dict[str, float]:
    """`a=1,b=0.5` as numbers by key."""
    found = {}
    for part in text.split(","):
        key, _, value = part.strip().partition("=")
        if key not in section.model_fields:
            known = ", ".join(section.model_fields)
            hint = nearest(key, section.model_fields)
            raise ConfigError(f"{option} {text}: nothing is called {key!r}.{hint} Known: {known}; write KEY=NUMBER")
        try:
            found[key] = float(value)
        except ValueError:
            raise ConfigError(f"{option} {text}: {key} must be a number, found {value!r}") from None
    return found
