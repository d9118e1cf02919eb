"""From a request to what a careful reader finds in it: guidance, worked examples, the reply's form, the input."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from optimizer.offline.reading.dialogue import turns
from optimizer.offline.reading.form import Form, find_form
from optimizer.offline.reading.sections import Part, Style, named_inputs, split_message, tail_of
from optimizer.types import Message

_PAIR = re.compile(
    r"^[ \t]*(?:<input>|"
    r"\**(?:Input|Q|Question|Ticket|User|Text|Message|Transcript|Call|Customer message|Email)\**:)[ \t]*\n?"
    r"(.*?)(?:\n?[ \t]*</input>)?\s*"
    r"^[ \t]*(?:<output>|\**(?:Output|A|Answer|Response|Reply|Result|Assistant|JSON|Expected)(?: JSON)?\**:)[ \t]*\n?"
    r"(.*?)[ \t]*(?=</output>|\n[ \t]*\n(?!\s*[{}])|^\s*(?:#+ )?(?:\**Example|Input:|Ticket:|Q:|Question:)|\Z)",
    re.DOTALL | re.MULTILINE,
)
_RULE = re.compile(
    r"^\s*(?:[-*•]\s+\S+:|\d+[.)]\s|#{1,4} )|\bJSON\b|\b(?:[Rr]eturn|[Rr]eply|[Rr]espond) (?:the|with|in|as)\b",
    re.MULTILINE,
)
_CLOSING = re.compile(
    r"^(?=(?:\S+\s+){0,24}\S+\s*$).*(?:\bJSON\b|[Pp]lease|[Aa]nswer|[Rr]eply|[Rr]eturn|[Cc]lassify|[Nn]ow)", re.DOTALL
)
_EXAMPLE = re.compile(r"^(?:#+ )?\**(?:Worked )?Example(?: \d+)?\**:?\s*$", re.MULTILINE)


@dataclass(frozen=True)
class Shot:
    input: str
    output: str


@dataclass(frozen=True)
class Reading:
    """`told_last`: the reply's form is stated behind the input. `as_turns`: the examples are chat turns."""

    guidance: str
    reply: str
    shots: tuple[Shot, ...]
    inputs: tuple[tuple[str, str], ...]
    style: Style
    in_system: bool
    told_last: bool
    as_turns: bool
    form: Form

    @property
    def text(self) -> str:
        """All of the input."""
        return "\n".join(text for _, text in self.inputs)

    @property
    def rules(self) -> str:
        return f"{self.guidance}\n\n{self.reply}".strip()


def read(messages: Sequence[Message]) -> Reading:
    *before, last = messages
    head, answered = _head_and_turns(tuple(before), last.content)
    tail = list(_parts(last.content))
    known = sum(len(part.text.split()) for part in head)
    if known > 30:  # the guidance stands elsewhere: loose text here belongs to the input
        tail = [piece for part in tail for piece in (tail_of(part.text) if _loose(part) else (part,))]
    elif not any(part.kind == "input" for part in tail):
        tail = _find_input(tail)
    marked = next((part.style for part in (*head, *tail) if part.style != "plain"), None)
    guidance, told, shots = _collect((*head, *(part for part in tail if part.kind != "input")))
    inputs = tuple(piece for part in tail if part.kind == "input" for piece in _named(part))
    return Reading(
        guidance=guidance,
        reply=told,
        shots=(*shots, *answered),
        inputs=inputs,
        style=marked or "plain",
        in_system=bool(messages and messages[0].role == "system" and len(messages[0].content.split()) > 20),
        told_last=any(part.kind == "reply" for part in tail) and bool(tail) and tail[-1].kind == "reply",
        as_turns=bool(answered),
        form=find_form(guidance, told, tuple(shot.output for shot in (*shots, *answered)[:12])),
    )


@lru_cache(1024)
def _parts(text: str) -> tuple[Part, ...]:
    return split_message(text)


