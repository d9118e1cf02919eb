"""The one door to Optuna: which configurations to try next. `journal` writes the study that its tools open.

Choices of a dimension cannot change within an Optuna study, but new wordings turn up in every round. So each
round asks a fresh in-memory study that is told all earlier trials; and a sampler's random state is not in a
storage, so replaying from seeds is exact where reopening would not be.
"""

from __future__ import annotations

import math
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.util import find_spec
from statistics import fmean
from typing import Any

from optimizer.errors import ConfigError, nearest, raised_at
from optimizer.search.trial import Trial
from optimizer.space import Choice, SearchSpace, Value

SAMPLERS = ("tpe", "random", "gp", "nsgaii", "nsgaiii", "qmc")
PRUNERS = ("wilcoxon", "median", "percentile", "successive_halving", "hyperband", "none")
RACE = "race"
_DRAWS = 8  # of a dimension that is tried out
_POPULATION = 24  # parents of an evolutionary sampler's next generation


def ask(
    space: SearchSpace,
    told: Sequence[tuple[Mapping[str, Value], Sequence[float]]],
    count: int,
    *,
    sampler: str,
    seed: int,
) -> Iterator[Mapping[str, Value]]:
    """Up to `count` configurations worth trying, given what earlier ones were worth: one value each, or one for each
    of several objectives. More is better in all of them. Each is asked for when it is wanted.

    To an evolutionary sampler the better half of those told are the parents of the generation that it is asked for.
    """
    optuna = door()
    distributions = _distributions(space)
    known = [(p, v) for p, v in told if all(p[name] in space.choices(name) for name in distributions)]
    directions = ["maximize"] * len(known[0][1] if known else (0.0,))
    made = _sampler(sampler, seed, max(2, min(_POPULATION, len(known) // 2)))
    study = optuna.create_study(directions=directions, sampler=made)
    marks = {f"{type(made).__name__}:generation": 0} if sampler.startswith("nsga") else {}
    study.add_trials(
        optuna.trial.create_trial(
            params=dict(params), distributions=distributions, values=list(values), system_attrs=marks
        )
        for params, values in known
    )
    yield from (space.suggest(study.ask()) for _ in range(count))


def pruner(name: str, examples: int) -> Callable[[int, Mapping[int, float], bool], bool]:
    """A judge that is shown a trial's values so far, by example, and says whether Optuna's pruner cuts it.

    Wilcoxon's test is paired, so it is told each value under its example; the others are told the mean so far. A trial
    that is through is told as complete: what the others are compared with.
    """
    study = door().create_study(direction="maximize", pruner=_pruner(name, examples), study_name="pruning")
    trials: dict[int, Any] = {}
    reported: dict[int, set[int]] = defaultdict(set)

    def cut(number: int, values: Mapping[int, float], through: bool) -> bool:
        if number not in trials:
            trials[number] = study.ask()
        trial, mean = trials[number], fmean(values.values())
        steps = values if name == "wilcoxon" else {len(values): mean}
        for step in steps.keys() - reported[number]:
            trial.report(steps[step], step)
            reported[number].add(step)
        if through:
            study.tell(trial, mean)
        elif trial.should_prune():
            study.tell(trial, state=door().trial.TrialState.PRUNED)
            return True
        return False

    return cut


def check_names(sampler: str, pruner: str) -> None:
    """Raises ConfigError where no sampler or pruner goes by that name, or what it needs is missing; opens nothing."""
    for key, name, known in (("sampler", sampler, SAMPLERS), ("pruner", pruner, (RACE, *PRUNERS))):
        if name not in known:
            raise ConfigError(
                f"search.{key}: no {key} is called {name!r}.{nearest(name, known)} Known: {', '.join(known)}"
            )
    if sampler == "gp" and find_spec("torch") is None:  # which Optuna opens when it is first asked, in mid-run
        raise ConfigError("search.sampler: gp needs PyTorch; pip install 'promptport[gp]', or choose tpe")


def check_suggestions(space: SearchSpace) -> None:
    """Raises ConfigError for a dimension of one's own that suggests what is not among its choices.

    The sampler is told trials by their choices: it would learn nothing from one whose value is none of them.
    """
    for dimension in space.dimensions:
        if isinstance(dimension, Choice):
            continue
        study = door().create_study(sampler=door().samplers.RandomSampler(seed=0))
        place = f"search.space: {dimension.name}.suggest"
        way = "return trial.suggest_categorical(self.name, self.choices)"
        for _ in range(_DRAWS):
            try:
                value = dimension.suggest(study.ask())
            except Exception as error:
                raise ConfigError(f"{place} failed: {error!r}{raised_at(error)}; {way}") from error
            if value not in dimension.choices:
                raise ConfigError(f"{place} gives {value!r}, which is not among its choices {dimension.choices}; {way}")


def importance(trials: Sequence[Trial]) -> dict[str, dict[str, float]]:
    """Optuna's own: how much of the objective each dimension explains, by two evaluators; most important first.

    Empty where fewer than four trials were measured, or none of them differ.
    """
    measured = [trial for trial in trials if trial.value is not None]
    if len(measured) < 4 or len({trial.value for trial in measured}) < 2:
        return {}
    optuna, distributions = door(), tried(measured)
    study = optuna.create_study(direction="maximize")
    study.add_trials(frozen(distributions, trial) for trial in measured)
    evaluators = {
        "fanova": optuna.importance.FanovaImportanceEvaluator(seed=0),
        "ped_anova": optuna.importance.PedAnovaImportanceEvaluator(),
    }
    found = {name: optuna.importance.get_param_importances(study, evaluator=e) for name, e in evaluators.items()}
    return {name: {key: float(share) for key, share in shares.items()} for name, shares in found.items()}


def tried(trials: Sequence[Trial]) -> dict[str, Any]:
    """Optuna's distributions over the choices that these trials made."""
    values = {key: dict.fromkeys(trial.params[key] for trial in trials) for key in trials[0].params}
    return {key: door().distributions.CategoricalDistribution(list(found)) for key, found in values.items()}


def frozen(
    distributions: Mapping[str, Any], trial: Trial, *, course: Sequence[float] = (), objectives: Sequence[str] = ()
) -> Any:
    """A trial that is over, as Optuna writes it down; with one value for each of several `objectives`, if they are
    named. `course`: what it was worth by its first example, its first two, and so on."""
    optuna = door()
    found = [getattr(trial, name) for name in objectives or ("value",)]
    known = trial.value is not None and all(map(math.isfinite, found))
    return optuna.trial.create_trial(
        state=optuna.trial.TrialState.COMPLETE if known else optuna.trial.TrialState.FAIL,
        params=dict(trial.params),
        distributions=dict(distributions),
        values=found if known else None,
        user_attrs=facts(trial),
        intermediate_values=dict(enumerate(course, start=1)),
    )


def facts(trial: Trial) -> dict[str, Any]:
    """What is written down beside parameters and value."""
    known = ("round", "program", "state", "quality", "cost", "latency", "valid", "examples", "note")
    return {name: getattr(trial, name) for name in known}


def _distributions(space: SearchSpace) -> dict[str, Any]:
    optuna = door()
    return {d.name: optuna.distributions.CategoricalDistribution(d.choices) for d in space.dimensions}


def _sampler(name: str, seed: int, population: int) -> Any:
    samplers = door().samplers
    made = {
        "tpe": lambda: samplers.TPESampler(seed=seed, multivariate=True, constant_liar=True),
        "random": lambda: samplers.RandomSampler(seed=seed),
        "gp": lambda: samplers.GPSampler(seed=seed),
        "nsgaii": lambda: samplers.NSGAIISampler(seed=seed, population_size=population),
        "nsgaiii": lambda: samplers.NSGAIIISampler(seed=seed, population_size=population),
        "qmc": lambda: samplers.QMCSampler(seed=seed, warn_independent_sampling=False),
    }
    return made[name]()


def _pruner(name: str, examples: int) -> Any:
    pruners = door().pruners
    first = min(8, examples)  # values before a candidate can be cut
    made = {
        "wilcoxon": lambda: pruners.WilcoxonPruner(n_startup_steps=first),
        "median": lambda: pruners.MedianPruner(n_startup_trials=4, n_warmup_steps=first),
        "percentile": lambda: pruners.PercentilePruner(25.0, n_startup_trials=4, n_warmup_steps=first),
        "successive_halving": lambda: pruners.SuccessiveHalvingPruner(min_resource=first, reduction_factor=3),
        "hyperband": lambda: pruners.HyperbandPruner(first, examples, reduction_factor=3),
        "none": pruners.NopPruner,
    }
    return made[name]()


def door() -> Any:
    """Optuna, silent."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
    return optuna
