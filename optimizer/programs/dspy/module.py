"""A prompt of ours as a DSPy module, and back.

An optimizer sees a predictor with instructions and demos. Whatever it puts there, the request is rendered by
`Prompt.render` and the reply read under the prompt's contract, so what it measures is what would be shipped.
Instructions that break a rule of `wording.fault` are never sent: they score 0, with the reason as feedback.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

import dspy

from optimizer.errors import ModelError, SearchError
from optimizer.models import Model
from optimizer.programs.dspy.engine import Allowance
from optimizer.programs.prompted import PromptProgram
from optimizer.prompt import Demo, Prompt
from optimizer.prompt.wording import Copies, fault, reworded
from optimizer.types import Output, Request, Response, Score

_BLANK = "Answer the input."  # stands for empty instructions: DSPy would put in a sentence of its own


@dataclass
class Asked:
    """The example that a thread is at, who answers it, and what came of it."""

    example: str
    copy: int = 0
    recorded: Mapping[str, Output] | None = None
    outputs: list[Output] = field(default_factory=list)


NOW: ContextVar[Asked] = ContextVar("promptport_asked")


class PromptAdapter(dspy.Adapter):  # type: ignore[misc]
    """Renders, asks and reads as `PromptProgram` does. `faults` are the rewrites that were refused, and why."""

    def __init__(self, prompt: Prompt, model: Model, allowance: Allowance, copies: Copies) -> None:
        super().__init__()
        self.prompt, self.model, self.allowance, self.shown_texts = prompt, model, allowance, copies
        self.fields = safe_names(prompt.names)
        signature = {name: (Any, dspy.InputField()) for name in self.fields} | {"output": (str, dspy.OutputField())}
        self.signature = dspy.Signature(signature, prompt.instructions.text or _BLANK)
        self.original: str = self.signature.instructions  # DSPy has trimmed the text
        self.faults: dict[str, str | None] = {self.original: None}
        self.copies_made = count(1)

    def __deepcopy__(self, memo: object) -> PromptAdapter:
        return self  # every copy of a program is measured with the same allowance

    def __call__(
        self, lm: Any, lm_kwargs: Mapping[str, Any], signature: Any, demos: Sequence[Any], inputs: Mapping[str, Any]
    ) -> list[dict[str, str]]:
        asked = NOW.get()
        if asked.recorded is not None:
            nothing = Output(asked.example, "", status="failed", error="the source has no answer on record")
            output = asked.recorded.get(asked.example, nothing)
        elif problem := self.fault(signature.instructions):
            reason = f"these instructions are refused: {problem}"
            output = Output(asked.example, "", status="failed", error=reason)
        else:
            own = {self.fields[name]: value for name, value in inputs.items()}
            warmth = lm_kwargs.get("temperature", lm.kwargs.get("temperature"))
            output = self._answer(asked, self.built(signature.instructions, demos), own, warmth)
        asked.outputs.append(output)
        return [{"output": output.text}]

    def fault(self, instructions: str) -> str | None:
        if instructions not in self.faults:
            self.faults[instructions] = fault(self.prompt, instructions, shown=self.shown_texts)
        return self.faults[instructions]

    def built(self, instructions: str, demos: Sequence[Any]) -> Prompt:
        """The prompt that a predictor with these instructions and demos stands for."""
        unchanged = instructions == self.original
        prompt = self.prompt if unchanged else reworded(self.prompt, instructions)
        return replace(prompt, demos=tuple(self._demo(demo) for demo in demos))

    def shown(self, demo: Demo) -> Any:
        """A worked example as DSPy keeps it."""
        inputs = {name: demo.inputs[own] for name, own in self.fields.items() if own in demo.inputs}
        return dspy.Example(**inputs, output=demo.output)

    def shipped(self, program: Any) -> Prompt:
        """The prompt of a compiled program. Raises SearchError where its instructions cannot be shipped."""
        instructions = program.predict.signature.instructions
        if problem := self.fault(instructions):
            raise SearchError(f"the instructions it wrote are refused: {problem}")
        return self.built(instructions, program.predict.demos)

    def _demo(self, demo: Any) -> Demo:
        return Demo({own: demo[name] for name, own in self.fields.items() if name in demo}, str(demo["output"]))

    def _answer(self, asked: Asked, prompt: Prompt, inputs: Mapping[str, Any], warmth: float | None) -> Output:
        request = prompt.render(inputs)
        if warmth is not None and "temperature" in prompt.params:  # a bootstrap's later rounds want other answers
            request = Request(request.messages, {**request.params, "temperature": warmth})
        try:
            response = self.allowance.ask(self.model, request, asked.example, asked.copy)
        except ModelError as problem:
            return Output(asked.example, "", status="refused", error=str(problem), calls=1)
        return _output(asked.example, prompt, response)


class Record(dict[str, Output]):
    """Outputs by example id, which copies of a program share."""

    def __deepcopy__(self, memo: object) -> Record:
        return self


class PromptModule(dspy.Module):  # type: ignore[misc]
    """What the optimizers compile: one predictor. `mark` scores an output of an example.

    `recorded`: outputs by example id that are given out instead of asking. `numbered`: its copies run side by side,
    so each is told apart in the order in which they were made.
    """

    def __init__(
        self, adapter: PromptAdapter, mark: Callable[[Output], Score], recorded: Mapping[str, Output] | None = None
    ) -> None:
        super().__init__()
        self.adapter = adapter
        self.mark = mark
        self.recorded = None if recorded is None else Record(recorded)
        self.numbered = False
        self.number = 0
        self.predict = dspy.Predict(adapter.signature)
        self.predict.demos = [adapter.shown(demo) for demo in adapter.prompt.demos]

    def deepcopy(self) -> PromptModule:
        """With a signature of its own: DSPy shares it, and InferRules writes into it."""
        copy: PromptModule = super().deepcopy()
        copy.predict.signature = copy.predict.signature.with_instructions(copy.predict.signature.instructions)
        copy.number = next(self.adapter.copies_made) if self.numbered else 0
        return copy

    def forward(self, row: str, **fields: Any) -> Any:
        return self.adapter.allowance.guard(lambda: self._forward(row, fields))

    def _forward(self, row: str, fields: Mapping[str, Any]) -> Any:
        token = NOW.set(asked := Asked(row, self.number, self.recorded))
        try:
            with dspy.context(adapter=self.adapter):  # here only: the optimizers' own questions have another form
                self.predict(**fields)
        finally:
            NOW.reset(token)
        output = asked.outputs[-1]
        score = self.mark(output)
        return dspy.Prediction(output=output.text, score=score.value, feedback=score.feedback)


def safe_names(names: frozenset[str]) -> dict[str, str]:
    """Field names that neither DSPy nor pydantic uses itself, each with the prompt's own name for it."""
    safe: dict[str, str] = {}
    for own in sorted(names):
        name = re.sub(r"\W", "_", own).strip("_") or "input"
        known = name in _TAKEN or name.startswith("model_") or hasattr(dspy.Signature, name)
        if known or hasattr(dspy.Example, name) or not name.isidentifier():
            name = f"input_{name}"
        while name in safe:
            name += "_"
        safe[name] = own
    return safe


