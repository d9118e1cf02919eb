"""Metrics: how good one output is, from 0 to 1. Each family has a file; the names are listed here.

A metric goes by its name, or by the path of one's own (`my_project.metrics:bleu`): a callable
(example, output, reference) -> Score, float or bool; a class is made with the options, a function gets them
as keyword arguments. What one's own answers is checked before it counts.

Of texts: `text`, `overlap`, `tokens`, `translation`, `embedding`, `manner`, `valid`. Of values: `labels`, `numeric`,
`structured`, `calls`, `retrieval`. Asking models: `judge` (and `scrutiny`, which judges it), `frameworks` by `door`.
`shape` is what a metric is, `whole` what belongs to a whole set, `standard` what answers are held against.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from optimizer.errors import ConfigError, PluginError, nearest
from optimizer.metrics.calls import tool_call
from optimizer.metrics.embedding import embedding_similarity
from optimizer.metrics.frameworks import deepeval, ragas
from optimizer.metrics.judge import judge, preference
from optimizer.metrics.labels import kappa, label_accuracy, macro_f1
from optimizer.metrics.manner import form, refusal
from optimizer.metrics.numeric import numeric
from optimizer.metrics.retrieval import grounded
from optimizer.metrics.shape import Custom, Metric, MetricSpec, Weighted
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
from optimizer.metrics.translation import bleu, chrf, rouge
from optimizer.metrics.valid import valid
from optimizer.models import Model
from optimizer.plugins import resolve
from optimizer.prompt.contract import Contract

__all__ = ["METRICS", "Custom", "Metric", "MetricSpec", "Weighted", "build", "build_metric"]

#: Name -> how it is made from its options.
METRICS: Mapping[str, Callable[..., Metric]] = {
    "bleu": bleu,
    "chrf": chrf,
    "contains": contains,
    "deepeval": deepeval,
    "edit_similarity": edit_similarity,
    "embedding_similarity": embedding_similarity,
    "exact_match": exact_match,
    "format": form,
    "grounded": grounded,
    "json_fields": json_fields,
    "judge": judge,
    "kappa": kappa,
    "label_accuracy": label_accuracy,
    "length": length,
    "macro_f1": macro_f1,
    "normalized_match": normalized_match,
    "numeric": numeric,
    "preference": preference,
    "ragas": ragas,
    "refusal": refusal,
    "regex_match": regex_match,
    "rouge": rouge,
    "rouge_l": rouge_l,
    "token_f1": token_f1,
    "tool_call": tool_call,
    "valid": valid,
}


def build(
    name: str,
    options: Mapping[str, Any] | None = None,
    *,
    contract: Contract | None = None,
    judge: Model | Sequence[Model] | None = None,
    embedder: Model | None = None,
) -> Metric:
    """The metric of that name with its options.

    `contract`: the reply's, from which json_fields takes its defaults. `judge` (or several) and `embedder`: the models
    that some metrics ask; one of your own is given them too, where it has a parameter `judges` or `embedder` that only
    a keyword fills.

    Raises ConfigError for options that the metric does not know, PluginError for a name that leads nowhere.
    """
    given = dict(options or {})
    found: Any = resolve("metrics", name, METRICS)
    if not callable(found):
        raise PluginError(f"metric {name!r}: {type(found).__name__} is no metric, since it cannot be called")
    builtin = METRICS.get(name) is found
    judges = tuple(judge) if isinstance(judge, Sequence) else (judge,) if judge else ()
    found = _equipped(name, found, {"contract": contract, "judges": judges, "embedder": embedder}, builtin=builtin)
    _check_options(name, found, given)
    if builtin:
        return found(**given)  # type: ignore[no-any-return]
    return Custom(name, found(**given) if inspect.isclass(_inner(found)) else partial(found, **given))


def build_metric(
    specs: Sequence[MetricSpec],
    contract: Contract,
    judge: Model | Sequence[Model] | None = None,
    embedder: Model | None = None,
) -> Metric:
    """One metric from the task file's list: itself, or the weighted mean of several."""
    metrics: dict[str, Metric] = {}
    weights: dict[str, float] = {}
    for spec in specs:
        own = ":" in spec.name or spec.name not in METRICS
        options = dict(spec.options) if own or spec.against == "auto" else {**spec.options, "against": spec.against}
        name = spec.name if spec.name not in metrics else f"{spec.name}_{len(metrics) + 1}"
        metrics[name] = build(spec.name, options, contract=contract, judge=judge, embedder=embedder)
        weights[name] = spec.weight
    return Weighted(metrics, weights) if len(metrics) > 1 else next(iter(metrics.values()))


def _inner(found: Any) -> Any:
    return found.func if isinstance(found, partial) else found


def _equipped(name: str, found: Any, helpers: Mapping[str, Any], *, builtin: bool) -> Any:
    """The factory with the models that it asks for."""
    try:
        parameters = inspect.signature(found).parameters
    except (TypeError, ValueError):  # some compiled callables do not tell
        return found
    known = [key for key in helpers if builtin or key != "contract"]
    wanted = {key for key in known if key in parameters and parameters[key].kind is parameters[key].KEYWORD_ONLY}
    for key in wanted - {"contract"}:
        if not helpers[key] and parameters[key].default is inspect.Parameter.empty:
            section, does = ("embedder", "gives vectors") if key == "embedder" else ("judge", "judges")
            raise ConfigError(f"metrics: `{name}` needs a model that {does}; name one in the section `{section}:`")
    given = {key: helpers[key] for key in wanted if helpers[key] or key == "contract"}
    return partial(found, **given) if given else found


def _check_options(name: str, factory: Any, given: Mapping[str, Any]) -> None:
    try:
        parameters = inspect.signature(factory).parameters.values()
    except (TypeError, ValueError):
        return
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        return
    wanted = [p for p in parameters if p.kind in (p.KEYWORD_ONLY, p.POSITIONAL_OR_KEYWORD)]
    apart = {"contract", "judges", "embedder", "example", "output", "reference"}
    known = [p.name for p in wanted if p.name not in apart]
    for option in given:
        if option not in known:
            listed = f"it has {', '.join(known)}" if known else "it has none"
            raise ConfigError(f"metric {name!r}: no option is called {option!r}.{nearest(option, known)} ({listed})")
    if name in METRICS:
        for lacking in (p.name for p in wanted if p.default is p.empty and p.name not in given):
            raise ConfigError(f"metric {name!r}: the option {lacking!r} must be given")
