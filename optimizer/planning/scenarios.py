"""Three ways in which a target's search and confirmation can go: as short as they can, as usual, and to the very end.

What is usual was measured on the worked examples (`python -m benchmarks.estimates`): which share of its limit a compile
takes, how many worked examples the raced prompts show, how often another prompt is the best when failures are looked
for.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from statistics import fmean

from optimizer.config import ModelSettings
from optimizer.data.split import Split
from optimizer.planning.sizes import Size, Usage, summed
from optimizer.pricing import price_of
from optimizer.programs.dspy.recipes import OPTIMIZERS
from optimizer.prompt.suite import Suite
from optimizer.search.brief import Effort
from optimizer.search.compiles import extra_calls
from optimizer.search.failures import LOOK
from optimizer.space import SearchSpace
from optimizer.task import Task

_ELASTICITY = 0.4  # a call pays the root of its cost, and calls tend to go to cheap prompts
_CHEAPEST = 0.8  # the least that a call of the race pays, where the unchanged prompt pays 1
_LOOKS_AGAIN = 0.5  # of the rounds after the first start from another prompt, and look at its failures
_MOST_DEMOS = 1.5  # times the most worked examples that the space offers: in a prompt that a program brings
_PROGRAM_DEMOS = 4  # that programs show if the space offers no examples itself
_KNOBS_USED = 0.5  # of what compiles with other knobs may take
_MOST_QUESTIONS = 10  # of one compile to the proposer


@dataclass(frozen=True)
class Scenario:
    """`demos`: worked examples in the raced prompts. `race`: calls of the race at the unchanged prompt's price, with
    `most_raced` answers at the most; `training`: answers to training examples. `questions`: to the proposer,
    of which `proposals` are asked by the search itself, the others by DSPy's optimizers.
    `confirmed`: prompts that meet the held-out examples, with `confirmation` answers each.

    `elasticity`: where prompts cost f times as much, the race makes f ** elasticity times fewer calls. `each`: calls of
    an answer, if not as many as usual. `cheapest`: the least that a call of the race pays, for the most calls of it.
    """

    demos: float
    race: float
    training: float
    questions: int
    proposals: int
    confirmed: int
    most_raced: int
    confirmation: int
    elasticity: float = _ELASTICITY
    each: float = 0.0
    cheapest: float = 0.0

    def growth(self, size: Size) -> float:
        """The length of raced prompts, where the unchanged one's is 1."""
        return 1 + self.demos * size.demo / size.read

    def searched(self, section: ModelSettings, size: Size) -> float:
        """Answers that the search takes from this target."""
        price = price_of(section)
        once = price.cost(size.read, size.wrote)
        factor = price.cost(int(self.growth(size) * size.read), size.wrote) / once if once else 1.0
        bought: float = self.race / factor**self.elasticity
        return min(bought, self.most_raced) + self.training

    def of_target(self, section: ModelSettings, size: Size) -> Usage:
        """Of search and confirmation. With `cheapest`, dollars and tokens are those of long prompts, of which the race
        affords few, and calls those of short ones."""
        growth = self.growth(size)
        taken = summed(
            (
                size.usage(section, self.searched(section, size), growth=growth, each=self.each),
                size.usage(section, self.confirmation, each=self.each),
                size.usage(section, (self.confirmed - 1) * self.confirmation, growth=growth, each=self.each),
            )
        )
        if not self.cheapest:
            return taken
        searched = min(self.race / self.cheapest, self.most_raced) + self.training
        return replace(taken, calls=round((searched + self.confirmed * self.confirmation) * self.each))


@dataclass(frozen=True)
class Scenarios:
    low: Scenario
    usual: Scenario
    high: Scenario


def scenarios(task: Task, parts: Split, space: SearchSpace, size: Size) -> Scenarios:
    search = task.settings.search
    programs = [OPTIMIZERS[str(name)] for name in space.choices("program") if name in OPTIMIZERS]
    compiles = [recipe for recipe in programs if recipe.least]
    race = search.trials * search.calls_per_trial
    extra = extra_calls(space, Effort(trials=search.trials, calls_per_trial=search.calls_per_trial))
    wordings = sum(name.partition(".")[0] == "wording" for name in space.names)
    look = min(LOOK, len(parts.train)) if wordings else 0  # failures are looked at for those who write
    looks = 1 + _LOOKS_AGAIN * (search.rounds - 1)
    compiled = search.compile_calls * sum(recipe.usual for recipe in compiles) + _KNOBS_USED * extra
    demos, most_demos = _demos(space, len(parts.train))
    suite = isinstance(task.prompt, Suite)  # whose worked examples are not counted
    low = Scenario(
        demos=0,
        race=0.5 * race / max(1, search.rounds - 1),
        training=look,
        questions=wordings,
        proposals=wordings,
        confirmed=1,
        most_raced=search.trials * len(parts.validation),
        confirmation=task.settings.decision.draws * len(parts.test),
    )
    usual = replace(
        low,
        demos=demos,
        race=race,
        training=look * looks + compiled,
        questions=search.rounds * wordings + sum(recipe.written for recipe in programs),
        confirmed=2,
        proposals=search.rounds * wordings,
        elasticity=0.0 if suite else _ELASTICITY,
    )
    high = replace(
        usual,
        demos=_MOST_DEMOS * most_demos,
        training=search.rounds * look + search.compile_calls * len(compiles) + extra,
        questions=search.rounds * wordings + _MOST_QUESTIONS * len(programs),
        elasticity=0.0 if suite else 0.5,  # the root itself
        each=size.calls,
        cheapest=_CHEAPEST,
    )
    return Scenarios(low, usual, high)


def _demos(space: SearchSpace, there: int) -> tuple[float, int]:
    """Worked examples in a prompt, of `there` training examples: the mean of the counts that the space offers, and the
    largest."""
    offered = [n for name in space.names if name.partition(".")[0] == "demos" for n in space.choices(name)]
    counts = [min(n, there) for n in offered if isinstance(n, int) and min(n, there) > 0]
    if not counts and len(space.choices("program")) > 1:
        counts = [_PROGRAM_DEMOS]
    return (fmean(counts), max(counts)) if counts else (0.0, 0)
