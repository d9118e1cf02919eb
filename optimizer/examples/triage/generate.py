"""Writes data.jsonl from the hand-written texts of `material/`: `python -m optimizer.examples.triage.generate`.

Every ticket is built around another text: none is used twice. The text decides urgency and categories; the sentence
that says how the writer feels may turn a matter-of-fact text into a warm or a cross one, and a second matter at the
end of a ticket adds its category. Equal seeds give equal files.
"""

from __future__ import annotations

import argparse
import json
import random
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from optimizer.examples.triage.letter import Letter, render
from optimizer.examples.triage.reading import Customer, Text, customers, frames, texts

SEED, ROWS = 20, 640
CHANNELS = {"email": 50, "web_form": 20, "chat": 18, "phone_note": 12}
#: Matter-of-fact texts told by somebody in a mood: (urgency, mood) -> how many.
MOODS = {
    ("high", "positive"): 18,
    ("medium", "positive"): 38,
    ("low", "negative"): 44,
    ("low", "positive"): 4,
}
#: How often a ticket says outright how pressing it is, how its writer feels, and so on.
SAID = {
    "pressing": 0.8,
    "negative": 0.9,
    "positive": 0.8,
    "neutral": 0.75,
    "context": 0.35,
    "matter": 0.6,
    "aside": 0.22,
}
#: Texts in which work has come to a stop.
STANDSTILL = re.compile(
    r"stopped|stands? still|standing still|nobody can|no labels|no order|nothing (has|goes|can)|waits? here|packers"
)


@dataclass
class Deck:
    """Deals sentences without returning one before all others had their turn."""

    rng: random.Random
    piles: dict[str, list[str]] = field(default_factory=dict)

    def deal(self, name: str, cards: Iterable[str]) -> str:
        pile = self.piles.setdefault(name, [])
        if not pile:
            pile.extend(cards)
            self.rng.shuffle(pile)
        return pile.pop()


def tickets(rows: int = ROWS, seed: int = SEED) -> Iterator[dict[str, Any]]:
    """The rows of the data file, in its order."""
    rng = random.Random(seed)
    deck, frame = Deck(rng), frames()
    cast = _in_a_mood(_chosen(texts(), rows, rng), rng)
    for number, (text, mood, customer) in enumerate(_assigned(cast, rng), start=1):
        aside = (
            _aside(text, customer, frame, deck) if len(text.categories) < 3 and rng.random() < SAID["aside"] else None
        )
        channel = rng.choices(list(CHANNELS), weights=list(CHANNELS.values()))[0]
        letter = _letter(text, mood, customer, aside, frame=frame, deck=deck)
        categories = sorted({*text.categories, *([aside[0]] if aside else [])})
        yield {
            "id": f"T-{number:04d}",
            "ticket": render(letter, channel, frame, rng),
            "customer": customer.name,
            "channel": channel,
            "expected": {"urgency": text.urgency, "sentiment": mood, "categories": categories},
        }


def _chosen(every: tuple[Text, ...], rows: int, rng: random.Random) -> list[Text]:
    """`rows` texts in random order. What is left out is matter-of-fact and not pressing: there is most of that."""
    plain = [text for text in every if text.sentiment == "neutral" and text.urgency != "high"]
    surplus = len(every) - rows
    if not 0 <= surplus <= len(plain):
        raise ValueError(f"{rows} rows cannot be made of {len(every)} texts, of which {len(plain)} may be left out")
    left_out = {id(text) for text in rng.sample(plain, surplus)}
    chosen = [text for text in every if id(text) not in left_out]
    rng.shuffle(chosen)
    return chosen


def _in_a_mood(chosen: list[Text], rng: random.Random) -> list[tuple[Text, str]]:
    moods = {id(text): text.sentiment for text in chosen}
    for (urgency, mood), count in MOODS.items():
        plain = [text for text in chosen if text.urgency == urgency and moods[id(text)] == "neutral"]
        moods.update({id(text): mood for text in rng.sample(plain, count)})
    return [(text, moods[id(text)]) for text in chosen]


