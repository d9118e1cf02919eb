"""The optimizers of DSPy that look for worked examples, each sized to the calls it may make."""

from __future__ import annotations

from typing import Any

from optimizer.programs.dspy.job import ENOUGH, Job, score


def labeled_few_shot(job: Job) -> Any:
    import dspy

    return dspy.LabeledFewShot(k=job.options["labeled"]).compile(job.student, trainset=job.rows)


def knn_few_shot(job: Job) -> Any:
    """DSPy bootstraps for each request from the rows nearest to it. A prompt that is the same for every request can
    carry one such choice only: the one for the most central row."""
    from dspy.predict.knn import KNN

    nearest = KNN(job.options["neighbours"], job.rows, vectorizer=_Vectors(job.rows))
    centre = nearest.trainset_vectors @ nearest.trainset_vectors.mean(axis=0)
    trainset = nearest(**job.rows[int(centre.argmax())].inputs())
    if job.taught:
        trainset = trainset[: job.calls]
    labeled = job.options.get("labeled", len(trainset))
    return _bootstrap(job, max_labeled_demos=labeled, max_bootstrapped_demos=len(trainset)).compile(
        job.student, teacher=job.teacher, trainset=trainset
    )


def bootstrap_few_shot(job: Job) -> Any:
    rounds = job.options["rounds"]
    trainset = job.rows[: job.calls // rounds] if job.taught else job.rows
    optimizer = _bootstrap(job, max_rounds=rounds, **job.demos)
    return optimizer.compile(job.student, teacher=job.teacher, trainset=trainset)


def bootstrap_random_search(job: Job) -> Any:
    """Three fixed programs and `candidates` drawn ones, each judged on all rows for validation."""
    import dspy

    train = min(2 * job.options["bootstrapped"], len(job.rows) // 2)
    candidates = job.options["candidates"]
    while candidates > 1 and (job.calls - (candidates + 1) * train * job.taught) // (candidates + 3) < ENOUGH:
        candidates -= 1
    judged = (job.calls - (candidates + 1) * train * job.taught) // (candidates + 3)
    trainset, valset = job.divide(train, judged)
    optimizer = dspy.BootstrapFewShotWithRandomSearch(
        metric=score,
        metric_threshold=job.good,
        num_candidate_programs=candidates,
        num_threads=job.threads,
        **job.demos,
    )
    return optimizer.compile(job.student, teacher=job.teacher, trainset=trainset, valset=valset)


def bootstrap_optuna(job: Job) -> Any:
    """Each candidate shows one of the examples that a bootstrap found; all are judged on the same rows."""
    from optimizer.programs.dspy.variants import SeededOptuna

    train = min(2 * job.options["bootstrapped"], len(job.rows) // 2)
    candidates = job.options["candidates"]
    while candidates > 1 and (job.calls - train * job.taught) // candidates < ENOUGH:
        candidates -= 1
    trainset, valset = job.divide(train, (job.calls - train * job.taught) // candidates)

    def judge(_gold: Any, pred: Any, trace: Any = None) -> float:
        """DSPy bootstraps with a trace, and takes any score but 0 for a success."""
        return pred.score if trace is None else float(pred.score >= job.good)

    optimizer = SeededOptuna(
        metric=judge,
        max_labeled_demos=job.options["labeled"],
        num_candidate_programs=candidates,
        num_threads=job.threads,
    )
    optimizer.seed = job.seed
    return optimizer.compile(
        job.student,
        teacher=job.teacher,
        max_demos=job.options["bootstrapped"],
        trainset=trainset,
        valset=valset,
    )


def _bootstrap(job: Job, **more: Any) -> Any:
    import dspy

    return dspy.BootstrapFewShot(metric=score, metric_threshold=job.good, **more)


class _Vectors:
    """Texts as vectors of length 1, by the pieces of words that they share with the rows."""

    def __init__(self, rows: list[Any]) -> None:
        from sklearn.feature_extraction.text import TfidfVectorizer

        self._pieces = TfidfVectorizer(analyzer="char_wb", ngram_range=(1, 4), sublinear_tf=True)
        self._pieces.fit([" ".join(str(row[name]) for name in row.inputs() if name != "row") for row in rows])

    def __call__(self, texts: list[str]) -> Any:
        return self._pieces.transform([text.rpartition(" | row: ")[0] for text in texts]).toarray()
