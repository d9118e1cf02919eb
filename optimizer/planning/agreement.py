"""What was agreed at the start of a run, as a fingerprint; and with which versions it is made."""

from __future__ import annotations

import hashlib
import json
from dataclasses import fields
from importlib.metadata import version
from typing import Any

from optimizer import __version__
from optimizer.task import Task


def fingerprint(task: Task) -> str:
    """What must not change when a run goes on: data, prompt, models, split, metrics, margin: what was agreed at the
    start. More trials or more money only carry it on."""
    return _hash(list(_facts(task).values()))


def parts(task: Task) -> dict[str, str]:
    """A fingerprint for each section of the task file, so that a run directory can say in what a task differs."""
    name, prompt, agreed, data = _facts(task).values()
    return {key: _hash(value) for key, value in {"name": name, "prompt": prompt, "data": data, **agreed}.items()}


def _facts(task: Task) -> dict[str, Any]:
    settings = task.settings.to_dict()
    agreed = {
        name: settings[name] for name in ("source", "targets", "metrics", "split", "decision", "constraints", "slices")
    }
    for section in (agreed["source"], *agreed["targets"]):
        section.pop("limits", None)
        section.pop("timeout", None)
        for name in ("priced_as", "provisioned"):
            if section[name] is None:  # runs from before there was such a key go on
                del section[name]
    known = (task.recorded or {}).items()
    examples = [[e.id, dict(e.inputs), e.expected, e.group] for e in task.examples]
    recorded = {key: {f.name: getattr(output, f.name) for f in fields(output)} for key, output in known}
    if settings["stages"]:
        agreed["stages"] = settings["stages"]
    if advice := settings["search"]["advice"]:
        agreed["advice"] = advice
    data = [examples, task.strata, task.slices, recorded]
    return {"name": task.name, "prompt": task.prompt.to_dict(), "agreed": agreed, "data": data}


def _hash(facts: Any) -> str:
    return hashlib.sha256(json.dumps(facts, sort_keys=True, default=str).encode()).hexdigest()[:16]


def versions() -> dict[str, str]:
    packages = ("dspy", "optuna", "litellm", "datasets", "scikit-learn", "joblib")
    return {"promptport": __version__, **{name: version(name) for name in packages}}
