"""A finished run under other terms: weights, constraints, margin or metric. From stored answers; no model is asked.

The candidates and what they answered stay as they are; who wins among them is reckoned anew as the search reckons it. A
winner that never met the held-out examples has no verdict: that would take calls.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Any, cast

from optimizer.config.sections import ReplySettings
from optimizer.config.terms import Terms
from optimizer.errors import ConfigError, RunDirError
from optimizer.evaluate import score
from optimizer.metrics import Metric, build_metric
from optimizer.models.scripted import NOBODY
from optimizer.objective import Evaluation, Objective, Unit, pooled
from optimizer.results.migration import Migration, TargetResult
from optimizer.search.brief import Effort, Scale
from optimizer.search.entrants import Entrants, allocation
from optimizer.search.lessons import Lessons, lessons
from optimizer.search.study import RACE
from optimizer.search.trial import SearchResult, Trial
from optimizer.space import Value
from optimizer.types import Score
from optimizer.verdict.confirm import Decision
from optimizer.verdict.matched import Confirmation, standard_of
from optimizer.verdict.weigh import Evidence, weigh_all


@dataclass(frozen=True)
class Rescored:
    """One target under other terms. `trials` carry their new values; `before` is who won in the run; `answers` have the
    terms' scores.

    `confirmation` and `decision` are None where the new winner never met the held-out examples; `calls` is what that
    would take, `dollars` what they would cost by what its answers on validation examples did (None: none is known).
    """

    model: str
    trials: tuple[Trial, ...]
    best: int
    before: int
    answers: Mapping[int, Evaluation]
    taught: Lessons
    confirmation: Confirmation | None
    decision: Decision | None
    calls: int
    dollars: float | None = 0.0

    @property
    def winner(self) -> Trial:
        return self.trials[self.best]


def rescore(migration: Migration, terms: Terms) -> tuple[Rescored, ...]:
    """Each target under other terms. Raises ConfigError for a metric that asks a model, RunDirError for a run whose
    answers were not kept."""
    changed = Terms.of(migration.settings).metrics != terms.metrics
    if changed and not terms.metrics:
        raise ConfigError("metrics: must not be empty, found an empty list; name one, or leave the section out")
    marks = _Marks(migration, terms, metric_of_run(migration, terms) if changed else None)
    found: list[Rescored] = []
    earlier: list[SearchResult] = []
    for result in migration.targets:
        found.append(_target(migration, result, terms, marks, lessons(earlier)))
        earlier.append(replace(result.search, trials=found[-1].trials, best=found[-1].best))
    decisions = weigh_all([one.confirmation for one in found], marks.evidence, terms, marks.standard)
    if not changed:  # what the run found out about its judges holds for the same winner
        before = [
            () if one.best != one.before else t.decision.judges for one, t in zip(found, migration.targets, strict=True)
        ]
        decisions = tuple(one and replace(one, judges=known) for one, known in zip(decisions, before, strict=True))
    return tuple(replace(one, decision=decision) for one, decision in zip(found, decisions, strict=True))


def replay(
    migration: Migration, result: TargetResult, answers: Mapping[int, Evaluation], scale: Scale, taught: Lessons
) -> Entrants:
    """The search's own model, given all answers at once; `taught`: by earlier targets."""
    places = {identity: place for place, identity in enumerate(migration.split["validation"])}
    search, seen = migration.settings["search"], sum(len(found.outputs) for found in answers.values())
    race = allocation(len(places), float(max(1, seen)), search.get("pruner", RACE))
    field = Entrants(race, scale, lambda _prompt: 1.0, search.get("sure", Effort.sure))
    for trial in result.search.trials:
        params = cast(Mapping[str, Value], trial.params)
        field.enter(trial.round - 1, params, trial.prompt, taught.value(params))
    for number, found in answers.items():
        for output, mark in zip(found.outputs, found.scores, strict=True):
            field.observe(number, places[output.example_id], output, mark)
    return field


def scale_of(migration: Migration, terms: Terms, objective: Objective | None = None) -> Scale:
    """Answers are scored already, so its metric is never asked."""
    unit = Unit.of(migration.baseline)
    return Scale(_never, objective or terms.objective.build(), terms.constraints.build(), unit)


