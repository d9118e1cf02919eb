"""promptolution's CAPO, by its documented recipe.

The instruction is the original prompt's, the input is the rendered question, examples come from a tenth of the rows, as
by default. The first population is the original and variations of it by the proposer (`create_prompt_variation`);
operators, racing, length penalty and block size are the defaults. The population is small enough for several steps.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Mapping
from typing import Any

import numpy
import pandas
from job import Job, filled, left, play, scored
from promptolution.llms.api_llm import APILLM
from promptolution.optimizers.capo import CAPO
from promptolution.predictors.base_predictor import BasePredictor
from promptolution.tasks.reward_tasks import RewardTask
from promptolution.utils.callbacks import BaseCallback
from promptolution.utils.prompt_creation import create_prompt_variation

STEPS = 100  # the calls end first
POPULATION = 4  # for 800 calls; of 4, 6 and 8, with blocks of 15 and 30, this did best on the worked examples


class Whole(BasePredictor):  # type: ignore[misc]
    """The whole reply is the prediction: the task's contract reads it."""

    def _extract_preds(self, preds: list[str]) -> list[str]:
        return preds


class Best(BaseCallback):  # type: ignore[misc]
    """Ends when the calls are used, and keeps the best prompt of the last whole step. (A step that is cut off raises,
    and leaves the population in no order.)"""

    def __init__(self, job: Job) -> None:
        self.job, self.steps, self.prompt = job, 0, None

    def on_step_end(self, optimizer: Any) -> bool:
        self.steps, self.prompt = self.steps + 1, optimizer.prompts[0]
        return left(self.job) > 0

    def on_train_end(self, optimizer: Any) -> None:
        """Nothing to do."""


def model(job: Job, role: str) -> APILLM:
    name = job["models"]["target" if role == "exam" else role]
    return APILLM(api_url=job["urls"][role], model_id=name, api_key="none", max_retries=0, max_concurrent_calls=8)


def asked(job: Job, inputs: Mapping[str, Any]) -> str:
    """The input as text; an empty line sets it apart from the prompt, to which it is joined."""
    return "\n" + filled(job["user"], inputs)


def optimise(job: Job) -> tuple[Callable[[Mapping[str, Any]], str], str]:
    logging.disable(logging.WARNING)
    random.seed(job["seed"])
    numpy.random.seed(job["seed"])
    rows = [{"x": asked(job, r["inputs"]), "y": r["expected"], "row": r["id"]} for r in job["rows"]]
    random.shuffle(rows)
    target, proposer = model(job, "target"), model(job, "proposer")
    task = RewardTask(
        pandas.DataFrame(rows),
        reward_function=lambda pred, row: scored(job, row, pred)[0],
        y_column="y",
        reward_columns=["row"],
        task_description=_about(job),
        eval_strategy="sequential_block",
        seed=job["seed"],
    )
    first = [job["system"], *create_prompt_variation([job["system"]] * (POPULATION - 1), proposer)]
    best = Best(job)
    optimiser = CAPO(predictor=Whole(target), task=task, meta_llm=proposer, initial_prompts=first, callbacks=[best])
    optimiser.optimize(STEPS)
    final = best.prompt or _leading(task, optimiser.prompts)
    exam = Whole(model(job, "exam"))

    def answer(inputs: Mapping[str, Any]) -> str:
        return str(exam.predict([str(final)], [asked(job, inputs)])[0][0])

    return (
        answer,
        f"{best.steps} steps; {len(final.few_shots)} examples, {len(str(final))} characters",
    )


def _leading(task: Any, prompts: list[Any]) -> Any:
    """Where not one step was finished: the prompt with the best mean on what it was evaluated on."""
    means = []
    for prompt in prompts:
        known = [score for (text, _, _), score in task.eval_cache.items() if text == str(prompt)]
        means.append(sum(known) / len(known) if known else -1.0)
    return prompts[means.index(max(means))]


def _about(job: Job) -> str:
    """A task description: the first sentences of the prompt, and the form of the reply."""
    opening = " ".join(job["system"].split("\n\n")[0].split())
    return f"{opening} {job['reply']['told']}"


if __name__ == "__main__":
    play(optimise)
