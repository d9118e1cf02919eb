"""What a run will take, reckoned before anything is asked.

Tokens are estimated by length; replies by the gold or recorded answers, where there are any. What is expected is meant
to be met in the middle; what a stage cannot do without, and is held back for it, is rather too much than too little.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from optimizer.config import ModelSettings, Settings
from optimizer.config.scoring import judgements
from optimizer.data.split import Split
from optimizer.metrics.scrutiny import RATED, REPEATED
from optimizer.models.money.meter import worst_case
from optimizer.planning.course import Course, answered, courses, of_target
from optimizer.planning.sizes import Share, Size, size_of, summed, taking
from optimizer.pricing import price_of, price_of_vectors
from optimizer.space import SearchSpace
from optimizer.task import Task

_GROWTH = 2.0  # a candidate's prompt against the unchanged one, in what is held back for the confirmation
_SLACK = (0.85, 1.2)  # tokens are reckoned by length; models count them otherwise
_RUBRIC, _SENTENCE = 200, 60  # tokens that a judge reads beside the example and the two answers, and that it writes


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
    """`roles`: what each will take if the search runs its course; `low` and `high`: all of them together, where it ends
    as early as it can, and where nothing ends early. A budget may end it before.

    `needs` of each target in the order of the task file; `least`: baseline and all needs.
    """

    roles: Mapping[str, Share]
    needs: tuple[Need, ...]
    least: Share
    low: Share
    high: Share

    @property
    def total(self) -> Share:
        return summed(self.roles.values())

    @property
    def calls(self) -> int:
        return self.total.calls

    @property
    def dollars(self) -> float:
        return self.total.dollars

    def facts(self) -> dict[str, dict[str, float]]:
        """For those who look at a run from outside."""
        told = {"expected": self.total, "at_least": self.low, "at_most": self.high}
        return {name: {"calls": share.calls, "dollars": share.dollars} for name, share in told.items()}


def estimate(task: Task, parts: Split, space: SearchSpace) -> Estimate:
    """What to expect of `task`. Raises ConfigError for a model without a price."""
    size = size_of(task)
    held_out, judging = len(parts.test) * task.settings.decision.draws, _judging(task, parts, size)
    needs = [_need(task, section, size, held_out, judging) for section in task.settings.targets]
    ways = courses(task, parts, space, size)
    low, usual, high = (_roles(task, parts, size, course) for course in (ways.low, ways.usual, ways.high))
    least = _least(task, _source(task, parts, size, size.calls), needs, size)
    return Estimate(usual, tuple(needs), least, _loosely(low, _SLACK[0]), _loosely(high, _SLACK[1]))


def _roles(task: Task, parts: Split, size: Size, course: Course) -> dict[str, Share]:
    settings, judging = task.settings, _judging(task, parts, size)
    rating, vectors = _rating(settings, size), _vectors(settings, size)
    draws, trials = settings.decision.draws, settings.search.trials
    targets = [of_target(s, parts, size, course, draws=draws, trials=trials) for s in settings.targets]
    roles = {
        "source": _source(task, parts, size, course.each or size.asked),
        "target": summed(targets),
        "proposer": summed(_written(settings.proposer or s, size, course.written) for s in settings.targets),
    }
    held_out = draws * len(parts.test)
    found = [answered(s, parts, size, course, trials=trials) for s in settings.targets]
    scored = round(sum(found) + len(found) * course.met * held_out) + len(parts.train)
    if judging.calls:
        roles["judge"] = summed((judging, rating.times(scored)))
    if vectors.calls:
        roles["embedder"] = vectors.times(scored + (1 if task.recorded else 2) * held_out)
    return roles


def _written(writer: ModelSettings, size: Size, questions: int) -> Share:
    """Instructions, and what failed, are read; a few new instructions are written."""
    read, wrote = int(2.5 * size.read), max(800, size.read - size.shot)
    return Share(questions, questions * price_of(writer).cost(read, wrote), questions * read, questions * wrote)


def _loosely(roles: Mapping[str, Share], slack: float) -> Share:
    total = summed(roles.values())
    return replace(total.times(slack), calls=total.calls)


def _source(task: Task, parts: Split, size: Size, each: float) -> Share:
    """All examples once, and the held-out ones once more than they are drawn."""
    answers = 0 if task.recorded else len(task.examples) + task.settings.decision.draws * len(parts.test)
    return taking(task.settings.source, size, answers, each=each) if answers else Share(0, 0.0)


def _judging(task: Task, parts: Split, size: Size) -> Share:
    """The judge's ratings of the source's held-out answers, and those by which it is itself looked into: of each target
    some once more, and what people rated. None where no metric asks it."""
    rating = _rating(task.settings, size)
    again = len(task.settings.targets) * min(REPEATED, len(parts.test))
    draws = 1 if task.recorded else 1 + task.settings.decision.draws
    answers = draws * len(parts.test) + again + min(RATED, len(task.rated.rows))
    return rating.times(answers)


def _need(task: Task, section: ModelSettings, size: Size, held_out: int, judging: Share) -> Need:
    """Half of the confirmation's calls are with the unchanged prompt, half with a grown one."""
    settings, search = task.settings, task.settings.search
    once, grown = _once(section, size), _once(section, size, _GROWTH)
    rating, vectors = _rating(settings, size), _vectors(settings, size)
    each, answer = size.calls + rating.calls + vectors.calls, (once + grown) / 2 + rating.dollars + vectors.dollars
    request = replace(size.longest, params={**settings.source.params, **section.params})
    confirm = Share(2 * held_out * each + judging.calls, 2 * held_out * answer + judging.dollars)
    first = max(4, -(-search.trials // search.rounds) // 2)  # the race's first batch is never larger
    return Need(confirm, first, answer, worst_case(request, price_of(section)) + grown - once, each)


def _least(task: Task, source: Share, needs: Sequence[Need], size: Size) -> Share:
    after = sum(need.dollars for need in needs)
    spare = worst_case(size.longest, price_of(task.settings.source)) if source.calls else 0.0
    return Share(source.calls + sum(need.calls for need in needs), source.dollars + max(after, spare))


def _once(section: ModelSettings, size: Size, growth: float = 1.0) -> float:
    """Dollars of one answer."""
    return size.calls * price_of(section).cost(int(growth * size.read), size.wrote)


def _rating(settings: Settings, size: Size) -> Share:
    """What judging one answer takes: rubric, input, reference and answer are read, a sentence is written."""
    calls, read = judgements(settings.metrics), size.read + 2 * size.wrote + _RUBRIC
    once = sum(price_of(judge).cost(read, _SENTENCE) for judge in settings.panel)
    asked = calls * len(settings.panel)
    return Share(asked, calls * once, asked * read, asked * _SENTENCE)


def _vectors(settings: Settings, size: Size) -> Share:
    """The answer's vector and the right one's, where a metric compares them."""
    if not settings.embedder or all(metric.name != "embedding_similarity" for metric in settings.metrics):
        return Share(0, 0.0)
    return Share(2, 2 * price_of_vectors(settings.embedder).cost(size.wrote, 0), 2 * size.wrote)
