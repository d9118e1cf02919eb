"""The verdict on outputs recorded elsewhere: scored, compared and reported as in a run, with no model called."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from optimizer.config.comparison import ComparisonSettings
from optimizer.errors import ConfigError
from optimizer.evaluate import score
from optimizer.metrics import Metric, build_metric
from optimizer.models.scripted import NOBODY
from optimizer.objective import Evaluation
from optimizer.outlets import publish
from optimizer.planning.agreement import versions
from optimizer.recorded import Answers, Recording
from optimizer.results.migration import Migration, TargetResult
from optimizer.results.rundir import RunDir
from optimizer.search.trial import NO_SEARCH
from optimizer.types import Output, Score
from optimizer.verdict.matched import Confirmation, Standard, standard_of
from optimizer.verdict.weigh import Evidence, weigh_all

_FINGERPRINT = "comparison"  # nothing was paid for, so one comparison may take another's place; a run's never
_NEEDS = {"p95_latency": "latency", "cost_per_1000": "cost", "prompt_tokens": "input_tokens"}


def compare(recording: Recording) -> Migration:
    """Raises ConfigError where the verdict would need a model, or an amount that the record lacks."""
    settings = recording.settings
    _refuse_unmeasured(recording)
    metric = _metric(recording)
    standard = standard_of(settings.metrics, recording.examples, scored=bool(settings.scores))
    ids = tuple(example.id for example in recording.examples)
    return Migration(
        name=settings.name,
        source=settings.source.model,
        prompt=None,
        examples={example.id: example for example in recording.examples},
        split={"train": (), "validation": (), "test": ids},
        baseline=recording.source.outputs,
        targets=_targets(recording, metric, standard),
        columns=recording.columns,
        stages=recording.stages,
        settings=settings.to_dict(),
        versions=versions(),
        prices="nothing was paid for: all outputs come from the record",
        notes=recording.notes,
    )


def write_comparison(migration: Migration, path: Path) -> None:
    """All files of a run but those of a search. Raises RunDirError where `path` holds a run."""
    with RunDir.open(path, fingerprint=_FINGERPRINT, versions=versions()) as run:
        run.write(migration)
        publish(migration, run)


def _targets(recording: Recording, metric: Metric | None, standard: Standard) -> tuple[TargetResult, ...]:
    references = {output.example_id: output for output in recording.source.outputs}
    source, *others = (
        _evaluated(recording, side, references, metric) for side in (recording.source, *recording.targets)
    )
    met = [Confirmation(source, None, target) for target in others]
    evidence = Evidence(recording.examples, references, metric, recording.columns)
    decisions = weigh_all(met, evidence, recording.settings, standard)
    rows = zip(recording.targets, met, decisions, strict=True)
    return tuple(TargetResult(side.model, NO_SEARCH, one, decision) for side, one, decision in rows if decision)


def _evaluated(
    recording: Recording, side: Answers, references: Mapping[str, Output], metric: Metric | None
) -> Evaluation:
    settings = recording.settings
    found = Evaluation(side.outputs, tuple(Score(0.0) for _ in side.outputs))
    if metric is not None:
        found = score(recording.examples, side.outputs, references, metric)
    names = [one.name for one in settings.metrics]
    marks = [
        _joined(settings, mark, names, {n: known.get(output.example_id, 0.0) for n, known in side.scores.items()})
        if side.scores
        else mark
        for output, mark in zip(found.outputs, found.scores, strict=True)
    ]
    return Evaluation(found.outputs, tuple(marks), side.unmeasured)


def _joined(settings: ComparisonSettings, ours: Score, names: Sequence[str], theirs: Mapping[str, float]) -> Score:
    """The weighted mean of the metrics' score and of those found elsewhere, each of them a part of it."""
    weights = {name: settings.scores[name].weight for name in theirs}
    own = math.fsum(one.weight for one in settings.metrics)
    total = own + math.fsum(weights.values())
    value = (own * ours.value + math.fsum(weights[name] * mark for name, mark in theirs.items())) / total
    parts: dict[str, float] = {}
    if names:
        parts = dict(ours.parts) if len(names) > 1 else {names[0]: ours.value, **_below(names[0], ours.parts)}
    if names or len(theirs) > 1:
        parts |= theirs
    return Score(min(max(value, 0.0), 1.0), ours.feedback, parts)


def _below(name: str, parts: Mapping[str, float]) -> dict[str, float]:
    return {f"{name}.{part}": value for part, value in parts.items()}


def _metric(recording: Recording) -> Metric | None:
    """None where the record holds the scores, and no metric is asked for beside them."""
    if not recording.settings.metrics:
        return None
    if twice := {one.name for one in recording.settings.metrics} & recording.settings.scores.keys():
        raise ConfigError(f"scores: {min(twice)!r} is the name of a metric, too; call its column by another name")
    metric = build_metric(recording.settings.metrics, recording.contract, NOBODY, NOBODY)
    if getattr(metric, "asks", False):
        raise ConfigError(
            "metrics: a comparison asks no model, but one of its metrics does; name columns with scores that were "
            "found elsewhere (source.score, target.score), or choose another metric"
        )
    return metric


def _refuse_unmeasured(recording: Recording) -> None:
    """What was not measured keeps no constraint."""
    for name, limit in recording.settings.constraints.model_dump().items():
        for side in recording.targets:
            if limit is not None and _NEEDS.get(name) in side.unmeasured:
                raise ConfigError(
                    f"constraints.{name}: the record says nothing of the {_NEEDS[name]} of {side.model}; name its "
                    f"column (target.{_NEEDS[name]}), or take the constraint out"
                )
