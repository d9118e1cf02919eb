"""The optimizers of DSPy that can be asked for, one recipe each: how it is built, and sized to the calls it may make.

A recipe knows how many calls its optimizer makes at most with given knobs, and picks the knobs for the limit.
`options` are the knobs that a user may set; they win over the sizing, and the purse still holds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import ceil, log2
from typing import Any

from optimizer.errors import SearchError


@dataclass(frozen=True)
class Job:
    """What a recipe works with. `rows` are shuffled; `good` is the score from which an answer is worth showing."""

    student: Any
    rows: list[Any]
    task: Any  # dspy.LM of the target
    proposer: Any  # dspy.LM of the proposer
    asking: Any  # the adapter for the proposer
    good: float
    calls: int
    seed: int
    threads: int
    options: Mapping[str, Any]

    @property
    def demos(self) -> dict[str, int]:
        return {
            "max_bootstrapped_demos": self.options["bootstrapped"],
            "max_labeled_demos": self.options["labeled"],
        }

    def divide(self, train: int, validation: int) -> tuple[list[Any], list[Any]]:
        """Rows to learn from, and others to judge by; where they do not suffice, half of them each."""
        train = min(train, len(self.rows) // 2)
        if validation < 1:
            raise SearchError(f"{self.calls} calls are too few for the options {dict(self.options)}")
        return self.rows[:train], self.rows[train : train + validation]


@dataclass(frozen=True)
class Recipe:
    """`least`: below so many calls it makes no sense. `round`: the round of a search in which it is compiled.

    `least_rows`: training examples with an answer that it needs.
    """

    build: Callable[[Job], Any]
    least: int = 0
    least_rows: int = 1
    round: int = 0
    options: Mapping[str, Any] = field(default_factory=dict)


def labeled_few_shot(job: Job) -> Any:
    import dspy

    return dspy.LabeledFewShot(k=job.options["labeled"]).compile(job.student, trainset=job.rows)


def bootstrap_few_shot(job: Job) -> Any:
    import dspy

    rounds = job.options["rounds"]
    optimizer = dspy.BootstrapFewShot(metric=score, metric_threshold=job.good, max_rounds=rounds, **job.demos)
    return optimizer.compile(job.student, trainset=job.rows[: job.calls // rounds])


def bootstrap_random_search(job: Job) -> Any:
    """Three fixed programs and `candidates` drawn ones, each judged on all rows for validation."""
    import dspy

    train = min(2 * job.options["bootstrapped"], len(job.rows) // 2)
    candidates = job.options["candidates"]
    while candidates > 1 and (job.calls - (candidates + 1) * train) // (candidates + 3) < _ENOUGH:
        candidates -= 1
    judged = (job.calls - (candidates + 1) * train) // (candidates + 3)
    trainset, valset = job.divide(train, judged)
    optimizer = dspy.BootstrapFewShotWithRandomSearch(
        metric=score,
        metric_threshold=job.good,
        num_candidate_programs=candidates,
        num_threads=job.threads,
        **job.demos,
    )
    return optimizer.compile(job.student, trainset=trainset, valset=valset)


def miprov2(job: Job) -> Any:
    """`candidates` sets of examples and as many instructions; the trials try pairs of them on all validation rows."""
    import dspy

    candidates = job.options["candidates"] or next(c for limit, c in _MIPRO if job.calls >= limit)
    trials = job.options["trials"] or ceil(max(4 * log2(candidates), 1.5 * candidates))
    train = max(4, min(16, job.calls // 25, len(job.rows) // 2))
    before = (candidates - 2) * train + candidates + 2  # examples tried, instructions written, data described
    trainset, valset = job.divide(train, (job.calls - before) // (trials + 1))
    optimizer = dspy.MIPROv2(
        metric=score,
        prompt_model=job.proposer,
        task_model=job.task,
        auto=None,
        num_candidates=candidates,
        num_threads=job.threads,
        metric_threshold=job.good,
        seed=job.seed,
        track_stats=False,
        **job.demos,
    )
    return optimizer.compile(
        job.student,
        trainset=trainset,
        valset=valset,
        num_trials=trials,
        minibatch=False,
        program_aware_proposer=False,  # it would show the source code of this package
        view_data_batch_size=max(1, len(trainset)),
    )


def gepa(job: Job) -> Any:
    """Metric calls are bounded so that the last round, which GEPA always finishes, still fits."""
    import dspy
    from dspy.teleprompt.gepa.instruction_proposal import InstructionProposer

    batch = min(job.options["minibatch"], len(job.rows) // 2)
    judged = min(max(_ENOUGH // 2, job.calls // 6), len(job.rows) // 2)
    trainset, valset = job.rows[judged:], job.rows[:judged]
    trainset = trainset[: len(trainset) // batch * batch]  # else GEPA pads a batch with a row that it has already
    written = ceil(job.calls / (2 * batch + 1))  # rewrites, one for two batches of metric calls
    optimizer = dspy.GEPA(
        metric=score_and_feedback,
        max_metric_calls=job.calls - written - 2 * batch - judged,
        reflection_minibatch_size=batch,
        reflection_lm=job.proposer,
        instruction_proposer=InstructionProposer(adapter=job.asking),
        use_merge=False,  # a prompt is one component: there is nothing to merge
        num_threads=job.threads,
        warn_on_score_mismatch=False,
        seed=job.seed,
    )
    return optimizer.compile(job.student, trainset=trainset, valset=valset)


def score(_gold: Any, pred: Any, *_context: Any) -> float:
    """The module has scored its own answer: see `PromptModule`."""
    value: float = pred.score
    return value


def score_and_feedback(gold: Any, pred: Any, *_context: Any) -> Any:
    import dspy

    wanted = "" if pred.score >= 1 else f"The expected answer is: {gold.output}"
    told = "\n".join(part for part in (pred.feedback, wanted) if part)
    return dspy.Prediction(score=pred.score, feedback=told or "This is right.")


_ENOUGH = 8  # validation rows below which more candidates are not worth having
_MIPRO = ((2000, 12), (600, 8), (200, 6), (100, 4), (0, 3))  # from so many calls on, so many candidates
_SHOTS = {"bootstrapped": 4, "labeled": 8}

OPTIMIZERS: Mapping[str, Recipe] = {
    "labeled_few_shot": Recipe(labeled_few_shot, options={"labeled": 8}),
    "bootstrap_few_shot": Recipe(bootstrap_few_shot, least=4, options={**_SHOTS, "rounds": 1}),
    "bootstrap_random_search": Recipe(
        bootstrap_random_search, least=40, least_rows=4, options={**_SHOTS, "candidates": 8}
    ),
    "miprov2": Recipe(miprov2, least=60, least_rows=8, round=1, options={**_SHOTS, "candidates": None, "trials": None}),
    "gepa": Recipe(gepa, least=40, least_rows=6, round=1, options={"minibatch": 3}),
}