@lru_cache(256)
def _head_and_turns(before: tuple[Message, ...], last: str) -> tuple[tuple[Part, ...], tuple[Shot, ...]]:
    """What stands before the last message: parts of guidance, and question-and-answer turns."""
    head: list[Part] = []
    answered: list[Shot] = []
    asked: str | None = None
    for message in before:
        if message.role == "system":
            head += _parts(message.content)
        elif message.role == "user":
            parts = list(_parts(message.content))
            guided = not head
            if guided:
                parts = _recut(parts, message.content, last)
                guided = len(parts) > 1
                head += [part for part in parts if part.kind != "input"] if guided else []
            kept = [part.text for part in parts if part.kind == "input" or (not guided and part.kind == "guidance")]
            asked = "\n".join(text for part in kept for _, text in named_inputs(part))
        elif asked is not None:
            answered.append(Shot(asked, message.content))
            asked = None
    return tuple(head), tuple(answered)


def _loose(part: Part) -> bool:
    return part.kind == "guidance" and part.style == "plain"


def _recut(parts: list[Part], text: str, last: str) -> list[Part]:
    """Where a first message holds guidance and a plain question, the question begins like the last message does."""
    opening = re.match(r"[^\n{:]{2,40}:", last)
    if any(part.kind == "input" for part in parts):
        return parts
    if not opening:
        return _find_input(parts)
    at = text.rfind("\n" + opening[0])
    return [*_parts(text[:at]), Part("input", "", text[at:].strip(), "plain")] if at > 0 else _find_input(parts)


def _opens_input(paragraph: str) -> bool:
    """A short line `Name: value` alone, or a conversation: what people put above, or as, an input."""
    return bool(re.fullmatch(r"[A-Z][\w ]{1,20}: \S.{0,60}", paragraph)) or bool(turns(paragraph))


def _find_input(parts: list[Part]) -> list[Part]:
    """Nothing is named as the input: it is what stands behind the last rule, but for a closing request."""
    guided = [part for part in parts if part.kind == "guidance"]
    if not guided:
        return parts
    at = parts.index(guided[-1])
    paragraphs = re.split(r"\n[ \t]*\n\s*", guided[-1].text)
    closing = [paragraphs.pop()] if len(paragraphs) > 2 and _CLOSING.search(paragraphs[-1]) else []
    rules = [number for number, paragraph in enumerate(paragraphs[:-1]) if _RULE.search(paragraph)]
    cut = rules[-1] + 1 if rules else len(paragraphs) - 1
    cut = next((number for number in range(cut, len(paragraphs)) if _opens_input(paragraphs[number])), cut)
    told = [Part("guidance", "", "\n\n".join(text), "plain") for text in (paragraphs[:cut], closing) if text]
    given = Part("input", "", "\n\n".join(paragraphs[cut:]), "plain")
    return [*parts[:at], *told[:1], given, *told[1:], *parts[at + 1 :]]


@lru_cache(1024)
def _named(part: Part) -> tuple[tuple[str, str], ...]:
    pieces = named_inputs(part.text)
    return tuple((name or part.name, text) for name, text in pieces)


def _collect(parts: Sequence[Part]) -> tuple[str, str, tuple[Shot, ...]]:
    return _collected(tuple(parts))


@lru_cache(256)
def _collected(parts: tuple[Part, ...]) -> tuple[str, str, tuple[Shot, ...]]:
    """(guidance, what is said about the reply, worked examples)."""
    guidance: list[str] = []
    told: list[str] = []
    shots: list[Shot] = []
    for part in parts:
        found, rest = _shots(part.text)
        shots += found
        if part.kind == "examples" and found:
            continue
        titled = f"{part.name}:\n{rest}" if part.name and part.kind == "examples" else rest
        (told if part.kind == "reply" else guidance).append(titled)
    return "\n\n".join(guidance).strip(), "\n\n".join(told).strip(), tuple(shots)


def _shots(text: str) -> tuple[list[Shot], str]:
    """Worked examples written out in a text, and the text without them."""
    shots = [Shot(_plain(match[1]), match[2].strip()) for match in _PAIR.finditer(text)]
    if not shots:
        return [], text
    rest = re.sub(r"</?(?:examples?|output|input)>", "", _EXAMPLE.sub("", _PAIR.sub("", text)))
    return shots, re.sub(r"\n{3,}", "\n\n", rest).strip()


def _plain(text: str) -> str:
    return "\n".join(piece for _, piece in named_inputs(text.strip()))
