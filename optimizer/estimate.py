"""What a run will take, reckoned before anything is asked.

Tokens are estimated at four characters each; replies by the gold or recorded answers, where there are any. Dearer
than it turns out is the intention: candidates with many worked examples are counted at twice the prompt's length.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import fmean

from optimizer.errors import BudgetExceeded
from optimizer.pricing import price_of
from optimizer.programs.dspy.recipes import OPTIMIZERS
from optimizer.space import SearchSpace
from optimizer.split import Split
from optimizer.task import Task

_CHARS = 4.0  # characters a token
_REPLY = 150.0  # tokens of a free reply about which nothing is known
_COMPILE = 150  # calls of one DSPy optimizer, at the most
_GROWTH = 2.0  # a candidate's prompt against the unchanged one


@dataclass(frozen=True)
class Share:
    """Calls and dollars of one role."""

    calls: int
    dollars: float


@dataclass(frozen=True)
class Estimate:
    """By role, and what the baseline and the confirmation need at the least."""

    roles: Mapping[str, Share]
    least: Share
    confirmation: Share  # of one target

    @property
    def calls(self) -> int:
        return sum(share.calls for share in self.roles.values())

    @property
    def dollars(self) -> float:
        return sum(share.dollars for share in self.roles.values())


def estimate(task: Task, parts: Split, space: SearchSpace) -> Estimate:
    """Calls and dollars to expect of `task`. Raises ConfigError for a model without a price."""
    settings, search = task.settings, task.settings.search
    read, wrote = _tokens(task)
    asked_again = 0 if task.recorded else len(parts.test)
    source_calls = 0 if task.recorded else len(task.examples) + asked_again
    source = Share(source_calls, source_calls * price_of(settings.source).cost(int(read), int(wrote)))
    programs = [OPTIMIZERS[str(name)] for name in space.choices("program") if name in OPTIMIZERS]
    search_calls = search.trials * search.calls_per_trial + sum(_COMPILE for recipe in programs if recipe.least)
    proposing = search.rounds + 10 * len(programs)
    targets, proposers, confirmation, meetings = [], [], Share(0, 0.0), 2 * len(parts.test)
    for section in settings.targets:
        price = price_of(section)
        once = price.cost(int(read), int(wrote))
        grown = price.cost(int(_GROWTH * read), int(wrote))
        meeting = Share(meetings, meetings / 2 * (once + grown))
        confirmation = max(confirmation, meeting, key=lambda share: share.dollars)
        targets.append(Share(search_calls + meetings, search_calls * grown + meeting.dollars))
        writer = price_of(settings.proposer or section)
        proposers.append(Share(proposing, proposing * writer.cost(int(8 * read), 1500)))
    least = [source, *(Share(meetings, meetings * price_of(s).cost(int(read), int(wrote))) for s in settings.targets)]
    roles = {"source": source, "target": _sum(targets), "proposer": _sum(proposers)}
    return Estimate(roles, _sum(least), confirmation)


def refuse_small_budget(task: Task, expected: Estimate) -> None:
    """Raise BudgetExceeded, before the first call, where not even baseline and confirmation can be paid for."""
    budget, least = task.settings.budget, expected.least
    if budget.calls is not None and budget.calls < least.calls:
        raise BudgetExceeded(
            f"budget.calls: {budget.calls:,} is too small: baseline and confirmation alone take {least.calls:,} calls; "
            "raise it, use fewer examples, or record the source's outputs"
        )
    if budget.dollars is not None and budget.dollars < least.dollars:
        raise BudgetExceeded(
            f"budget.dollars: {budget.dollars:g} is too small: baseline and confirmation alone take about "
            f"${least.dollars:.2f}; raise it, use fewer examples, or record the source's outputs"
        )


def _sum(shares: list[Share]) -> Share:
    return Share(sum(share.calls for share in shares), sum(share.dollars for share in shares))


def _tokens(task: Task) -> tuple[float, float]:
    """Mean input and output tokens of a call with the unchanged prompt."""
    asked = [task.prompt.render(example.inputs) for example in task.examples[:200]]
    read = fmean(sum(len(message.content) for message in request.messages) / _CHARS for request in asked)
    known = [len(output.text) for output in (task.recorded or {}).values()]
    known = known or [len(json.dumps(e.expected)) for e in task.examples if e.expected is not None]
    return read, 1.3 * fmean(known) / _CHARS + 10 if known else _REPLY
