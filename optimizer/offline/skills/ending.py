"""Feels how a conversation ended, from what people commonly say when a matter is closed, open or refused."""

from __future__ import annotations

import math
from functools import lru_cache

from optimizer.offline.reading import dialogue
from optimizer.offline.reading.define import norm
from optimizer.offline.words import chance, meanings, phrases

_NAMES = {
    "resolved": "resolved solved fixed closed settled completed success done",
    "callback": "callback callbacks promised pending follow followup",
    "escalated": "escalated escalation transferred forwarded referred handed",
    "refused": "unresolved refused rejected denied unsolved no not none failed",
}
_ENDS = {
    "resolved": {
        "1": 0.5, "resolved": 1.1, "callback": -1.4, "escalated": -1.2, "refused": -0.8, "pleased": 0.7, "cross": -0.5},
    "callback": {"1": -0.9, "callback": 2.5, "refused": -0.3},
    "escalated": {"1": 0.4, "escalated": 1.7, "callback": -0.8, "refused": -0.7, "resolved": -0.3, "pleased": -0.3},
    "refused": {
        "1": 0.1, "refused": 1.7, "resolved": -0.9, "callback": -0.4, "escalated": -0.6, "pleased": -0.5, "cross": 0.7},
}  # fmt: skip


def end_of(label: str) -> str | None:
    words = norm(label).split()
    if words and words[0] in ("no", "not", "un"):
        return "refused"
    return next((end for end, names in _NAMES.items() if set(words) & set(names.split())), None)


@lru_cache(512)
def ends_of(labels: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """(label, way to end) if all the labels are ways in which a matter ends, else nothing."""
    ends = {label: end for label in labels if (end := end_of(label))}
    return tuple(ends.items()) if len(ends) == len(labels) == len(set(ends.values())) > 2 else ()


def feel(labels: tuple[str, ...], text: str, reader: str, knowledge: float) -> dict[str, float]:
    """For labels that are endings, how strongly the end of a conversation speaks for each; nothing for others."""
    ends = ends_of(labels)
    if not ends or not dialogue.turns(text):
        return {}
    cues = _cues(text, reader, knowledge)
    return {label: sum(weight * cues.get(cue, 0.0) for cue, weight in _ENDS[end].items()) for label, end in ends}


@lru_cache(4096)
def _cues(text: str, reader: str, knowledge: float) -> dict[str, float]:
    said = dialogue.turns(text)
    late = said[len(said) // 2 :]
    staff = " ".join(turn.text for turn in late if turn.staff)
    caller = " ".join(turn.text for turn in late if not turn.staff)
    cues = {"1": 1.0}
    for end in _ENDS:
        known = [found for found in phrases(f"ends.{end}").findall(staff) if chance(reader, found.lower()) < knowledge]
        cues[end] = math.sqrt(min(4, len(known)))
    moods = [concept for word, concept in meanings(caller) if chance(reader, word) < knowledge]
    cues["pleased"] = float(any(concept in ("praise", "positive") for concept in moods))
    cues["cross"] = float(any(concept in ("fury", "negative") for concept in moods))
    return cues


@lru_cache(4096)
def owes(text: str) -> float:
    """How strongly the end of a conversation says that the caller has something left to do."""
    said = dialogue.turns(text)
    late = " ".join(turn.text for turn in said[len(said) // 2 :] if turn.staff)
    return math.sqrt(len(phrases("owes").findall(late))) - 1.2 * math.sqrt(len(phrases("free").findall(late)))
