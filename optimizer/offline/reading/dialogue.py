"""Conversations: who says what, where the matter is opened, and where it is closed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from optimizer.offline.words import listed, meanings, phrases, sentences, stems

_TURN = re.compile(
    r"^\s*(?:\[?\d{1,2}:\d\d(?::\d\d)?\]?\s*)?(?:[-–•]\s*)?"
    r"\**(?P<who>[A-Z][\w .'’\-]{0,24}?)(?: \([\w ]+\))?\**:\s+(?P<said>.*)$"
)
_STAFF = re.compile(r"agent|advisor|adviser|rep|operator|support|clerk|assistant|employee|bot|service", re.IGNORECASE)
_CLOSING = frozenset(
    {"outcome", "result", "resolution", "resolve", "status", "end", "follow", "action", "next", "disposition"}
)
_OPENING = frozenset(
    {"reason", "topic", "issue", "intent", "category", "subject", "problem", "type", "about", "contact"}
)


@dataclass(frozen=True)
class Turn:
    """`staff`: the one who answers, not the one who called."""

    staff: bool
    text: str


@lru_cache(1024)
def turns(text: str) -> tuple[Turn, ...]:
    """The turns of a conversation; nothing for a text that is none."""
    found: list[tuple[str, str]] = []
    for line in text.splitlines():
        if match := _TURN.match(line):
            found.append((match["who"], match["said"].strip()))
        elif found and line.strip() and not re.match(r"\s*[\[(\-]", line):
            found[-1] = (found[-1][0], f"{found[-1][1]} {line.strip()}")
    speakers = [who for who, _ in found]
    if len(found) < 5 or len(set(speakers)) > 4 or len(set(speakers)) < 2:
        return ()
    staff = {who for who in speakers if _STAFF.search(who)} or {speakers[0]}
    return tuple(Turn(who in staff, said) for who, said in found)


@lru_cache(4096)
def focus(text: str, name: str) -> str:
    """The part of a conversation that a field asks about: for an outcome its end, for a reason its beginning."""
    said = turns(text)
    if not said:
        return text
    words = set(stems(name)) | set(name.lower().split("_"))
    if words & _CLOSING:
        return "\n".join(turn.text for turn in said[-max(6, len(said) // 2) :] if turn.staff)
    if words & _OPENING:
        return f"{opening(text)}\n{opening(text)}\n" + "\n".join(t.text for t in said[2:] if t.staff)
    return text


@lru_cache(1024)
def opening(text: str) -> str:
    """What the caller says first that is more than a greeting."""
    told = [turn.text for turn in turns(text) if not turn.staff]
    return next((said for said in told if len(said.split()) > 5), told[0] if told else "")


@lru_cache(1024)
def closing(text: str) -> tuple[str, ...]:
    """What is said by the staff in the second half, sentence by sentence, without small talk."""
    said = turns(text)
    late = [turn.text for turn in said[len(said) // 2 :] if turn.staff]
    return tuple(
        s for text in late for s in sentences(text) if not s.endswith("?") and not phrases("small-talk").search(s)
    )


@lru_cache(4096)
def weight(sentence: str) -> float:
    """How much a sentence tells: content words, figures, things done or promised."""
    words = [word for word in stems(sentence) if word not in listed("*stop")]
    done = sum(
        1 for _, concept in meanings(sentence) if concept in ("resolved", "callback", "escalated", "refused", "duty")
    )
    figures = len(re.findall(r"\d+", sentence))
    return min(len(words), 14) / 7 + 0.5 * min(done, 3) + 0.3 * min(figures, 2)
