"""What a run will take, reckoned before anything is asked.

Tokens are estimated at four bytes each; replies by the gold or recorded answers, where there are any. Dearer than it
turns out is the intention: candidates with many worked examples are counted at twice the prompt's length.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean

from optimizer.brief import Effort
from optimizer.config import ModelSettings
from optimizer.demos import as_text
from optimizer.enrich import LOOK
from optimizer.errors import ConfigError
from optimizer.models.meter import worst_case
from optimizer.pricing import price_of
from optimizer.programs.dspy.recipes import OPTIMIZERS
from optimizer.space import SearchSpace
from optimizer.split import Split
from optimizer.task import Task
from optimizer.types import Request

_BYTES = 4.0  # of UTF-8, a token
_REPLY = 150.0  # tokens of a free reply about which nothing is known
_GROWTH = 2.0  # a candidate's prompt against the unchanged one


@dataclass(frozen=True)
class Share:
    """Calls and dollars of one role."""

    calls: int
    dollars: float


@dataclass(frozen=True)
class Need:
    """What one target cannot do without: `confirm` calls at the end, and `first` calls to find a winner at all.

    `call`: dollars of one call. `worst`: dollars to spare, since a call goes out only where its worst case fits.
    """

    confirm: int
    first: int
    call: float
    worst: float

    @property
    def calls(self) -> int:
        return self.confirm + self.first

    @property
    def dollars(self) -> float:
        return self.calls * self.call + self.worst


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
    """Of a call with the unchanged prompt: mean tokens in and out, and the longest request."""

    read: int
    wrote: int
    longest: Request


def estimate(task: Task, parts: Split, space: SearchSpace) -> Estimate:
    """Calls and dollars to expect of `task`. Raises ConfigError for a model without a price."""
    settings, search, size = task.settings, task.settings.search, _size(task)
    programs = [OPTIMIZERS[str(name)] for name in space.choices("program") if name in OPTIMIZERS]
    compiled = Effort.compile_calls * sum(1 for recipe in programs if recipe.least)
    searched = search.trials * search.calls_per_trial + search.rounds * LOOK + compiled
    proposed = search.rounds + 10 * len(programs)
    first = max(4, -(-search.trials // search.rounds) // 2)  # the race's first batch is never larger
    needs, targets, proposers = [], [], []
    for section in settings.targets:
        need = _need(section, settings.source, size, 2 * len(parts.test), first)
        needs.append(need)
        grown = price_of(section).cost(int(_GROWTH * size.read), size.wrote)
        targets.append(Share(searched + need.confirm, searched * grown + need.confirm * need.call))
        writer = price_of(settings.proposer or section)
        proposers.append(Share(proposed, proposed * writer.cost(8 * size.read, 1500)))
    source = _source(task, parts, size)
    roles = {"source": source, "target": _sum(targets), "proposer": _sum(proposers)}
    if settings.judge and any(metric.name == "judge" for metric in settings.metrics):
        judged = roles["target"].calls + len(parts.train) + 2 * len(parts.test)
        roles["judge"] = Share(judged, judged * price_of(settings.judge).cost(size.read + 2 * size.wrote + 200, 60))
    return Estimate(roles, tuple(needs), _least(task, source, needs, size))


def refuse_small_budget(task: Task, expected: Estimate) -> None:
    """Raise ConfigError, before the first call, where not even baseline and confirmation can be paid for."""
    budget, least = task.settings.budget, expected.least
    way_out = "raise it, use fewer examples, or record the source's outputs (data.source)"
    if budget.calls is not None and budget.calls < least.calls:
        raise ConfigError(
            f"budget.calls: {budget.calls:,} is too small: baseline, confirmation and the least of a search take "
            f"{least.calls:,} calls; {way_out}"
        )
    if budget.dollars is not None and budget.dollars < least.dollars:
        raise ConfigError(
            f"budget.dollars: {budget.dollars:g} is too small: baseline, confirmation and the least of a search take "
            f"about ${least.dollars:.4g}; {way_out}, or state max_tokens in the models' params"
        )


def _source(task: Task, parts: Split, size: _Size) -> Share:
    """All examples once, and the held-out ones a second time."""
    calls = 0 if task.recorded else len(task.examples) + len(parts.test)
    return Share(calls, calls * price_of(task.settings.source).cost(size.read, size.wrote) if calls else 0.0)


def _need(section: ModelSettings, source: ModelSettings, size: _Size, confirm: int, first: int) -> Need:
    """Half of the confirmation's calls are with the unchanged prompt, half with a grown one."""
    price, params = price_of(section), {**source.params, **section.params}
    once, grown = price.cost(size.read, size.wrote), price.cost(int(_GROWTH * size.read), size.wrote)
    worst = worst_case(replace(size.longest, params=params), price) + grown - once
    return Need(confirm, first, (once + grown) / 2, worst)


def _least(task: Task, source: Share, needs: Sequence[Need], size: _Size) -> Share:
    after = sum(need.dollars for need in needs)
    spare = worst_case(size.longest, price_of(task.settings.source)) if source.calls else 0.0
    return Share(source.calls + sum(need.calls for need in needs), source.dollars + max(after, spare))


def _sum(shares: Sequence[Share]) -> Share:
    return Share(sum(share.calls for share in shares), sum(share.dollars for share in shares))


def _size(task: Task) -> _Size:
    asked = [task.prompt.render(example.inputs) for example in task.examples[:200]]
    lengths = [sum(_bytes(message.content) for message in request.messages) for request in asked]
    known = [_bytes(output.text) for output in (task.recorded or {}).values()]
    known = known or [_bytes(as_text(e.expected)) for e in task.examples if e.expected is not None]
    wrote = 1.3 * fmean(known) / _BYTES + 10 if known else _REPLY
    return _Size(int(fmean(lengths) / _BYTES), int(wrote), asked[lengths.index(max(lengths))])


def _bytes(text: str) -> int:
    return len(text.encode("utf-8", "replace"))
