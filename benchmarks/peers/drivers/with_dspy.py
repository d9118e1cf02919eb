"""dspy.MIPROv2 and dspy.GEPA, by their documented recipes.

The program is `dspy.Predict` of a signature: its instructions are the original prompt's, its fields are the task's
inputs and the typed fields of the reply; rendering and parsing are the ChatAdapter's. MIPROv2 divides the rows 20 : 80
as it does by itself, GEPA gets halves, as its documentation advises for small sets.
"""

from __future__ import annotations

import json
import logging
import math
import random
from collections.abc import Callable, Mapping
from typing import Any, Literal

import dspy
from job import Job, feedback, left, play, scored

THREADS = 8


def outputs(job: Job) -> dict[str, Any]:
    """The fields of the reply with their types, as DSPy's documentation writes them; else one text called answer."""
    reply = job["reply"]
    if reply["kind"] == "labels":
        return {"answer": Literal[tuple(reply["labels"])]}
    found = {name: _kind(spec) for name, spec in ((reply["schema"] or {}).get("properties") or {}).items()}
    return found if found and None not in found.values() else {"answer": str}


def _kind(spec: Mapping[str, Any]) -> Any:
    """None: no simple type. An object of yes and no is the list of what holds."""
    if "enum" in spec:
        return Literal[tuple(spec["enum"])]
    kinds = {"string": str, "number": float, "integer": int, "boolean": bool}
    if spec.get("type") in kinds:
        return kinds[spec["type"]]
    if spec.get("type") == "array":
        inner = _kind(spec.get("items") or {"type": "string"})
        return list[inner] if inner else None
    flags = spec.get("properties") or {}
    return list[Literal[tuple(flags)]] if flags and all(f.get("type") == "boolean" for f in flags.values()) else None


def program(job: Job) -> Any:
    fields: dict[str, Any] = {name: (str, dspy.InputField()) for name in job["names"]}
    properties = (job["reply"]["schema"] or {}).get("properties", {})
    for name, kind in outputs(job).items():
        fields[name] = (kind, dspy.OutputField(desc=properties.get(name, {}).get("description")))
    return dspy.Predict(dspy.Signature(fields, job["system"]))


def gold(job: Job, expected: str) -> dict[str, Any]:
    """The right answer as values of the output fields."""
    names = list(outputs(job))
    if names == ["answer"]:
        return {"answer": expected}
    return {name: _listed(value) for name, value in json.loads(expected).items() if name in names}


def _listed(value: Any) -> Any:
    return [name for name, holds in value.items() if holds] if isinstance(value, dict) else value


def told(job: Job, prediction: Any) -> str:
    """The prediction as a reply under the task's contract."""
    names = list(outputs(job))
    if names == ["answer"]:
        return str(prediction.answer)
    flags = {
        name: spec["properties"] for name, spec in job["reply"]["schema"]["properties"].items() if "properties" in spec
    }
    values = {name: prediction[name] for name in names}
    for name, known in flags.items():
        values[name] = {flag: flag in (values[name] or []) for flag in known}
    return json.dumps(values, ensure_ascii=False)


def model(job: Job, role: str, **more: Any) -> Any:
    name = job["models"]["target" if role == "exam" else role]
    return dspy.LM(f"openai/{name}", api_base=job["urls"][role], api_key="none", num_retries=0, **more)


def examples(job: Job) -> list[Any]:
    rows = [dspy.Example(**r["inputs"], **gold(job, r["expected"]), row=r["id"]) for r in job["rows"]]
    random.Random(job["seed"]).shuffle(rows)
    return [row.with_inputs(*job["names"]) for row in rows]


def metric(job: Job) -> Callable[..., Any]:
    """As a number; while examples are collected (`trace`), whether it is worth showing, as the documentation says."""

    def score(example: Any, prediction: Any, trace: Any = None) -> Any:
        value = scored(job, example.row, told(job, prediction))[0]
        return value >= 0.999 if trace is not None else value

    return score


def miprov2(job: Job) -> tuple[Any, str]:
    rows = examples(job)
    knobs, sized = _mipro_size(job["calls"], int(0.8 * len(rows)))
    optimiser = dspy.MIPROv2(
        metric=metric(job),
        prompt_model=model(job, "proposer"),
        task_model=model(job, "target"),
        num_threads=THREADS,
        max_errors=10**6,
        seed=job["seed"] + 1,
        **knobs,
    )
    return optimiser.compile(program(job), trainset=rows, **sized), f"{knobs} {sized}"


def _mipro_size(calls: int, validation: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """As many trials as the calls pay for, and candidates in the proportion that the code's own formula has them in.

    Collecting examples takes about 40 calls, the first full evaluation one for each row, a trial 35; one in five leads
    to a full evaluation, of which the cache answers a third. The preset "light" has 6 candidates and 10 trials.
    """
    judged = min(100, validation)
    trials = max(3, int((calls - 40 - 1.65 * judged) / (35 + judged * 0.65 / 5)))
    candidates = max(n for n in range(2, 31) if n == 2 or max(4 * math.log2(n), 1.5 * n) <= trials + 0.5)
    return {"auto": None, "num_candidates": candidates}, {"num_trials": trials}


def gepa(job: Job) -> tuple[Any, str]:
    rows = examples(job)
    half = len(rows) // 2

    def judged(gold: Any, pred: Any, trace: Any = None, pred_name: Any = None, pred_trace: Any = None) -> Any:
        del trace, pred_name, pred_trace  # one predictor: the answer says it all
        score, wrong = feedback(job, gold.row, told(job, pred))
        return dspy.Prediction(score=score, feedback=wrong)

    optimiser = dspy.GEPA(
        metric=judged,
        max_metric_calls=2 * job["calls"],  # it counts what its cache answers, too
        gepa_kwargs={"stop_callbacks": [lambda _state: left(job) <= 0]},
        reflection_lm=model(job, "proposer", temperature=1.0, max_tokens=32000),
        num_threads=THREADS,
        track_stats=True,
        seed=job["seed"],
    )
    found = optimiser.compile(program(job), trainset=rows[:half], valset=rows[half:])
    tried = len(found.detailed_results.candidates)
    return found, f"{tried} candidates"


def optimise(job: Job) -> tuple[Callable[[Mapping[str, Any]], str], str]:
    logging.disable(logging.WARNING)
    dspy.configure(lm=model(job, "target"), max_errors=10**6)
    final, note = {"miprov2": miprov2, "gepa": gepa}[job["method"]](job)
    exam = model(job, "exam")

    def answer(inputs: Mapping[str, Any]) -> str:
        with dspy.context(lm=exam):
            return told(job, final(**inputs))

    shown = f"{len(final.demos)} examples, {len(final.signature.instructions)} characters of instructions"
    return answer, f"{note}; {shown}"


if __name__ == "__main__":
    play(optimise)
