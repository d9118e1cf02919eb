"""Between rounds: new instructions from what still fails, and programs compiled by DSPy, for the pool.

Failures are looked for among training examples only; validation examples judge, they do not teach.
"""

from __future__ import annotations

from collections.abc import Iterator

from optimizer.prompt import Prompt
from optimizer.prompt.suite import Part, Suite
from optimizer.search.brief import Brief
from optimizer.search.compiles import compile_planned, guarded
from optimizer.search.failures import failures
from optimizer.search.pool import Pool
from optimizer.search.propose import propose


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
        failures=failures(pool, brief, best),
        examples=[] if part else [(shot.text, shot.reply) for shot in pool.shots[:4]],
        count=brief.effort.proposals,
        known=[template.text for template in pool.wordings.values()],
        seed=brief.effort.seed + number,
        advice=brief.cast.advice,
    )
    for rank, proposal in enumerate(proposals, start=1):
        name = f"{part.name}/" if part else ""
        name += f"{proposal.kind}_{number + 1}_{rank}"
        if proposal.refused:
            yield f"proposal {name} refused: {proposal.refused}"
        else:
            pool.wordings[name] = proposal.instructions
