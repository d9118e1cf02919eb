"""The earlier turns of a conversation: any number of them, in the place that a prompt keeps for them.

The place is a turn of the role `placeholder` whose content is one variable; the variable's value is a list of
`{role: user or assistant, content: text}`, which become messages of their own.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from optimizer import reader
from optimizer.errors import ConfigError
from optimizer.prompt.layout import Turn
from optimizer.prompt.template import Template, Var
from optimizer.types import Inputs, Message


def slot(turns: Iterable[Turn]) -> str | None:
    """The variable that holds the earlier turns; None where the prompt has no place for them."""
    return next((name for turn in turns if turn.role == "placeholder" for name in turn.content.names), None)


def check(turns: Sequence[Turn]) -> None:
    """Raises ConfigError for a place that no turns can stand in."""
    places = [turn.content for turn in turns if turn.role == "placeholder"]
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
        if turn.role == "placeholder":
            found += _earlier(turn.content, inputs)
        else:
            found.append(Message(turn.role, turn.content.render(inputs), turn.content.render_parts(inputs)))
    return tuple(found)


def _earlier(place: Template, inputs: Inputs) -> list[Message]:
    place.require(inputs)
    try:
        return [Message(said["role"], said["content"]) for said in reader.earlier(place.parts, inputs)]
    except ValueError as problem:
        raise ConfigError(str(problem)) from problem


def in_words(turns: Any) -> str:
    return "\n".join(f"{turn['role'].capitalize()}: {turn['content']}" for turn in turns)
