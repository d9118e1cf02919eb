"""Rows hold JSON: what a program declares as a type of DSPy's own is made of it, and nothing else is touched."""

from __future__ import annotations

from typing import Any, get_type_hints

import dspy
import pytest

from optimizer.errors import DataError
from optimizer.evaluate import record
from optimizer.models.scripted import ScriptedModel
from optimizer.programs.dspy import typed
from optimizer.programs.shipped import program_of
from optimizer.types import Example, Output, Request
from tests.programs.test_suite import answer, opened

SAID = [{"message": "hi", "topic": "even"}]


class Talk(dspy.Signature):  # type: ignore[misc]
    """Name it."""

    history: dspy.History = dspy.InputField()
    message: str = dspy.InputField()
    topic: str = dspy.OutputField()


class Look(dspy.Signature):  # type: ignore[misc]
    """Name it."""

    message: dspy.Image = dspy.InputField()
    topic: str = dspy.OutputField()


class Declared(dspy.Module):  # type: ignore[misc]
    def __init__(self) -> None:
        super().__init__()
        self.talk = dspy.ChainOfThought(Talk)

    def forward(self, history: dspy.History, message: str) -> Any:
        return self.talk(history=history, message=message).topic


class Makes(Declared):
    """Says nothing of the type, and makes it itself of what the row holds."""

    def forward(self, history, message):  # type: ignore[no-untyped-def]
        return self.talk(history=dspy.History(messages=history), message=message).topic


def talk() -> Any:
    return dspy.Predict(Talk)


def look() -> Any:
    return dspy.Predict(Look)


def asked(path: str, **inputs: Any) -> tuple[list[Request], Output]:
    found: list[Request] = []

    def said(request: Request) -> str:
        found.append(request)
        return answer(reasoning="so", topic="odd")

    suite = opened(f"tests.programs.test_typed:{path}", inputs=tuple(inputs))
    (output,) = record(program_of(suite), ScriptedModel(said), [Example("1", inputs)])
    return found, output


@pytest.mark.parametrize("path", ["talk", "Declared", "Makes"])
@pytest.mark.parametrize("given", [SAID, {"messages": SAID}])
def test_a_conversation_is_asked_in_turns(path: str, given: Any) -> None:
    if path == "Makes" and isinstance(given, dict):
        given = SAID
    ((request,), output) = asked(path, history=given, message="and 3?")

    assert output.value == "odd"
    roles = [message.role for message in request.messages]
    assert roles == ["system", "user", "assistant", "user"]
    assert "hi" in request.messages[1].content and "even" in request.messages[2].content
    assert "and 3?" in request.messages[3].content and "hi" not in request.messages[3].content


@pytest.mark.parametrize("given", ["hi", 7, {"turns": []}])
def test_what_is_no_conversation_is_that_rows_failure_and_asks_nothing(given: Any) -> None:
    found, output = asked("talk", history=given, message="x")

    assert not found and output.status == "invalid"
    assert "the program failed: ValueError: history must be what makes a dspy.History, found" in (output.error or "")


def test_an_image_is_never_sent_as_the_text_of_its_address() -> None:
    with pytest.raises(DataError, match="only text can be asked"):
        asked("look", message="https://example.org/a.png")


class Once(Declared):
    """A program of its own, which nothing has looked at."""


def test_what_a_program_declares_is_looked_up_once_for_all_its_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[Any] = []

    def hints(forward: Any) -> dict[str, Any]:
        looked.append(forward)
        return get_type_hints(forward)

    monkeypatch.setattr(typed, "get_type_hints", hints)
    for number in range(3):
        ((request,), _) = asked("Once", history=SAID, message=f"and {number}?")
        assert [message.role for message in request.messages] == ["system", "user", "assistant", "user"]
    assert len(looked) == 1


def test_what_is_declared_as_text_stays_text() -> None:
    ((request,), _) = asked("talk", history=SAID, message='{"messages": []}')

    assert '{"messages": []}' in request.messages[-1].content
