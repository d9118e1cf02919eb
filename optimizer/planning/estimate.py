"""What a run will take, reckoned before anything is asked.

Tokens are estimated by length; replies by the gold or recorded answers, where there are any. Dearer than it
turns out is the intention: candidates with many worked examples are counted at twice the prompt's length.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean

from optimizer.config import ModelSettings, Settings
from optimizer.config.scoring import judgements
from optimizer.data.split import Split
from optimizer.metrics.scrutiny import RATED, REPEATED
from optimizer.models.meter import worst_case
from optimizer.models.prices import tokens
from optimizer.pricing import price_of, price_of_vectors
from optimizer.programs.dspy.recipes import OPTIMIZERS
from optimizer.prompt.suite import calls_of
from optimizer.search.brief import Effort
from optimizer.search.compiles import extra_calls
from optimizer.search.enrich import LOOK
from optimizer.space import SearchSpace
from optimizer.space.demos import as_text
from optimizer.task import Task
from optimizer.types import Request

_REPLY = 150.0  # tokens of a free reply about which nothing is known
_GROWTH = 2.0  # a candidate's prompt against the unchanged one


@dataclass(frozen=True)
class Share:
    """Calls and dollars of one role."""

    calls: int
    dollars: float


@dataclass(frozen=True)
class Need:
    """What one target cannot do without: `confirm` at the end, and `first` answers to find a winner at all.

    An answer that is scored takes `each` calls (a second one where a judge rates it) and `answer` dollars. `worst`:
    dollars to spare at each of both stages, since a call goes out only where its worst case fits.
    """

    confirm: Share
    first: int
    answer: float
    worst: float
    each: int = 1

    @property
    def calls(self) -> int:
        return self.confirm.calls + self.first * self.each

    @property
    def dollars(self) -> float:
        return self.confirm.dollars + self.first * self.answer + 2 * self.worst


@dataclass(frozen=True)
class Estimate:
    """By role; `needs` of each target in the order of the task file; `least`: baseline and all needs."""

    roles: Mapping[str, Share]
    needs: tuple[Need, ...]
    least: Share

    @property
    def calls(self) -> int:
        return sum(share.calls for share in self.roles.values())

    @property
    def dollars(self) -> float:
        return sum(share.dollars for share in self.roles.values())


@dataclass(frozen=True)
class _Size:
    """Of a call with the unchanged prompt: mean tokens in and out, and the longest request.

    `calls`: of one answer. A program of several prompts is reckoned as if each of its calls showed all of them.
    """

    read: int
    wrote: int
    longest: Request
    calls: int = 1


def estimate(task: Task, parts: Split, space: SearchSpace) -> Estimate:
    """Calls and dollars to expect of `task`. Raises ConfigError for a model without a price."""
    settings, search, size = task.settings, task.settings.search, _size(task)
    programs = [OPTIMIZERS[str(name)] for name in space.choices("program") if name in OPTIMIZERS]
    effort = Effort(trials=search.trials, calls_per_trial=search.calls_per_trial)
    compiled = Effort.compile_calls * sum(1 for recipe in programs if recipe.least) + extra_calls(space, effort)
    raced, learned = search.trials * search.calls_per_trial, search.rounds * LOOK + compiled
    proposed = search.rounds + 10 * len(programs)
    targets, proposers, held_out = [], [], len(parts.test) * settings.decision.draws
    for section in settings.targets:
        once, grown = _once(section, size), _once(section, size, _GROWTH)
        dollars = raced * math.sqrt(once * grown) + learned * grown + held_out * (once + grown)  # see `entrants`
        targets.append(Share((raced + learned + 2 * held_out) * size.calls, dollars))
        writer = price_of(settings.proposer or section)
        proposers.append(Share(proposed, proposed * writer.cost(8 * size.read, 1500)))
    source, judging = _source(task, parts, size), _judging(task, parts, size)
    rating, vectors = _rating(settings, size), _vectors(settings, size)
    needs = [_need(task, section, size, held_out, judging) for section in settings.targets]
    roles = {"source": source, "target": _sum(targets), "proposer": _sum(proposers)}
    scored = sum(share.calls for share in targets) // size.calls + len(parts.train)
    if judging.calls:
        roles["judge"] = Share(judging.calls + scored * rating.calls, judging.dollars + scored * rating.dollars)
    if vectors.calls:
        scored += (1 if task.recorded else 2) * held_out
        roles["embedder"] = Share(scored * vectors.calls, scored * vectors.dollars)
    return Estimate(roles, tuple(needs), _least(task, source, needs, size))


def _source(task: Task, parts: Split, size: _Size) -> Share:
    """All examples once, and the held-out ones once more than they are drawn."""
    answers = 0 if task.recorded else len(task.examples) + task.settings.decision.draws * len(parts.test)
    return Share(answers * size.calls, answers * _once(task.settings.source, size) if answers else 0.0)


def _judging(task: Task, parts: Split, size: _Size) -> Share:
    """The judge's ratings of the source's held-out answers, and those by which it is itself looked into: of each target
    some once more, and what people rated. None where no metric asks it."""
    rating = _rating(task.settings, size)
    again = len(task.settings.targets) * min(REPEATED, len(parts.test))
    draws = 1 if task.recorded else 1 + task.settings.decision.draws
    answers = draws * len(parts.test) + again + min(RATED, len(task.rated.rows))
    return Share(answers * rating.calls, answers * rating.dollars)


def _need(task: Task, section: ModelSettings, size: _Size, held_out: int, judging: Share) -> Need:
    """Half of the confirmation's calls are with the unchanged prompt, half with a grown one."""
    settings, search = task.settings, task.settings.search
    once, grown = _once(section, size), _once(section, size, _GROWTH)
    rating, vectors = _rating(settings, size), _vectors(settings, size)
    each, answer = size.calls + rating.calls + vectors.calls, (once + grown) / 2 + rating.dollars + vectors.dollars
    request = replace(size.longest, params={**settings.source.params, **section.params})
    confirm = Share(2 * held_out * each + judging.calls, 2 * held_out * answer + judging.dollars)
    first = max(4, -(-search.trials // search.rounds) // 2)  # the race's first batch is never larger
    return Need(confirm, first, answer, worst_case(request, price_of(section)) + grown - once, each)


def _least(task: Task, source: Share, needs: Sequence[Need], size: _Size) -> Share:
    after = sum(need.dollars for need in needs)
    spare = worst_case(size.longest, price_of(task.settings.source)) if source.calls else 0.0
    return Share(source.calls + sum(need.calls for need in needs), source.dollars + max(after, spare))


def _once(section: ModelSettings, size: _Size, growth: float = 1.0) -> float:
    """Dollars of one answer."""
    return size.calls * price_of(section).cost(int(growth * size.read), size.wrote)


def _rating(settings: Settings, size: _Size) -> Share:
    """What judging one answer takes: rubric, input, reference and answer are read, a sentence is written."""
    calls = judgements(settings.metrics)
    once = sum(price_of(judge).cost(size.read + 2 * size.wrote + 200, 60) for judge in settings.panel)
    return Share(calls * len(settings.panel), calls * once)


def _vectors(settings: Settings, size: _Size) -> Share:
    """The answer's vector and the right one's, where a metric compares them."""
    if not settings.embedder or all(metric.name != "embedding_similarity" for metric in settings.metrics):
        return Share(0, 0.0)
    return Share(2, 2 * price_of_vectors(settings.embedder).cost(size.wrote, 0))


def _sum(shares: Sequence[Share]) -> Share:
    return Share(sum(share.calls for share in shares), sum(share.dollars for share in shares))


def _size(task: Task) -> _Size:
    asked = [task.prompt.render(example.inputs) for example in task.examples[:200]]
    lengths = [sum(map(tokens, request.texts)) for request in asked]
    known = [tokens(output.text) for output in (task.recorded or {}).values()]
    known = known or [tokens(as_text(e.expected)) for e in task.examples if e.expected is not None]
    wrote = 1.3 * fmean(known) + 10 if known else _REPLY
    return _Size(int(fmean(lengths)), int(wrote), asked[lengths.index(max(lengths))], calls_of(task.prompt))
