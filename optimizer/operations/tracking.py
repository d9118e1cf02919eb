"""A finished run as runs of MLflow: one for each target, with the report and the decision beside it."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from optimizer.errors import ConfigError
from optimizer.results.migration import Migration, TargetResult
from optimizer.results.rundir import RunDir

_FILES = ("decision.json", "report.html")


def track(path: Path, *, uri: str | None = None, experiment: str | None = None) -> list[str]:
    """The ids of the MLflow runs. `uri`: default MLFLOW_TRACKING_URI; `experiment`: default the task's name.

    A run that was tracked before is brought up to date, not doubled.
    """
    client, errors = _client(uri)
    run = RunDir.read(path)
    migration = run.migration()
    try:
        return [_one(client, run, migration, result, experiment or migration.name) for result in migration.targets]
    except (errors, OSError) as error:
        raise ConfigError(f"MLflow: {error}; correct --uri, or MLFLOW_TRACKING_URI") from error


def _one(client: Any, run: RunDir, migration: Migration, result: TargetResult, name: str) -> str:
    mark = str(run.manifest()["fingerprint"])
    found = client.get_experiment_by_name(name)
    home = found.experiment_id if found else client.create_experiment(name)
    tags = {"promptport.fingerprint": mark, "promptport.target": result.model}
    same = " and ".join(f"tags.`{key}` = '{_quoted(value)}'" for key, value in tags.items())
    earlier = client.search_runs([home], filter_string=same, max_results=1)
    number = (
        earlier[0].info.run_id
        if earlier
        else client.create_run(home, tags=tags, run_name=f"{migration.name} -> {result.model}").info.run_id
    )
    if not earlier:
        for key, value in _params(migration, result).items():
            client.log_param(number, key, str(value)[:500])
    client.set_tag(number, "verdict", result.decision.verdict.value)
    for key, metric in _metrics(migration, result):
        client.log_metric(number, key, metric)
    for trial in result.search.trials:
        if trial.value is not None:
            client.log_metric(number, "trial.objective", trial.value, step=trial.number)
    for file in _FILES:
        if (run.path / file).exists():
            client.log_artifact(number, str(run.path / file))
    client.set_terminated(number)
    return str(number)


def _params(migration: Migration, result: TargetResult) -> dict[str, Any]:
    facts = {"source": migration.source, "target": result.model, "stopped_by": result.search.stopped_by}
    if result.search.trials:
        winner = result.search.winner
        facts |= {"winner": str(winner.number), "program": winner.program}
        facts |= {f"winner.{key}": str(value) for key, value in winner.params.items()}
    return facts


def _metrics(migration: Migration, result: TargetResult) -> Iterator[tuple[str, float]]:
    met, comparison = result.confirmation, result.decision.comparison
    for name, side in (("source", met.source), ("unchanged", met.unchanged), ("migrated", met.winner)):
        for key in ("quality", "valid", "cost", "latency"):
            value = getattr(side, key) if side else math.nan
            if not math.isnan(value):
                yield f"{name}.{key}", value
    yield from (
        ("difference.low", comparison.low),
        ("difference", comparison.mean),
        ("difference.high", comparison.high),
    )
    yield "spent.dollars", migration.spent.dollars
    yield "spent.calls", float(migration.spent.calls)


def _quoted(text: str) -> str:
    return text.replace("'", "")


def _client(uri: str | None) -> tuple[Any, type[Exception]]:
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    try:
        from mlflow import MlflowClient
        from mlflow.exceptions import MlflowException
    except ImportError as error:
        raise ConfigError("MLflow is not installed; `pip install 'promptport[mlflow]'`") from error
    try:
        return MlflowClient(tracking_uri=uri), MlflowException
    except MlflowException as error:
        raise ConfigError(f"MLflow: {error}; correct --uri, or MLFLOW_TRACKING_URI") from error
