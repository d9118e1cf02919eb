"""Summarises by extraction: the sentences that carry most of a text's own words, in their order."""

from __future__ import annotations

import re
from functools import lru_cache

from optimizer.offline.form import Field
from optimizer.offline.mind import Mind
from optimizer.offline.words import meanings, sentences, stems

_SPEAKER = re.compile(r"^\**(?P<who>[A-Z][\w .]{0,24}?)\**:\s*")
_POLITE = re.compile(
    r"^(?:(?:hi|hello|thanks?|thank you|sure|okay|ok|great|well|yes|no|oh|right|alright|of course|good (?:morning|afternoon|evening)|certainly"
    r"|i'm sorry[^,.]*|sorry[^,.]*|i understand[^,.]*)(?:[ ,][A-Z]\w+)?[,.!]\s*)+", re.I)  # fmt: skip
_WEIGHTY = frozenset(
    "billing refund bug outage cancel shipping resolved unresolved escalated followup access account order returns".split()
)


@lru_cache(512)
def _turns(text: str) -> tuple[tuple[str, str], ...]:
    """(who, sentence) of a conversation, or ("", sentence) of a text."""
    spoken, who = [], ""
    for line in text.splitlines():
        match = _SPEAKER.match(line.strip())
        if match:
            who = match["who"].lower()
        body = line.strip()[match.end() :] if match else line.strip()
        spoken += [(who, _POLITE.sub("", sentence).strip()) for sentence in sentences(body)]
    return tuple((who, sentence) for who, sentence in spoken if len(sentence.split()) >= 4)


def summarise(field: Field, mind: Mind, *, length: int = 2) -> str:
    turns = _turns(mind.reading.text)
    if not turns:
        return mind.reading.text.strip()[:200]
    count = mind.bag(" ".join(sentence for _, sentence in turns))

    def weight(number: int) -> float:
        who, sentence = turns[number]
        words = set(stems(sentence))
        carried = sum(count[word] - 0.5 for word in words) / (4 + len(words))
        concepts = {concept for _, concept in meanings(sentence)}
        place = 0.8 if number < 3 else 0.5 if number >= len(turns) - 5 else 0.0
        asks = -0.8 if sentence.endswith("?") else 0.0
        return carried + 0.3 * len(concepts & _WEIGHTY) + place + asks + 1.5 * mind.sway(field.name, sentence)

    ranked = sorted(range(len(turns)), key=lambda number: (-weight(number), number))
    return " ".join(_told(*turns[number]) for number in sorted(ranked[:length]))


def _told(who: str, sentence: str) -> str:
    """A spoken sentence in the third person."""
    speaker = {"customer": "The customer", "caller": "The customer", "agent": "The agent"}.get(who)
    text = sentence[0].upper() + sentence[1:]
    if not speaker:
        return text
    for own, other in _PERSON:
        text = own.sub(other.replace("WHO", speaker), text)
    return text[0].upper() + text[1:]


_PERSON = (
    (re.compile(r"\bI'm\b|\bI am\b"), "WHO is"),
    (re.compile(r"\bI've\b|\bI have\b"), "WHO has"),
    (re.compile(r"\bI'll\b|\bI will\b"), "WHO will"),
    (re.compile(r"\bI'd\b"), "WHO would"),
    (re.compile(r"\bI\b"), "WHO"),
    (re.compile(r"\b[Mm]y\b"), "the customer's"),
    (re.compile(r"\bme\b"), "them"),
)
