"""Between rounds: new instructions from what still fails, and programs compiled by DSPy, for the pool.

Failures are looked for among training examples only; validation examples judge, they do not teach.
"""

from __future__ import annotations

from collections.abc import Iterator

from optimizer.errors import BudgetExceeded
from optimizer.evaluate import record
from optimizer.programs.shipped import program_of
from optimizer.prompt import Prompt
from optimizer.prompt.suite import Part, Suite
from optimizer.search.brief import Brief
from optimizer.search.candidates import Pool
from optimizer.search.compiles import compile_planned, guarded
from optimizer.search.propose import Failure, propose
from optimizer.types import as_text

LOOK = 24  # training examples on which each round looks at what still fails


def enrich(pool: Pool, brief: Brief, best: Prompt, number: int) -> Iterator[str]:
    """Add to the pool what round `number` brings, starting from the best prompt so far; yields notes for the log.

    A proposer that answers nonsense or a compile that fails loses its candidates, not the run.
    """
    if "wording" in pool.space.names:
        yield from guarded("proposals", lambda: _propose(pool, brief, best, number))
    if isinstance(best, Suite):
        for part in best.parts:
            if f"wording.{part.name}" in pool.space.names:
                what = f"proposals for {part.name}"
                yield from guarded(what, lambda part=part: _propose(pool, brief, best, number, part))  # type: ignore[misc]
    yield from compile_planned(pool, brief, best, number)


def _propose(pool: Pool, brief: Brief, best: Prompt, number: int, part: Part | None = None) -> Iterator[str]:
    """New instructions for the prompt, or for one part of it: then the failures are those of the whole program."""
    proposals = propose(
        part.as_prompt(best.protected) if part else best,
        proposer=brief.cast.proposer,
        habits=brief.cast.habits,
        failures=_failures(pool, brief, best),
        examples=[] if part else [(shot.text, shot.reply) for shot in pool.shots[:4]],
        count=brief.effort.proposals,
        known=[template.text for template in pool.wordings.values()],
        seed=brief.effort.seed + number,
    )
    for rank, proposal in enumerate(proposals, start=1):
        name = f"{part.name}/" if part else ""
        name += f"{proposal.kind}_{number + 1}_{rank}"
        if proposal.refused:
            yield f"proposal {name} refused: {proposal.refused}"
        else:
            pool.wordings[name] = proposal.instructions


def _failures(pool: Pool, brief: Brief, prompt: Prompt) -> list[Failure]:
    """Training examples on which the prompt is not flawless on the target."""
    ground = brief.ground
    looked = ground.train[:LOOK]
    if reason := brief.afford(len(looked)):
        raise BudgetExceeded(reason)
    outputs = record(program_of(prompt), brief.cast.target, looked)
    marks = brief.scale.score(looked, outputs, ground.references).scores
    for example, mark in zip(looked, marks, strict=True):
        pool.looked.setdefault(example.id, mark.value)
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
