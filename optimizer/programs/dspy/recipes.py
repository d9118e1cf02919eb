"""The optimizers of DSPy that can be asked for, one recipe each: how it is built, and sized to the calls it may make.

A recipe knows how many calls its optimizer makes at most with given knobs, and picks the knobs for the limit.
`options` are the knobs that a user or a search space may set; they win over the sizing, and the purse still holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import ceil
from typing import Any

from optimizer.errors import ConfigError, SearchError, nearest
from optimizer.programs.dspy.job import SHOTS, TAUGHT, WORDS, Recipe
from optimizer.programs.dspy.rewriting import better_together, copro, gepa, infer_rules, miprov2, simba
from optimizer.programs.dspy.showing import (
    bootstrap_few_shot,
    bootstrap_optuna,
    bootstrap_random_search,
    knn_few_shot,
    labeled_few_shot,
)
from optimizer.prompt import Prompt
from optimizer.prompt.suite import Suite

__all__ = ["OPTIMIZERS", "check", "enough", "recipe_of"]

OPTIMIZERS: Mapping[str, Recipe] = {
    "labeled_few_shot": Recipe(labeled_few_shot, options={"labeled": 8}),
    "knn_few_shot": Recipe(knn_few_shot, least=4, usual=0.03, least_rows=2, options={"neighbours": 4, **TAUGHT}),
    "bootstrap_few_shot": Recipe(bootstrap_few_shot, least=4, usual=0.15, options={**SHOTS, "rounds": 1, **TAUGHT}),
    "bootstrap_random_search": Recipe(
        bootstrap_random_search, least=40, usual=0.85, least_rows=4, options={**SHOTS, "candidates": 8, **TAUGHT}
    ),
    "bootstrap_optuna": Recipe(
        bootstrap_optuna, least=40, usual=0.95, least_rows=4, options={**SHOTS, "candidates": 8, **TAUGHT}
    ),
    "copro": Recipe(
        copro, least=40, usual=0.95, written=7, least_rows=4, round=1, options={"breadth": None, "depth": 2}
    ),
    "infer_rules": Recipe(
        infer_rules,
        least=40,
        usual=0.95,
        written=7,
        least_rows=4,
        round=1,
        options={**SHOTS, "candidates": None, "rules": 10, **TAUGHT},
    ),
    "simba": Recipe(
        simba,
        least=60,
        usual=0.95,
        written=4,
        least_rows=8,
        round=1,
        options={"batch": 6, "candidates": 3, "steps": 8, "demos": 4},
    ),
    "miprov2": Recipe(
        miprov2,
        least=60,
        usual=0.95,
        written=6,
        least_rows=8,
        round=1,
        options={**SHOTS, "candidates": None, "trials": None, **TAUGHT},
    ),
    "gepa": Recipe(gepa, least=40, usual=0.8, written=4, least_rows=6, round=1, options={"minibatch": 3}),
    "better_together": Recipe(
        better_together,
        least=90,
        usual=0.9,
        written=3,
        least_rows=8,
        round=1,
        options={**SHOTS, "minibatch": 3, **TAUGHT},
    ),
}

_FIRST = 0.75  # of a program's calls; DSPy asks again, in another form, where it cannot read an answer
_WEIGHTS = "it tunes the model's weights, which no prompt can carry"
_UNFIT = {
    "bootstrap_finetune": _WEIGHTS,
    "grpo": _WEIGHTS,
    "ensemble": "it joins several programs by vote, and asks all of them for every answer",
    "avatar_optimizer": "it optimizes agents that use tools",
}


def recipe_of(optimizer: str) -> Recipe:
    """Raises ConfigError for a name that is not among `OPTIMIZERS`."""
    if optimizer in _UNFIT:
        raise ConfigError(f"{optimizer} cannot compile a prompt: {_UNFIT[optimizer]}. Known: {', '.join(OPTIMIZERS)}")
    if optimizer not in OPTIMIZERS:
        known = ", ".join(OPTIMIZERS)
        raise ConfigError(
            f"no program optimizer is called {optimizer!r}.{nearest(optimizer, OPTIMIZERS)} Known: {known}"
        )
    return OPTIMIZERS[optimizer]


def check(optimizer: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """All knobs of an optimizer, those in `options` as they are set there. Raises ConfigError for what cannot be."""
    known = recipe_of(optimizer).options
    for name, value in options.items():
        if name not in known:
            listed = ", ".join(known)
            raise ConfigError(f"{optimizer} has no option {name!r}.{nearest(name, known)} Known: {listed}")
        if name in WORDS:
            _check_word(f"{optimizer}.{name}", value, WORDS[name])
        elif isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise ConfigError(f"{optimizer}.{name}: must be a whole number from 1 on, found {value!r}")
    return {**known, **options}


def enough(optimizer: str, prompt: Prompt, calls: int, options: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
    """Calls and knobs of a compile. Raises SearchError where they do not suffice for the prompt, or the program."""
    if calls < (least := recipe_of(optimizer).least):
        raise SearchError(f"needs {least} calls at least, but may make only {calls}; raise search.compile_calls")
    return _for_suite(optimizer, prompt, calls, options) if isinstance(prompt, Suite) else (calls, dict(options))


def _for_suite(optimizer: str, suite: Suite, calls: int, options: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
    """Calls and knobs for a program of several predictors: an answer takes several calls, and a row of the training
    data is no worked example of any of them. Raises SearchError where nothing is left to do."""
    parts = len(suite.parts)
    if options.get("teacher") == "source":
        raise SearchError("the record holds the program's answers, not those of its predictors; the target must teach")
    if optimizer == "labeled_few_shot":
        raise SearchError("a row of the training data is no worked example of a program's predictors")
    rounds = options["depth"] if optimizer == "copro" else 1  # with several predictors, COPRO judges all afresh
    spread = parts * parts * (rounds + 1) // 2 if optimizer == "copro" else parts
    answers = int(_FIRST * calls) // spread
    if answers < (least := OPTIMIZERS[optimizer].least):
        need = ceil(least * spread / _FIRST)
        raise SearchError(
            f"needs {need} calls at least for a program of {parts} prompts, but may make only {calls}; "
            f"raise search.compile_calls to {ceil(need / parts)}"
        )
    return answers, {**options, "labeled": 0}


def _check_word(place: str, value: Any, allowed: Iterable[str]) -> None:
    if value not in tuple(allowed):
        raise ConfigError(f"{place}: must be {' or '.join(map(repr, allowed))}, found {value!r}")
