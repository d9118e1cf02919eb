"""Between rounds: new instructions from what still fails, and programs compiled by DSPy, for the pool.

Failures are looked for among training examples only; validation examples judge, they do not teach.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from optimizer.brief import Brief
from optimizer.candidates import Pool
from optimizer.demos import as_text
from optimizer.errors import BudgetExceeded, ModelError, SearchError
from optimizer.evaluate import record
from optimizer.programs.dspy import OPTIMIZERS, compile_prompt
from optimizer.programs.prompted import PromptProgram
from optimizer.prompt import Prompt
from optimizer.propose import Failure, propose

LOOK = 24  # training examples on which each round looks at what still fails


def enrich(pool: Pool, brief: Brief, best: Prompt, number: int) -> Iterator[str]:
    """Add to the pool what round `number` brings, starting from the best prompt so far; yields notes for the log.

    A proposer that answers nonsense or a compile that fails loses its candidates, not the run.
    """
    if "wording" in pool.space.names:
        yield from _guarded("proposals", lambda: _propose(pool, brief, best, number))
    for value in pool.space.choices("program"):
        name = str(value)
        if name in OPTIMIZERS and OPTIMIZERS[name].round == number:
            yield from _guarded(name, lambda name=name: _compile(pool, brief, best, name))  # type: ignore[misc]


def _guarded(what: str, work: Callable[[], Iterator[str]]) -> Iterator[str]:
    try:
        yield from work()
    except (SearchError, ModelError) as problem:
        yield f"{what} lost: {problem}"
    except BudgetExceeded as limit:
        yield f"{what} not bought: {limit}"


def _propose(pool: Pool, brief: Brief, best: Prompt, number: int) -> Iterator[str]:
    proposals = propose(
        best,
        proposer=brief.cast.proposer,
        habits=brief.cast.habits,
        failures=_failures(brief, best),
        examples=[(shot.text, shot.reply) for shot in pool.shots[:4]],
        count=brief.effort.proposals,
        known=[template.text for template in pool.wordings.values()],
        seed=brief.effort.seed + number,
    )
    for rank, proposal in enumerate(proposals, start=1):
        name = f"{proposal.kind}_{number + 1}_{rank}"
        if proposal.refused:
            yield f"proposal {name} refused: {proposal.refused}"
        else:
            pool.wordings[name] = proposal.instructions


def _failures(brief: Brief, prompt: Prompt) -> list[Failure]:
    """Training examples on which the prompt is not flawless on the target."""
    ground = brief.ground
    looked = ground.train[:LOOK]
    if reason := brief.afford(len(looked)):
        raise BudgetExceeded(reason)
    outputs = record(PromptProgram(prompt), brief.cast.target, looked)
    marks = brief.scale.score(looked, outputs, ground.references).scores
    return [
        Failure(
            input=as_text(dict(example.inputs)),
            expected=as_text(example.expected) if example.expected is not None else ground.references[example.id].text,
            answered=output.text,
            feedback=mark.feedback,
        )
        for example, output, mark in zip(looked, outputs, marks, strict=True)
        if mark.value < 1.0
    ]


def _compile(pool: Pool, brief: Brief, best: Prompt, name: str) -> Iterator[str]:
    if reason := brief.afford(brief.effort.compile_calls):
        raise BudgetExceeded(reason)
    compiled = compile_prompt(
        name,
        best,
        brief.ground.train,
        brief.ground.references,
        model=brief.cast.target,
        proposer=brief.cast.proposer,
        metric=brief.scale.metric,
        seed=brief.effort.seed,
        max_calls=brief.effort.compile_calls,
    )
    pool.programs[name] = compiled.prompt
    yield f"{name} compiled with {compiled.calls} calls"
