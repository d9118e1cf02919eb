"""Recorded answers of real models, as games in which every answer costs one call.

`landscapes(name)` reads a table; `Landscape.game(seed)` halves the examples: one half can be bought from, the mean
over the other is a prompt's true quality. Tables that hold accuracies only are turned into answers first: example i
has an easiness d_i ~ N(0, 1), and a prompt with accuracy p is right on it where
sqrt(LINK) d_i + sqrt(1 - LINK) e_i > the (1 - p) quantile of N(0, 1), with an e_i ~ N(0, 1) for each prompt. So each
prompt keeps its accuracy in expectation, and prompts tend to fail on the same examples.
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

from optimizer.race import shared_order

Matrix: TypeAlias = NDArray[np.float64]
Factors: TypeAlias = Sequence[Mapping[str, Any]]
Columns: TypeAlias = Mapping[str, Sequence[Any]]
LINK = 0.8
EXAMPLES = 2000  # answers drawn for each prompt of a table that has accuracies only
_MOST = 300


@dataclass(frozen=True)
class Game:
    """`answers[k, i]`: the score of prompt k on the i-th example of the shared order; all of them can be bought.

    `prior[k]`: the centred accuracy of the same prompt on the model that the user comes from; 0 where unknown.
    """

    answers: Matrix
    truth: Matrix
    prior: Matrix
    factors: Factors

    def regret(self, chosen: int) -> float:
        return float(self.truth.max() - self.truth[chosen])


@dataclass(frozen=True)
class Landscape:
    """A model on a task. `answers` is prompts x examples, or None where only `accuracy` was recorded.

    `sources`: accuracies of the same prompts on other models, one row each; nan where there is none.
    """

    name: str
    accuracy: Matrix
    answers: Matrix | None
    sources: Matrix
    factors: Factors
    labels: Sequence[str] = ()

    def game(self, seed: int) -> Game:
        rng = np.random.default_rng([seed, 7])
        rows = np.sort(rng.permutation(len(self.accuracy))[:_MOST])
        drawn = _drawn(self.accuracy[rows], rng) if self.answers is None else self.answers[rows]
        bought, held = np.array_split(rng.permutation(drawn.shape[1]), 2)
        order = shared_order([self.labels[i] if self.labels else "" for i in bought], seed)
        source = self._sources()
        known = source[rng.integers(len(source))][rows]
        prior = np.nan_to_num(known - np.nanmean(known))
        factors = [self.factors[k] if self.factors else {} for k in rows]
        return Game(drawn[:, bought[order]], drawn[:, held].mean(axis=1), prior, factors)

    def _sources(self) -> Matrix:
        """Whom one may come from: the models that recorded the most of the same prompts."""
        known = (~np.isnan(self.sources)).sum(axis=1)
        return self.sources[known == known.max()]


def _drawn(accuracy: Matrix, rng: np.random.Generator) -> Matrix:
    from scipy.special import ndtri

    shape = (len(accuracy), EXAMPLES)
    ease = np.sqrt(LINK) * rng.standard_normal(EXAMPLES) + np.sqrt(1 - LINK) * rng.standard_normal(shape)
    return np.asarray(ease > ndtri(1 - accuracy)[:, None], np.float64)


def folder() -> Path | None:
    """Where the recordings are: PROMPTPORT_DATA, or shared/data beside the checkout."""
    given = os.environ.get("PROMPTPORT_DATA")
    path = Path(given) if given else Path(__file__).parents[2] / "shared" / "data"
    return path / "tables" if (path / "tables").is_dir() else None


def landscapes(name: str) -> list[Landscape]:
    """Every model and task of the table."""
    tables = folder()
    assert tables is not None, "no recordings"
    return list(TABLES[name](tables))


def _with_answers(home: Path, *names: str) -> Iterator[Landscape]:
    """Prompts that answered nearly everything, on the examples that all of these answered."""
    data = np.load(home / f"{home.name}.npz")
    lines = (json.loads(line) for line in (home / "prompts.jsonl").read_text(encoding="utf-8").splitlines())
    known = {line["prompt_id"]: {name: line[name] for name in names} for line in lines}
    correct = data["correct"].astype(np.float64)
    correct[correct < 0] = np.nan
    rates = np.where(np.isnan(correct).mean(axis=2) < 0.1, np.nanmean(np.nan_to_num(correct), axis=2), np.nan)
    for m, model in enumerate(data["models"]):
        rows = ~np.isnan(rates[m])
        columns = ~np.isnan(correct[m][rows]).any(axis=0)
        answers = correct[m][rows][:, columns]
        gold = [str(label) for label in data["gold"][columns]] if "gold" in data else ()
        others = np.delete(rates, m, axis=0)[:, rows]
        factors = [known[str(prompt)] for prompt in data["prompt_ids"][rows]]
        yield Landscape(str(model), answers.mean(axis=1), answers, others, factors, gold)


def _babe(tables: Path) -> Iterator[Landscape]:
    return _with_answers(tables / "babe_media_bias", "shots", "cot", "system_prompt")


def _gsm8k(tables: Path) -> Iterator[Landscape]:
    return _with_answers(tables / "gsm8k_shots_cot", "shots", "cot", "longer_output")


def _columns(file: Path) -> Columns:
    from pyarrow import parquet

    found: Columns = parquet.read_table(file).to_pydict()
    return found


def _accuracies(table: Columns, task: str, prompt: str, score: str) -> Iterator[tuple[str, str, list[Any], Matrix, Matrix]]:
    """(task, model, prompts, accuracies, those of the other models) for each task and model of a long table."""
    cells = {
        (t, m, p): a for t, m, p, a in zip(table[task], table["model"], table[prompt], table[score], strict=True)
    }
    for t in sorted({t for t, _, _ in cells}):
        models = sorted({m for u, m, _ in cells if u == t})
        prompts = sorted({p for u, _, p in cells if u == t})
        grid = np.array([[cells.get((t, m, p), np.nan) for p in prompts] for m in models])
        for k, model in enumerate(models):
            known = ~np.isnan(grid[k])
            names = [p for p, there in zip(prompts, known, strict=True) if there]
            yield t, model, names, grid[k][known], np.delete(grid, k, axis=0)[:, known]


_KINDS = ("method", "style", "prompt_format")


def _slab(tables: Path) -> Iterator[Landscape]:
    table, made = (_columns(tables / "slab" / f"{name}.parquet") for name in ("accuracy", "prompts"))
    rows = zip(made["task"], made["prompt_id"], *(made[name] for name in _KINDS), strict=True)
    known = {(task, prompt): dict(zip(_KINDS, map(str, kinds), strict=True)) for task, prompt, *kinds in rows}
    for task, model, prompts, own, others in _accuracies(table, "task", "prompt_id", "acc"):
        yield Landscape(f"{task}/{model}", own, None, others, [known[task, p] for p in prompts])


def _capo_init(tables: Path) -> Iterator[Landscape]:
    table = _columns(tables / "capo" / "capo_init.parquet")
    for task, model, _, own, others in _accuracies(table, "dataset", "prompt_id", "test_score"):
        yield Landscape(f"{task}/{model}", own, None, others, ())


_FORM = ("n_shots", "prediction_method", "selection_method", "example_seed")
_PARTS = ("big_sep", "inp_verbalizer", "out_verbalizer", "sep")


def _mind_your_format(tables: Path) -> Iterator[Landscape]:
    """Factors: how examples are chosen and the model is read, and the four parts of the template."""
    home = tables / "mind_your_format"
    lines = (json.loads(line) for line in (home / "templates.jsonl").read_text(encoding="utf-8").splitlines())
    parts = {(t["dataset"], t["template_seed"], t["template_idx"]): {p: t[p] for p in _PARTS} for t in lines}
    table = dict(_columns(home / "myf_acc.parquet"))
    names = (*_FORM, "template_seed", "template_idx")
    table["prompt"] = list(zip(*(table[name] for name in names), strict=True))
    for task, model, prompts, own, others in _accuracies(table, "dataset", "prompt", "acc"):
        factors = [
            {**dict(zip(_FORM, p, strict=False)), **parts[task, p[-2], p[-1]], "template": f"{p[-2]}/{p[-1]}"} for p in prompts
        ]
        yield Landscape(f"{task}/{model}", own, None, others, factors)


def _promptbench(tables: Path) -> Iterator[Landscape]:
    """The unharmed prompts of one task and model and number of shots, whose accuracies lie within three points."""
    table = dict(_columns(tables / "promptbench_acc" / "promptbench_acc.parquet"))
    kept = [i for i, kind in enumerate(table["kind"]) if kind == "original"]
    table = {name: [values[i] for i in kept] for name, values in table.items()}
    table["task"] = [f"{t}/{s}" for t, s in zip(table["task"], table["shot"], strict=True)]
    for task, model, _, own, others in _accuracies(table, "task", "prompt", "acc"):
        if own.mean() > 0.01 and np.ptp(own) <= FLAT:
            yield Landscape(f"{task}/{model}", own, None, others, ())


FLAT = 0.03
TABLES: Mapping[str, Callable[[Path], Iterator[Landscape]]] = {
    "slab": _slab,
    "babe": _babe,
    "gsm8k": _gsm8k,
    "mind_your_format": _mind_your_format,
    "capo_init": _capo_init,
    "promptbench": _promptbench,
}
