"""What a run will take, estimated before anything is asked.

Tokens are estimated by length; replies by the gold or recorded answers, if there are any. The expected amounts aim at
the middle; what is held back for a stage errs on the high side.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from optimizer.config import ModelSettings
from optimizer.config.scoring import judgements
from optimizer.data.split import Split
from optimizer.metrics.judges.scrutiny import RATED, REPEATED
from optimizer.models.money.meter import worst_case
from optimizer.models.money.prices import A_DOLLAR_A_TOKEN, tokens
from optimizer.planning.labels import known_before
from optimizer.planning.probed import asked_apart, is_probed, once
from optimizer.planning.scenarios import Scenario, scenarios
from optimizer.planning.sizes import Usage, size_of, summed
from optimizer.pricing import price_of, price_of_vectors
from optimizer.space import SearchSpace
from optimizer.task import Task

_GROWTH = 2.0  # a candidate's prompt against the unchanged one, in what is held back for the confirmation
_SLACK = (0.85, 1.2)  # tokens are estimated by length; models count them otherwise
_RUBRIC, _SENTENCE = 200, 60  # tokens that a judge reads beside the example and the two answers, and that it writes
_NOTHING = Usage(0, 0.0)


@dataclass(frozen=True)
class Need:
    """What one target cannot do without: `confirm` at the end, and before it `first` answers to find a winner at all.

    `answer`: one answer and its scoring, which may ask a judge and an embedder. `worst`: dollars to spare in each of
    the two stages, since a call goes out only if its worst case fits; `worst_tokens` likewise.
    """

    confirm: Usage
    first: int
    answer: Usage
    worst: float
    worst_tokens: int = 0

    @property
    def calls(self) -> int:
        return self.confirm.calls + self.first * self.answer.calls

    @property
    def dollars(self) -> float:
        return self.confirm.dollars + self.first * self.answer.dollars + 2 * self.worst

    @property
    def tokens(self) -> int:
        return self.confirm.tokens + self.first * self.answer.tokens + 2 * self.worst_tokens


class Least(NamedTuple):
    """The smallest budget with which a run can come to a verdict."""

    calls: int
    dollars: float
    tokens: int


@dataclass(frozen=True)
class Estimate:
    """`roles`: what each is expected to take; `low` and `high`: what all take together if the search ends as early as
    it can, and if nothing ends early. A budget may end it before.

    `needs`: of each target, in the order of the task file; `least`: baseline and all needs. `tries_writer`: the
    proposer is asked a question of its own before the source, if the budget has more than the least.
    """

    roles: Mapping[str, Usage]
    needs: tuple[Need, ...]
    least: Least
    low: Usage
    high: Usage
    tries_writer: bool = False

    @property
    def total(self) -> Usage:
        return summed(self.roles.values())

    @property
    def calls(self) -> int:
        return self.total.calls

    @property
    def dollars(self) -> float:
        return self.total.dollars

    def facts(self) -> dict[str, dict[str, float]]:
        """For status.json."""
        usages = {"expected": self.total, "at_least": self.low, "at_most": self.high}
        return {name: {"calls": usage.calls, "dollars": usage.dollars} for name, usage in usages.items()}


def estimate(task: Task, parts: Split, space: SearchSpace) -> Estimate:
    """What to expect of `task`. Raises ConfigError for a model without a price."""
    run = _Run(task, parts, space)
    low, high = (summed(run.roles(way).values()) for way in (run.ways.low, run.ways.high))
    needs = tuple(run.need(section) for section in task.settings.targets)
    return Estimate(
        run.roles(run.ways.usual),
        needs,
        run.least(needs),
        _with_slack(low, _SLACK[0]),
        _with_slack(high, _SLACK[1]),
        tries_writer=run.writer is not None,
    )


def _with_slack(usage: Usage, factor: float) -> Usage:
    return replace(usage.times(factor), calls=usage.calls)


class _Run:
    """A run of the task, whose stages take what follows from the sizes of its requests."""

    def __init__(self, task: Task, parts: Split, space: SearchSpace) -> None:
        self.task, self.settings = task, task.settings
        self.size = size_of(task)
        self.ways = scenarios(task, parts, space, self.size)
        apart = asked_apart(task.settings, recorded=task.recorded is not None)
        self.writer = apart if self.ways.usual.questions else None
        self.train, self.test = len(parts.train), len(parts.test)
        self.draws = task.settings.decision.draws
        self.held_out = self.draws * self.test
        self.rating, self.vectors = self._rating(), self._vectors()
        self.judging = self._judging()
        self.known = known_before(task, parts.validation)

    def roles(self, way: Scenario) -> dict[str, Usage]:
        settings, size = self.settings, self.size
        roles = {
            "source": self._source(way.each or size.fresh),
            "target": summed((*(way.of_target(section, size) for section in settings.targets), *self._probes())),
            "proposer": summed(
                (self._ready(), *(self._proposer(settings.proposer or s, way) for s in settings.targets))
            ),
        }
        answers = [way.searched(section, size) for section in settings.targets]
        scored = round(sum(answers) + len(answers) * way.confirmed * self.held_out) + self.train
        if self.judging.calls:
            roles["judge"] = summed((self.judging, self.rating.times(scored)))
        if self.vectors.calls:
            roles["embedder"] = self.vectors.times(scored + (1 if self.task.recorded else 2) * self.held_out)
        return roles

    def need(self, section: ModelSettings) -> Need:
        """Half of the confirmation's calls are with the unchanged prompt, half with a longer one."""
        size, search = self.size, self.settings.search
        once, grown = (size.usage(section, 1, growth=growth, each=size.calls) for growth in (1.0, _GROWTH))
        answer = summed((summed((once, grown)).times(0.5), self.rating, self.vectors))
        request = replace(size.longest, params={**self.settings.source.params, **section.params})
        return Need(
            confirm=summed((answer.times(2 * self.held_out), self.judging)),
            # The race's first batch is never larger.
            first=max(4, -(-search.trials // search.rounds) // 2) + self._probed_apart(section),
            answer=answer,
            worst=worst_case(request, price_of(section)) + grown.dollars - once.dollars,
            worst_tokens=math.ceil(worst_case(request, A_DOLLAR_A_TOKEN)) + grown.tokens - once.tokens,
        )

    def _probes(self) -> list[Usage]:
        """What a run asks its targets before the source, beyond what a search asks anyway."""
        return [
            self.size.usage(section, 1, each=self.size.calls)
            for section in self.settings.targets
            if self._probed_apart(section)
        ]

    def _ready(self) -> Usage:
        """What the proposer is asked before the source."""
        return once(self.writer) if self.writer else _NOTHING

    def _probed_apart(self, section: ModelSettings) -> bool:
        """May the search begin with another example than the probe, as the source's answers tell examples apart?"""
        return is_probed(section) and not self.known

    def least(self, needs: Sequence[Need]) -> Least:
        source, longest = self._source(self.size.calls), self.size.longest
        spare = worst_case(longest, price_of(self.settings.source)) if source.calls else 0.0
        spare_tokens = math.ceil(worst_case(longest, A_DOLLAR_A_TOKEN)) if source.calls else 0
        return Least(
            source.calls + sum(need.calls for need in needs),
            source.dollars + max(sum(need.dollars for need in needs), spare),
            source.tokens + max(sum(need.tokens for need in needs), spare_tokens),
        )

    def _source(self, each: float) -> Usage:
        """All examples once, and the held-out ones once more than the task draws them."""
        if self.task.recorded:
            return _NOTHING
        return self.size.usage(self.settings.source, len(self.task.examples) + self.held_out, each=each)

    def _proposer(self, writer: ModelSettings, way: Scenario) -> Usage:
        """Instructions and failures are read, and the experts' advice; a few new instructions are written."""
        read, wrote = int(2.5 * self.size.read), max(800, self.size.read - self.size.demo)
        told = way.proposals * int(tokens(self.settings.search.advice or ""))
        price = price_of(writer)
        dollars = way.questions * price.cost(read, wrote) + price.cost(told, 0) - price.call
        return Usage(way.questions, dollars, way.questions * read + told, way.questions * wrote)

    def _judging(self) -> Usage:
        """Ratings of the source's held-out answers, and those that check the judge: of each target some once more, and
        what people rated. None if no metric asks a judge."""
        again = len(self.settings.targets) * min(REPEATED, self.test)
        draws = 1 if self.task.recorded else 1 + self.draws
        return self.rating.times(draws * self.test + again + min(RATED, len(self.task.rated.rows)))

    def _rating(self) -> Usage:
        """Of one answer: rubric, input, reference and answer are read, a sentence is written."""
        panel, calls = self.settings.panel, judgements(self.settings.metrics)
        read = self.size.read + 2 * self.size.wrote + _RUBRIC
        once = sum(price_of(judge).cost(read, _SENTENCE) for judge in panel)
        asked = calls * len(panel)
        return Usage(asked, calls * once, asked * read, asked * _SENTENCE)

    def _vectors(self) -> Usage:
        """The vectors of one answer and of the right one, if a metric compares them."""
        embedder, wrote = self.settings.embedder, self.size.wrote
        if not embedder or all(metric.name != "embedding_similarity" for metric in self.settings.metrics):
            return _NOTHING
        return Usage(2, 2 * price_of_vectors(embedder).cost(wrote, 0), 2 * wrote)
