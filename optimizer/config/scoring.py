"""The task file's sections on scoring: metrics, slices, and what is odd about who judges."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field, model_validator

from optimizer.config.model_settings import ModelSettings
from optimizer.config.sections import Count, Positive, Section, Text, Word, many
from optimizer.habits import GENERIC, family_of

#: By the reply's kind.
DEFAULT_METRICS = {
    "labels": "label_accuracy",
    "json": "json_fields",
    "regex": "exact_match",
    "text": "token_f1",
    "tools": "tool_call",
}
#: Metrics that ask the judge.
JUDGING = ("judge", "preference", "ragas", "deepeval")
#: Those of them that take a rubric.
WORDED = ("judge", "preference")


class MetricSettings(Section):
    """Keys beside these three are options of the metric."""

    model_config = ConfigDict(extra="allow")

    name: Text = Field(description="A metric's name, or module:attribute")
    weight: Positive = 1.0
    against: Literal["gold", "source", "auto"] = Field(
        default="auto", description="auto: gold where there is one, else source"
    )

    @property
    def options(self) -> dict[str, Any]:
        return dict(self.model_extra or {})

    @model_validator(mode="before")
    @classmethod
    def _whole_rubric(cls, given: Any) -> Any:
        """What is agreed on is the text of a ready-made rubric, not its name."""
        if not (isinstance(given, dict) and given.get("name") in WORDED and isinstance(given.get("rubric"), str)):
            return given
        from optimizer.metrics.judges.rubrics import full

        return given | {"rubric": full(given["rubric"])}

    @model_validator(mode="after")
    def _no_slips(self) -> MetricSettings:
        for option in self.options.keys() - {"weights"}:  # which json_fields takes
            if close := get_close_matches(option, ["weight", "against", "name"], n=1, cutoff=0.8):
                raise ValueError(f"{option}: unknown key. Did you mean {close[0]!r}?")
        return self


class SliceSettings(Section):
    columns: Annotated[tuple[Word, ...], BeforeValidator(many, json_schema_input_type=str | list[str])] = Field(
        default=(),
        description="Columns, or paths into the gold answer (expected.urgency), by whose values the held-out examples "
        "are looked at part by part; default: data.group and data.stratify, or the labels",
    )
    clusters: Annotated[int, Field(strict=True, ge=0, le=50)] | None = Field(
        default=None, description="Groups of similar inputs to look for; default: by the number of examples, 0: none"
    )
    least: Annotated[Count, Field(ge=5)] = Field(default=10, description="Examples without which none is looked at")


def judgements(metrics: Sequence[MetricSettings]) -> int:
    """How often each judge is asked about one answer; an estimate for what other libraries ask."""
    asked = {"judge": 1, "preference": 2, "ragas": 3, "deepeval": 3}
    found = 0
    for metric in metrics:
        samples = metric.options.get("samples", 1)
        found += asked.get(metric.name, 0) * (samples if isinstance(samples, int) else 1)
    return found


def odd_judges(
    judges: Sequence[ModelSettings],
    source: ModelSettings,
    targets: Sequence[ModelSettings],
    metrics: Sequence[MetricSettings],
) -> Iterator[str]:
    """What is allowed, but seldom meant: a judge that is not asked, is told one word, or judges its own kind."""
    yield from _odd_rubrics([metric.options.get("rubric") for metric in metrics if metric.name in WORDED])
    if judges and not any(metric.name in JUDGING or ":" in metric.name for metric in metrics):
        yield f"the judge is never asked: no metric is called {', '.join(JUDGING[:-1])} or {JUDGING[-1]}"
    for judge in judges:
        for role, model in [("the source", source), *(("a target", target) for target in targets)]:
            family = family_of(judge.real_name, judge.family)
            if judge.model == model.model:
                also = "also the source" if role == "the source" else "also a target"
                yield f"judge {judge.model!r} is {also}: models favour their own answers"
            elif family != GENERIC and family == family_of(model.real_name, model.family):
                yield (
                    f"judge {judge.model!r} is of the family of {role}, {model.model!r} ({family}): models favour "
                    "answers of their own kind; take a judge of another family, or read its scores with care"
                )


def _odd_rubrics(rubrics: Sequence[Any]) -> Iterator[str]:
    if any(rubrics):
        from optimizer.metrics.judges.rubrics import remark

        yield from (f"metrics: {told}" for rubric in rubrics if (told := remark(rubric)))
