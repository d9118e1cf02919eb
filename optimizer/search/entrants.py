"""Who takes part in a search, and how each of them stands by now."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Protocol

from optimizer.objective import Evaluation
from optimizer.prompt import Prompt
from optimizer.search.brief import Effort, Scale
from optimizer.search.pruning import Pruning, depth
from optimizer.search.race import Race
from optimizer.search.study import RACE
from optimizer.search.trial import Glance, Standing, Trial
from optimizer.search.twoway import Posterior
from optimizer.space import SearchSpace, Value
from optimizer.types import Output, Score

_TOLD = 200  # trials that Optuna is told of at most: each one slows every question down


class Allocation(Protocol):
    """Which candidate gets the next call: `race.Race`, or one of Optuna's pruners (`pruning.Pruning`)."""

    budget: float
    spent: float

    def join(self, factors: Mapping[str, Value], price: float = 1.0, z: float | None = None) -> int: ...

    def observe(self, candidate: int, example: int, value: float | None) -> None: ...

    def batch(self, upto: float) -> list[tuple[int, int]]: ...

    def posterior(self) -> Posterior: ...

    def refit(self) -> None: ...

    def kept(self) -> list[int]: ...


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


class Entrants:
    """The candidates, numbered as in the race that they run. Number 0 is the unchanged prompt."""

    def __init__(
        self, race: Allocation, scale: Scale, cost: Callable[[Prompt], float], sure: float = Effort.sure
    ) -> None:
        self.race, self.scale, self.sure = race, scale, sure
        self.candidates: list[Candidate] = []
        self._cost = cost
        self._prices: list[float] = []
        self._digests: set[str] = set()

    def __len__(self) -> int:
        return len(self.candidates)

    def __getitem__(self, number: int) -> Candidate:
        return self.candidates[number]

    def enter(self, number: int, params: Mapping[str, Value], prompt: Prompt, known: float | None = None) -> None:
        """A configuration joins in round `number`, unless it builds a prompt that takes part already.

        It pays the square root of what a call with it costs, the unchanged prompt's being 1: under a budget that is
        the share that tells dear and cheap candidates apart best. `known`: its worth by earlier targets.
        """
        if prompt.digest in self._digests:
            return
        self._digests.add(prompt.digest)
        unchanged = self._cost(self.candidates[0].prompt if self.candidates else prompt)
        self._prices.append(math.sqrt(self._cost(prompt) / unchanged) if unchanged > 0 else 1.0)
        place = self.race.join(params, self._prices[-1], known)
        self.candidates.append(Candidate(place, number, params, prompt))

    @property
    def usual_price(self) -> float:
        """Of a call that is bought next, on average."""
        return fmean(self._prices[candidate] for candidate in self.race.kept()) if self.candidates else 1.0

    def observe(self, number: int, place: int, output: Output, mark: Score) -> None:
        """An output that could not be had teaches nothing: it says nothing about the prompt."""
        if output.status == "failed":
            self.race.observe(number, place, None)
            return
        self.candidates[number].seen[place] = (output, mark)
        value = self.scale.objective.of(mark.value, output.cost, output.latency, self.scale.unit)
        self.race.observe(number, place, value)

    @property
    def values(self) -> list[float]:
        """The expected objective of every candidate."""
        return [float(value) for value in self.race.posterior().mean]

    def best(self) -> int:
        """The candidate with the highest expected objective among those that keep the constraints, if any does."""
        mean = self.race.posterior().mean
        seen = [c.number for c in self.candidates if c.seen]
        best = max(seen, key=mean.__getitem__, default=0)
        if not seen or self.allowed(self[best]):
            return best
        ranked = sorted(seen, key=lambda number: -mean[number])
        return next((number for number in ranked if self.allowed(self[number])), best)

    def allowed(self, candidate: Candidate) -> bool:
        return bool(candidate.seen) and all(check.met for check in self.scale.constraints.check(candidate.evaluation))

    def told(self) -> list[tuple[Mapping[str, Value], float]]:
        """What Optuna is told: candidates with their expected objective. Of very many the better half of those told
        are the best, the other half are spread evenly over the rest: a sampler needs both."""
        values = self.values
        ranked = sorted((c for c in self.candidates if c.seen), key=lambda c: -values[c.number])
        if len(ranked) > _TOLD:
            rest = ranked[_TOLD // 2 :]
            ranked = ranked[: _TOLD // 2] + [rest[i * len(rest) // (_TOLD // 2)] for i in range(_TOLD // 2)]
        return [(c.params, values[c.number]) for c in sorted(ranked, key=lambda c: c.number)]

    def told_apart(self, objectives: Sequence[str]) -> list[tuple[Mapping[str, Value], tuple[float, ...]]]:
        """The same with one value for each of several objectives: mean quality, and cost and latency in units of the
        source's, less of which is better."""
        chosen = {id(params) for params, _ in self.told()}
        return [(c.params, self._values(c, objectives)) for c in self.candidates if id(c.params) in chosen]

    def _values(self, candidate: Candidate, objectives: Sequence[str]) -> tuple[float, ...]:
        found, unit = candidate.evaluation, self.scale.unit
        values = {
            "quality": found.quality,
            "cost": -found.cost / (unit.cost or 1.0),
            "latency": -found.latency / (unit.latency or 1.0),
        }
        return tuple(values[name] for name in objectives)

    def newcomers(self, number: int) -> Sequence[Candidate]:
        return [c for c in self.candidates if c.round == number and c.seen]

    def winner(self) -> tuple[int, bool]:
        """Who is to be confirmed, and whether that is the unchanged prompt as none is surely enough better."""
        best = self.best()
        equal = self.allowed(self[0]) or not self.allowed(self[best])
        kept = best != 0 and equal and self.race.posterior().surely_better(best, 0) < self.sure
        return (0 if kept else best), kept

    def answers(self) -> dict[int, Evaluation]:
        """What every candidate that was measured answered."""
        return {candidate.number: candidate.evaluation for candidate in self.candidates if candidate.seen}

    def trials(self) -> tuple[Trial, ...]:
        values, going = self.values, set(self.race.kept())
        return tuple(_trial(c, values[c.number], c.number in going) for c in self.candidates)

    def glance(self, number: int | None, space: SearchSpace) -> Glance:
        """How the search stands in round `number`, or at its end. Those who entered before were told to the sampler.

        For when the race has just been asked: then it answers from memory, and decides as if nobody had looked.
        """
        values, kept = self.values, set(self.race.kept())
        standings = (
            Standing(
                c.number,
                going=number is not None and (not c.seen or (c.round == number and c.number in kept)),
                value=values[c.number] if c.seen else None,
                examples=len(c.seen),
            )
            for c in self.candidates
        )
        return Glance(
            tuple(standings),
            lambda n: _trial(self.candidates[n], values[n], n in kept),
            {name: space.choices(name) for name in space.names},
        )


def _trial(candidate: Candidate, value: float, going: bool) -> Trial:
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


def allocation(examples: int, budget: float, pruner: str) -> Allocation:
    """The race, or the pruner of Optuna that stands in for it. `budget`: calls at the unchanged prompt's price."""
    if pruner == RACE:
        return Race(examples, budget, anchor=0)
    return Pruning(depth(examples, budget), budget, pruner)