def _assigned(cast: list[tuple[Text, str]], rng: random.Random) -> list[tuple[Text, str, Customer]]:
    """Every ticket gets a customer that can have written it; big ones write more. Narrow trades choose first."""
    everyone = customers()
    written: Counter[str] = Counter()
    owner: dict[int, Customer] = {}
    for text, _ in sorted(cast, key=lambda pair: not pair[0].trade):
        choice = [customer for customer in everyone if customer.can_write(text)]
        need = [customer.size**1.6 / (1 + written[customer.name]) ** 0.8 for customer in choice]
        owner[id(text)] = rng.choices(choice, weights=need)[0]
        written[owner[id(text)].name] += 1
    return [(text, mood, owner[id(text)]) for text, mood in cast]


def _aside(text: Text, customer: Customer, frame: Mapping[str, Any], deck: Deck) -> tuple[str, str]:
    """A second matter: (category, sentence)."""
    barred = {*text.categories, *(["delivery_trouble"] if customer.perishable else [])}
    others = [name for name in frame["asides"] if name not in barred]
    name = deck.rng.choice(others)
    return name, deck.deal(name, frame["asides"][name])


def _letter(
    text: Text, mood: str, customer: Customer, aside: tuple[str, str] | None, *, frame: Mapping[str, Any], deck: Deck
) -> Letter:
    rng = deck.rng
    before: list[str] = []
    after: list[str] = []
    if mood != text.sentiment or rng.random() < SAID[mood]:
        feeling = "grumble" if (text.urgency, mood) == ("low", "negative") else mood
        (before if rng.random() < 0.25 else after).append(deck.deal(feeling, frame["feeling"][feeling]))
    if rng.random() < SAID["pressing"]:
        after.insert(rng.randint(0, len(after)), _pressing(text, aside is not None, frame["pressing"], deck))
    for _ in range(2):
        if rng.random() < SAID["context"]:
            place = before if rng.random() < 0.5 else after
            place.insert(rng.randint(0, len(place)), deck.deal("context", frame["context"]))
    if rng.random() < SAID["matter"]:
        subject = text.categories[0]
        before.insert(0, deck.deal(f"about {subject}", frame["matters"][subject]))
    body = [*before, text.words, *after, *([aside[1]] if aside else [])]
    return Letter(rng.choice(text.subjects), tuple(body), customer.name, rng.choice(customer.people), customer.goods)


def _pressing(text: Text, asks_more: bool, said: Mapping[str, list[str]], deck: Deck) -> str:
    """A sentence on how pressing it is, from those that cannot contradict the text."""
    kind = text.urgency
    if kind == "high" and STANDSTILL.search(text.words) and deck.rng.random() < 0.5:
        kind = "standstill"
    elif kind == "medium" and _goes_on(text) and deck.rng.random() < 0.75:
        kind = "fault"
    elif kind == "low" and text.sentiment == "positive" and "?" not in text.words and not asks_more:
        kind = "praise"
    return deck.deal(kind, said[kind])


def _goes_on(text: Text) -> bool:
    """Whether the text is about a fault that lasts, not about one shipment, a date or a bill."""
    once = {"billing_charges", "damage_claims", "delivery_trouble"}.intersection(text.categories)
    return text.sentiment == "neutral" and not once and not re.search(r"\{(day|order)\}", text.words)


def write(path: Path, rows: int, seed: int) -> int:
    lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in tickets(rows, seed)]
    path.write_text("".join(lines), encoding="utf-8", newline="\n")
    return len(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description="Write the tickets of the triage example.")
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("data.jsonl"))
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--seed", type=int, default=SEED)
    chosen = parser.parse_args()
    print(f"{write(chosen.out, chosen.rows, chosen.seed)} tickets written to {chosen.out}")


if __name__ == "__main__":
    main()
