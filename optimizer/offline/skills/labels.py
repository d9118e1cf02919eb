"""Chooses labels by similarity: of the input to the labels' names, their definitions, and the worked examples."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from functools import lru_cache

from optimizer.offline.mind import Mind
from optimizer.offline.reading import dialogue
from optimizer.offline.reading.define import norm
from optimizer.offline.reading.field import Field
from optimizer.offline.reading.objects import json_in
from optimizer.offline.reading.request import Shot
from optimizer.offline.skills import ending, tone
from optimizer.offline.words import features, vagueness

#: Labels that are chosen where nothing speaks for another one.
_DEFAULTS = frozenset(
    {"neutral", "medium", "normal", "moderate", "other", "none", "general", "unknown", "mixed", "n a"}
)
_SPOKEN = {"true": "yes", "yes": "yes", "false": "no", "no": "no"}
Weights = Mapping[str, float]
KNOWN = 0.35  # what a shared concept weighs beside a shared word


def choose(field: Field, mind: Mind) -> str:
    scores = score_labels(field, mind)
    return max(scores, key=lambda label: (scores[label], label))


def choose_several(field: Field, mind: Mind) -> list[str]:
    """All labels nearly as fitting as the best one; how near is learnt from the examples."""
    scores = score_labels(field, mind)
    best = max(scores.values())
    usual = _usual_count(field, mind.reading.shots)
    ranked = sorted(scores, key=lambda label: (-scores[label], label))
    near = 0.78 if usual is None else 0.92 - 0.1 * min(usual, 2.5)
    chosen = [label for label in ranked if scores[label] >= near * best]
    return chosen[: 3 if usual is None else max(1, round(usual + 0.7))]


def decide(field: Field, mind: Mind) -> bool:
    """True or false: whether the input speaks of what the field is about more than a text commonly does."""
    bag = mind.bag(dialogue.focus(mind.reading.text, f"{field.name} {field.about}"))
    yes = mind.bag(f"{field.name} {field.about}")
    weights = {word: _worth(word) for word in yes if word != "@no-duty"}
    score = _overlap(bag, weights) / (0.6 + 0.4 * math.sqrt(len(weights))) - 0.4
    if "@duty" in yes and dialogue.turns(mind.reading.text):  # who has something left to do is told it at the end
        score = 0.6 * ending.owes(mind.reading.text) - 0.4
    shots = _votes(field, mind)
    return score + 0.8 * (shots.get("yes", 0.0) - shots.get("no", 0.0)) + 1.6 * mind.sway(field.name) > 0


def score_labels(field: Field, mind: Mind) -> dict[str, float]:
    persona = mind.persona
    meaning = _seen(field, mind)
    tables = _tables(field.labels, meaning, persona.name, persona.knowledge)
    text = dialogue.focus(mind.reading.text, f"{field.name} {field.about}")
    raw = {label: _overlap(mind.bag(text), weights) for label, weights in tables.items()}
    felt = tone.feel(field.labels, mind.reading.text, persona.name, persona.knowledge)
    felt = felt or ending.feel(field.labels, mind.reading.text, persona.name, persona.knowledge)
    if felt:
        told = _shares({label: felt[label] + 0.3 * raw[label] for label in felt})
    else:
        top = max(raw.values(), default=0.0)
        told = {label: max(raw[label] / (0.9 + top), _default(label)) for label in field.labels}
    votes = _votes(field, mind)
    unsure = 1.0 if meaning else 1.4  # labels that nobody explained are guessed at
    return {
        label: told[label] + persona.by_example * votes[label] + unsure * mind.sway(field.name, label)
        for label in field.labels
    }


def _default(label: str) -> float:
    return 0.42 if norm(label) in _DEFAULTS or norm(label).split()[0] in _DEFAULTS else 0.0


def _shares(scores: dict[str, float]) -> dict[str, float]:
    top = max(scores.values())
    raised = {label: math.exp(score - top) for label, score in scores.items()}
    return {label: value / sum(raised.values()) for label, value in raised.items()}


def _seen(field: Field, mind: Mind) -> tuple[tuple[str, str], ...]:
    """The definitions that this reader takes in: those in running text more rarely than those in a list."""
    persona = mind.persona
    return tuple(
        (label, text)
        for label, text, listed in field.meaning
        if listed or mind.takes_in(persona.prose, field.name, label)
    )


@lru_cache(512)
def _tables(
    labels: tuple[str, ...], meaning: tuple[tuple[str, str], ...], reader: str, knowledge: float
) -> dict[str, Weights]:
    """For each label the weights of the words that speak for it; words that speak for all weigh nothing."""
    told = dict(meaning)
    bags = {}
    for label in labels:
        bag: Counter[str] = Counter()
        for word, count in features(told.get(label, ""), reader, knowledge).items():
            bag[word] += count
        for word in features(norm(label), reader, knowledge):
            bag[word] += 2
        bags[label] = bag
    spread = Counter(word for bag in bags.values() for word in bag)
    tables: dict[str, Weights] = {}
    for label, bag in bags.items():
        weights = {
            word: min(count, 2) ** 0.5 * math.log((len(labels) + 0.6) / spread[word]) * _worth(word)
            for word, count in bag.items()
        }
        length = 2.0 + math.sqrt(sum(weight * weight for weight in weights.values()))
        tables[label] = {word: 3 * weight / length for word, weight in weights.items() if weight > 0.05}
    return tables


def _worth(word: str) -> float:
    return KNOWN / vagueness(word[1:]) if word[0] == "@" else 1.0


def _overlap(bag: Counter[str], weights: Weights) -> float:
    return sum(weight * math.sqrt(min(bag[word], 3)) for word, weight in weights.items() if word in bag)


def _votes(field: Field, mind: Mind) -> dict[str, float]:
    """What the worked examples say: those more like the input than most; and, by habit, the label of the last one."""
    votes = dict.fromkeys(field.labels or ("yes", "no"), 0.0)
    shots = mind.reading.shots
    if not shots:
        return votes
    alike = [_likeness(mind.input_bag, mind.bag(shot.input)) for shot in shots]
    usual = sum(alike) / len(alike)
    for shot, likeness in zip(shots, alike, strict=True):
        for label in labels_of(shot.output, field):
            votes[label] += max(0.0, likeness - max(usual, 0.08))
    for label in labels_of(shots[-1].output, field):
        votes[label] += 0.08 * mind.persona.recency
    return votes


def _likeness(one: Counter[str], other: Counter[str]) -> float:
    shared = sum(min(one[word], other[word]) for word in other if word in one)
    return shared / math.sqrt((1 + one.total()) * (1 + other.total()))


@lru_cache(4096)
def labels_of(output: str, field: Field) -> tuple[str, ...]:
    """The labels that an example's reply gives for a field."""
    value = json_in(output) if field.path else output.strip()
    for key in field.path:
        value = value.get(key) if isinstance(value, dict) else None
    known = {norm(label): label for label in field.labels} or _SPOKEN
    if isinstance(value, dict):
        value = [key for key, on in value.items() if on is True]
    listed = value if isinstance(value, list) else [value]
    return tuple(known[norm(str(item))] for item in listed if norm(str(item)) in known)


@lru_cache(512)
def _usual_count(field: Field, shots: tuple[Shot, ...]) -> float | None:
    counts = [len(labels_of(shot.output, field)) for shot in shots]
    return sum(counts) / len(counts) if counts else None
