"""How large the questions of a task are, and what so many of them take."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import fmean

from optimizer.config import ModelSettings
from optimizer.models.money.prices import tokens
from optimizer.models.money.purse import Spend
from optimizer.pricing import price_of
from optimizer.prompt.suite import Suite, calls_of
from optimizer.task import Task
from optimizer.types import Request, as_text

_REPLY = 150.0  # tokens of a free reply about which nothing is known
_MARKS = 10  # tokens of the marks that DSPy's adapters put around a field
_FRAME = 100  # tokens of what they say of the form beside that, whatever the program
_MESSAGE = 4  # tokens of a message beside its text
_SHOWN = 200  # examples by which lengths are judged


@dataclass(frozen=True)
class Share:
    """Calls, dollars and tokens of one role."""

    calls: int
    dollars: float
    read: int = 0
    wrote: int = 0

    @property
    def tokens(self) -> int:
        return self.read + self.wrote

    def times(self, n: float) -> Share:
        return Share(round(n * self.calls), n * self.dollars, round(n * self.read), round(n * self.wrote))

    def as_spend(self) -> Spend:
        return Spend(self.calls, self.read, self.wrote, self.dollars)


@dataclass(frozen=True)
class Size:
    """Of a call with the unchanged prompt: mean tokens in and out, and the longest request; `shot`: tokens of a worked
    example.

    `calls`: of one answer at most. A program of several prompts is reckoned as if each of its calls showed all of them.
    `asked`: calls of one answer that are new to the run, in the mean: what was asked before in the same words is not
    asked again.
    """

    read: int
    wrote: int
    shot: int
    longest: Request
    calls: int = 1
    asked: float = 1.0


def size_of(task: Task) -> Size:
    asked = [task.prompt.render(example.inputs) for example in task.examples[:_SHOWN]]
    lengths = [sum(map(tokens, request.texts)) for request in asked]
    known = [tokens(output.text) for output in (task.recorded or {}).values()]
    known = known or [tokens(as_text(e.expected)) for e in task.examples if e.expected is not None]
    wrote = 1.3 * fmean(known) + 10 if known else _REPLY
    read = fmean(lengths) + _MESSAGE * fmean(len(request.messages) for request in asked)
    shot = fmean(tokens(request.messages[-1].content) for request in asked) + wrote + 2 * _MESSAGE
    if isinstance(task.prompt, Suite):
        wrote += _MARKS
        read += _framed(task.prompt)
    longest = asked[lengths.index(max(lengths))]
    return Size(int(read), int(wrote), int(shot), longest, calls_of(task.prompt), _asked(task))


def _framed(program: Suite) -> float:
    """What a call's messages have beyond the prompts of all parts, which `size_of` counts: one prompt alone and its
    frame. Nothing where the other prompts are longer than that."""
    shown = [tokens(part.instructions) for part in program.parts]
    frames = [_FRAME + _MARKS * len((*part.inputs, *part.outputs)) for part in program.parts]
    return max(0.0, fmean(shown) + fmean(frames) - sum(shown))


def taking(section: ModelSettings, size: Size, answers: float, *, growth: float = 1.0, each: float = 0.0) -> Share:
    """What so many answers take with a prompt that is `growth` times as long; `each`: calls of one, if not as usual."""
    calls, read = answers * (each or size.asked), int(growth * size.read)
    dollars = calls * price_of(section).cost(read, size.wrote)
    return Share(round(calls), dollars, round(calls * read), round(calls * size.wrote))


def summed(shares: Iterable[Share]) -> Share:
    kept = list(shares)
    tokens = sum(s.read for s in kept), sum(s.wrote for s in kept)
    return Share(sum(s.calls for s in kept), sum(s.dollars for s in kept), *tokens)


def _asked(task: Task) -> float:
    """A prompt behind another one that sees nothing of the example but what that one said is asked as often as there
    are different things to say; as many as a column of its name has values, where there is one."""
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
