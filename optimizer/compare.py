"""The verdict on outputs recorded elsewhere: scored, compared and reported as in a run, with no model called."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

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
from optimizer.verdict.matched import Confirmation, standard_of
from optimizer.verdict.weigh import Evidence, weigh_all

_FINGERPRINT = "comparison"  # nothing was paid for, so one comparison may take another's place; a run's never
_NEEDS = {"p95_latency": "latency", "cost_per_1000": "cost", "prompt_tokens": "input_tokens"}


def compare(recording: Recording) -> Migration:
    """Raises ConfigError where the verdict would need a model, or an amount that the record lacks."""
    settings = recording.settings
    _refuse_unmeasured(recording)
    metric = _metric(recording)
    ids = tuple(example.id for example in recording.examples)
    return Migration(
        name=settings.name,
        source=settings.source.model,
        prompt=None,
        examples={example.id: example for example in recording.examples},
        split={"train": (), "validation": (), "test": ids},
        baseline=recording.source.outputs,
        targets=_targets(recording, metric),
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


def _targets(recording: Recording, metric: Metric | None) -> tuple[TargetResult, ...]:
    references = {output.example_id: output for output in recording.source.outputs}
    source, *others = (
        _evaluated(recording, side, references, metric) for side in (recording.source, *recording.targets)
    )
    met = [Confirmation(source, None, target) for target in others]
    standard = "gold" if metric is None else standard_of(recording.settings.metrics, recording.examples)
    evidence = Evidence(recording.examples, references, metric, recording.columns)
    decisions = weigh_all(met, evidence, recording.settings, standard)
    rows = zip(recording.targets, met, decisions, strict=True)
    return tuple(TargetResult(side.model, NO_SEARCH, one, decision) for side, one, decision in rows if decision)


def _evaluated(
    recording: Recording, side: Answers, references: Mapping[str, Output], metric: Metric | None
) -> Evaluation:
    if metric is None:
        return Evaluation(side.outputs, tuple(map(Score, side.scores or ())), side.unmeasured)
    found = score(recording.examples, side.outputs, references, metric)
    return Evaluation(found.outputs, found.scores, side.unmeasured)


def _metric(recording: Recording) -> Metric | None:
    """None where the record holds the scores."""
    sides = (recording.source, *recording.targets)
    without = [side.model for side in sides if side.scores is None]
    if not without:
        return None
    if len(without) < len(sides):
        raise ConfigError(f"score: {without[0]!r} has no column of scores, but others have; name one for each side")
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
