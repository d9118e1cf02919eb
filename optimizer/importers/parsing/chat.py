"""Chat messages of other tools: roles, texts and parts, as turns of a prompt or as a record of what was said."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from optimizer.importers.parsing.dialects import Reader
from optimizer.importers.parsing.node import Node
from optimizer.importers.values import ImportFault
from optimizer.prompt.layout import Speaker, Turn
from optimizer.prompt.template import Logic, Template, Var
from optimizer.types import Role, as_text

ROLES: dict[str, Role] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "human": "user",
    "assistant": "assistant",
    "ai": "assistant",
    "model": "assistant",
}
_TEXTUAL = ("text", "input_text", "output_text")


@dataclass
class Losses:
    """What could not be carried over, each sentence once, in the order in which it was found."""

    found: dict[str, None] = field(default_factory=dict)

    def add(self, text: str) -> None:
        self.found.setdefault(text)

    @property
    def all(self) -> tuple[str, ...]:
        return tuple(self.found)


def spoken(message: Node, lost: Losses) -> tuple[Role, str] | None:
    """Role and text of one message; None for one that a prompt has no place for, which is then listed as lost.

    The text is that of the field `content`, or of its parts; what looks like a role in a text is text.
    """
    role = message["role"].text().lower()
    if role not in ROLES:
        lost.add(f"{message.path}: a message of the role {role!r}")
        return None
    if message.has("tool_calls") or message.has("function_call"):
        lost.add(f"{message.path}: the call of a tool")
    for key in ("name", "refusal", "audio"):
        if message.has(key):
            lost.add(f"{message[key].path}: beside the message's text")
    return ROLES[role], content(message["content"], lost)


def content(node: Node, lost: Losses) -> str:
    """A text, or the texts of a list of parts; parts of other kinds are listed as lost."""
    if not isinstance(node.value, list):
        return node.text() if node else ""
    texts = []
    for part in node.items():
        if isinstance(part.value, str):
            texts.append(part.value)
        elif part.has("text") and part.value.get("type", "text") in _TEXTUAL:
            texts.append(part["text"].text())
        elif part.has("content") and part.value.get("type") == "text":
            texts.append(part["content"].text())
        else:
            kind = part.mapping().get("type") or ", ".join(map(str, part.mapping())) or "nothing"
            lost.add(f"{part.path}: a part of the kind {as_text(kind)!r}")
    return "".join(texts)


def turns(messages: Node, syntax: Reader, lost: Losses) -> tuple[Turn, ...]:
    """The messages of a prompt; each text is a template in `syntax`."""
    said: list[tuple[Speaker, Template]] = []
    for node in messages.items():
        if isinstance(node.value, dict) and node.value.get("type") == "placeholder":
            said.append(("placeholder", Template((Var(node["name"].text()),))))
        elif found := spoken(node, lost):
            said.append((found[0], syntax(found[1], node["content"].place)))
    if not said:
        raise messages.fault("holds no message of a system, user or assistant; a prompt needs one")
    return arranged(placed(said, lost), messages.place)


def placed(said: Sequence[tuple[Speaker, Template]], lost: Losses) -> list[tuple[Speaker, Template]]:
    """With one place for earlier messages at most, before the user's last. Other places are listed as lost.

    Where no message is the user's, the last of what stands in the place is: it is the variable of a message of its own.
    """
    asked = max((number for number, (role, _) in enumerate(said) if role == "user"), default=len(said))
    places = [number for number, (role, _) in enumerate(said) if role == "placeholder"]
    kept = [number for number in places if number < asked][:1]
    for number in places:
        if number not in kept:
            lost.add(f"the place of messages {said[number][1].text}: a task has one, before the user's last message")
    return [one for number, one in enumerate(said) if number in kept or number not in places]


def arranged(said: Iterable[tuple[Speaker, Template]], place: str, input_name: str = "input") -> tuple[Turn, ...]:
    """As the engine takes a prompt: at most one system message, first; the user's last. Else an ImportFault.

    A prompt that is only a system message, or ends with a place for earlier turns, gets the user's: one variable, the
    input.
    """
    found = [Turn(role, template) for role, template in said]
    roles = [turn.role for turn in found]
    if not roles:
        raise ImportFault(f"{place}: holds no message with text; a prompt needs some")
    if "system" in roles[1:]:
        raise ImportFault(
            f"{place}: a system message stands in place {roles.index('system', 1) + 1}, behind others; "
            "a task has at most one, first: merge them into it"
        )
    if roles == ["system"] or roles[-1] == "placeholder":
        return (*found, Turn("user", Template((Var(input_name),))))
    if roles[-1] != "user":
        raise ImportFault(
            f"{place}: the last message is the {roles[-1]}'s; a task's prompt ends with the user's: "
            "move a begun answer into the instructions"
        )
    return tuple(found)


def names(turns: Sequence[Turn]) -> tuple[str, ...]:
    """The variables in the order in which they first occur."""
    found: dict[str, None] = {}
    for turn in turns:
        for segment in turn.content.segments:
            if isinstance(segment, Var):
                found.setdefault(segment.name)
            elif isinstance(segment, Logic):
                found |= dict.fromkeys(sorted(segment.names))
    return tuple(found)


def asked(messages: Node, lost: Losses) -> tuple[tuple[str, str], ...]:
    """What was said in one recorded call: role and text of each message.

    Empty for a call with tools, pictures or other roles: without them it would be another question.
    """
    own = Losses()
    found = [said for item in messages.items() if (said := spoken(item, own))]
    if own.all:
        lost.add("calls with tools, pictures or other parts beside text: they are no examples of a text prompt")
        return ()
    return tuple(found)
