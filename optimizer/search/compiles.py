"""Programs compiled by DSPy, bought for the search: those of the space in their round, others as it asks for them.

A compile is bought for an optimizer and its knobs. Each has its limit of calls, and those with other knobs than the
usual ones have a share of the search to live on. What is bought twice is remembered answers, and asks nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from optimizer.errors import BudgetExceeded, ModelError, SearchError
from optimizer.programs.dspy import OPTIMIZERS, Compiled, compile_prompt
from optimizer.programs.dspy.recipes import check, enough, recipe_of
from optimizer.prompt import Prompt
from optimizer.prompt.suite import Suite, calls_of
from optimizer.search.brief import Brief, Effort
from optimizer.search.pool import Pool, program_key
from optimizer.space import Choice, SearchSpace, Value
from optimizer.space.parts import news, place_of

_SHARE = 0.5  # calls for compiles with other knobs, as a part of the calls for the race


def check_programs(space: SearchSpace) -> None:
    """Raises ConfigError for an optimizer or a knob in the space that DSPy's do not have; opens nothing."""
    for name in space.choices("program"):
        if name != "plain":
            recipe_of(str(name))
    for optimizer, knob, values in _knobs(space):
        for value in values:
            check(optimizer, {} if value is None else {knob: value})


def fit_for(space: SearchSpace, prompt: Prompt) -> tuple[SearchSpace, tuple[str, ...]]:
    """The space without what no program of several prompts can use: rows of data, and the source's record, as examples
    of its predictors; and a note on what that is."""
    if not isinstance(prompt, Suite):
        return space, ()
    lost: set[tuple[str, Value]] = {("program", "labeled_few_shot")}
    for optimizer, knob, values in _knobs(space):
        if knob in ("teacher", "labeled") or optimizer == "labeled_few_shot":
            lost |= {(f"{optimizer}.{knob}", value) for value in values[1:]}
    named = [
        d.name if d.name != "program" else str(v) for d in space.dimensions for v in d.choices if (d.name, v) in lost
    ]
    why = "rows of data and the source's answers are no worked examples of a program's prompts"
    told = f"search space: {', '.join(dict.fromkeys(named))} left out: {why}"
    return space.without(lost), (told,) if named else ()


def too_few(space: SearchSpace, prompt: Prompt, compile_calls: int) -> Iterator[str]:
    """Which programs of the space will be lost, since they need more calls than one compile may take."""
    for name in map(str, space.choices("program")):
        if name in OPTIMIZERS:
            try:
                enough(name, prompt, calls_of(prompt) * compile_calls, check(name, {}))
            except SearchError as problem:
                yield f"search space: program={name!r} will be lost: it {problem}"


def extra_calls(space: SearchSpace, effort: Effort) -> int:
    """Answers that compiles with other knobs may take in all; none where the space has no knobs."""
    return int(_SHARE * effort.trials * effort.calls_per_trial) if list(_knobs(space)) else 0


def compile_planned(pool: Pool, brief: Brief, best: Prompt, number: int) -> Iterator[str]:
    """The optimizers of the space whose round it is, with their usual knobs; yields notes for the log."""
    for value in pool.space.choices("program"):
        name = str(value)
        if name in OPTIMIZERS and OPTIMIZERS[name].round == number:
            yield from guarded(name, lambda name=name: _compile(pool, brief, best, name, {}))  # type: ignore[misc]


def compile_asked(
    pool: Pool, brief: Brief, best: Callable[[], Prompt], number: int, params: Mapping[str, Value]
) -> Iterator[str]:
    """What a configuration asks for, unless it is there, or cannot be had; yields notes for the log.

    In the first round nothing is known that would be worth varying, nor of an optimizer that has failed.
    """
    variant = pool.space.build(pool.prompt, params)
    name, key = variant.program, program_key(variant.program, variant.knobs)
    if number == 0 or name not in pool.programs or key in pool.bought:
        return
    options = {knob.partition(".")[2]: value for knob, value in variant.knobs.items()}
    taken = sum(calls for bought, calls in pool.bought.items() if bought not in OPTIMIZERS)
    each = calls_of(pool.prompt)
    share = each * extra_calls(pool.space, brief.effort)
    if taken + each * brief.effort.compile_calls <= share:
        yield from guarded(key, lambda: _compile(pool, brief, best(), name, options))
    elif not pool.knobs_refused:
        pool.knobs_refused = True
        yield (
            f"{key} not bought, nor any other program with knobs turned: one may take "
            f"{each * brief.effort.compile_calls} calls, and of the {share} for such programs {taken} are used"
        )


def guarded(what: str, work: Callable[[], Iterator[str]]) -> Iterator[str]:
    """Its failure loses what it was to bring, not the run."""
    try:
        yield from work()
    except (SearchError, ModelError) as problem:
        yield f"{what} lost: {problem}"
    except BudgetExceeded as limit:
        yield f"{what} not bought: {limit}"


def _compile(pool: Pool, brief: Brief, best: Prompt, name: str, options: Mapping[str, Any]) -> Iterator[str]:
    effort, key = brief.effort, program_key(name, {f"{name}.{knob}": value for knob, value in options.items()})
    if reason := brief.afford(effort.compile_calls):
        raise BudgetExceeded(reason)
    limit = calls_of(best) * effort.compile_calls
    pool.bought[key] = limit  # unless it tells how many it took
    compiled = compile_prompt(
        name,
        best,
        brief.ground.train,
        brief.ground.references,
        model=brief.cast.target,
        proposer=brief.cast.proposer,
        metric=brief.scale.metric,
        seed=effort.seed,
        max_calls=limit,
        options=options,
    )
    pool.bought[key] = compiled.calls
    pool.programs[key] = compiled.prompt
    _share_out(pool, compiled, best, key)
    yield f"{key} compiled with {compiled.calls} calls"
    yield from (f"{key}: {note}" for note in compiled.notes)


def _share_out(pool: Pool, compiled: Compiled, before: Prompt, key: str) -> None:
    """What is new in a program is offered to the plain prompts, too: its instructions, and its worked examples."""
    for prefix, instructions, demos in news(compiled.prompt, before):
        name = f"{prefix}from_{key}"
        worded = place_of(name) in pool.space.names and instructions.segments
        if worded and instructions not in (pool.prompt.instructions, *pool.wordings.values()):
            pool.wordings[name] = instructions
        if demos and demos not in pool.sets.values():
            pool.sets[name] = demos


def _knobs(space: SearchSpace) -> Iterator[tuple[str, str, tuple[Value, ...]]]:
    for dimension in space.dimensions:
        if isinstance(dimension, Choice) and dimension.when and dimension.name.startswith(f"{dimension.when[1]}."):
            optimizer, _, knob = dimension.name.partition(".")
            yield optimizer, knob, dimension.choices
