"""What a metric is, and how several are one."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from inspect import iscoroutine
from typing import Any, Protocol

from optimizer.errors import ConfigError, DataError, OptimizerError, raised_at
from optimizer.metrics.standard import Against, Unscored
from optimizer.types import Example, Output, Score, fresh


class Metric(Protocol):
    """Scores one output, from 0 to 1.

    `reference` is what the source model answered; `example.expected` holds the gold answer, if there is one.
    An output whose status is not "ok" scores 0; one that "failed" never comes here.

    Two attributes are looked for: `asks = True` says that a score waits for a model, so that many are made at once;
    `tally` and `figure` (see `whole.py`) that the metric has a figure of its own over a whole set.
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
    """A metric from outside: whatever goes wrong in it is told with its name and the example, and ends the run.

    It is handed values of its own: one that sorts a list of labels in place would change what is asked afterwards.
    """

    name: str
    function: Callable[[Example, Output, Output | None], Any]

    @property
    def asks(self) -> bool:
        return bool(getattr(self.function, "asks", False))

    def __call__(self, example: Example, output: Output, reference: Output | None) -> Score:
        if output.status != "ok":
            return Score(0.0, output.error or output.status)
        place = f"metric {self.name!r}, example {example.id!r}"
        try:
            found = self.function(*apart(example, output, reference))
        except (OptimizerError, Unscored):
            raise
        except Exception as error:
            way = "; a metric is called with (example, output, reference)" if isinstance(error, TypeError) else ""
            raise DataError(f"{place}: {type(error).__name__}: {error}{raised_at(error)}{way}") from error
        if iscoroutine(found):
            found.close()  # it would complain that nobody waits for it
            raise DataError(f"{place}: it is async, and a metric is called without await; make it a plain function")
        if isinstance(found, Score):
            return _plain(found, place)
        try:
            number = math.nan if isinstance(found, str) else float(found)  # numpy's numbers are welcome
        except (TypeError, ValueError):
            number = math.nan
        if not 0.0 <= number <= 1.0:
            raise DataError(
                f"{place}: a metric must return a Score, or a number from 0 to 1, but this is {found!r:.80}"
            )
        return Score(number)


def _plain(score: Score, place: str) -> Score:
    """With Python's own numbers: a run is written down as JSON, which has none of numpy's."""
    if not isinstance(score.feedback, str):
        raise DataError(f"{place}: the feedback of a Score is a text, but this is {score.feedback!r:.80}")
    if unnamed := [name for name in score.parts if not isinstance(name, str)]:
        raise DataError(f"{place}: the parts of a Score go by names, but here is one called {unnamed[0]!r:.80}")
    return Score(float(score.value), score.feedback, {name: float(part) for name, part in score.parts.items()})


def apart(example: Example, output: Output, reference: Output | None) -> tuple[Example, Output, Output | None]:
    """The same, with nothing in it that the run has too: some ten microseconds, a third of what `deepcopy` takes."""
    own = Example(example.id, fresh(example.inputs), fresh(example.expected), example.group)
    return own, _apart(output), _apart(reference) if reference else None


def _apart(output: Output) -> Output:
    return replace(output, value=fresh(output.value)) if isinstance(output.value, list | dict) else output
