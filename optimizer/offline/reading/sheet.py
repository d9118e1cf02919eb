"""Understands requests made of named fields, `[[ ## name ## ]]`: read as a plain prompt, answered field by field."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from textwrap import dedent
from typing import Any

from optimizer.offline.reading.objects import json_in
from optimizer.offline.reading.sections import kind_of
from optimizer.types import Message

FIELD = re.compile(r"^\[\[ ## (\w+) ## \]\][ \t]*\n?(.*?)(?=^\[\[ ## |\Z)", re.DOTALL | re.MULTILINE)
_LISTED = re.compile(r"^\d+\. `(\w+)` \((.*?)\):[ \t]*(.*?)(?=^\d+\. `|\Z)", re.DOTALL | re.MULTILINE)
_ASKED = re.compile(
    r"\s*^Respond with (?:the corresponding output fields|a JSON object in the following order)[^\n]*\s*\Z", re.M
)
_THOUGHTS = frozenset({"reasoning", "rationale"})


@dataclass(frozen=True)
class Sheet:
    """A request of named fields: `outputs` are (name, type, description); `as_json`: wanted as one object."""

    objective: str
    outputs: tuple[tuple[str, str, str], ...]
    turns: tuple[Message, ...]
    as_json: bool

    @property
    def asked(self) -> tuple[str, ...]:
        return tuple(name for name, _, _ in self.outputs if name not in _THOUGHTS)

    def given(self) -> dict[str, str]:
        """The fields of the last message."""
        return {name: body.strip() for name, body in FIELD.findall(_ASKED.sub("", self.turns[-1].content))}

    def plain(self) -> tuple[Message, ...]:
        """The same request without the field marks."""
        rules = self.objective
        if len(self.asked) > 1 or any("Literal" in kind for _, kind, _ in self.outputs):
            lines = [
                f"- {name}: {_kind(kind)} {about}".rstrip() for name, kind, about in self.outputs if name in self.asked
            ]
            rules += "\n\nReply with one JSON object. Its fields:\n" + "\n".join(lines)
        said = [Message(turn.role, self._unmarked(turn)) for turn in self.turns]
        return (Message("system", rules), *said)

    def _unmarked(self, turn: Message) -> str:
        found = [(name, body.strip()) for name, body in FIELD.findall(_ASKED.sub("", turn.content))]
        if turn.role == "user":
            return "\n\n".join(_headed(number, *field) for number, field in enumerate(found, 1)) or turn.content
        kept = {name: body for name, body in found if name in self.asked} or json_in(turn.content) or {}
        if len(self.asked) == 1:
            return str(kept.get(self.asked[0], turn.content))
        return json.dumps(kept, ensure_ascii=False)

    def reply(self, text: str) -> str:
        """An answer to `plain`, put into the fields that were asked for."""
        value = json_in(text)
        filled: dict[str, Any] = {}
        for name, kind, _ in self.outputs:
            if name in _THOUGHTS:
                filled[name] = "The definitions and examples that are nearest to the input decide."
            elif len(self.asked) == 1 and "Literal" not in kind:
                filled[name] = text
            else:
                filled[name] = _as_typed(value.get(name, ""), kind) if isinstance(value, dict) else text
        return self.fill(filled)

    def fill(self, filled: Mapping[str, Any]) -> str:
        if self.as_json:
            return json.dumps(filled, ensure_ascii=False)
        parts = [f"[[ ## {name} ## ]]\n{_written(body)}" for name, body in filled.items()]
        return "\n\n".join([*parts, "[[ ## completed ## ]]"])


def read_sheet(messages: Sequence[Message]) -> Sheet | None:
    system, *turns = messages
    listed = re.search(r"Your output fields are:\s*\n(.*?)(?=\nAll interactions)", system.content, re.S)
    if system.role != "system" or not listed or not turns:
        return None
    objective = system.content.partition("your objective is:")[2]
    outputs = tuple((name, kind, " ".join(about.split())) for name, kind, about in _LISTED.findall(listed[1] + "\n"))
    as_json = "Outputs will be a JSON object" in system.content or "Respond with a JSON object" in turns[-1].content
    return Sheet(dedent(objective).strip(), outputs, tuple(turns), as_json) if outputs else None


def _headed(number: int, name: str, body: str) -> str:
    """A field under a heading: every field of such a message is an input, whatever it is called."""
    plain = name.replace("_", " ").capitalize()
    return f"## {plain}\n\n{body}" if kind_of(plain) == "input" else f"## Input {number}\n\n{plain}:\n{body}"


def _as_typed(value: Any, kind: str) -> Any:
    """Where a list is wanted, an object of yes and no is the list of what holds: the type goes before the prose."""
    wanted = kind.startswith(("list", "List")) and isinstance(value, dict)
    return [name for name, holds in value.items() if holds] if wanted else value


def _written(body: Any) -> str:
    return body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)


def _kind(kind: str) -> str:
    """A Python type in words."""
    choices = re.search(r"Literal\[([^\]]*)\]", kind)
    several = "a list, each " if kind.startswith(("list", "List")) else ""
    if choices:
        return f"{several}one of {choices[1]}."
    known = {"bool": "true or false.", "float": "a number.", "int": "a number."}
    return known.get(kind, "a list." if several else "")
