"""A team's own program as the student of DSPy's optimizers: all of its predictors are compiled together.

Behind the door of its package. Instructions that break a rule of `wording.fault` are never sent: the program scores 0
with them, and is told why.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import count
from typing import Any

import dspy

from optimizer.errors import ModelError, SearchError
from optimizer.models import Model
from optimizer.programs.dspy.engine import Allowance
from optimizer.programs.dspy.module import NOW, Asked
from optimizer.programs.dspy.opening import live
from optimizer.programs.dspy.running import ADAPTERS, Line, reply
from optimizer.programs.dspy.typed import kinds_of, typed
from optimizer.prompt.suite import Suite
from optimizer.prompt.wording import Copies, fault
from optimizer.types import Output, Request, Response, Score


class SuiteBench:
    """Where one suite is tried out. `fields` and `faults` as those of `PromptAdapter`."""

    def __init__(self, suite: Suite, model: Model, allowance: Allowance, copies: Copies) -> None:
        self.suite, self.allowance, self.copies = suite, allowance, copies
        self.fields = {name: name for name in sorted(suite.names)}
        self.faults: dict[str, str | None] = {}
        self.copies_made = count(1)
        self.lm = TaskLine(model, suite, allowance).lm()
        self.adapter = ADAPTERS[suite.origin.adapter]()

    def __deepcopy__(self, memo: object) -> SuiteBench:
        return self

    def fault(self, name: str, instructions: str) -> str | None:
        part = self.suite.part(name)
        if instructions == part.instructions:
            return None
        if instructions not in self.faults:
            self.faults[instructions] = fault(part.as_prompt(self.suite.protected), instructions, shown=self.copies)
        return self.faults[instructions]

    def shipped(self, student: Any) -> Suite:
        """The suite of a compiled program. Raises SearchError where its instructions cannot be shipped."""
        found = []
        for name, predictor in student.program.named_predictors():
            part, instructions = self.suite.part(name), predictor.signature.instructions
            if problem := self.fault(name, instructions):
                raise SearchError(f"the instructions it wrote for {name!r} are refused: {problem}")
            predictor.lm = None
            demos = tuple(dict(demo) for demo in predictor.dump_state()["demos"])
            found.append(replace(part, instructions=instructions, demos=demos))
        return self.suite.with_parts(found)


class SuiteModule(dspy.Module):  # type: ignore[misc]
    """What the optimizers compile: the team's module, whose answers are scored."""

    def __init__(self, bench: SuiteBench, mark: Callable[[Output], Score]) -> None:
        super().__init__()
        self.bench, self.mark = bench, mark
        self.program = live(bench.suite).deepcopy()
        self.numbered = False
        self.number = 0

    def deepcopy(self) -> SuiteModule:
        """With signatures of its own: DSPy shares them, and InferRules writes into them."""
        copy: SuiteModule = super().deepcopy()
        for _, predictor in copy.named_predictors():
            predictor.signature = predictor.signature.with_instructions(predictor.signature.instructions)
        copy.number = next(self.bench.copies_made) if self.numbered else 0
        return copy

    def forward(self, row: str, **fields: Any) -> Any:
        return self.bench.allowance.guard(lambda: self._forward(row, fields))

    def _forward(self, row: str, fields: Mapping[str, Any]) -> Any:
        token = NOW.set(asked := Asked(row, self.number))
        try:
            output = self._output(asked, fields)
        finally:
            NOW.reset(token)
        score = self.mark(output)
        return dspy.Prediction(output=output.text, score=score.value, feedback=score.feedback)

    def _output(self, asked: Asked, fields: Mapping[str, Any]) -> Output:
        bench = self.bench
        for name, predictor in self.program.named_predictors():
            if problem := bench.fault(name, predictor.signature.instructions):
                reason = f"the instructions of {name!r} are refused: {problem}"
                return Output(asked.example, "", status="failed", error=reason)
        lm = dspy.settings.lm if isinstance(getattr(dspy.settings.lm, "engine", None), TaskLine) else bench.lm
        try:
            with dspy.context(lm=lm, adapter=bench.adapter):  # a bootstrap's later rounds bring a warmer model
                read = reply(lambda: self.program(**typed(kinds_of(bench.suite), fields)), bench.suite)
        except ModelError as problem:
            return Output(asked.example, "", status="refused", error=str(problem))
        return Output(asked.example, read.text, read.value, read.status, read.error)


class TaskLine(Line):
    """Asks from the allowance of a compile, about the example that the thread is at."""

    def __init__(self, model: Model, suite: Suite, allowance: Allowance) -> None:
        super().__init__(model, suite)
        self.allowance = allowance

    def ask(self, request: Request) -> Response:
        asked = NOW.get(Asked(""))
        return self.allowance.ask(self.model, request, asked.example, asked.copy)

    def request(self, request: Any) -> Request:
        """Only parameters that the suite has: a warmer model is no reason to send one that the target refuses."""
        made = super().request(request)
        return replace(made, params={name: made.params[name] for name in self.suite.params})
