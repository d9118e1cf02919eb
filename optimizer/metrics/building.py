"""A metric from its name and options, equipped with the models that it asks for; one metric of several."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from optimizer.errors import ConfigError, OptimizerError, PluginError, nearest, raised_at
from optimizer.metrics.judges.rubrics import name_of
from optimizer.metrics.registry import METRICS
from optimizer.metrics.shape import Custom, Metric, MetricSpec, Weighted
from optimizer.models import Model
from optimizer.plugins import resolve
from optimizer.prompt.contract import Contract


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
    return Custom(name, _made(name, found, given))


def build_metric(
    specs: Sequence[MetricSpec],
    contract: Contract,
    judge: Model | Sequence[Model] | None = None,
    embedder: Model | None = None,
) -> Metric:
    """One metric from the task file's list: itself, or the weighted mean of several."""
    metrics: dict[str, Metric] = {}
    weights: dict[str, float] = {}
    for name, spec in zip(names_of(specs), specs, strict=True):
        own = ":" in spec.name or spec.name not in METRICS
        options = dict(spec.options) if own or spec.against == "auto" else {**spec.options, "against": spec.against}
        metrics[name] = build(spec.name, options, contract=contract, judge=judge, embedder=embedder)
        weights[name] = spec.weight
    return Weighted(metrics, weights) if len(metrics) > 1 else next(iter(metrics.values()))


def names_of(specs: Sequence[MetricSpec]) -> list[str]:
    """By what the metrics of a list are told apart: a judge in second place is `judge_2`, several metrics of one
    library go by their names there, and judges with ready-made rubrics by those."""
    names = [spec.name for spec in specs]
    found: list[str] = []
    for place, spec in enumerate(specs, start=1):
        told = spec.options.get("metric") or name_of(spec.options.get("rubric"))
        about = told if names.count(spec.name) > 1 else None
        name = f"{spec.name} {about}" if isinstance(about, str) else spec.name
        found.append(name if name not in found else f"{name}_{place}")
    return found


def _made(name: str, found: Any, given: Mapping[str, Any]) -> Any:
    """A metric of one's own, ready to be called."""
    try:
        found = partial(found, **given) if given else found  # which hides the figure of an object
        made = found() if inspect.isclass(_inner(found)) else found
    except OptimizerError:
        raise
    except Exception as error:
        raise ConfigError(
            f"metric {name!r}: could not be made: {type(error).__name__}: {error}{raised_at(error)}"
        ) from error
    try:
        inspect.signature(made).bind("example", "output", "reference")
    except TypeError as error:
        raise ConfigError(f"metric {name!r}: {error}; a metric is called with (example, output, reference)") from error
    except ValueError:  # some compiled callables do not tell
        pass
    return made


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
    made = name in METRICS or inspect.isclass(_inner(factory))
    asked = [] if made else [p.name for p in wanted if p.kind is p.POSITIONAL_OR_KEYWORD][:3]  # example, output ...
    apart = {"contract", "judges", "embedder", *asked}
    known = [p.name for p in wanted if p.name not in apart]
    for option in given:
        if option not in known:
            raise ConfigError(
                f"metric {name!r}: no option is called {option!r}.{nearest(option, known)} "
                f"It has {', '.join(known) or 'none'}"
            )
    for lacking in (p.name for p in wanted if p.default is p.empty and p.name in known and p.name not in given):
        raise ConfigError(f"metric {name!r}: the option {lacking!r} must be given")
