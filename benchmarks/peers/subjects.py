"""What is optimised: a prompt, rows to learn from, rows that nobody sees before the end, and the metric.

Rows are drawn by seed: `rows` for train and validation together (every method divides them by its own recipe), and
the unseen ones, which no method is given. The worked examples come from this project; the three others from the
folder that PROMPTPORT_DATA names, and are left out without it.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property, lru_cache
from pathlib import Path
from typing import Any

from benchmarks.peers import outside
from optimizer.config import Settings
from optimizer.metrics import Metric, build_metric
from optimizer.offline import OfflineModel
from optimizer.prompt import Prompt
from optimizer.task import load_task
from optimizer.types import Example, Output, Reply, Response, Score

EXAMPLES = Path(__file__).parents[2] / "optimizer" / "examples"
ROWS, UNSEEN = 140, 500
TARGETS = {"triage": "sim-beta", "calls": "sim-gamma", "analyst": "sim-beta"}
OTHER_SEEDS = (101, 102)  # of the generators, for unseen rows


@dataclass(frozen=True)
class Subject:
    """`rows` are for train and validation; `unseen` judge the final prompt."""

    name: str
    settings: Settings
    prompt: Prompt
    target: str  # as in sim-beta
    rows: tuple[Example, ...]
    unseen: tuple[Example, ...]
    metric: Metric = field(repr=False)

    @property
    def source(self) -> str:
        return "sim-alpha"

    @property
    def proposer(self) -> str:
        return "sim-alpha"

    def score(self, example_id: str, text: str) -> Score:
        """The score of a reply to one of all rows; one that breaks the contract scores 0 and says why."""
        example = self._by_id[example_id]
        return self.judge(example, self.prompt.contract.read(text))

    def judge(self, example: Example, reply: Reply) -> Score:
        if reply.status != "ok":
            return Score(0.0, reply.error or reply.status)
        output = Output(example.id, reply.text, reply.value)
        return self.metric(example, output, None)

    @cached_property
    def _by_id(self) -> Mapping[str, Example]:
        return {example.id: example for example in (*self.rows, *self.unseen)}

    @cached_property
    def source_dollars(self) -> float:
        """Dollars of one call of the source with the original prompt, by the unseen rows."""
        return self.exam(self.prompt, self.source)[1]

    def exam(self, prompt: Prompt, model: str = "") -> tuple[float, float]:
        """True quality of a prompt on the unseen rows, and dollars per call; asks the model itself, no server."""
        asked = OfflineModel(f"offline/{model or self.target}")
        answers = [(e, asked.respond(prompt.render(e.inputs))) for e in self.unseen]
        return self.mean([self.judge(e, prompt.reading.read(r.text)).value for e, r in answers]), self._dollars(answers)

    @staticmethod
    def mean(values: Sequence[float]) -> float:
        return sum(values) / len(values)

    def _dollars(self, answers: Sequence[tuple[Example, Response]]) -> float:
        return self.mean([response.cost for _, response in answers])


def names() -> list[str]:
    return [*TARGETS, *outside.names()]


@lru_cache(maxsize=8)
def subject(name: str, seed: int) -> Subject:
    """The subject with the rows that `seed` draws."""
    draw = random.Random(f"{name}/{seed}")
    if name in TARGETS:
        settings, prompt, pool, spare = _example(name)
        target, rows = TARGETS[name], ROWS
    else:
        settings, prompt, pool, spare = outside.load(name)
        target, rows = outside.TARGETS[name], min(ROWS, int(0.6 * len(pool)))
    drawn = draw.sample(pool, len(pool))
    unseen = spare or drawn[rows:]
    metric = build_metric(settings.metrics, prompt.contract, None)
    return Subject(name, settings, prompt, target, tuple(drawn[:rows]), tuple(unseen[:UNSEEN]), metric)


@cache
def _example(name: str) -> tuple[Settings, Prompt, Sequence[Example], Sequence[Example]]:
    """A ticket's text is used once in its file and turns up again under every other seed of the generator: there what
    was not drawn is unseen. Calls and questions of another seed are others."""
    task = load_task(EXAMPLES / name / "task.yaml")
    known = {json.dumps(dict(example.inputs), sort_keys=True) for example in task.examples}
    spare = [
        Example(f"{seed}-{row['id']}", {n: row[n] for n in task.prompt.names}, row["expected"])
        for seed in OTHER_SEEDS
        for row in _MAKERS[name](seed)
    ]
    fresh = [example for example in spare if json.dumps(dict(example.inputs), sort_keys=True) not in known]
    random.Random(0).shuffle(fresh)
    return task.settings, task.prompt, task.examples, fresh


def _calls(seed: int) -> list[dict[str, Any]]:
    from optimizer.examples.calls.generate import make_rows

    return make_rows(seed)


def _questions(seed: int) -> list[dict[str, Any]]:
    from optimizer.examples.analyst.generate import Generator

    return [row.to_dict(at) for at, row in enumerate(Generator(seed).rows(), 1)]


_MAKERS: Mapping[str, Callable[[int], list[dict[str, Any]]]] = {
    "triage": lambda _seed: [],
    "calls": _calls,
    "analyst": _questions,
}
