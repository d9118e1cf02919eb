"""The recorded tables: who was asked what, and how often it was right.

The data is no part of the project. It is found by the variable PROMPTPORT_DATA, or in a folder beside the project;
`recorded(name)` reads one table and gives a `Landscape` for each model and task in it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Matrix: TypeAlias = NDArray[np.float64]
Factors: TypeAlias = Mapping[str, Any]
Columns: TypeAlias = Mapping[str, Sequence[Any]]
Cell: TypeAlias = tuple[str, str, list[Any], Matrix, Matrix]
FLAT = 0.03  # promptbench: prompts whose accuracies lie within three points of each other hardly differ


@dataclass(frozen=True)
class Landscape:
    """A model on a task: the accuracy of every prompt, and its answers where they were recorded.

    `answers` is prompts x examples of 0 and 1, or None. `sources` has the accuracies of the same prompts on other
    models, one row each, nan where there is none. `labels` are the examples' gold labels, where known.
    """

    name: str
    accuracy: Matrix
    answers: NDArray[np.int8] | None
    sources: Matrix
    factors: Sequence[Factors]
    labels: Sequence[str] = ()


def folder() -> Path | None:
    """Where the tables are, if they are anywhere."""
    given = os.environ.get("PROMPTPORT_DATA")
    beside = Path(__file__).resolve().parents[3]
    homes = [Path(given)] if given else sorted(beside.glob("*/data"))
    return next((home / "tables" for home in homes if (home / "tables").is_dir()), None)


def recorded(name: str) -> list[Landscape]:
    tables = folder()
    assert tables is not None, "no recorded tables"
    return list(TABLES[name](tables))


# -- answers


def _answered(home: Path) -> Iterator[Landscape]:
    """For each model the prompts that it was asked, on the examples that all of these answered."""
    data = np.load(home / f"{home.name}.npz")
    correct, gold = data["correct"], data.get("gold")
    asked = (correct >= 0).mean(axis=2) > 0.9
    rates = np.where(asked, np.maximum(correct, 0).mean(axis=2), np.nan)
    for m, model in enumerate(data["models"]):
        rows = asked[m]
        columns = (correct[m][rows] >= 0).all(axis=0)
        labels = [str(label) for label in gold[columns]] if gold is not None else []
        answers = correct[m][rows][:, columns]
        others = np.delete(rates, m, axis=0)[:, rows]
        yield Landscape(str(model), answers.mean(axis=1), answers, others, [{}] * len(answers), labels)


def _babe(tables: Path) -> Iterator[Landscape]:
    return _answered(tables / "babe_media_bias")


def _gsm8k(tables: Path) -> Iterator[Landscape]:
    return _answered(tables / "gsm8k_shots_cot")


# -- accuracies


def columns(file: Path) -> dict[str, Sequence[Any]]:
    from pyarrow import parquet

    return dict(parquet.read_table(file).to_pydict())


def _cells(table: Columns, task: str, prompt: str, score: str) -> Iterator[Cell]:
    """(task, model, prompts, accuracies, those on the other models) for each task and model of a long table."""
    keys = zip(table[task], table["model"], table[prompt], strict=True)
    found = dict(zip(keys, table[score], strict=True))
    for t in sorted({t for t, _, _ in found}):
        models = sorted({m for u, m, _ in found if u == t})
        prompts = sorted({p for u, _, p in found if u == t})
        grid = np.array([[found.get((t, m, p), np.nan) for p in prompts] for m in models])
        for k, model in enumerate(models):
            known = ~np.isnan(grid[k])
            names = [p for p, there in zip(prompts, known, strict=True) if there]
            yield t, model, names, grid[k][known], np.delete(grid, k, axis=0)[:, known]


def _slab(tables: Path) -> Iterator[Landscape]:
    for task, model, names, own, others in _cells(
        columns(tables / "slab/accuracy.parquet"), "task", "prompt_id", "acc"
    ):
        yield Landscape(f"{task}/{model}", own, None, others, [{}] * len(names))


def _capo_init(tables: Path) -> Iterator[Landscape]:
    table = columns(tables / "capo/capo_init.parquet")
    for task, model, names, own, others in _cells(table, "dataset", "prompt_id", "test_score"):
        yield Landscape(f"{task}/{model}", own, None, others, [{}] * len(names))


_FORM = ("n_shots", "prediction_method", "selection_method", "example_seed")
_PARTS = ("big_sep", "inp_verbalizer", "out_verbalizer", "sep")


def _mind_your_format(tables: Path) -> Iterator[Landscape]:
    """Factors: how the examples are chosen and the model is read, and the four parts of the template."""
    home = tables / "mind_your_format"
    lines = (json.loads(line) for line in (home / "templates.jsonl").read_text("utf-8").splitlines())
    parts = {(t["dataset"], t["template_seed"], t["template_idx"]): {p: t[p] for p in _PARTS} for t in lines}
    table = columns(home / "myf_acc.parquet")
    table["prompt"] = list(zip(*(table[name] for name in (*_FORM, "template_seed", "template_idx")), strict=True))
    for task, model, names, own, others in _cells(table, "dataset", "prompt", "acc"):
        factors = [dict(zip(_FORM, name, strict=False)) | parts[task, name[-2], name[-1]] for name in names]
        yield Landscape(f"{task}/{model}", own, None, others, factors)


def _promptbench(tables: Path) -> Iterator[Landscape]:
    """The unharmed prompts of a task, model and number of shots, where they hardly differ (and do anything at all)."""
    table = columns(tables / "promptbench_acc/promptbench_acc.parquet")
    unharmed = [i for i, kind in enumerate(table["kind"]) if kind == "original"]
    table = {name: [values[i] for i in unharmed] for name, values in table.items()}
    table["task"] = [f"{task}/{shot}" for task, shot in zip(table["task"], table["shot"], strict=True)]
    for task, model, names, own, others in _cells(table, "task", "prompt", "acc"):
        if own.mean() > 0.01 and np.ptp(own) <= FLAT:
            yield Landscape(f"{task}/{model}", own, None, others, [{}] * len(names))


TABLES: Mapping[str, Callable[[Path], Iterator[Landscape]]] = {
    "slab": _slab,
    "babe": _babe,
    "gsm8k": _gsm8k,
    "mind_your_format": _mind_your_format,
    "capo_init": _capo_init,
    "promptbench": _promptbench,
}
