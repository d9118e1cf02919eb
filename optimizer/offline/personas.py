"""The simulated models: what each knows, how it reads, how it writes, what it costs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from optimizer.models.money.prices import Price


@dataclass(frozen=True)
class Calling:
    """Habits with tools, as shares of cases. A tool or parameter that the instructions describe is never overlooked."""

    overlooks: float = 0.0  # a parameter's description that stands in its definition alone
    words: float = 0.0  # answers in words, where neither the request nor the instructions insist on a call
    only_one: float = 0.0  # makes one call where several matters want one each, and nobody says so
    first: float = 0.0  # how much likelier the first tool of the list is


@dataclass(frozen=True)
class Persona:
    """All habits are costs or shares. `noise` is the error of judgement under a prompt that suits it perfectly;
    what does not suit adds to it. Prices in dollars per million tokens, times in seconds."""

    name: str
    line: str
    price_in: float
    price_out: float
    first_token: float
    per_token: float
    knowledge: float  # the share of the lexicon that it knows
    noise: float
    layouts: Mapping[str, float]  # added noise by style
    places: Mapping[str, float]  # added noise by where the guidance stands: "system", "user"
    patience: int  # words of guidance before it reads less well
    impatience: float  # added noise per doubling beyond that
    unshown: float  # added noise without any worked example
    shots: int  # how many worked examples help
    crowding: float  # added noise for each one beyond that
    recency: float  # 0: all examples count alike; 1: hardly any but the last
    by_example: float  # weight of examples beside definitions
    prose: float  # the share of definitions in running text that it takes in
    examples: Mapping[str, float]  # added noise by the form of the worked examples: "turns", "text"
    thinking: Mapping[str, float]  # added noise by reasoning: "", "first", "none"
    obeys: Mapping[str, float]  # share of replies in the right form, by the clearest way in which the form is given
    end_bonus: float  # how much of the disobedience goes away when the form stands last (may be negative)
    fenced: float  # share of disobedient JSON replies that only get a fence
    heat: float = 0.5  # how far temperature shows
    wobble: float = 0.0  # draw-to-draw noise at temperature 0
    rambles: float = 0.0  # share of replies with reasoning that forget the marker
    mirrors: float = 0.0  # how much likelier it is to miss the form, by answering in tags, where the prompt has tags
    refuses: frozenset[str] = field(default_factory=frozenset)  # parameters that it answers with status 400
    calling: Calling = Calling()


ALPHA = Persona(
    name="sim-alpha",
    line="simulated source: skilled and expensive; reads long prose in plain layout well, needs no worked example",
    price_in=5.0, price_out=20.0, first_token=0.55, per_token=0.022,
    knowledge=0.95, noise=0.12,
    layouts={"plain": 0.0, "markdown": 0.03, "xml": 0.04}, places={"system": 0.0, "user": 0.03},
    patience=900, impatience=0.03, unshown=0.0, shots=4, crowding=0.02, recency=0.1, by_example=0.5, prose=0.95,
    thinking={"": 0.0, "first": 0.02, "none": 0.0}, examples={"turns": 0.0, "text": 0.0},
    obeys={"shown": 0.998, "told": 0.995, "examples": 0.995, "hinted": 0.985}, end_bonus=0.3, fenced=0.9,
    heat=0.04, wobble=0.012,
    calling=Calling(overlooks=0.01, words=0.0, only_one=0.02, first=0.0),
)  # fmt: skip
BETA = Persona(
    name="sim-beta",
    line="simulated target: can do the job; likes XML tags, a few worked examples as chat turns, the form shown",
    price_in=0.8, price_out=3.2, first_token=0.30, per_token=0.009,
    knowledge=0.93, noise=0.01,
    layouts={"plain": 0.12, "markdown": 0.03, "xml": 0.0}, places={"system": 0.0, "user": 0.04},
    patience=600, impatience=0.06, unshown=0.12, shots=4, crowding=0.02, recency=0.3, by_example=0.8, prose=0.5,
    thinking={"": 0.01, "first": 0.08, "none": 0.0}, examples={"turns": 0.0, "text": 0.02},
    obeys={"shown": 0.99, "told": 0.93, "examples": 0.97, "hinted": 0.76}, end_bonus=0.6, fenced=0.4,
    heat=0.2, rambles=0.30,
    calling=Calling(overlooks=0.85, words=0.04, only_one=0.30, first=0.02),
)  # fmt: skip
GAMMA = Persona(
    name="sim-gamma",
    line="simulated target: can do the job; likes Markdown in the user turn, room to think, the form told",
    price_in=0.5, price_out=2.0, first_token=0.25, per_token=0.007,
    knowledge=0.92, noise=0.01,
    layouts={"plain": 0.11, "markdown": 0.0, "xml": 0.05}, places={"system": 0.015, "user": 0.0},
    patience=600, impatience=0.06, unshown=0.10, shots=4, crowding=0.005, recency=0.6, by_example=0.7, prose=0.55,
    thinking={"": 0.015, "first": 0.0, "none": 0.10}, examples={"turns": 0.015, "text": 0.0},
    obeys={"shown": 0.965, "told": 0.99, "examples": 0.95, "hinted": 0.68}, end_bonus=0.4, fenced=0.3,
    heat=0.22, rambles=0.01, mirrors=0.8,
    calling=Calling(overlooks=0.12, words=0.30, only_one=0.25, first=0.15),
)  # fmt: skip
DELTA = Persona(
    name="sim-delta",
    line="simulated target: cheap; cannot do the job, however it is prompted",
    price_in=0.1, price_out=0.4, first_token=0.15, per_token=0.004,
    knowledge=0.40, noise=0.48,
    layouts={"plain": 0.08, "markdown": 0.0, "xml": 0.04}, places={"system": 0.04, "user": 0.0},
    patience=150, impatience=0.05, unshown=0.08, shots=2, crowding=0.04, recency=0.7, by_example=0.6, prose=0.3,
    thinking={"": 0.0, "first": 0.10, "none": 0.0}, examples={"turns": 0.0, "text": 0.02},
    obeys={"shown": 0.95, "told": 0.85, "examples": 0.90, "hinted": 0.5}, end_bonus=0.3, fenced=0.3,
    heat=0.5, rambles=0.25,
    calling=Calling(overlooks=0.95, words=0.25, only_one=0.80, first=0.30),
)  # fmt: skip
PERSONAS = (ALPHA, BETA, GAMMA, DELTA)
PRICES: dict[str, Price] = {f"offline/{p.name}": Price(p.price_in, p.price_out) for p in PERSONAS}  # dollars, simulated
