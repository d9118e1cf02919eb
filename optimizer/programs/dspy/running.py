"""Runs a team's DSPy program, as it is, on our models. Behind the door of its package."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar, Token
from dataclasses import replace
from functools import cache
from typing import Any

import dspy
from dspy import lm15
from dspy.utils.callback import BaseCallback

from optimizer.errors import ConfigError, DataError, ModelError
from optimizer.models import Model, bridge
from optimizer.programs.dspy.engine import Engine, Halt, as_messages
from optimizer.programs.dspy.opening import live
from optimizer.programs.dspy.typed import kinds_of, typed
from optimizer.prompt.suite import Suite
from optimizer.types import JSON, Inputs, Reply, Request, Response, as_text, fresh

ADAPTERS = {"chat": dspy.ChatAdapter, "json": dspy.JSONAdapter, "xml": dspy.XMLAdapter}
_THREADS = 32  # programs under way at once: DSPy's wait for each answer
_OWN = ("temperature", "top_p", "max_tokens")  # what a program may ask for itself


class SuiteProgram:
    """The program as a `Program`: asks `model` for all its predictors, and reads its answer under the contract."""

    def __init__(self, suite: Suite) -> None:
        self.suite = suite

    async def __call__(self, inputs: Inputs, model: Model) -> Reply:
        line = Line(model, self.suite)
        return await asyncio.get_running_loop().run_in_executor(_workers(), self._run, dict(inputs), line)

    def to_dict(self) -> Mapping[str, JSON]:
        return {"kind": "dspy", "prompt": self.suite.to_dict()}

    def _run(self, inputs: dict[str, Any], line: Line) -> Reply:
        given = {name: fresh(inputs[name]) for name in self.suite.names}
        try:
            program = live(self.suite)
            adapter, callbacks = ADAPTERS[self.suite.origin.adapter](), [*dspy.settings.callbacks, _Asking(program)]
            with dspy.context(lm=line.lm(), adapter=adapter, callbacks=callbacks, trace=None, disable_history=True):
                found = reply(lambda: program(**typed(kinds_of(self.suite), given)), self.suite)
        except Halt as halt:
            raise halt.cause from None
        if found.status == "ok" and not line.asked:
            raise ConfigError(
                "program.dspy: it answers without a call to the model that it is given; it must not choose one itself "
                "(dspy.configure, dspy.context(lm=...), a model of its own)"
            )
        return found


_asking: ContextVar[str] = ContextVar("asking", default="")


class _Asking(BaseCallback):  # type: ignore[misc]
    """Knows which predictor of the program a call is made for, whatever threads the program starts."""

    def __init__(self, program: Any) -> None:
        named = program.named_predictors()
        self._names = {id(predictor): name for name, predictor in named} if len(named) > 1 else {}
        self._begun: dict[str, Token[str]] = {}

    def on_module_start(self, call_id: str, instance: Any, inputs: Any) -> None:  # noqa: ARG002
        if name := self._names.get(id(instance)):
            self._begun[call_id] = _asking.set(name)

    def on_module_end(self, call_id: str, outputs: Any, exception: Any = None) -> None:  # noqa: ARG002
        if token := self._begun.pop(call_id, None):
            _asking.reset(token)


class Line(Engine):
    """DSPy's line to the target for one run of a program. What it cannot get ends the run in any case."""

    def __init__(self, model: Model, suite: Suite) -> None:
        self.model, self.suite = model, suite
        self.asked: Counter[str] = Counter()
        self._lock = threading.Lock()

    def lm(self) -> Any:
        return dspy.LM(self.model.name, engine=self, cache=False, num_retries=0)

    def complete(self, request: Any) -> Any:
        ours = self.request(request)
        try:
            response = self.ask(ours)
        except Exception as problem:
            raise Halt(problem) from problem
        usage = lm15.Usage(input_tokens=response.input_tokens, output_tokens=response.output_tokens)
        finish = "length" if response.finish == "length" else "stop"
        return lm15.Response(None, self.model.name, lm15.Message.assistant(response.text), finish, usage)

    def ask(self, request: Request) -> Response:
        """The same question again within one run is another draw."""
        key = request.key(self.model.name)
        with self._lock:
            draw, self.asked[key] = self.asked[key], self.asked[key] + 1
        response = bridge.run(self.model.complete(replace(request, sample=draw)))
        if response.finish == "content_filter":
            raise ModelError("declined by the provider's content filter", model=self.model.name, refused=True)
        return response

    def request(self, request: Any) -> Request:
        """DSPy's request as ours, with the parameters of the suite and those that the program asks for itself."""
        own = {name: value for name in _OWN if (value := getattr(request.config, name, None)) is not None}
        return Request(as_messages(request, _text), {**self.suite.params, **own}, part=_asking.get())


def reply(run: Callable[[], Any], suite: Suite) -> Reply:
    """What the program answers. Its own exceptions are its failure on this example, not the end of the run."""
    try:
        prediction = run()
    except ModelError:
        raise
    except Exception as problem:  # noqa: BLE001 - a team's code may raise anything, on what a model says
        return Reply("", None, f"the program failed: {_first_line(problem)}", "invalid")
    return suite.reading.read(as_text(_answer(prediction, suite.origin.output)))


def _answer(prediction: Any, output: str | None) -> JSON:
    """The field that is the answer, else the only one beside `reasoning`, or all of them."""
    fields = prediction.toDict() if isinstance(prediction, dspy.Prediction) else {"answer": prediction}
    if output is not None:
        if output not in fields:
            known = ", ".join(fields)
            raise Halt(ConfigError(f"program.output: the program answers with {known}, none is called {output!r}"))
        return _plain(fields[output])
    told = {name: _plain(value) for name, value in fields.items() if name != "reasoning"}
    return next(iter(told.values())) if len(told) == 1 else told


def _plain(value: Any) -> JSON:
    if hasattr(value, "model_dump"):
        found: JSON = value.model_dump(mode="json")
        return found
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value if value is None or isinstance(value, str | int | float | bool) else str(value)


def _text(parts: Any) -> str:
    if strange := [part.type for part in parts if part.type != "text"]:
        raise Halt(DataError(f"the program sends a message with {strange[0]!r} in it; only text can be asked"))
    return "".join(part.text for part in parts)


def _first_line(problem: Exception) -> str:
    return f"{type(problem).__name__}: {(str(problem).strip().splitlines() or [''])[0][:200]}"


@cache
def _workers() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_THREADS, thread_name_prefix="promptport-programs")
