"""What can be settled before the first call: the space and the prompt for each target, and what a run will take."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from optimizer.config import ModelSettings
from optimizer.connect import accepted, check_metrics, hosted_roles
from optimizer.data.split import Split, split_examples
from optimizer.habits import Habits, habits_of
from optimizer.models.providers.sunset import endings
from optimizer.planning.estimate import Estimate, estimate
from optimizer.planning.least import refuse_small_budget
from optimizer.planning.window import unfit
from optimizer.prompt import Prompt
from optimizer.search.compiles import check_programs, fit_for, too_few
from optimizer.search.study import check_names, check_suggestions
from optimizer.space import SearchSpace
from optimizer.space.check import faults, refuse_faults, scarce, without_faults
from optimizer.space.file import find_space
from optimizer.space.parameters import Capabilities, carried, fitted, offered, varied
from optimizer.space.parts import by_parts
from optimizer.task import Task

Accepted = Callable[[ModelSettings], frozenset[str] | None]


@dataclass(frozen=True)
class Fit:
    """The task for one target: the source's prompt with the parameters that it takes, and what can be varied."""

    habits: Habits
    prompt: Prompt
    space: SearchSpace
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Plan:
    """A task with all that can be settled before the first call. `fits`: of each target, in the task file's order."""

    task: Task
    parts: Split
    fits: tuple[Fit, ...]
    expected: Estimate

    @property
    def notes(self) -> tuple[str, ...]:
        """What was found in data and settings, which models end when, and what seems too much for a model; what the
        search makes of one target is in `fits`."""
        task = self.task
        # The proposer may go when the search is over; the others are needed again, to compare and to look for drift.
        lasting = ((role, s.model) for role, s in hosted_roles(task.settings) if role != "proposer")
        return (*task.notes, *self.parts.notes, *task.settings.warnings, *endings(lasting), *self._unfit())

    def _unfit(self) -> Iterator[str]:
        settings = self.task.settings
        if self.task.recorded is None:
            yield from unfit(self.task, "source", settings.source, self.task.prompt)
        for section, fit in zip(settings.targets, self.fits, strict=True):
            yield from unfit(self.task, "target", section, fit.prompt)


def plan(task: Task, *, strict: bool = False, accepted: Accepted = accepted) -> Plan:
    """Asks nothing. Raises what is wrong with the task: models, prices, space, sampler, metrics, objective, splits,
    budget.

    `strict` raises for a choice of the space that cannot be used as well; else it is lost, with a note.
    """
    parts = split_examples(
        task.examples, task.settings.split.fractions, seed=task.settings.split.seed, strata=task.strata
    )
    space, notes = _sound_space(task, strict=strict)
    check_metrics(task.settings, task.prompt.contract)
    task.settings.objective.build()
    check_names(task.settings.search.sampler, task.settings.search.pruner)
    check_programs(space)
    check_suggestions(space)
    notes = (*notes, *scarce(space, task.prompt, len(parts.train)), *_unheard(task, space))
    notes = (*notes, *too_few(space, task.prompt, task.settings.search.compile_calls))
    fits = tuple(_fit(task, section, space, notes, accepted) for section in task.settings.targets)
    expected = estimate(task, parts, space)
    refuse_small_budget(task, parts, expected)
    return Plan(task, parts, fits, expected)


def _sound_space(task: Task, *, strict: bool) -> tuple[SearchSpace, tuple[str, ...]]:
    name = task.settings.search.space
    space, unfit = by_parts(find_space(name, task.folder), task.prompt)
    if strict:
        refuse_faults(name, faults(space, task.prompt))
    fit, unused = fit_for(space, task.prompt)
    sound, lost = without_faults(fit, task.prompt)
    return sound, (*unfit, *unused, *lost)


def _unheard(task: Task, space: SearchSpace) -> Iterator[str]:
    if task.settings.search.advice and all(name.partition(".")[0] != "wording" for name in space.names):
        yield "search.advice is shown to nobody: no instructions are proposed in a space without `wording`"


def _fit(task: Task, section: ModelSettings, space: SearchSpace, lost: tuple[str, ...], accepted: Accepted) -> Fit:
    habits, source = habits_of(section.real_name, section.family), task.prompt.params
    # LiteLLM, which takes seconds to open, is asked only where there is a parameter or a tool to ask it about.
    asks = set(source) - set(section.params) or task.prompt.tools or varied(space, task.prompt)
    target = Capabilities(section.model, accepted(section) if asks else None, habits.drop_params)
    params, left = carried(source, section.params, target)
    tools, untold = offered(task.prompt.tools, target)
    prompt = replace(task.prompt, params=params, tools=tools)
    own, notes = fitted(space, prompt, target)
    return Fit(habits, prompt, own, (*lost, *left, *untold, *notes))
