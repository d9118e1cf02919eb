"""What a search is given: examples to look at, a scale to measure by, models to ask, effort to spend.

No held-out example is among them. That is how the test part stays unseen.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from statistics import fmean

from optimizer.evaluate import score
from optimizer.habits import Habits
from optimizer.metrics import Metric
from optimizer.models import Model
from optimizer.models.money.prices import Price, tokens
from optimizer.objective import Constraints, Evaluation, Objective, Unit
from optimizer.progress import Watch, silent
from optimizer.prompt import Prompt
from optimizer.search.trial import Glance, SearchResult
from optimizer.types import Example, Output

_LENGTHS = 5  # examples by which the length of a prompt is judged


@dataclass(frozen=True)
class Ground:
    """`references`: the source's outputs by example id; `labels`: by what examples are stratified and balanced;
    `columns`: by name and example id, by what failures are told apart."""

    train: Sequence[Example]
    validation: Sequence[Example]
    references: Mapping[str, Output]
    labels: Mapping[str, str]
    columns: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Scale:
    """`unit`: what one example takes with the source; cost and latency are counted in it."""

    metric: Metric
    objective: Objective
    constraints: Constraints
    unit: Unit
    jobs: int = 1  # processors for scoring

    def score(
        self, examples: Sequence[Example], outputs: Sequence[Output], references: Mapping[str, Output]
    ) -> Evaluation:
        return score(examples, outputs, references, self.metric, jobs=self.jobs)


@dataclass(frozen=True)
class Cast:
    """The models that take part, what is known of the target's family, and what the team's experts advise."""

    target: Model
    proposer: Model
    habits: Habits
    price: Price | None = None  # of the target's tokens; None: all prompts count alike
    advice: str = ""


@dataclass(frozen=True)
class Effort:
    """How hard to look: about `trials * calls_per_trial` answers on validation examples are bought."""

    trials: int = 48
    rounds: int = 4
    calls_per_trial: int = 12
    proposals: int = 3  # new instructions a round
    compile_calls: int = 150  # at most, for one DSPy optimizer
    least_gain: float = 0.0005  # of the objective, for 100 calls: a round that promises less is not begun
    sure: float = 0.98  # how surely a changed prompt must be better than the unchanged one to take its place: of many,
    # one is the best by chance, and at 0.95 every sixth run among equal prompts changed something
    sampler: str = "tpe"
    objectives: tuple[str, ...] = ()  # what the sampler weighs against each other; none: their weighted sum
    pruner: str = "race"  # or one of Optuna's, by name
    seed: int = 0


@dataclass(frozen=True)
class Brief:
    """`afford(calls)` says why that many more calls cannot be paid for, or None; `left()` how many can.

    `earlier`: what was found for other targets. `show(look, due)`: for those who watch; `look` is called if wanted.
    """

    ground: Ground
    scale: Scale
    cast: Cast
    effort: Effort = Effort()
    afford: Callable[[int], str | None] = lambda _calls: None
    left: Callable[[], float] = lambda: math.inf
    earlier: Sequence[SearchResult] = ()
    watch: Watch = silent
    show: Callable[[Callable[[], Glance], bool], None] = lambda _look, _due: None

    def cost(self, prompt: Prompt) -> float:
        """What a call with `prompt` is expected to cost: dollars, by its length and the source's replies."""
        if self.cast.price is None:
            return 1.0
        shown = [prompt.render(example.inputs) for example in self.ground.validation[:_LENGTHS]]
        read = fmean(sum(map(tokens, request.texts)) for request in shown)
        return self.cast.price.cost(int(read), int(self._reply))

    @cached_property
    def _reply(self) -> float:
        """Tokens of a reply, by the source's."""
        return fmean(output.output_tokens or tokens(output.text) for output in self.ground.references.values())
