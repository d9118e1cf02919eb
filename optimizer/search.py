"""Look for the prompt with the best objective on the validation examples.

Rounds of: enrich (propose, compile) ▸ ask ▸ build ▸ record ▸ score ▸ tell. Optuna proposes configurations, a
race decides which of them gets the next call. Decisions depend on seeds and answers only, so a search that was
cut off is finished by running it again over remembered answers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import zip_longest

from optimizer.brief import Brief
from optimizer.candidates import Pool
from optimizer.crossover import crossings
from optimizer.demos import good_shots
from optimizer.enrich import enrich
from optimizer.errors import BudgetExceeded, ConfigError, ModelError, SearchError
from optimizer.evaluate import record_pairs
from optimizer.objective import Evaluation
from optimizer.programs.prompted import PromptProgram
from optimizer.prompt import Prompt
from optimizer.race import Race, shared_order
from optimizer.space import SearchSpace, Value
from optimizer.study import ask
from optimizer.trial import SearchResult, Trial
from optimizer.types import Output, Score
from optimizer.watch import Progress

_SURE = 0.98  # a changed prompt replaces the unchanged one only if it is better with this probability: of many, one
# is the best by chance, and at 0.95 every sixth run among equal prompts changed something
_ENTRY = 0.5  # share of the budget after which nobody joins: the rest goes to telling the good ones apart
_PATIENCE = 3  # as many examples in a row may get no answer; more is an outage
_FRESH = 4  # configurations asked for each one wanted: many build a prompt that is known already


@dataclass
class Candidate:
    """A configuration in the race. `seen` maps a place in the shared order of examples to what came out there."""

    number: int
    round: int
    params: Mapping[str, Value]
    prompt: Prompt
    seen: dict[int, tuple[Output, Score]] = field(default_factory=dict)

    @property
    def evaluation(self) -> Evaluation:
        ordered = [self.seen[place] for place in sorted(self.seen)]
        return Evaluation(tuple(output for output, _ in ordered), tuple(mark for _, mark in ordered))


def search(prompt: Prompt, space: SearchSpace, brief: Brief) -> SearchResult:
    """Raises SearchError where no candidate could be measured, BudgetExceeded where that is for want of budget."""
    return _Search(prompt, space, brief).run()


class _Search:
    """One search under way; the only place of a run where anything changes in place."""

    def __init__(self, prompt: Prompt, space: SearchSpace, brief: Brief) -> None:
        ground, effort = brief.ground, brief.effort
        order = shared_order([ground.labels.get(e.id, "") for e in ground.validation], effort.seed)
        answers = [ground.references[example.id] for example in ground.train]
        marked = brief.scale.score(ground.train, answers, ground.references)
        shots = good_shots(ground.train, marked, ground.labels, prompt.contract)
        self.brief = brief
        self.pool = Pool(prompt, space, shots, effort.seed, brief.cast.habits.drop_params)
        self.examples = [ground.validation[i] for i in order]
        self.race = Race(len(order), budget=float(effort.trials * effort.calls_per_trial), anchor=0)
        self.candidates: list[Candidate] = []
        self.notes: list[str] = []
        self.stopped: str | None = None
        self.silent: set[int] = set()  # examples without an answer since the last answer

    def run(self) -> SearchResult:
        rounds = self.brief.effort.rounds
        for number in range(rounds):
            for note in enrich(self.pool, self.brief, self._best_prompt(), number):
                self._note(note)
            self._enter(number)
            share = 1.0 if number + 1 == rounds else _ENTRY * (number + 1) / (rounds - 1)
            self._buy(upto=share * self.race.budget)
            if self.stopped:
                break
        return self._result()

    # -- who takes part

    def _enter(self, number: int) -> None:
        """Fill this round's share of the trials: first what is new, then what Optuna proposes and crossings in turn."""
        effort, space, told = self.brief.effort, self.pool.offered(), self._told()
        full = effort.trials * (number + 1) // effort.rounds
        wanted = _FRESH * (full - len(self.candidates))
        asked = ask(space, told, wanted, sampler=effort.sampler, seed=1000 * effort.seed + number)
        turns = zip_longest(crossings(space, told, wanted), asked)
        proposed = (params for pair in turns for params in pair if params is not None)
        for params in (*self._newcomers(number), *proposed):
            if len(self.candidates) < full:
                self._join(number, params)

    def _newcomers(self, number: int) -> list[Mapping[str, Value]]:
        """The unchanged prompt and the family's habits first; new wordings and programs in the best form so far."""
        space = self.pool.space
        preset = space.preset(self.brief.cast.habits.wishes)
        best = self.candidates[self._best()].params if self.candidates else preset
        plain = {"program": "plain"} if "program" in space.names else {}
        tried = {(name, value) for candidate in self.candidates for name, value in candidate.params.items()}
        wordings = [name for name in self.pool.wordings if ("wording", name) not in tried]
        programs = [name for name in self.pool.programs if ("program", name) not in tried]
        return [
            *([space.unchanged, preset] if number == 0 else []),
            *({**best, "program": name} for name in programs),
            *({**best, **plain, "wording": name} for name in wordings),
        ]

    def _join(self, number: int, params: Mapping[str, Value]) -> None:
        """Enter a configuration, unless it builds a prompt that is in the race already."""
        original = self.pool.prompt
        try:
            prompt = self.pool.build(params)
            if prompt.names != original.names:
                raise ConfigError(f"asks for {sorted(prompt.names)} instead of {sorted(original.names)}")
        except ConfigError as problem:
            self._note(f"configuration {dict(params)} lost: {problem}")
            return
        if all(prompt.digest != candidate.prompt.digest for candidate in self.candidates):
            self.candidates.append(Candidate(self.race.join(params), number, params, prompt))

    def _told(self) -> list[tuple[Mapping[str, Value], float]]:
        """What Optuna is told: the expected objective of every candidate, as the race sees it by now."""
        if not self.candidates:
            return []
        mean = self.race.posterior().mean
        return [(candidate.params, float(mean[candidate.number])) for candidate in self.candidates]

    # -- the race

    def _buy(self, upto: float) -> None:
        """Buy answers in batches until `upto` calls of the race's budget are used."""
        while pairs := self.race.batch(upto):
            if reason := self.brief.afford(len(pairs)):
                self.stopped = reason
                return
            examples = [self.examples[place] for _, place in pairs]
            programs = [PromptProgram(self.candidates[number].prompt) for number, _ in pairs]
            try:
                outputs = record_pairs(list(zip(programs, examples, strict=True)), self.brief.cast.target)
                scored = self.brief.scale.score(examples, outputs, self.brief.ground.references)
            except BudgetExceeded as limit:
                self.stopped = str(limit)
                return
            for (number, place), output, mark in zip(pairs, scored.outputs, scored.scores, strict=True):
                self._observe(number, place, output, mark)
            self._report()

    def _observe(self, number: int, place: int, output: Output, mark: Score) -> None:
        if output.status == "failed":  # no answer was to be had: that says nothing about the prompt
            self.race.observe(number, place, None)
            self.silent.add(place)
            if len(self.silent) > _PATIENCE:
                raise ModelError(str(output.error), model=self.brief.cast.target.name, retryable=True)
            return
        self.silent.clear()
        scale = self.brief.scale
        self.candidates[number].seen[place] = (output, mark)
        value = scale.objective.of(mark.value, output.cost, output.latency, scale.unit)
        self.race.observe(number, place, value)

    def _report(self) -> None:
        best = self.candidates[self._best()]
        quality = best.evaluation.quality if best.seen else None
        self.brief.watch(Progress("search", self.brief.cast.target.name, self.race.spent, self.race.budget, quality))

    def _note(self, text: str) -> None:
        self.notes.append(text)
        self.brief.watch(Progress("search", self.brief.cast.target.name, text=text))

    # -- what came of it

    def _best(self) -> int:
        """The candidate with the highest expected objective among those that keep the constraints, if any does."""
        mean = self.race.posterior().mean
        return max(self.candidates, key=lambda c: (self._allowed(c), bool(c.seen), mean[c.number])).number

    def _allowed(self, candidate: Candidate) -> bool:
        return bool(candidate.seen) and all(
            check.met for check in self.brief.scale.constraints.check(candidate.evaluation)
        )

    def _best_prompt(self) -> Prompt:
        if self.candidates:
            return self.candidates[self._best()].prompt
        return self.pool.build(self.pool.space.preset(self.brief.cast.habits.wishes))

    def _result(self) -> SearchResult:
        if not any(candidate.seen for candidate in self.candidates):
            if self.stopped:
                raise BudgetExceeded(f"no candidate could be measured: {self.stopped}; raise the budget and run again")
            raise SearchError("no candidate could be measured: no call was answered")
        best, posterior = self._best(), self.race.posterior()
        unchanged = self.candidates[0]
        if best != 0 and self._allowed(unchanged) and posterior.surely_better(best, 0) < _SURE:
            self._note("no candidate is surely better than the unchanged prompt, so that is kept")
            best = 0
        going = set(self.race.kept())
        return SearchResult(
            trials=tuple(self._trial(c, float(posterior.mean[c.number]), c.number in going) for c in self.candidates),
            best=best,
            stopped_by=self.stopped or "all trials raced",
            instructions={name: template.text for name, template in self.pool.wordings.items()},
            notes=tuple(self.notes),
        )

    def _trial(self, candidate: Candidate, value: float, going: bool) -> Trial:
        known = candidate.evaluation if candidate.seen else None
        return Trial(
            candidate.number,
            candidate.round + 1,
            candidate.params,
            "complete" if going and known else "pruned" if known else "failed",
            candidate.prompt,
            str(candidate.params.get("program", "plain")),
            value=value if known else None,
            quality=known.quality if known else None,
            cost=known.cost if known else None,
            latency=known.latency if known else None,
            valid=known.valid if known else None,
            input_tokens=known.input_tokens if known else None,
            examples=len(candidate.seen),
            note="" if known else "never measured: the budget ended first",
        )
