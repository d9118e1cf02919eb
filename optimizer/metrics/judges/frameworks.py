"""Metrics of Ragas and of DeepEval by their own libraries, asking our judge and embedder through the one model door.

So their questions are remembered, counted and paid like all others, and no key, client or cache of theirs is used. What
a judge answers that the library cannot read leaves no score (`Unscored`); so does a score that is no number.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import os
import re
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from optimizer.errors import ConfigError, DataError, OptimizerError, nearest
from optimizer.metrics.checks.grounding import texts_of
from optimizer.metrics.judges.door import Door
from optimizer.metrics.standard import Against, Compared, Unscored, library, spoken, wanted_text
from optimizer.models import Model, bridge
from optimizer.types import Example, Output, Score

_QUIET = {
    "RAGAS_DO_NOT_TRACK": "true",
    "DEEPEVAL_TELEMETRY_OPT_OUT": "YES",
    "DEEPEVAL_DISABLE_DOTENV": "1",
    "DEEPEVAL_FILE_SYSTEM": "READ_ONLY",
    "ERROR_REPORTING": "NO",
}
_LESS_IS_BETTER = {"noise_sensitivity"}  # of Ragas; DeepEval 4 gives all of its scores so that more is better


@dataclass(frozen=True)
class Foreign:
    """`measure` is given a door and the example's texts, and returns the library's score with its reason."""

    name: str
    measure: Callable[[Door, Mapping[str, Any]], tuple[float, str]]
    judge: Model
    embedder: Model | None
    question: str | None
    passages: str | None
    against: Against
    asks: bool = True

    def __call__(self, example: Example, output: Output, reference: Output | None) -> Score:
        if output.status != "ok":
            return Score(0.0, output.error or output.status)
        door = Door(self.judge, self.embedder)
        try:
            value, reason = self.measure(door, self._texts(example, output, reference))
        except Exception as error:
            if door.trouble:
                raise door.trouble[0] from error
            if isinstance(error, OptimizerError | Unscored):
                raise
            raise DataError(f"metric {self.name!r}, example {example.id!r}: {type(error).__name__}: {error}") from error
        if door.trouble:  # the library went on without an answer
            raise door.trouble[0]
        if value != value:  # noqa: PLR0124  NaN: the library found nothing to score
            raise Unscored(f"{self.name} gave no score")
        if not 0.0 <= value <= 1.0:
            raise DataError(
                f"metric {self.name!r}, example {example.id!r}: gives {value:g}, but a score lies between 0 and 1"
            )
        return Score(value, reason)

    def _texts(self, example: Example, output: Output, reference: Output | None) -> Mapping[str, Any]:
        inputs = {name: value for name, value in example.inputs.items() if name != self.passages}
        asked_for = _input(self.name, "question", self.question, example) if self.question else None
        passages = _input(self.name, "passages", self.passages, example) if self.passages else None
        whole = next(iter(inputs.values())) if len(inputs) == 1 else json.dumps(inputs, ensure_ascii=False)
        return {
            "input": str(whole if asked_for is None else asked_for),
            "response": spoken(output),
            "reference": wanted_text(example, reference, self.against),
            "passages": list(texts_of(passages)) if passages is not None else [],
        }


def ragas(
    *,
    judges: Sequence[Model],
    metric: str,
    embedder: Model | None = None,
    question: str | None = None,
    passages: str | None = None,
    settings: Mapping[str, Any] | None = None,
    against: Against = "auto",
) -> Foreign:
    """A metric of Ragas by its name there (faithfulness, context_recall ...). Needs promptport[ragas].

    `passages` and `question` name the inputs with the retrieved passages and the question (default: all other inputs).
    `settings` go to the metric's own constructor. The first judge is asked.
    """
    os.environ.update(_QUIET)
    found = _named("ragas", library("ragas.metrics.collections", "ragas", "ragas"), metric, "ascore")
    base = library("ragas.llms.base", "ragas", "ragas").InstructorBaseRagasLLM
    vectors = library("ragas.embeddings.base", "ragas", "ragas").BaseRagasEmbedding
    takes = inspect.signature(found.ascore).parameters
    made = inspect.signature(found.__init__).parameters

    def measure(door: Door, texts: Mapping[str, Any]) -> tuple[float, str]:
        own = dict(settings or {})
        own |= {"llm": _ragas_model(base, door)} if "llm" in made else {}
        own |= {"embeddings": _ragas_vectors(vectors, door)} if "embeddings" in made else {}
        known = {
            "user_input": texts["input"],
            "response": texts["response"],
            "reference": texts["reference"],
            "retrieved_contexts": texts["passages"],
            "reference_contexts": texts["passages"] or [texts["input"]],
        }
        given = {name: value for name, value in known.items() if name in takes}
        result = asyncio.run(found(**own).ascore(**given))  # its own loop: parts of it wait without awaiting
        value = float(result.value)
        return (1 - value if metric in _LESS_IS_BETTER else value), str(result.reason or "")

    Compared(lambda _output, _answer: Score(0.0), against)
    return Foreign(f"ragas {metric}", measure, judges[0], embedder, question, passages, against)


def deepeval(
    *,
    judges: Sequence[Model],
    metric: str,
    question: str | None = None,
    passages: str | None = None,
    settings: Mapping[str, Any] | None = None,
    against: Against = "auto",
) -> Foreign:
    """A metric of DeepEval by its name there (faithfulness, toxicity, g_eval ...). Needs promptport[deepeval].

    Options as of `ragas`; g_eval wants `settings: {criteria: ...}`.
    """
    os.environ.update(_QUIET)
    found = _named("deepeval", library("deepeval.metrics", "deepeval", "deepeval"), metric, "measure")
    base = library("deepeval.models", "deepeval", "deepeval").DeepEvalBaseLLM
    cases = library("deepeval.test_case", "deepeval", "deepeval")
    made = inspect.signature(found.__init__).parameters

    def measure(door: Door, texts: Mapping[str, Any]) -> tuple[float, str]:
        own = {"model": _deepeval_model(base, door), "async_mode": False, **(settings or {})}
        own |= {"include_reason": False} if "include_reason" in made and "include_reason" not in own else {}
        if metric == "g_eval":
            shown = [cases.SingleTurnParams.INPUT, cases.SingleTurnParams.ACTUAL_OUTPUT]
            shown += [cases.SingleTurnParams.EXPECTED_OUTPUT] if texts["reference"] else []
            own = {"name": "quality", "evaluation_params": shown, **own}
        case = cases.LLMTestCase(
            input=texts["input"],
            actual_output=texts["response"],
            expected_output=texts["reference"] or None,
            retrieval_context=texts["passages"] or None,
            context=texts["passages"] or None,
        )
        one = found(**own)
        one.measure(case, _show_indicator=False)
        return float(one.score), str(one.reason or "")

    Compared(lambda _output, _answer: Score(0.0), against)
    return Foreign(f"deepeval {metric}", measure, judges[0], None, question, passages, against)


def _ragas_model(base: Any, door: Door) -> Any:
    return type(
        "Judge",
        (base,),
        {
            "generate": lambda _self, prompt, response_model: bridge.run(door.read(prompt, response_model)),
            "agenerate": lambda _self, prompt, response_model: _elsewhere(door.read(prompt, response_model)),
        },
    )()


def _ragas_vectors(base: Any, door: Door) -> Any:
    return type(
        "Vectors",
        (base,),
        {
            "embed_text": lambda _self, text, **_: bridge.run(door.vector(text)),
            "aembed_text": lambda _self, text, **_: _elsewhere(door.vector(text)),
        },
    )()


async def _elsewhere(work: Coroutine[Any, Any, Any]) -> Any:
    """On the loop of the models, awaited from another."""
    return await asyncio.to_thread(bridge.run, work)


def _deepeval_model(base: Any, door: Door) -> Any:
    def answer(_self: Any, prompt: str, schema: Any = None) -> Any:
        return bridge.run(door.read(prompt, schema) if schema else door.text(prompt))

    own = {"load_model": lambda self: self, "generate": answer, "get_model_name": lambda _self: door.judge.name}
    return type("Judge", (base,), {**own, "a_generate": answer})(door.judge.name)


def _named(kind: str, module: Any, metric: str, does: str) -> Any:
    """The library's class of that name, as in answer_relevancy for AnswerRelevancyMetric."""
    classes = {_snake(name): thing for name, thing in vars(module).items() if inspect.isclass(thing)}
    known = {name: thing for name, thing in classes.items() if hasattr(thing, does) and not name.startswith("base")}
    if metric not in known:
        listed = ", ".join(sorted(known))
        raise ConfigError(f"metric {kind!r}: metric: {metric!r} is not known.{nearest(metric, known)} Known: {listed}")
    return known[metric]


def _snake(name: str) -> str:
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name.removesuffix("Metric"))
    return words.lower()


def _input(metric: str, option: str, name: str, example: Example) -> Any:
    if name not in example.inputs:
        known = ", ".join(example.inputs)
        hint = nearest(name, example.inputs)
        raise ConfigError(f"metric {metric!r}: {option}: example {example.id!r} has no input {name!r}.{hint} ({known})")
    return example.inputs[name]
