"""Acts as a judge: rates an answer by how much of the reference it holds, and of nothing else."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence

from optimizer.offline.personas import Persona
from optimizer.offline.reading.objects import json_in
from optimizer.offline.words import chance, stems
from optimizer.types import Message

_ASKS = re.compile(
    r"\b(?:rate|grade|score|judge|evaluate)\b.{0,400}\b(?:1\s*(?:-|–|to)\s*10|0\s*(?:-|–|to)\s*10|scale)\b", re.I | re.S
)
_REFERENCE = (
    r"reference(?: answer)?|expected(?: answer)?|gold(?: answer)?|ground[ _]truth|correct[ _]answer|reference_answer"
)
_ANSWER = (
    r"(?:candidate|model|submitted|given|assistant)?[ _]?(?:answer|response|output|submission|reply|candidate|summary)"
)


def recognise(messages: Sequence[Message]) -> tuple[str, str, str] | None:
    """(guidance, reference, answer) where a request asks to rate an answer; without a reference the input serves."""
    text = "\n\n".join(message.content for message in messages if message.role != "assistant")
    if not _ASKS.search(text):
        return None
    answer = _piece(text, _ANSWER)
    reference = _piece(text, _REFERENCE) or _piece(
        text, r"input|question|source|context|document|transcript|ticket|inputs"
    )
    return (text, reference, answer) if answer and reference else None


def _piece(text: str, names: str) -> str:
    tagged = re.findall(rf"<({names})>\s*(.*?)\s*</\1>", text, re.S | re.I)
    if tagged:
        return str(tagged[-1][1])
    titled = re.findall(
        rf"^(?:#+\s*)?\**(?:{names})\**\s*(?::|\n)\**\s*(.*?)(?=^\s*(?:#+ |\**[A-Z][\w ]{{2,30}}\**:)|\Z)",
        text,
        re.S | re.I | re.M,
    )
    return str(titled[-1]).strip() if titled else ""


def rate(case: tuple[str, str, str], persona: Persona) -> str:
    rules, reference, answer = case
    alike = likeness(reference, answer)
    score = round(1 + 9 * alike + persona.noise * 3 * (chance(persona.name, reference, answer) - 0.5))
    number = min(10, max(1, score))
    reason = f"The answer holds {alike:.0%} of what the reference says."
    asked = json_in(rules)
    if not isinstance(asked, dict):
        return json.dumps({"score": number, "reason": reason})
    told = {key: _is_score(key, value) for key, value in asked.items()}
    if not any(told.values()):
        told[next(iter(told))] = True
    return json.dumps({key: number if scored else reason for key, scored in told.items()})


def _is_score(key: str, value: object) -> bool:
    return isinstance(value, int | float) or bool(re.search(r"score|rating|grade|points", key, re.I))


def likeness(one: str, other: str) -> float:
    """F1 of the words of two texts; 1 for equal ones."""
    if one.strip() == other.strip():
        return 1.0
    left, right = Counter(stems(one)), Counter(stems(other))
    shared = sum((left & right).values())
    return 2 * shared / (left.total() + right.total()) if shared else 0.0
