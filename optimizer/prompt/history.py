"""The earlier turns of a conversation: any number of them, in the place that a prompt keeps for them.

The place is a turn of the role `placeholder` whose content is one variable; the variable's value is a list of
`{role: user or assistant, content: text}`, which become messages of their own.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from optimizer import reader
from optimizer.errors import ConfigError
from optimizer.prompt.layout import Turn
from optimizer.prompt.template import Var
from optimizer.types import JSON, Inputs, Message

PLACEHOLDER: Final = "placeholder"


def slot(turns: Iterable[Turn]) -> str | None:
    """The variable that holds the earlier turns; None where the prompt has no place for them."""
    return next((name for turn in turns if turn.role == PLACEHOLDER for name in turn.content.names), None)


def check(turns: Sequence[Turn]) -> None:
    """Raises ConfigError for a place that no turns can stand in."""
    places = [turn.content for turn in turns if turn.role == PLACEHOLDER]
    if len(places) > 1:
        raise ConfigError(f"prompt: one placeholder for earlier turns is the most, found {len(places)}")
    for content in places:
        if len(content.segments) != 1 or not isinstance(content.segments[0], Var):
            raise ConfigError(
                "prompt: the content of a placeholder is one variable and nothing else, as in {role: placeholder, "
                f"content: '{{{{history}}}}'}}, found {content.text[:60]!r}"
            )


def messages(turns: Iterable[Turn], inputs: Inputs) -> tuple[Message, ...]:
    """What is sent. Raises ConfigError for inputs that are missing, or that are no turns."""
    found: list[Message] = []
    for turn in turns:
        text = turn.content.render(inputs)
        if turn.role == PLACEHOLDER:
            found += _earlier(turn, inputs)
        else:
            found.append(Message(turn.role, text, turn.content.render_parts(inputs)))
    return tuple(found)


def _earlier(place: Turn, inputs: Inputs) -> list[Message]:
    try:
        return [Message(said["role"], said["content"]) for said in reader.earlier(place.content.parts, inputs)]
    except ValueError as problem:
        raise ConfigError(str(problem)) from problem


def transcript(said: JSON) -> str:
    """Earlier turns in words, for a worked example: it stands among turns that are not its own."""
    turns: Any = said
    return "\n".join(["Earlier in this conversation:", *(f"{t['role'].capitalize()}: {t['content']}" for t in turns)])
