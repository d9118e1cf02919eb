"""Optuna's TPE over the number of the prompt, with its WilcoxonPruner: what one gets without a race."""

from __future__ import annotations

import warnings

import numpy as np

from benchmarks.tables.game import Game
from benchmarks.tables.rivals import FULL, Choice

EVERY = 5  # examples between two looks of the pruner


def tpe_and_wilcoxon(game: Game, budget: int, rng: np.random.Generator) -> Choice:
    """Each trial answers as many examples as the budget has room for on ten prompts, at most a hundred, and may be
    pruned; a prompt that comes again costs nothing."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.simplefilter("ignore")
    sampler = optuna.samplers.TPESampler(seed=int(rng.integers(2**31)))
    pruner = optuna.pruners.WilcoxonPruner(p_threshold=0.1)
    study = optuna.create_study(direction="maximize", sampler=sampler, pruner=pruner)
    seen = np.zeros(game.prompts, dtype=np.int64)
    size = min(FULL, game.answers.shape[1], max(10, budget // min(game.prompts, 10)))
    for _ in range(3 * game.prompts):
        trial = study.ask({"prompt": optuna.distributions.CategoricalDistribution(list(range(game.prompts)))})
        prompt = int(trial.params["prompt"])
        if not seen[prompt]:
            seen[prompt] = _answered(trial, game, prompt, min(size, budget - int(seen.sum())))
        whole = seen[prompt] == size
        state = optuna.trial.TrialState.COMPLETE if whole else optuna.trial.TrialState.PRUNED
        study.tell(trial, float(game.answers[prompt, :size].mean()) if whole else None, state)
        if seen.sum() >= budget:
            break
    return _best(game, seen, size)


def _answered(trial: object, game: Game, prompt: int, size: int) -> int:
    for place in range(size):
        trial.report(float(game.answers[prompt, place]), place)  # type: ignore[attr-defined]
        if (place + 1) % EVERY == 0 and trial.should_prune():  # type: ignore[attr-defined]
            return place + 1
    return size


def _best(game: Game, seen: np.ndarray, size: int) -> Choice:
    """The best of those that saw all examples, if any did."""
    means = np.array([game.answers[k, :n].mean() if n else -1.0 for k, n in enumerate(seen)])
    whole = seen == size
    chosen = int(np.where(whole if whole.any() else seen > 0, means, -1.0).argmax())
    return chosen, float(means[chosen])
