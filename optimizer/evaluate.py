"""Run programs over examples, and score what comes out. `record` asks models; `score` only reckons."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from itertools import count
from typing import Any, TypeAlias, TypeVar

from optimizer.errors import DataError, ModelError
from optimizer.metrics import Metric
from optimizer.metrics.standard import Unscored
from optimizer.models import Model, bridge
from optimizer.models.money.meter import Tally
from optimizer.objective import Evaluation
from optimizer.programs import Program
from optimizer.types import Example, Output, Score

T = TypeVar("T")
U = TypeVar("U")
Scored: TypeAlias = "tuple[Metric, Example, Output, Output | None]"

_AT_ONCE = 2048  # examples under way: more than any model takes at once, and few enough for a little memory
_BY = 16  # so many begin before the calls of those before them go out: else nobody waits while all are prepared
_ASKING = 16  # judgements under way at once; the judge's own limits hold beside it
_PATIENCE = 0.2  # a larger share of calls that fail for good is an outage, not a property of some examples
_BROKEN = 0.5  # a larger share of replies that break the contract is no slip of the source's
_UNFIT = {  # how outputs of a source are no standard, and what to do about it
    "invalid": ("replies of the source {} break the contract", "correct prompt.reply or the prompt"),
    "refused": (
        "questions were declined by the source {}, by a filter or for their length",
        "leave such examples out, or name a source that answers them",
    ),
    "failed": ("questions to the source {} had no answer", "run the same command again when it answers"),
}

_workers: ContextVar[Mapping[str, Any]] = ContextVar("workers", default={})  # noqa: B039  nobody changes it


def record(
    program: Program,
    model: Model,
    examples: Sequence[Example],
    *,
    sample: int = 0,
    tick: Callable[[int], None] = lambda _done: None,
) -> tuple[Output, ...]:
    """The program's outputs, in the order of the examples. `sample`: which draw of each answer.

    `tick` is told, from another thread, how many are in.
    """
    return record_pairs([(program, example) for example in examples], model, sample=sample, tick=tick)


def record_pairs(
    pairs: Sequence[tuple[Program, Example]],
    model: Model,
    *,
    sample: int = 0,
    tick: Callable[[int], None] = lambda _done: None,
) -> tuple[Output, ...]:
    """Outputs of many (program, example) pairs, asked together; in the order of the pairs.

    An example for which no answer was to be had comes back with status "failed". Raises ModelError when
    the failure is not of the example but of the system, or when too many examples fail.
    """
    done = count(1)
    answered: list[Output | None] = [None] * len(pairs)
    failed: dict[int, ModelError] = {}
    waiting = iter(enumerate(pairs))

    async def one_after_the_other() -> None:
        for place, (program, example) in waiting:
            answered[place], failure = await _run(program, model, example, sample)
            if failure:
                failed[place] = failure
            tick(next(done))

    async def all_of_them() -> None:
        async with asyncio.TaskGroup() as group:
            for started in range(1, min(_AT_ONCE, len(pairs)) + 1):
                group.create_task(one_after_the_other())
                if started % _BY == 0:
                    await asyncio.sleep(0)

    try:
        bridge.run(all_of_them())
    except BaseExceptionGroup as several:
        raise _first(several) from several
    failures = {pairs[place][1].id: failed[place] for place in sorted(failed)}
    if len(failures) > max(2, _PATIENCE * len({example.id for _, example in pairs})):
        raise next(iter(failures.values()))
    return tuple(output for output in answered if output)


def score(
    examples: Sequence[Example],
    outputs: Sequence[Output],
    references: Mapping[str, Output],
    metric: Metric,
    *,
    jobs: int = 1,
) -> Evaluation:
    """Join outputs with the source's outputs. `jobs`: processors for costly metrics (joblib).

    An output that a metric cannot score comes back with status "failed": it counts for neither side. A metric that
    asks a model is asked for many outputs at once.
    """
    rows = [(metric, e, o, references.get(e.id)) for e, o in zip(examples, outputs, strict=True)]
    asks = getattr(metric, "asks", False)
    if jobs == 1 and not asks:
        scored = [_score(*row) for row in rows]
    else:
        scored = asked_together(lambda row: _score(*row), rows) if asks else _spread(rows, jobs)
    return Evaluation(tuple(output for output, _ in scored), tuple(mark for _, mark in scored))


def refuse_unfit(outputs: Sequence[Output], source: str) -> None:
    """Raises `DataError` for a source that mostly breaks the contract or declines: prompt or contract are not the ones
    in use, and nothing can be held to what it says."""
    broken = [output for output in outputs if output.status != "ok"]
    if len(broken) > _BROKEN * len(outputs):
        usual, times = Counter(output.status for output in broken).most_common(1)[0]
        first = next(output for output in broken if output.status == usual)
        what, way = _UNFIT[usual]
        told = f"{times} of {len(outputs)} {what.format(source)}"
        raise DataError(f"{told}, first example {first.example_id}: {first.error}; {way}")


def asked_together(ask: Callable[[T], U], rows: Sequence[T]) -> list[U]:
    """`ask` of every row, many at once: each waits for a model."""
    from joblib import Parallel, delayed

    return list(Parallel(n_jobs=_ASKING, require="sharedmem")(delayed(ask)(row) for row in rows))


@contextmanager
def scored_by(workers: Mapping[str, Any]) -> Iterator[None]:
    """Within the block, and this thread, costly metrics are scored by the workers of a cluster: joblib's own words."""
    token = _workers.set(workers)
    try:
        yield
    finally:
        _workers.reset(token)


def _spread(rows: Sequence[Scored], jobs: int) -> list[tuple[Output, Score]]:
    from joblib import Parallel, delayed, parallel_config

    with parallel_config(**{"backend": "loky", **_workers.get()}):
        return list(Parallel(n_jobs=jobs)(delayed(_score)(*row) for row in rows))


def _score(metric: Metric, example: Example, output: Output, reference: Output | None) -> tuple[Output, Score]:
    if output.status != "ok":
        return output, Score(0.0, output.error or output.status)
    try:
        return output, metric(example, output, reference)
    except Unscored as problem:
        return replace(output, status="failed", error=str(problem)), Score(0.0, str(problem))


async def _run(program: Program, model: Model, example: Example, sample: int) -> tuple[Output, ModelError | None]:
    tally, failure = Tally(model, sample), None
    text, value, status, error = "", None, "ok", None
    try:
        reply = await program(example.inputs, tally)
        text, value, status, error = reply.text, reply.value, reply.status, reply.error
    except ModelError as problem:
        if not (problem.refused or problem.retryable):
            raise  # asking others will not help: a wrong key, an unknown model
        status, error = ("refused" if problem.refused else "failed"), str(problem)
        failure = None if problem.refused else problem
    output = Output(
        example.id,
        text,
        value,
        status,  # type: ignore[arg-type]
        error,
        cost=tally.cost,
        latency=tally.latency,
        input_tokens=tally.input_tokens,
        output_tokens=tally.output_tokens,
        calls=tally.calls,
        cut=tally.cut,
        parts=tally.parts,
    )
    return output, failure


def _first(several: BaseExceptionGroup[BaseException]) -> BaseException:
    """One cause to show: the calls of a batch mostly fail for the same reason."""
    cause = several.exceptions[0]
    return _first(cause) if isinstance(cause, BaseExceptionGroup) else cause
