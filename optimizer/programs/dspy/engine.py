"""How DSPy asks our models: one allowance for a whole compile, and the engine that DSPy calls.

Rule 1: DSPy's optimizers turn ordinary exceptions of a program into a score of 0 and go on. Whatever makes going
on pointless is therefore raised as `Halt`, which is no Exception, and turned back at the door.
Rule 2: the n-th time that the same question is asked about the same example, it is the n-th sample. The number
does not depend on which of DSPy's threads comes first.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, wait
from dataclasses import replace
from typing import Any, TypeVar

from optimizer.errors import DataError, ModelError, SearchError
from optimizer.models import Model, bridge
from optimizer.types import Message, Request, Response

T = TypeVar("T")
_Key = tuple[str, str | None, int]
_DRAWS = 1000  # more than any program asks the same about one example


class Halt(BaseException):
    """The compile must end; `cause` says why. Passes through DSPy, which catches Exception only."""

    def __init__(self, cause: Exception) -> None:
        super().__init__(str(cause))
        self.cause = cause


class Allowance:
    """Counts, caps and numbers the calls of one compile, from all of DSPy's threads."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.calls = 0
        self._asked: Counter[_Key] = Counter()
        self._flying: dict[_Key, Future[Response]] = {}
        self._halt: Halt | None = None
        self._lock = threading.Lock()

    def ask(self, model: Model, request: Request, example: str | None = None, copy: int = 0) -> Response:
        """One call. Raises ModelError where the model refused, `Halt` for every other failure.

        `copy` tells programs apart that ask the same at the same time: each draws from samples of its own.
        """
        key = (request.key(model.name), example, copy)
        with self._lock:
            if self._halt:
                raise self._halt
            answer = self._flying.get(key)
            if mine := answer is None:
                if self.calls >= self.limit:
                    raise self._stop(SearchError(f"it reached its limit of {self.limit} calls before it had a result"))
                answer = self._flying[key] = Future()
                request = replace(request, sample=self._asked[key] + _DRAWS * copy)
                self._asked[key] += 1
                self.calls += 1
        if not mine:  # DSPy asks again what takes long; nobody pays for that twice
            return answer.result()
        return self._fly(key, answer, lambda: bridge.run(model.complete(request)))

    def guard(self, work: Callable[[], T]) -> T:
        """Run our own or a user's code; what it raises ends the compile, but for a refusal."""
        try:
            return work()
        except Exception as problem:
            if isinstance(problem, ModelError) and problem.refused:
                raise
            with self._lock:
                raise self._stop(problem) from problem

    def __enter__(self) -> Allowance:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Threads that DSPy left behind ask nothing more; calls under way are waited for, unless Ctrl-C was hit."""
        with self._lock:
            halted, under_way = self._halt, list(self._flying.values())
            self._stop(SearchError("the compile is over"))
        if kind is None or issubclass(kind, Exception | Halt):
            wait(under_way)
            if halted:  # whatever DSPy made of it
                raise halted

    def _fly(self, key: _Key, answer: Future[Response], call: Callable[[], Response]) -> Response:
        try:
            response = self.guard(call)
        except BaseException as problem:
            answer.set_exception(problem)
            raise
        else:
            answer.set_result(response)
            return response
        finally:
            with self._lock:
                del self._flying[key]

    def _stop(self, cause: Exception) -> Halt:
        """The first cause is the one that counts."""
        self._halt = self._halt or Halt(cause)
        return self._halt


class Engine:
    """DSPy's way to one of our models: for the optimizers' own questions, to the proposer."""

    def __init__(self, model: Model, allowance: Allowance) -> None:
        self.model = model
        self.allowance = allowance

    def __deepcopy__(self, memo: object) -> Engine:
        return self  # a copied program asks through the same door

    def complete(self, request: Any) -> Any:
        """`dspy.lm15.Request` to `dspy.lm15.Response`. The proposer's own parameters hold, not DSPy's."""
        from dspy import lm15

        response = self.allowance.ask(self.model, Request(as_messages(request, self._text)))
        if response.finish == "length":
            raise ModelError("the answer was cut off at the token limit", model=self.model.name)
        usage = lm15.Usage(input_tokens=response.input_tokens, output_tokens=response.output_tokens)
        return lm15.Response(None, self.model.name, lm15.Message.assistant(response.text), "stop", usage)

    def _text(self, parts: Any) -> str:
        """DSPy builds images and files from marks in a text; an example that carries such marks must not."""
        if strange := [part.type for part in parts if part.type != "text"]:
            problem = DataError(f"an example contains DSPy's mark for {strange[0]!r}; only text can be shown")
            return self.allowance.guard(lambda: _raise(problem))
        return "".join(part.text for part in parts)


def as_messages(request: Any, text: Callable[[Any], str]) -> tuple[Message, ...]:
    """The messages of a `dspy.lm15.Request`; `text` joins the parts of one."""
    system = request.system if isinstance(request.system, str) else text(request.system or ())
    messages = [Message("system", system)] if system else []
    return (*messages, *(Message(said.role, text(said.parts)) for said in request.messages))


def _raise(problem: Exception) -> str:
    raise problem
