"""The methods that need no package of others: this project's search, random search, and the unchanged prompt."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.peers.gate import Gate
from benchmarks.peers.subjects import Subject
from optimizer.config import ModelSettings
from optimizer.connect import provider
from optimizer.data.split import split_examples
from optimizer.errors import ModelError, SearchError
from optimizer.evaluate import record
from optimizer.habits import habits_of
from optimizer.models import Model
from optimizer.models.money.meter import Metered, Purse
from optimizer.models.money.prices import Price
from optimizer.models.stores.cache import Cached, CallStore
from optimizer.objective import Constraints, Objective, Unit
from optimizer.offline.personas import PRICES
from optimizer.programs.prompted import PromptProgram
from optimizer.prompt import Prompt
from optimizer.search.brief import Brief, Cast, Effort, Ground, Scale
from optimizer.search.failures import LOOK
from optimizer.search.loop import search
from optimizer.search.pool import Pool
from optimizer.search.propose import Failure, propose
from optimizer.search.study import ask
from optimizer.space import SearchSpace, Value
from optimizer.space.demos import choices_in, good_shots
from optimizer.types import Output, as_text
from search_spaces import STANDARD

FRACTIONS = (0.4, 0.6, 0.0)  # train, validation; the test part of a migration is not part of the search


@dataclass(frozen=True)
class Won:
    """The final prompt, and a line on how it came about."""

    prompt: Prompt
    note: str = ""


@dataclass(frozen=True)
class Place:
    """All that a search of ours works with; models are asked through the gate."""

    ground: Ground
    scale: Scale
    cast: Cast
    purse: Purse  # the target's

    def afford(self, calls: int) -> str | None:
        return None if self.purse.affords(calls=calls) else "the calls are used"

    def left(self) -> float:
        return self.purse.left().calls or 0


def unchanged(subject: Subject, gate: Gate, seed: int, weight: float) -> Won:
    del gate, seed, weight
    return Won(subject.prompt)


def ours(subject: Subject, gate: Gate, seed: int, weight: float) -> Won:
    with TemporaryDirectory() as folder, CallStore(Path(folder) / "calls.sqlite") as store:
        place = _place(subject, gate, store, seed, weight)
        effort = effort_of(gate.calls, seed)
        brief = Brief(place.ground, place.scale, place.cast, effort, place.afford, place.left)
        found = search(subject.prompt, STANDARD, brief)
    params = {name: value for name, value in found.winner.params.items() if value != STANDARD.unchanged.get(name)}
    return Won(
        found.winner.prompt, f"{params}; {len(found.trials)} trials, {found.stopped_by}; {'; '.join(found.notes)}"
    )


def effort_of(calls: int, seed: int) -> Effort:
    """As many trials as the calls pay for at the usual twelve a trial; what is left goes to telling the best apart.

    Looks at failures and compiled programs are paid from the same calls: an eighth of them for a program at most.
    """
    trials = max(8, min(Effort.trials, calls // Effort.calls_per_trial))
    rounds = 4 if calls >= 600 else 3 if calls >= 300 else 2 if calls >= 150 else 1
    return Effort(
        trials,
        rounds,
        max(Effort.calls_per_trial, calls // trials),
        compile_calls=max(20, calls // 8),
        sure=0.5,  # like its peers, it takes whatever seems best; who migrates keeps the prompt unless one surely is
        seed=seed,
    )


def random_search(subject: Subject, gate: Gate, seed: int, weight: float) -> Won:
    """Configurations drawn from the standard space, each on all validation rows; the proposer is asked once, as in a
    first round of ours, so that rewritten instructions are among what is drawn."""
    with TemporaryDirectory() as folder, CallStore(Path(folder) / "calls.sqlite") as store:
        place = _place(subject, gate, store, seed, weight)
        pool = first_pool(subject, place, seed)
        best: tuple[float, Prompt, Mapping[str, Value]] = (-1.0, subject.prompt, {})
        for params in [STANDARD.unchanged, *ask(pool.offered(), [], 200, sampler="random", seed=seed)]:
            prompt = pool.build(params)
            if place.afford(len(place.ground.validation)):
                break
            value = _value(place, prompt)
            if value > best[0]:
                best = (value, prompt, params)
    return Won(best[1], str(dict(best[2])))


def first_pool(subject: Subject, place: Place | Brief, seed: int, space: SearchSpace = STANDARD) -> Pool:
    """What can be built after one look at the target and one question to the proposer."""
    ground = place.ground
    answers = [ground.references[example.id] for example in ground.train]
    marked = place.scale.score(ground.train, answers, ground.references)
    shots = good_shots(ground.train, marked, ground.labels, subject.prompt.contract)
    pool = Pool(subject.prompt, space, shots, seed)
    looked = ground.train[:LOOK]
    outputs = record(PromptProgram(subject.prompt), place.cast.target, looked)
    scored = place.scale.score(looked, outputs, ground.references)
    failures = [
        Failure(as_text(dict(example.inputs)), as_text(example.expected), output.text, mark.feedback)
        for example, output, mark in zip(looked, outputs, scored.scores, strict=True)
        if mark.value < 1
    ]
    try:
        written = propose(
            subject.prompt,
            proposer=place.cast.proposer,
            habits=place.cast.habits,
            failures=failures,
            examples=[(shot.text, shot.reply) for shot in shots[:4]],
            seed=seed,
        )
    except (SearchError, ModelError):
        written = ()
    pool.wordings |= {f"w{n}": one.instructions for n, one in enumerate(written) if not one.refused}
    return pool


def _value(place: Place, prompt: Prompt) -> float:
    rows = place.ground.validation
    outputs = record(PromptProgram(prompt), place.cast.target, rows)
    return place.scale.objective(place.scale.score(rows, outputs, place.ground.references), place.scale.unit)


def _place(subject: Subject, gate: Gate, store: CallStore, seed: int, weight: float) -> Place:
    parts = split_examples(subject.rows, FRACTIONS, seed=seed, strata=_labels(subject))
    purse, free = Purse(calls=gate.calls), Purse()
    source = _model(subject.source, "source", gate, store, free)
    references = _references(subject, source)
    cast = Cast(
        _model(subject.target, "target", gate, store, purse),
        _model(subject.proposer, "proposer", gate, store, free),
        habits_of(f"offline/{subject.target}"),
    )
    objective = Objective(cost=weight)
    scale = Scale(subject.metric, objective, Constraints(), Unit.of(list(references.values())))
    return Place(Ground(parts.train, parts.validation, references, _labels(subject)), scale, cast, purse)


def _labels(subject: Subject) -> Mapping[str, str]:
    return {example.id: choices_in(example.expected, subject.prompt.contract) for example in subject.rows}


def _references(subject: Subject, source: Model) -> Mapping[str, Output]:
    """What the source answers: on record before a migration begins."""
    return {out.example_id: out for out in record(PromptProgram(subject.prompt), source, subject.rows)}


def _model(name: str, role: str, gate: Gate, store: CallStore, purse: Purse) -> Model:
    price: Price = PRICES[f"offline/{name}"]
    section = ModelSettings.model_validate(
        {
            "model": f"openai/{name}",
            "api_base": gate.url(role),
            "price": {"input": price.input, "output": price.output},
            "latency": "provider",
        }
    )
    return Metered(Cached(provider(section), store, price), purse, role, price)


METHODS: Mapping[str, Callable[[Subject, Gate, int, float], Won]] = {
    "ours": ours,
    "random": random_search,
    "unchanged": unchanged,
}
