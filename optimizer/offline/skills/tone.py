"""Feels mood and urgency in a text, from general knowledge of how people write; labels lie on these two scales."""

from __future__ import annotations

import math
import re
from collections import Counter
from functools import lru_cache

from optimizer.offline.reading.define import norm
from optimizer.offline.words import chance, meanings, phrases

_CLOCK = re.compile(r"\b\d{1,2}[:.]\d\d\b|\b\d{1,2} ?(?:a\.?m|p\.?m)\b|o'clock", re.IGNORECASE)
#: How much each cue speaks for a level; `1` stands for the level itself.
_MOOD = {
    "negative": {
        "1": 1.1, "fury": 1.0, "negative": 0.8, "repeat": 0.2, "blame": 0.4, "!": 0.3, "quote": 0.8, "praise": -0.5,
        "positive": -0.5, "polite": -0.5, "clock": -0.5},
    "neutral": {
        "1": 0.2, "fury": -0.5, "negative": -0.7, "blame": -0.4, "praise": -1.4, "positive": -0.5, "polite": 1.2,
        "!": -0.9, "quote": -0.6, "clock": 0.6},
    "positive": {"1": -1.1, "praise": 2.0, "positive": 1.0, "polite": -0.7, "!": 0.6, "fury": -0.5, "negative": -0.2},
}  # fmt: skip
_URGENCY = {
    "high": {
        "1": -1.4, "now": 0.8, "stoppage": 0.8, "harm": 0.7, "clock": 1.8, "instantly": 0.8, "soon": -0.5,
        "later": -0.5, "fury": 0.5, "calm": -0.4, "praise": -0.4, "positive": -0.3, "polite": 0.3},
    "medium": {
        "1": 0.6, "problem": 0.3, "medium": 0.4, "soon": 1.6, "negative": 0.2, "quote": 0.4, "!": -0.5, "clock": -0.8,
        "stoppage": -0.4, "harm": -0.5, "praise": -0.5, "instantly": -0.3, "later": -0.3},
    "low": {
        "1": 0.9, "praise": 0.9, "positive": 0.4, "calm": 0.6, "query": 0.4, "later": 0.9, "now": -0.6, "soon": -1.0,
        "clock": -1.0, "instantly": -0.5, "stoppage": -0.4, "fury": -0.5, "quote": -0.5},
}  # fmt: skip
_NAMES = {
    "negative": "negative dissatisfied unhappy angry frustrated upset annoyed bad",
    "neutral": "neutral mixed calm factual",
    "positive": "positive satisfied happy pleased friendly good",
    "high": "high urgent critical emergency severe p1 immediate", "medium": "medium moderate normal standard p2",
    "low": "low minor trivial p3 none",
}  # fmt: skip


def level_of(label: str) -> str | None:
    words = set(norm(label).split())
    return next((level for level, names in _NAMES.items() if words & set(names.split())), None)


@lru_cache(512)
def scale_of(labels: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """(label, level) if all the labels lie on one scale, else nothing."""
    levels = {label: level for label in labels if (level := level_of(label))}
    for scale in (_MOOD, _URGENCY):
        if len(levels) == len(labels) > 1 and len(set(levels.values())) > 1 and set(levels.values()) <= set(scale):
            return tuple(levels.items())
    return ()


def feel(labels: tuple[str, ...], text: str, reader: str, knowledge: float) -> dict[str, float]:
    """For labels on a scale, how strongly the tone of the text speaks for each; nothing for other labels."""
    scale = scale_of(labels)
    if not scale:
        return {}
    cues = _cues(text, reader, knowledge)
    tables = _MOOD | _URGENCY
    scores = {label: sum(w * cues.get(cue, 0.0) for cue, w in tables[level].items()) for label, level in scale}
    crowd = Counter(level for _, level in scale)
    return {label: scores[label] - 0.7 * (crowd[level] - 1) for label, level in scale}


@lru_cache(4096)
def _cues(text: str, reader: str, knowledge: float) -> dict[str, float]:
    known = Counter(concept for word, concept in meanings(text) if chance(reader, word) < knowledge)
    cues = {concept: math.sqrt(min(count, 4)) for concept, count in known.items()}
    cues["1"] = 1.0
    cues["!"] = math.sqrt(min(text.count("!"), 3))
    cues["quote"] = float(text.count('"') > 1)
    cues["clock"] = float(bool(_CLOCK.search(text)))
    for when in ("instantly", "soon", "later"):
        cues[when] = min(2.0, float(len(phrases(f"when.{when}").findall(text))))
    return cues