_TAKEN = frozenset({"output", "row", "demos", "config", "signature", "new_signature", "lm", "prediction"})


def _output(example: str, prompt: Prompt, response: Response) -> Output:
    reply = PromptProgram(prompt).read(response)
    return Output(
        example,
        reply.text,
        reply.value,
        reply.status,
        reply.error,
        cost=response.cost,
        latency=response.latency,
        input_tokens=response.input_tokens,
        output_tokens=response.output_tokens,
        calls=1,
    )


class AskingAdapter(dspy.ChatAdapter):  # type: ignore[misc]
    """DSPy's chat form, read with patience: an answer without its heading is still the answer, and no second call."""

    def __init__(self) -> None:
        super().__init__(use_json_adapter_fallback=False)

    def format(self, signature: Any, demos: Any, inputs: dict[str, Any]) -> Any:
        known = {"program_code": "One prompt, sent to a language model once."}  # not the source code of this package
        return super().format(signature, demos, {name: known.get(name, value) for name, value in inputs.items()})

    def parse(self, signature: Any, completion: str) -> dict[str, Any]:
        try:
            found: dict[str, Any] = super().parse(signature, completion)
            return found
        except dspy.AdapterParseError:
            names = list(signature.output_fields)
            main = next((name for name in names if name in _MAIN), names[0])
            if (len(names) > 1 and main not in _MAIN) or not completion.strip():
                raise
            text = _bare(completion)
            said = {"predict": text} if main == "module_advice" else text
            return {name: said if name == main else "" for name in names}


_MAIN = ("proposed_instruction", "natural_language_rules", "module_advice")  # beside it: remarks and headings


def _bare(completion: str) -> str:
    """The text itself, or the only value of a JSON object."""
    try:
        value = json.loads(completion)
    except ValueError:
        return completion.strip()
    only = list(value.values()) if isinstance(value, dict) else []
    return only[0] if len(only) == 1 and isinstance(only[0], str) else completion.strip()
