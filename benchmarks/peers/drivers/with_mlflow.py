"""MLflow's `optimize_prompts` with its GEPA optimizer, by its documented recipe.

The instructions are a prompt of the registry; `predict_fn` loads it and asks the target through the OpenAI client. A
scorer gives the score and, as its rationale, what is wrong. All rows are `train_data`: the function divides nothing.
"""

from __future__ import annotations

import json
import logging
import os
import tempfile
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import mlflow
import openai
from job import Job, feedback, filled, left, play
from mlflow.entities import Feedback
from mlflow.genai.optimize import GepaPromptOptimizer
from mlflow.genai.scorers import scorer

NAME = "instructions"


def ask(client: Any, job: Job, system: str, inputs: Mapping[str, Any]) -> str:
    turns = [{"role": "system", "content": system}, {"role": "user", "content": filled(job["user"], inputs)}]
    answer = client.chat.completions.create(model=job["models"]["target"], messages=turns)
    return str(answer.choices[0].message.content)


def client_of(job: Job, role: str) -> Any:
    return openai.OpenAI(base_url=job["urls"][role], api_key="none", max_retries=0)


def optimise(job: Job) -> tuple[Callable[[Mapping[str, Any]], str], str]:
    logging.disable(logging.WARNING)
    warnings.simplefilter("ignore")
    os.environ |= {
        "OPENAI_API_BASE": job["urls"]["proposer"],
        "OPENAI_API_KEY": "none",
        "MLFLOW_GENAI_EVAL_MAX_WORKERS": "8",
    }
    mlflow.set_tracking_uri(f"sqlite:///{tempfile.mkdtemp()}/mlflow.db")
    mlflow.set_experiment("peers")
    prompt = mlflow.genai.register_prompt(name=NAME, template=job["system"])
    ids = {json.dumps(row["inputs"], sort_keys=True): row["id"] for row in job["rows"]}
    target = client_of(job, "target")

    def predict(**inputs: Any) -> str:
        return ask(target, job, mlflow.genai.load_prompt(prompt.uri).format(), inputs)

    @scorer
    def quality(inputs: dict[str, Any], outputs: str) -> Feedback:
        value, wrong = feedback(job, ids[json.dumps(inputs, sort_keys=True)], str(outputs))
        return Feedback(value=value, rationale=wrong)

    rows = [{"inputs": r["inputs"], "expectations": {"expected_response": r["expected"]}} for r in job["rows"]]
    found = mlflow.genai.optimize_prompts(
        predict_fn=predict,
        train_data=rows,
        prompt_uris=[prompt.uri],
        optimizer=GepaPromptOptimizer(
            reflection_model=f"openai:/{job['models']['proposer']}",
            max_metric_calls=2 * job["calls"],  # the calls end first
            gepa_kwargs={"seed": job["seed"], "stop_callbacks": [lambda _state: left(job) <= 0]},
        ),
        scorers=[quality],
        enable_tracking=False,
    )
    final, exam = found.optimized_prompts[0].format(), client_of(job, "exam")
    note = f"from {found.initial_eval_score:.3f} to {found.final_eval_score:.3f}; {len(final)} characters"
    return lambda inputs: ask(exam, job, final, inputs), note


if __name__ == "__main__":
    play(optimise)
