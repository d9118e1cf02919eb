"""The gate itself: refuse what does not belong together, ask the target afresh, weigh its answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from optimizer.config import ModelSettings, Settings
from optimizer.config.scoring import judgements
from optimizer.connect import Roles, check_metrics, connect, metric_of, preflight
from optimizer.errors import ConfigError, ModelError, nearest
from optimizer.evaluate import record, score
from optimizer.exporters.bundle.verifying import read_bundle
from optimizer.gate.examples import Sealed, from_bundle, from_new
from optimizer.gate.shipped import shipped
from optimizer.gate.weighing import GateResult, weighed
from optimizer.models.money.meter import Purse
from optimizer.models.stores.cache import CallStore
from optimizer.results.records import plain
from optimizer.task import Task, load_task


def gate(
    path: Path,
    task_file: Path,
    *,
    new: Path | None = None,
    key: Path | None = None,
    target: str | None = None,
    calls: int | None = None,
    dollars: float | None = None,
    connect: Callable[..., Roles] = connect,
    preflight: Callable[..., Any] = preflight,
) -> GateResult:
    """Ask the bundle's model (or `target`, another of the task file's) and weigh what it answers.

    `new`: a data file of the same columns as the task's, in place of the held-out examples. `calls`, `dollars`: the
    most that target and judges together may take; None: no limit. Raises ExportError for a
    bundle that is not as it was written, or not signed by `key`; ConfigError and DataError for a task that does not
    belong to it, or a server that is not there; ModelError and BudgetExceeded where no verdict could be reached.
    """
    found = read_bundle(path, key)
    if "gate" not in found.bundle:
        raise ConfigError(f"{path}: has no thresholds ({found.bundle['format']}); write it anew: promptport report RUN")
    task = load_task(task_file, data=new)
    settings = _settings(task.settings, str(found.bundle["model"]), target)
    _same_metrics(found.bundle, task)
    sealed = from_new(task, found) if new else from_bundle(task, found)
    _enough(calls, settings, sealed, found.bundle)
    check_metrics(settings, task.prompt.contract)
    preflight(settings, recorded=True)  # the source is not asked
    purse = Purse(dollars, calls)
    with CallStore(Path(":memory:")) as store:
        roles = connect(settings, store, purse)
        metric = metric_of(settings, task.prompt.contract, roles)
        outputs = record(shipped(found, task), roles.targets[0], sealed.examples)
        evaluation = score(sealed.examples, outputs, sealed.references, metric, jobs=settings.search.jobs)
    if not evaluation.answered:
        raise ModelError(f"no example was answered: {outputs[0].error}", model=settings.targets[0].model)
    return weighed(found, sealed, evaluation, metric, model=settings.targets[0].model, spend=purse.spend)


def _settings(settings: Settings, model: str, target: str | None) -> Settings:
    """The task's with the one target that is asked, and without those who have nothing to say here."""
    known = {section.model: section for section in settings.targets}
    wanted = target or model
    if wanted not in known:
        whose = "--target names" if target else "the bundle is of"
        raise ConfigError(
            f"{whose} {wanted!r}, which is no target of the task file.{nearest(wanted, known)} "
            f"It has {', '.join(known)}"
        )
    return settings.model_copy(update={"targets": (known[wanted],), "proposer": None})


def _same_metrics(bundle: Mapping[str, Any], task: Task) -> None:
    """Scores of other metrics, or of another judge, say nothing about the sealed ones."""
    evidence = bundle["evidence"]
    ours, theirs = plain(task.settings.to_dict()["metrics"]), evidence["metrics"]
    if ours != theirs:
        raise ConfigError(
            f"metrics: the bundle was sealed with {_named(theirs)}, the task has {_named(ours)} or options"
        )
    judges, sealed = _judges(task.settings.panel), [one["model"] for one in evidence.get("judges", ())]
    if judges != sealed:
        raise ConfigError(f"judge: the bundle was sealed with {sealed or 'none'}, the task has {judges or 'none'}")


def _judges(panel: Sequence[ModelSettings]) -> list[str]:
    return [section.model for section in panel]


def _named(metrics: Sequence[Mapping[str, Any]]) -> str:
    return ", ".join(str(metric["name"]) for metric in metrics)


def _enough(calls: int | None, settings: Settings, sealed: Sealed, bundle: Mapping[str, Any]) -> None:
    """A limit that cannot be kept is said before anything is spent."""
    once = max(1, len(bundle.get("prompts", ()))) + judgements(settings.metrics) * len(settings.panel)
    needed = once * len(sealed.examples)
    if calls is not None and calls < needed:
        raise ConfigError(
            f"--calls {calls:,}: {len(sealed.examples):,} examples take about {needed:,} calls; allow as many, "
            "or give fewer examples with --new"
        )
