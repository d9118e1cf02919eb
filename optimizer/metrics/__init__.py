"""Metrics: how good one output is, from 0 to 1. Each family has a file; the names are listed here.

A metric compares with the gold answer (`against: gold`), with what the source answered (`source`), or with the gold
answer where the example has one and the source's else (`auto`). One of a user's own is any callable
`(example, output, reference) -> Score | float | bool`, named by its path `module:attribute`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, Protocol

from optimizer.contract import Contract
from optimizer.errors import ConfigError, DataError, nearest
from optimizer.plugins import resolve
from optimizer.types import JSON, Example, Output, Score

__all__ = ["METRICS", "Metric", "MetricSpec", "build_metric"]

Against = Literal["gold", "source", "auto"]


class Metric(Protocol):
    """Scores one output. `reference` is what the source model answered; `example.expected` the gold answer."""

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


def _text(name: str) -> Callable[..., Any]:
    def make(_contract: Contract) -> Callable[[JSON, JSON], float]:
        from optimizer.metrics import text
        from optimizer.metrics.structured import as_text

        compare = getattr(text, name)
        return lambda got, wanted: compare(as_text(got), as_text(wanted))

    return make


def _numeric(_contract: Contract, *, tolerance: float = 0.005) -> Callable[[JSON, JSON], float]:
    from optimizer.metrics.numeric import numeric
    from optimizer.metrics.structured import as_text

    return lambda got, wanted: numeric(as_text(got), as_text(wanted), tolerance)


def _label(_contract: Contract) -> Callable[[JSON, JSON], float]:
    from optimizer.metrics.structured import label

    return label


def _json_fields(contract: Contract, **options: Any) -> Callable[[JSON, JSON], Score]:
    from optimizer.metrics.structured import JsonFields

    return JsonFields(contract, **options)


def _valid(_contract: Contract) -> Callable[[JSON, JSON], float]:
    return lambda _got, _wanted: 1.0  # a reply that breaks its contract never gets here: it scores 0


#: Name -> how it is made. Each gets the reply's contract and its options, and compares a value with the wanted one.
METRICS: dict[str, Callable[..., Callable[[JSON, JSON], float | Score]]] = {
    "exact_match": _text("exact"),
    "normalized_match": _text("normalized"),
    "contains": _text("contains"),
    "token_f1": _text("token_f1"),
    "rouge_l": _text("rouge_l"),
    "edit_similarity": _text("edit_similarity"),
    "label_accuracy": _label,
    "numeric": _numeric,
    "json_fields": _json_fields,
    "valid": _valid,
}


def build_metric(specs: Sequence[MetricSpec], contract: Contract) -> Metric:
    """One metric from the task file's list: itself, or the weighted mean of several."""
    made = [(spec.name, spec.weight, _build(spec, contract)) for spec in specs]
    return made[0][2] if len(made) == 1 else _Weighted(made)


def _build(spec: MetricSpec, contract: Contract) -> Metric:
    if ":" in spec.name:
        found = resolve("metrics", spec.name, METRICS)
        if not callable(found):
            raise ConfigError(f"metrics: {spec.name} is no metric: it cannot be called")
        return _Own(spec.name, found)
    factory = resolve("metrics", spec.name, METRICS)
    try:
        return _Compared(factory(contract, **spec.options), spec.against)
    except TypeError as error:
        known = [name for name in factory.__kwdefaults__ or {} if name != "_contract"]
        wrong = next((name for name in spec.options if name not in known), "")
        hint = nearest(wrong, known)
        raise ConfigError(
            f"metrics: {spec.name} has no option {wrong!r}.{hint} Known: {', '.join(known) or 'none'}"
        ) from error


class _Compared:
    """A comparison of values as a metric: finds what is wanted, and words the feedback."""

    def __init__(self, compare: Callable[[JSON, JSON], float | Score], against: Against) -> None:
        self._compare = compare
        self._against = against

    def __call__(self, example: Example, output: Output, reference: Output | None) -> Score:
        if output.status != "ok":
            return Score(0.0, output.error or output.status)
        gold = self._against == "gold" or (self._against == "auto" and example.expected is not None)
        if not gold and (reference is None or reference.status != "ok"):
            return Score(0.0, "the source has no valid answer to compare with")
        wanted = example.expected if gold else reference.value  # type: ignore[union-attr]
        found = self._compare(output.value, wanted)
        if isinstance(found, Score):
            return found
        return Score(found, "" if found >= 1 else f"expected {str(wanted)[:120]!r}, got {str(output.value)[:120]!r}")


class _Own:
    """A user's metric, held to what a score may be."""

    def __init__(self, name: str, metric: Callable[[Example, Output, Output | None], Any]) -> None:
        self._name = name
        self._metric = metric

    def __call__(self, example: Example, output: Output, reference: Output | None) -> Score:
        if output.status != "ok":
            return Score(0.0, output.error or output.status)
        try:
            found = self._metric(example, output, reference)
        except Exception as error:
            raise DataError(f"metric {self._name}, example {example.id}: it failed with {error!r}") from error
        if isinstance(found, Score):
            return found
        if isinstance(found, bool | int | float) and not math.isnan(found) and 0 <= found <= 1:
            return Score(float(found))
        raise DataError(f"metric {self._name}, example {example.id}: a score must be between 0 and 1, got {found!r}")


class _Weighted:
    """The weighted mean of several metrics, each a part by its name."""

    def __init__(self, metrics: Sequence[tuple[str, float, Metric]]) -> None:
        self._metrics = metrics
        self._total = sum(weight for _, weight, _ in metrics)

    def __call__(self, example: Example, output: Output, reference: Output | None) -> Score:
        scores = [(name, weight, metric(example, output, reference)) for name, weight, metric in self._metrics]
        parts = {name: score.value for name, _, score in scores}
        for name, _, score in scores:
            parts |= {f"{name}.{part}": value for part, value in score.parts.items()}
        value = sum(weight * score.value for _, weight, score in scores) / self._total
        told = "; ".join(f"{name}: {score.feedback}" for name, _, score in scores if score.feedback)
        return Score(min(1.0, value), told, parts)
