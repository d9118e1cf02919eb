"""The simulated models: what each knows, how it reads, how it writes, what it costs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from optimizer.models.prices import Price


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
    thinking: Mapping[str, float]  # added noise by reasoning: "", "first", "none"
    obeys: Mapping[str, float]  # share of replies in the right form, by the clearest way in which the form is given
    end_bonus: float  # how much of the disobedience goes away when the form stands last (may be negative)
    fenced: float  # share of disobedient JSON replies that only get a fence
    turns: float = 0.0  # added noise for examples that are text; negative: it prefers text
    heat: float = 0.5  # how far temperature shows
    wobble: float = 0.0  # draw-to-draw noise at temperature 0
    rambles: float = 0.0  # share of replies with reasoning that forget the marker
    refuses: frozenset[str] = field(default_factory=frozenset)  # parameters that it answers with status 400


ALPHA = Persona(
    name="sim-alpha",
    line="simulated source: skilled and expensive; reads long prose in plain layout well, needs no worked example",
    price_in=5.0, price_out=20.0, first_token=0.55, per_token=0.022,
    knowledge=0.92, noise=0.10,
    layouts={"plain": 0.0, "markdown": 0.03, "xml": 0.05}, places={"system": 0.0, "user": 0.03},
    patience=700, impatience=0.05, unshown=0.02, shots=4, crowding=0.02, recency=0.1, by_example=0.5, prose=0.95,
    thinking={"": 0.0, "first": 0.02, "none": 0.0},
    obeys={"shown": 0.995, "told": 0.99, "examples": 0.99, "hinted": 0.95}, end_bonus=0.3, fenced=0.9,
    heat=0.10, wobble=0.03,
)  # fmt: skip
BETA = Persona(
    name="sim-beta",
    line="simulated target: can do the job; likes XML tags, a few worked examples as chat turns, the form shown",
    price_in=0.8, price_out=3.2, first_token=0.30, per_token=0.009,
    knowledge=0.90, noise=0.08,
    layouts={"plain": 0.16, "markdown": 0.12, "xml": 0.0}, places={"system": 0.0, "user": 0.08},
    patience=220, impatience=0.10, unshown=0.15, shots=4, crowding=0.03, recency=0.3, by_example=1.0, prose=0.5,
    thinking={"": 0.03, "first": 0.15, "none": 0.0},
    obeys={"shown": 0.99, "told": 0.90, "examples": 0.96, "hinted": 0.6}, end_bonus=0.6, fenced=0.4,
    turns=0.05, heat=0.30, rambles=0.12,
)  # fmt: skip
GAMMA = Persona(
    name="sim-gamma",
    line="simulated target: can do the job; likes Markdown in the user turn, room to think, the form told",
    price_in=0.5, price_out=2.0, first_token=0.25, per_token=0.007,
    knowledge=0.88, noise=0.08,
    layouts={"plain": 0.12, "markdown": 0.0, "xml": 0.10}, places={"system": 0.10, "user": 0.0},
    patience=260, impatience=0.10, unshown=0.10, shots=6, crowding=0.03, recency=0.6, by_example=0.9, prose=0.55,
    thinking={"": 0.12, "first": 0.0, "none": 0.16},
    obeys={"shown": 0.93, "told": 0.985, "examples": 0.93, "hinted": 0.55}, end_bonus=0.4, fenced=0.3,
    turns=-0.06, heat=0.35, rambles=0.02,
)  # fmt: skip
DELTA = Persona(
    name="sim-delta",
    line="simulated target: cheap; cannot do the job, however it is prompted",
    price_in=0.1, price_out=0.4, first_token=0.15, per_token=0.004,
    knowledge=0.45, noise=0.45,
    layouts={"plain": 0.10, "markdown": 0.0, "xml": 0.05}, places={"system": 0.05, "user": 0.0},
    patience=120, impatience=0.10, unshown=0.12, shots=3, crowding=0.05, recency=0.7, by_example=0.6, prose=0.3,
    thinking={"": 0.0, "first": 0.10, "none": 0.0},
    obeys={"shown": 0.95, "told": 0.85, "examples": 0.90, "hinted": 0.4}, end_bonus=0.3, fenced=0.3,
    heat=0.5, rambles=0.25,
)  # fmt: skip
PERSONAS = (ALPHA, BETA, GAMMA, DELTA)
PRICES: dict[str, Price] = {f"offline/{p.name}": Price(p.price_in, p.price_out) for p in PERSONAS}  # dollars, simulated
