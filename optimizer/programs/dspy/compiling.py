"""A compile: an optimizer of DSPy looks for better instructions and worked examples of a prompt."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from optimizer.errors import SearchError
from optimizer.metrics import Metric
from optimizer.models import Model
from optimizer.programs.dspy.engine import Allowance, Engine, Halt
from optimizer.programs.dspy.job import Job
from optimizer.programs.dspy.quiet import hush
from optimizer.programs.dspy.recipes import check, enough, recipe_of
from optimizer.programs.dspy.rows import Marker, answers, good_score, replies, rows, source_scores, words_of
from optimizer.prompt import Prompt
from optimizer.prompt.suite import Suite
from optimizer.prompt.wording import Copies
from optimizer.types import Example, Output


@dataclass(frozen=True)
class Compiled:
    """What a compile brought. `program`: the optimizer's name. `calls`: of target and proposer together."""

    prompt: Prompt
    program: str
    calls: int
    notes: tuple[str, ...] = ()


def compile_prompt(
    optimizer: str,
    prompt: Prompt,
    trainset: Sequence[Example],
    references: Mapping[str, Output],
    *,
    model: Model,
    proposer: Model,
    metric: Metric,
    seed: int,
    max_calls: int,
    options: Mapping[str, Any] | None = None,
    threads: int = 8,
) -> Compiled:
    """Let one of `OPTIMIZERS` look for better instructions and worked examples.

    Equal seed and equal answers give an equal result, on any number of threads. Raises SearchError where the
    optimizer brought nothing that can be used; BudgetExceeded and ModelError pass.
    """
    if prompt.picking:  # an optimizer chooses examples of its own, and shows the same ones to every input
        prompt = replace(prompt, demos=(), picking=None)
    recipe, knobs = recipe_of(optimizer), check(optimizer, options or {})
    with _translated(optimizer):
        calls, knobs = enough(optimizer, prompt, max_calls, knobs)
    mark = Marker({example.id: example for example in trainset}, references, metric)
    scores = source_scores(mark)
    answered = answers(mark, prompt.contract, scores)
    copies = Copies(words_of(trainset), list(answered.values()))
    with _translated(optimizer), Allowance(max_calls) as allowance:
        import dspy

        from optimizer.programs.dspy.module import AskingAdapter

        hush()
        asking, author = AskingAdapter(), _lm(proposer, allowance)
        bench, student, replay, task = _student(prompt, mark, model, allowance, copies)
        if len(made := rows(mark, answered, bench.fields, seed)) < recipe.least_rows:
            raise SearchError(f"needs {recipe.least_rows} training examples with an answer, found {len(made)}")
        good = good_score(scores)
        job = Job(student, replay, made, task, author, asking, good, calls, seed, threads, knobs)
        with dspy.context(lm=task, adapter=asking, num_threads=threads, trace=None, disable_history=True):
            program = recipe.build(job)
        return Compiled(bench.shipped(program), optimizer, allowance.calls, _notes(bench.faults, trainset, answered))


def _student(
    prompt: Prompt, mark: Marker, model: Model, allowance: Allowance, copies: Copies
) -> tuple[Any, Any, Any, Any]:
    """Where it is tried out, what is compiled, the same with the source's recorded answers, and the target."""
    if isinstance(prompt, Suite):
        from optimizer.programs.dspy.whole import SuiteBench, SuiteModule

        whole = SuiteBench(prompt, model, allowance, copies)
        return whole, SuiteModule(whole, mark), None, whole.lm
    from optimizer.programs.dspy.module import PromptAdapter, PromptModule

    adapter = PromptAdapter(prompt, model, allowance, copies)
    replay = PromptModule(adapter, mark, replies(mark, prompt.contract))
    return adapter, PromptModule(adapter, mark), replay, _lm(model, allowance)


def _lm(model: Model, allowance: Allowance) -> Any:
    import dspy

    return dspy.LM(model.name, engine=Engine(model, allowance), cache=False, num_retries=0)


@contextmanager
def _translated(optimizer: str) -> Iterator[None]:
    """DSPy's errors become SearchError; what is not about this one compile passes as it is."""
    try:
        yield
        return
    except Halt as halt:
        cause = halt.cause
    except SearchError as problem:
        cause = problem
    except Exception as problem:
        raise SearchError(f"{optimizer} failed: {_first_line(problem)}") from problem
    if isinstance(cause, SearchError):
        raise SearchError(f"{optimizer}: {cause}") from cause
    raise cause


def _notes(
    faults: Mapping[str, str | None], trainset: Sequence[Example], answered: Mapping[str, str]
) -> tuple[str, ...]:
    refused = Counter(reason for reason in faults.values() if reason)
    notes = [f"{count} of its rewrites refused: {reason}" for reason, count in sorted(refused.items())]
    if left := len(trainset) - len(answered):
        notes.append(f"{left} of {len(trainset)} training examples left out: no answer in the reply's form")
    return tuple(notes)


def _first_line(problem: Exception) -> str:
    if not str(problem) and isinstance(problem.__context__, Exception):
        return _first_line(problem.__context__)  # a bare assertion: what it met says more
    return f"{type(problem).__name__}: {(str(problem).splitlines() or [''])[0][:300]}"
