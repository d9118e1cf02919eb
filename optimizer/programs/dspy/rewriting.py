"""The optimizers of DSPy that write instructions, each sized to the calls it may make.

What they ask goes to the proposer; what they try out is asked of the target by `PromptAdapter`, whichever model is
in force. An optimizer that has no place for a model of its own is therefore run with the proposer in force.
"""

from __future__ import annotations

from math import ceil, log2
from typing import Any

from optimizer.errors import SearchError
from optimizer.programs.dspy.job import ENOUGH, Job, score, score_and_feedback


def miprov2(job: Job) -> Any:
    """`candidates` sets of examples and as many instructions; the trials try pairs of them on all validation rows."""
    import dspy

    candidates = job.options["candidates"] or next(c for limit, c in _MIPRO if job.calls >= limit)
    trials = job.options["trials"] or ceil(max(4 * log2(candidates), 1.5 * candidates))
    train = max(4, min(16, job.calls // 25, len(job.rows) // 2))
    before = (candidates - 2) * train * job.taught + candidates + 2  # examples tried, instructions, data described
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
        teacher=job.teacher,
        valset=valset,
        num_trials=trials,
        minibatch=False,
        program_aware_proposer=False,  # it would show the source code of this package
        view_data_batch_size=max(1, len(trainset)),
    )


def copro(job: Job) -> Any:
    """`breadth` instructions, then as many again from how the first ones did, `depth` times in all."""
    import dspy

    breadth, depth = job.options["breadth"], job.options["depth"]
    if not breadth:
        breadth = next((b for b in (10, 8, 6, 4, 3) if (job.calls + 1) // (b * depth) - 1 >= 2 * ENOUGH), 2)
    judged = (job.calls + 1) // (breadth * depth) - 1  # one call writes an instruction, these judge it
    if judged < 1 or breadth < 2:
        raise job.too_few()
    optimizer = dspy.COPRO(metric=score, breadth=breadth, depth=depth)
    judging = {"num_threads": job.threads, "display_progress": False, "display_table": 0}
    with dspy.context(lm=job.proposer):
        return optimizer.compile(job.student, trainset=job.rows[:judged], eval_kwargs=judging)


def infer_rules(job: Job) -> Any:
    """Rules that the rows have in common, written `candidates` times over, under examples from a bootstrap."""
    import dspy

    train = min(16, len(job.rows) // 2, max(4, job.calls // 8))
    left = job.calls - train * job.taught
    candidates = job.options["candidates"] or max(2, min(8, left // (1 + 2 * ENOUGH)))
    trainset, valset = job.divide(train, left // candidates - 1)
    optimizer = dspy.InferRules(
        metric=score,
        metric_threshold=job.good,
        num_candidates=candidates,
        num_rules=job.options["rules"],
        num_threads=job.threads,
        **job.demos,
    )
    with dspy.context(lm=job.proposer):
        return optimizer.compile(job.student, teacher=job.teacher, trainset=trainset, valset=valset)


def simba(job: Job) -> Any:
    """Each step runs a batch `candidates` times, changes the program where the runs differ, and judges the changes."""
    import dspy

    candidates, batch = job.options["candidates"], min(job.options["batch"], len(job.rows))
    for steps in range(job.options["steps"], 0, -1):
        step = batch * candidates + batch + (candidates + 1) * batch  # runs, at most one remark each, judgements
        train = (job.calls - steps * step) // (min(candidates, steps) + 1)  # all rows judge the best of each step
        if train >= batch:
            break
    else:
        raise job.too_few()
    student = job.student.deepcopy()
    student.numbered = True  # it runs equal copies side by side
    optimizer = dspy.SIMBA(
        metric=score_and_feedback,
        bsize=batch,
        num_candidates=candidates,
        max_steps=steps,
        max_demos=job.options["demos"],
        prompt_model=job.proposer,
        num_threads=job.threads,
    )
    return optimizer.compile(student, trainset=job.rows[:train], seed=job.seed)


def gepa(job: Job) -> Any:
    optimizer, trainset, valset = _gepa(job, job.calls)
    return optimizer.compile(job.student, trainset=trainset, valset=valset)


def better_together(job: Job) -> Any:
    """GEPA's instructions, then examples bootstrapped under them; the best of before, between and after.

    DSPy's own sequence tunes the model's weights in between, which no prompt can carry.
    """
    import dspy

    from optimizer.programs.dspy.variants import TaughtByRecord

    judged = max(4, job.calls // 12)
    train = min(len(job.rows), job.calls // 6)
    optimizer, trainset, valset = _gepa(job, job.calls - 3 * judged - train * job.taught)
    together = dspy.BetterTogether(
        metric=score,
        instructions=optimizer,
        examples=TaughtByRecord(metric=score, metric_threshold=job.good, **job.demos),
    )
    student = job.student.deepcopy()
    student.set_lm(job.task)
    found = together.compile(
        student,
        trainset=job.rows,
        valset=job.rows[-judged:],
        num_threads=job.threads,
        seed=job.seed,
        strategy="instructions -> examples",
        shuffle_trainset_between_steps=False,
        optimizer_compile_args={
            "instructions": {"trainset": trainset, "valset": valset},
            "examples": {"trainset": job.rows[:train], "recorded": job.teacher and job.teacher.recorded},
        },
    )
    if found.flag_compilation_error_occurred:
        raise SearchError("one of its steps failed")
    return found


def _gepa(job: Job, calls: int) -> tuple[Any, list[Any], list[Any]]:
    """The optimizer with its rows; its metric calls are bounded so that the last round, which it always finishes,
    still fits."""
    import dspy
    from dspy.teleprompt.gepa.instruction_proposal import InstructionProposer

    batch = min(job.options["minibatch"], len(job.rows) // 2)
    judged = min(max(ENOUGH // 2, calls // 6), len(job.rows) // 2)
    trainset, valset = job.rows[judged:], job.rows[:judged]
    trainset = trainset[: len(trainset) // batch * batch]  # else GEPA pads a batch with a row that it has already
    written = ceil(calls / (2 * batch + 1))  # rewrites, one for two batches of metric calls
    metric_calls = calls - written - 2 * batch - judged
    if metric_calls < 1:
        raise job.too_few()
    optimizer = dspy.GEPA(
        metric=score_and_feedback,
        max_metric_calls=metric_calls,
        reflection_minibatch_size=batch,
        reflection_lm=job.proposer,
        instruction_proposer=InstructionProposer(adapter=job.asking),
        use_merge=False,  # a prompt is one component: there is nothing to merge
        num_threads=job.threads,
        warn_on_score_mismatch=False,
        seed=job.seed,
    )
    return optimizer, trainset, valset


_MIPRO = ((2000, 12), (600, 8), (200, 6), (100, 4), (0, 3))  # from so many calls on, so many candidates