class _Marks:
    """Evaluations with the scores of the terms' metric; as they were where the metric is the run's own."""

    def __init__(self, migration: Migration, terms: Terms, metric: Metric | None) -> None:
        self.examples, self.metric = migration.examples, metric
        self.references = {output.example_id: output for output in migration.baseline}
        scored = metric is None and bool(migration.settings.get("scores"))
        self.standard = standard_of(terms.metrics, migration.examples.values(), scored=scored)
        held_out = [migration.examples[identity] for identity in migration.split["test"]]
        whole = metric or (metric_of_run(migration, terms, asking=True) if _has_answers(migration) else None)
        self.evidence = Evidence(held_out, self.references, whole, migration.columns)

    def of(self, found: Evaluation) -> Evaluation:
        if self.metric is None:
            return found
        examples = [self.examples[output.example_id] for output in found.outputs]
        return replace(score(examples, found.outputs, self.references, self.metric), unmeasured=found.unmeasured)

    def confirmed(self, met: Confirmation) -> Confirmation:
        if self.metric is None:
            return met
        draws = {name: tuple(map(self.of, drawn)) for name, drawn in met.draws.items()}

        def side(name: str) -> Any:
            one = getattr(met, name)
            return pooled(draws[name]) if name in draws else one and self.of(one)

        return Confirmation(side("source"), side("unchanged"), side("winner"), side("again"), draws)


def _target(migration: Migration, result: TargetResult, terms: Terms, marks: _Marks, taught: Lessons) -> Rescored:
    trials, best = result.search.trials, result.search.best
    answers: Mapping[int, Evaluation] = {}
    if trials:
        answers = {number: marks.of(found) for number, found in _kept_answers(result).items()}
        field = replay(migration, result, answers, scale_of(migration, terms), taught)
        trials, best = _restated(trials, field), field.winner()[0]
    met = _met(result, best)
    confirmation = marks.confirmed(met) if met else None
    calls, dollars = (0, 0.0) if confirmation else _needed(migration, answers.get(best))
    return Rescored(result.model, trials, best, result.search.best, answers, taught, confirmation, None, calls, dollars)


def _needed(migration: Migration, seen: Evaluation | None) -> tuple[int, float | None]:
    """Calls of the target, and their dollars, by which a candidate would meet the held-out examples."""
    answers = len(migration.split["test"]) * migration.settings["decision"].get("draws", 1)
    known = seen.answered if seen else ()
    each = fmean(output.calls for output in known) if known else 1.0
    return round(answers * each), answers * fmean(output.cost for output in known) if known else None


def _kept_answers(result: TargetResult) -> Mapping[int, Evaluation]:
    if not result.search.answers:
        raise RunDirError(
            f"the run has no answers.jsonl, from which {result.model} could be rescored: it was made by an earlier "
            "version; start it again with the same --run-dir, that costs nothing"
        )
    return result.search.answers


def _restated(trials: Sequence[Trial], field: Entrants) -> tuple[Trial, ...]:
    """State, round and notes are the run's; values are those of the new terms."""
    values = ("value", "quality", "cost", "latency", "valid", "input_tokens")
    return tuple(
        replace(old, **{name: getattr(new, name) for name in values})
        for old, new in zip(trials, field.trials(), strict=True)
    )


def _met(result: TargetResult, best: int) -> Confirmation | None:
    """What is known of this winner on held-out examples: only the run's winner and the unchanged prompt met them."""
    if best == result.search.best:
        return result.confirmation
    met = result.confirmation
    if best != 0 or met.unchanged is None:
        return None
    draws = {**met.draws, "winner": met.draws["unchanged"]} if met.draws else {}
    return replace(met, winner=met.unchanged, draws=draws)


def _has_answers(migration: Migration) -> bool:
    """Not where no metric scored them: then the scores of recorded outputs were recorded too."""
    return bool(migration.settings.get("metrics"))


def metric_of_run(migration: Migration, terms: Terms, *, asking: bool = False) -> Metric:
    """`asking`: it may be one that asks a model, since its scores are known and only its figures are wanted."""
    contract = migration.prompt.contract if migration.prompt else ReplySettings(**migration.settings["reply"]).build()
    metric = build_metric(terms.metrics, contract, NOBODY, NOBODY)
    if getattr(metric, "asks", False) and not asking:
        raise ConfigError("metrics: rescoring asks no model, but one of these metrics does; run the task with it")
    return metric


def _never(*_answer: Any, **_more: Any) -> Score:
    raise AssertionError("answers that are scored are not scored again")
