"""How large a task's requests are, and what a number of answers takes in calls, dollars and tokens."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import fmean

from optimizer.config import ModelSettings
from optimizer.models.money.book import Spend
from optimizer.models.money.prices import tokens
from optimizer.pricing import price_of
from optimizer.prompt.suite import Suite, calls_of
from optimizer.task import Task
from optimizer.types import Request, as_text

_REPLY = 150.0  # tokens of a free reply of which no example is known
_MARKS = 10  # tokens of the marks that DSPy's adapters put around a field
_FRAME = 100  # tokens with which they explain the form, whatever the program
_MESSAGE = 4  # tokens of a message beyond its text
_SHOWN = 200  # examples whose lengths are measured


@dataclass(frozen=True)
class Usage:
    """What answers take, of one role or several. `read` and `wrote`: tokens."""

    calls: int
    dollars: float
    read: int = 0
    wrote: int = 0

    @property
    def tokens(self) -> int:
        return self.read + self.wrote

    def times(self, n: float) -> Usage:
        return Usage(round(n * self.calls), n * self.dollars, round(n * self.read), round(n * self.wrote))

    def as_spend(self) -> Spend:
        return Spend(self.calls, self.read, self.wrote, self.dollars)


@dataclass(frozen=True)
class Size:
    """Of a call with the unchanged prompt: mean tokens in and out, and the longest request; `demo`: tokens of a worked
    example.

    `calls`: of one answer at most. Each call of a program of several prompts is taken to show all of them.
    `fresh`: the mean number of calls of one answer that are new to the run: the same request is not sent twice.
    """

    read: int
    wrote: int
    demo: int
    longest: Request
    calls: int = 1
    fresh: float = 1.0

    def usage(self, section: ModelSettings, answers: float, *, growth: float = 1.0, each: float = 0.0) -> Usage:
        """What so many answers of a model take with prompts `growth` times as long; `each`: calls of one, if not
        `fresh`."""
        calls, read = answers * (each or self.fresh), int(growth * self.read)
        dollars = calls * price_of(section).cost(read, self.wrote)
        return Usage(round(calls), dollars, round(calls * read), round(calls * self.wrote))


def size_of(task: Task) -> Size:
    requests = [task.prompt.render(example.inputs) for example in task.examples[:_SHOWN]]
    lengths = [sum(map(tokens, request.texts)) for request in requests]
    known = [tokens(output.text) for output in (task.recorded or {}).values()]
    known = known or [tokens(as_text(e.expected)) for e in task.examples if e.expected is not None]
    wrote = 1.3 * fmean(known) + 10 if known else _REPLY
    read = fmean(lengths) + _MESSAGE * fmean(len(request.messages) for request in requests)
    demo = fmean(tokens(request.messages[-1].content) for request in requests) + wrote + 2 * _MESSAGE
    if isinstance(task.prompt, Suite):
        wrote += _MARKS
        read += _framed(task.prompt)
    longest = requests[lengths.index(max(lengths))]
    return Size(int(read), int(wrote), int(demo), longest, calls_of(task.prompt), _fresh(task))


def _framed(program: Suite) -> float:
    """Tokens that one part's prompt and the frame around it have beyond the prompts of all parts together, which
    `size_of` has counted; 0 if those are longer."""
    shown = [tokens(part.instructions) for part in program.parts]
    frames = [_FRAME + _MARKS * len((*part.inputs, *part.outputs)) for part in program.parts]
    return max(0.0, fmean(shown) + fmean(frames) - sum(shown))


def summed(usages: Iterable[Usage]) -> Usage:
    kept = list(usages)
    tokens = sum(one.read for one in kept), sum(one.wrote for one in kept)
    return Usage(sum(one.calls for one in kept), sum(one.dollars for one in kept), *tokens)


def _fresh(task: Task) -> float:
    """A prompt that sees nothing of the example but what an earlier prompt made of it is asked only as often as that
    differs: where a column has the name of its input, as often as the column has values."""
    examples = task.examples
    fresh = len({as_text(dict(example.inputs)) for example in examples}) / len(examples)
    if not isinstance(task.prompt, Suite):
        return fresh
    columns: dict[str, Mapping[str, str]] = {**task.slices}
    if task.settings.data.stratify and task.strata:
        columns[task.settings.data.stratify] = task.strata
    given, calls = set(examples[0].inputs), 0.0
    for part in task.prompt.parts:
        said = not given & set(part.inputs) and columns.keys() >= set(part.inputs)
        values = {tuple(columns[name].get(e.id) for name in part.inputs) for e in examples} if said else ()
        calls += len(values) / len(examples) if said else fresh
    return calls
