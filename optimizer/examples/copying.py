"""A worked example, copied to where somebody wants to try it."""

from __future__ import annotations

import shutil
from pathlib import Path

from optimizer.errors import ConfigError, nearest

EXAMPLES = {
    "triage": "support tickets to JSON: urgency, sentiment, categories",
    "calls": "customer calls to JSON: reason, outcome, follow-up and a summary",
    "analyst": "questions on retrieved report passages, answered with figure, unit and source",
    "desk": "messages to a front desk, answered by calls of tools",
    "claims": "letters to an insurer through a pipeline of two prompts: the matter first, then the unit that handles it",
}
_BESIDE = {"desk": ("tools.json",), "claims": ("program.json",)}


def copy_example(name: str, folder: Path) -> Path:
    """Copy an example's task file, data and what they name into `folder`; returns the task file. Never overwrites."""
    if name not in EXAMPLES:
        raise ConfigError(f"no example is called {name!r}.{nearest(name, EXAMPLES)} Known: {', '.join(EXAMPLES)}")
    files = ("task.yaml", "data.jsonl", *_BESIDE.get(name, ()))
    for file in files:
        if (folder / file).exists():
            raise ConfigError(f"{folder / file} is there already; choose another folder, or move it away")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file in files:
            shutil.copyfile(Path(__file__).parent / name / file, folder / file)
    except OSError as error:
        raise ConfigError(f"{folder}: cannot write here ({error.strerror}); choose another folder") from error
    return folder / "task.yaml"


def copy_notebook(folder: Path) -> Path:
    """Copy the notebook on the objective into `folder`; one that is there already is somebody's work, and stays."""
    target = folder / "objective.ipynb"
    try:
        if not target.exists():
            shutil.copyfile(Path(__file__).parent / "objective" / "objective.ipynb", target)
    except OSError as error:
        raise ConfigError(f"{folder}: cannot write here ({error.strerror}); choose another folder") from error
    return target
