"""Metrics: how good one output is, from 0 to 1. Each family has a file; the names are listed here.

A metric goes by its name, or by the path of one's own (`my_project.metrics:bleu`): a callable
(example, output, reference) -> Score, float or bool; a class is made with the options, a function gets them
as keyword arguments. What one's own answers is checked before it counts.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from optimizer.contract import Contract
from optimizer.errors import ConfigError, DataError, OptimizerError, PluginError, nearest
from optimizer.metrics.judge import judge
from optimizer.metrics.labels import label_accuracy
from optimizer.metrics.numeric import numeric
from optimizer.metrics.standard import Against
from optimizer.metrics.structured import json_fields
from optimizer.metrics.text import (
    contains,
    edit_similarity,
    exact_match,
    length,
    normalized_match,
    regex_match,
    rouge_l,
    token_f1,
)
from optimizer.metrics.valid import valid
from optimizer.models import Model
from optimizer.plugins import resolve
from optimizer.types import Example, Output, Score

__all__ = ["METRICS", "Custom", "Metric", "MetricSpec", "Weighted", "build", "build_metric"]


class Metric(Protocol):
    """Scores one output, from 0 to 1.

    `reference` is what the source model answered; `example.expected` holds the gold answer, if there is one.
    An output whose status is not "ok" scores 0; one that "failed" never comes here.
    """

    def __call__(self, example: Example, output: Output, reference: Output | None) -> Score: ...


class MetricSpec(Protocol):
    """What a task file says of one metric."""

    @property
    def name(self) -> str: ...

    @property
    def weight(self) -> float: ...

    @property
    def against(self) -> Against: ...

    @property
    def options(self) -> Mapping[str, Any]: ...


#: Name -> how it is made from its options; all but valid, regex_match and those with limits compare with an answer.
METRICS: Mapping[str, Callable[..., Metric]] = {
    "contains": contains,
    "edit_similarity": edit_similarity,
    "exact_match": exact_match,
    "json_fields": json_fields,
    "judge": judge,
    "label_accuracy": label_accuracy,
    "length": length,
    "normalized_match": normalized_match,
    "numeric": numeric,
    "regex_match": regex_match,
    "rouge_l": rouge_l,
    "token_f1": token_f1,
    "valid": valid,
}


def build(
    name: str,
    options: Mapping[str, Any] | None = None,
    *,
    contract: Contract | None = None,
    judge: Model | None = None,
) -> Metric:
    """The metric of that name with its options.

    `contract`: the reply's, from which json_fields takes its defaults. `judge`: the model that the metric judge asks.

    Raises ConfigError for options that the metric does not know, PluginError for a name that leads nowhere.
    """
    given = dict(options or {})
    found: Any = resolve("metrics", name, METRICS)
    if not callable(found):
        raise PluginError(f"metric {name!r}: {type(found).__name__} is no metric, since it cannot be called")
    builtin = METRICS.get(name) is found
    if builtin and "contract" in inspect.signature(found).parameters:
        found = partial(found, contract=contract)
    if builtin and name == "judge":
        if judge is None:
            raise ConfigError("metrics: `judge` needs a model that judges; name one in the section `judge:`")
        found = partial(found, model=judge)
    _check_options(name, found, given)
    if builtin:
        return found(**given)  # type: ignore[no-any-return]
    return Custom(name, found(**given) if isinstance(found, type) else partial(found, **given) if given else found)


def build_metric(specs: Sequence[MetricSpec], contract: Contract, judge: Model | None = None) -> Metric:
    """One metric from the task file's list: itself, or the weighted mean of several."""
    metrics: dict[str, Metric] = {}
    weights: dict[str, float] = {}
    for spec in specs:
        own = ":" in spec.name or spec.name not in METRICS
        options = dict(spec.options) if own or spec.against == "auto" else {**spec.options, "against": spec.against}
        name = spec.name if spec.name not in metrics else f"{spec.name}_{len(metrics) + 1}"
        metrics[name], weights[name] = build(spec.name, options, contract=contract, judge=judge), spec.weight
    return Weighted(metrics, weights) if len(metrics) > 1 else next(iter(metrics.values()))


@dataclass(frozen=True)
class Weighted:
    """The weighted mean of several metrics; its parts are theirs, those below as `metric.part`."""

    metrics: Mapping[str, Metric]
    weights: Mapping[str, float]

    def __post_init__(self) -> None:
        if not self.metrics or self.weights.keys() != self.metrics.keys():
            raise ConfigError(f"metrics: {sorted(self.metrics)} need one weight each, found {sorted(self.weights)}")
        for name, weight in self.weights.items():
            if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 < weight < math.inf:
                raise ConfigError(f"metrics.{name}.weight: must be a number above 0, found {weight!r}")

    @property
    def asks(self) -> bool:
        return any(getattr(metric, "asks", False) for metric in self.metrics.values())

    def __call__(self, example: Example, output: Output, reference: Output | None) -> Score:
        scores = {name: metric(example, output, reference) for name, metric in self.metrics.items()}
        total = math.fsum(self.weights.values())
        value = math.fsum(self.weights[name] * score.value for name, score in scores.items()) / total
        parts: dict[str, float] = {}
        for name, score in scores.items():
            parts[name] = score.value
            parts |= {f"{name}.{part}": below for part, below in score.parts.items()}
        told = (f"{name}: {score.feedback}" for name, score in scores.items() if score.feedback)
        return Score(min(value, 1.0), "; ".join(told), parts)


@dataclass(frozen=True)
class Custom:
    """A metric from outside: whatever goes wrong in it is told with its name and the example, and ends the run."""

    name: str
    function: Callable[[Example, Output, Output | None], Any]

    def __call__(self, example: Example, output: Output, reference: Output | None) -> Score:
        if output.status != "ok":
            return Score(0.0, output.error or output.status)
        place = f"metric {self.name!r}, example {example.id!r}"
        try:
            found = self.function(example, output, reference)
        except OptimizerError:
            raise
        except Exception as error:
            raise DataError(f"{place}: {type(error).__name__}: {error}") from error
        if isinstance(found, Score):
            return found
        try:
            number = math.nan if isinstance(found, str) else float(found)  # numpy's numbers are welcome
        except (TypeError, ValueError):
            number = math.nan
        if not 0.0 <= number <= 1.0:
            raise DataError(
                f"{place}: a metric must return a Score, or a number from 0 to 1, but this is {found!r:.80}"
            )
        return Score(number)


def _check_options(name: str, factory: Any, given: Mapping[str, Any]) -> None:
    try:
        parameters = inspect.signature(factory).parameters.values()
    except (TypeError, ValueError):  # some compiled callables do not tell
        return
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        return
    wanted = [p for p in parameters if p.kind in (p.KEYWORD_ONLY, p.POSITIONAL_OR_KEYWORD)]
    known = [p.name for p in wanted if p.name not in {"contract", "model", "example", "output", "reference"}]
    for option in given:
        if option not in known:
            listed = f"it has {', '.join(known)}" if known else "it has none"
            raise ConfigError(f"metric {name!r}: no option is called {option!r}.{nearest(option, known)} ({listed})")
    if name in METRICS:
        for lacking in (p.name for p in wanted if p.default is p.empty and p.name not in given):
            raise ConfigError(f"metric {name!r}: the option {lacking!r} must be given")
