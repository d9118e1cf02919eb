"""How far a target's search and confirmation may go: as briefly as they can end, as they mostly go, and to the end.

What mostly happens was measured on the worked examples (`python -m benchmarks.estimates`): which share of its limit a
compile takes, how many worked examples the prompts show that are raced, how often the best prompt is another one when
failures are looked for.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from statistics import fmean

from optimizer.config import ModelSettings
from optimizer.data.split import Split
from optimizer.planning.sizes import Share, Size, summed, taking
from optimizer.pricing import price_of
from optimizer.programs.dspy.recipes import OPTIMIZERS
from optimizer.prompt.suite import Suite
from optimizer.search.brief import Effort
from optimizer.search.compiles import extra_calls
from optimizer.search.failures import LOOK
from optimizer.space import SearchSpace
from optimizer.task import Task

_BEND = 0.4  # a call pays the root of its cost, and calls go to cheap prompts rather
_SHORTER = 0.8  # what a call of the race pays at least, the unchanged prompt's paying 1
_LOOKS_AGAIN = 0.5  # of the rounds behind the first find another prompt to look at
_MOST_SHOTS = 1.5  # times the most examples that the space offers, in a prompt that a program brings
_SHOTS = (4,)  # that programs show where the space offers no examples itself
_KNOBS_USED = 0.5  # of what compiles with other knobs may take
_MOST_WRITTEN = 10  # questions of one compile to the proposer


@dataclass(frozen=True)
class Course:
    """`shots`: worked examples in the prompts that are raced; `raced`: calls of the race at the unchanged prompt's
    price; `learned`: answers that teach; `written`: questions to the proposer; `met`: prompts that the held-out
    examples meet.
    """

    shots: float
    raced: float
    learned: float
    written: int
    met: int
    bend: float = _BEND
    each: float = 0.0  # calls of an answer, where they are not as many as usual
    shorter: float = 0.0  # what a call of the race pays at least, for the most calls that it can make


@dataclass(frozen=True)
class Courses:
    low: Course
    usual: Course
    high: Course


def courses(task: Task, parts: Split, space: SearchSpace, size: Size) -> Courses:
    search = task.settings.search
    programs = [OPTIMIZERS[str(name)] for name in space.choices("program") if name in OPTIMIZERS]
    budget, limits = search.trials * search.calls_per_trial, [r for r in programs if r.least]
    extra = extra_calls(space, Effort(trials=search.trials, calls_per_trial=search.calls_per_trial))
    look, wordings = min(LOOK, len(parts.train)), sum(name.partition(".")[0] == "wording" for name in space.names)
    again = _LOOKS_AGAIN * (search.rounds - 1)
    shown, most = _shots(space, len(parts.train))
    compiled = search.compile_calls * sum(recipe.usual for recipe in limits) + _KNOBS_USED * extra
    looked = look * bool(wordings)  # answers for one look at what still fails, where anything can be written then
    counted = not isinstance(task.prompt, Suite)  # of a program's prompts the examples are not counted
    return Courses(
        low=Course(shots=0, raced=0.5 * budget / max(1, search.rounds - 1), learned=looked, written=wordings, met=1),
        usual=Course(
            shots=shown,
            raced=budget,
            learned=looked * (1 + again) + compiled,
            written=search.rounds * wordings + sum(recipe.written for recipe in programs),
            met=2,
            bend=_BEND if counted else 0.0,
        ),
        high=Course(
            shots=_MOST_SHOTS * most,
            raced=budget,
            learned=search.rounds * looked + search.compile_calls * len(limits) + extra,
            written=search.rounds * wordings + _MOST_WRITTEN * len(programs),
            met=2,
            bend=0.5 if counted else 0.0,  # the root itself
            each=size.calls,
            shorter=_SHORTER,
        ),
    )


def of_target(section: ModelSettings, parts: Split, size: Size, course: Course, *, draws: int, trials: int) -> Share:
    """What one target takes. Dollars and tokens are most where prompts are long, calls where they are short."""
    growth = 1 + course.shots * size.shot / size.read
    answers = answered(section, parts, size, course, trials=trials)
    held_out = draws * len(parts.test)
    taken = summed(
        (
            taking(section, size, answers, growth=growth, each=course.each),
            taking(section, size, held_out, each=course.each),
            taking(section, size, (course.met - 1) * held_out, growth=growth, each=course.each),
        )
    )
    if not course.shorter:
        return taken
    cheap = min(course.raced / course.shorter, trials * len(parts.validation)) + course.learned
    return replace(taken, calls=round((cheap + course.met * held_out) * course.each))


def answered(section: ModelSettings, parts: Split, size: Size, course: Course, *, trials: int) -> float:
    """Answers of the search."""
    growth, price = 1 + course.shots * size.shot / size.read, price_of(section)
    once = price.cost(size.read, size.wrote)
    dearer = price.cost(int(growth * size.read), size.wrote) / once if once else 1.0
    bought: float = course.raced / dearer**course.bend
    return min(bought, trials * len(parts.validation)) + course.learned


def _shots(space: SearchSpace, there: int) -> tuple[float, int]:
    """Worked examples in a prompt, in the mean of what the space offers, and the most; of `there` training examples."""
    offered = [n for name in space.names if name.partition(".")[0] == "demos" for n in space.choices(name)]
    counts = [min(n, there) for n in offered if isinstance(n, int) and min(n, there) > 0]
    if not counts and len(space.choices("program")) > 1:
        counts = [*_SHOTS]
    return (fmean(counts), max(counts)) if counts else (0.0, 0)
