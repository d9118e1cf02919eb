"""Look for the prompt with the best objective on the validation examples.

Rounds of: enrich (propose, compile) ▸ ask ▸ build ▸ record ▸ score ▸ tell, for as long as another one pays. Optuna
proposes configurations, a race decides which of them gets the next call. Decisions depend on seeds and answers
only, so a search that was cut off is finished by running it again over remembered answers.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import chain

from optimizer.errors import BudgetExceeded, ConfigError, ModelError, SearchError
from optimizer.evaluate import record_pairs
from optimizer.programs.shipped import program_of
from optimizer.progress import Progress
from optimizer.prompt import Prompt
from optimizer.prompt.wording import reworded
from optimizer.search.brief import Brief
from optimizer.search.compiles import compile_asked
from optimizer.search.enrich import enrich
from optimizer.search.entrants import Entrants, allocation
from optimizer.search.lessons import lessons
from optimizer.search.pool import Pool
from optimizer.search.prospect import gain_of_looking, gain_of_racing
from optimizer.search.race import shared_order
from optimizer.search.sampling import configurations
from optimizer.search.trial import SearchResult
from optimizer.space import SearchSpace, Value
from optimizer.space.demos import good_shots
from optimizer.space.parts import place_of
from optimizer.types import Output

_ENTRY = 0.5  # share of the budget after which nobody joins: the rest goes to telling the good ones apart
_PATIENCE = 3  # as many examples in a row may get no answer; more is an outage
_FRESH = 2  # configurations asked for each one wanted: some build a prompt that is known already
_STEP = 0.05  # share of the budget after which it is asked anew whether racing on pays
_WAVE = 128  # candidates that enter at once at most: those that follow learn from them


def search(prompt: Prompt, space: SearchSpace, brief: Brief) -> SearchResult:
    """Raises SearchError where no candidate could be measured, BudgetExceeded where that is for want of budget."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):  # small matrices: more threads only wait for each other, and round otherwise
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
        self.lessons = lessons(brief.earlier)
        self.pool = Pool(prompt, space, shots, effort.seed, brief.cast.habits.drop_params)
        self.pool.wordings |= {n: reworded(prompt, text).instructions for n, text in self.lessons.wordings.items()}
        self.examples = [ground.validation[i] for i in order]
        race = allocation(len(order), float(effort.trials * effort.calls_per_trial), effort.pruner)
        self.entrants = Entrants(race, brief.scale, brief.cost, effort.sure)
        self.budget = race.budget  # unless the purse has less
        self.rounds = max(effort.rounds, math.ceil(effort.trials / _WAVE))
        self.notes: list[str] = []
        self.stopped: str | None = None
        self.ended = "all trials raced"
        self.tried: set[frozenset[tuple[str, Value]]] = set()  # configurations, settled
        self.silent: set[int] = set()  # examples without an answer since the last answer

    def run(self) -> SearchResult:
        race = self.entrants.race
        for number in range(self.rounds):
            for note in enrich(self.pool, self.brief, self._best_prompt(), number):
                self._note(note)
            self._enter(number)
            self._look_into_the_purse()
            self._show(due=True)
            self._buy(upto=_ENTRY * race.budget * (number + 1) / max(1, self.rounds - 1))
            self._show(due=True)
            if self.stopped or not self._another_pays(number):
                break
        self._finish()
        return self._result()

    def _finish(self) -> None:
        """Nobody joins any more: race on for as long as the answers may change the choice."""
        race, least, upto = self.entrants.race, self.brief.effort.least_gain, self.entrants.race.spent
        while not self.stopped and upto < race.budget:
            gain, left = gain_of_racing(race.posterior(), race.kept()), race.budget - race.spent
            if gain < least * left / 100:
                self._note(f"{left:.0f} more calls may gain {gain:.4f} at most: not worth it")
                self.ended = "more calls promised too little"
                return
            upto += _STEP * race.budget
            self._buy(upto)
            self._look_into_the_purse()
        if not self.stopped and race.budget < self.budget:
            self.stopped = self.brief.afford(math.ceil(self.budget - race.spent))

    def _another_pays(self, number: int) -> bool:
        """Is the next round expected to gain enough for its calls? If not, the race ends in proportion."""
        effort, race = self.brief.effort, self.entrants.race
        if number + 1 == self.rounds:
            return True
        values, best = self.entrants.values, self.entrants.best()
        newcomers = [values[candidate.number] for candidate in self.entrants.newcomers(number)]
        gain = gain_of_looking(newcomers, values[best], max(1, effort.trials // self.rounds))
        calls = race.budget / self.rounds
        if gain >= effort.least_gain * calls / 100:
            return True
        self._note(f"another round of about {calls:.0f} calls is expected to gain {gain:.4f}: not worth it")
        self.budget = min(self.budget, race.spent / _ENTRY)
        self._look_into_the_purse()
        return False

    def _look_into_the_purse(self) -> None:
        """The race has what was planned for it, or what is left if that is less: it ends in time either way."""
        race = self.entrants.race
        left = self.brief.left() * self.entrants.usual_price if self.entrants else math.inf
        race.budget = max(1.0, min(self.budget, race.spent + left))

    # -- who takes part

    def _enter(self, number: int) -> None:
        """Fill this round's share of the trials: first what is new, then what Optuna proposes and crossings in turn."""
        effort, space, told = self.brief.effort, self.pool.offered(), self.entrants.told()
        full = effort.trials * (number + 1) // self.rounds
        wanted = _FRESH * (full - len(self.entrants))
        weighed = self.entrants.told_apart(effort.objectives) if effort.objectives else None
        seed = 1000 * effort.seed + number
        asked = configurations(space, told, weighed, wanted, sampler=effort.sampler, seed=seed, known=self._known)
        for params in chain(self._newcomers(number), asked):
            if len(self.entrants) >= full:
                break
            self._join(number, params)

    def _known(self, params: Mapping[str, Value]) -> bool:
        return self.pool.space.key(params) in self.tried

    def _newcomers(self, number: int) -> list[Mapping[str, Value]]:
        """The unchanged prompt and the family's habits first; new wordings and programs in the best form so far."""
        space = self.pool.space
        preset = space.preset(self.brief.cast.habits.wishes)
        best = self.entrants[self.entrants.best()].params if self.entrants else preset
        form = self._best_plain() or preset
        tried = {(name, value) for candidate in self.entrants.candidates for name, value in candidate.params.items()}
        wordings = [(place_of(name), name) for name in self.pool.wordings if (place_of(name), name) not in tried]
        compiled = self.pool.offered().choices("program")
        programs = [name for name in compiled if name != "plain" and ("program", name) not in tried]
        return [
            *([space.unchanged, preset, *self.lessons.configurations] if number == 0 else []),
            *({**best, "program": name} for name in programs),
            *({**form, place: name} for place, name in wordings),
        ]

    def _best_plain(self) -> Mapping[str, Value] | None:
        """The best form for new wordings: that of a compiled program has no worked examples of its own."""
        values = self.entrants.values if self.entrants else []
        plain = [c for c in self.entrants.candidates if c.seen and c.params.get("program", "plain") == "plain"]
        return max(plain, key=lambda c: values[c.number]).params if plain else None

    def _join(self, number: int, params: Mapping[str, Value]) -> None:
        """Enter a configuration, unless it builds a prompt that is in the race already."""
        for note in compile_asked(self.pool, self.brief, self._best_prompt, number, params):
            self._note(note)
        self.tried.add(self.pool.space.key(params))
        params = self.pool.settled(params)
        try:
            prompt = self.pool.build(params)
        except ConfigError as problem:
            self._note(f"configuration {dict(params)} lost: {problem}")
            return
        self.entrants.enter(number, params, prompt, self.lessons.value(params))

    # -- the race

    def _buy(self, upto: float) -> None:
        """Buy answers in batches until `upto` calls of the race's budget are used."""
        brief = self.brief
        while not self.stopped and (pairs := self.entrants.race.batch(upto)):
            self.stopped = brief.afford(len(pairs))
            if self.stopped:
                return
            examples = [self.examples[place] for _, place in pairs]
            programs = [program_of(self.entrants[number].prompt) for number, _ in pairs]
            try:
                outputs = record_pairs(list(zip(programs, examples, strict=True)), brief.cast.target)
                scored = brief.scale.score(examples, outputs, brief.ground.references)
            except BudgetExceeded as limit:
                self.stopped = str(limit)
                return
            for (number, place), output, mark in zip(pairs, scored.outputs, scored.scores, strict=True):
                self.entrants.observe(number, place, output, mark)
                self._refuse_outage(place, output)
            self._report()

    def _refuse_outage(self, place: int, output: Output) -> None:
        if output.status != "failed":
            self.silent.clear()
            return
        self.silent.add(place)
        if len(self.silent) > _PATIENCE:
            raise ModelError(str(output.error), model=self.brief.cast.target.name, retryable=True)

    def _report(self) -> None:
        best, race = self.entrants[self.entrants.best()], self.entrants.race
        enough = min(self.brief.effort.calls_per_trial, len(self.brief.ground.validation))  # five of five are no 1.000
        quality = best.evaluation.quality if len(best.seen) >= enough else None
        self.brief.watch(Progress("search", self.brief.cast.target.name, race.spent, race.budget, quality))
        self._show()

    def _show(self, *, due: bool = False) -> None:
        if self.entrants:
            number = self.entrants.candidates[-1].round
            self.brief.show(lambda: self.entrants.glance(number, self.pool.space), due)

    def _note(self, text: str) -> None:
        self.notes.append(text)
        self.brief.watch(Progress("search", self.brief.cast.target.name, text=text))

    # -- what came of it

    def _best_prompt(self) -> Prompt:
        if self.entrants:
            return self.entrants[self.entrants.best()].prompt
        return self.pool.build(self.pool.space.preset(self.brief.cast.habits.wishes))

    def _result(self) -> SearchResult:
        field = self.entrants
        if not any(candidate.seen for candidate in field.candidates):
            if self.stopped:
                raise BudgetExceeded(f"no candidate could be measured: {self.stopped}; raise the budget and run again")
            raise SearchError("no candidate could be measured: no call was answered")
        field.race.refit()
        best, kept = field.winner()
        self.brief.show(lambda: field.glance(None, self.pool.space), True)
        if kept:
            self._note("no candidate is surely better than the unchanged prompt, so that is kept")
        return SearchResult(
            trials=field.trials(),
            best=best,
            stopped_by=self.stopped or self.ended,
            instructions={name: template.text for name, template in self.pool.wordings.items()},
            notes=tuple(self.notes),
            answers=field.answers(),
        )
