"""Worked examples: which of the source's own good answers to show, and in what order."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from optimizer import reader
from optimizer.errors import ConfigError, nearest
from optimizer.objective import Evaluation
from optimizer.prompt import Demo
from optimizer.prompt.contract import Contract
from optimizer.prompt.picking import Picking
from optimizer.space.variant import DemoPlan
from optimizer.types import JSON, Example, Output, as_text

_GOOD = 0.999  # an answer that the metric finds flawless; the best there are where none is
_ENOUGH = 16  # below this many flawless answers, the next best are taken as well


@dataclass(frozen=True)
class Shot:
    """An example with an answer worth showing. `label` is what examples are balanced by."""

    example: Example
    reply: str
    label: str

    @property
    def text(self) -> str:
        return " ".join(str(value) for value in self.example.inputs.values())


def good_shots(
    train: Sequence[Example], evaluation: Evaluation, labels: Mapping[str, str], contract: Contract
) -> tuple[Shot, ...]:
    """The source's good answers on `train`; `evaluation` holds its outputs there, in the same order."""
    scored = list(zip(train, evaluation.outputs, evaluation.scores, strict=True))
    best = sorted((row for row in scored if row[1].status == "ok"), key=lambda row: -row[2].value)
    enough = max(_ENOUGH, sum(score.value >= _GOOD for *_, score in best))
    return tuple(Shot(e, as_reply(output, contract), labels.get(e.id, "")) for e, output, _ in best[:enough])


def choices_in(value: JSON, contract: Contract) -> str:
    """The label of an answer: itself among labels, the fields of a JSON reply that choose from a list, or the tools."""
    if contract.kind == "labels":
        return as_text(value)
    if contract.kind == "tools":
        return (
            " ".join(str(call["name"]) for call in value if isinstance(call, dict)) if isinstance(value, list) else ""
        )
    properties = (contract.schema or {}).get("properties", {})
    fields = value if isinstance(value, dict) else {}
    return " ".join(f"{name}={as_text(fields.get(name))}" for name, spec in properties.items() if "enum" in spec)


def as_reply(output: Output, contract: Contract) -> str:
    """An answer in the form that the contract asks for, without what the source put around it."""
    return as_text(output.value) if contract.kind in ("json", "labels", "regex") else output.text


def check_plan(plan: DemoPlan) -> None:
    """Raises ConfigError for a choice or an order that nobody knows."""
    if plan.choice not in CHOICES:
        raise ConfigError(f"no choice of worked examples is called {plan.choice!r}.{nearest(plan.choice, CHOICES)}")
    if plan.order not in ORDERS:
        raise ConfigError(f"no order of worked examples is called {plan.order!r}.{nearest(plan.order, ORDERS)}")


def choose(
    plan: DemoPlan, shots: Sequence[Shot], seed: int, looked: Mapping[str, float] | None = None
) -> tuple[Demo, ...]:
    """The worked examples that `plan` stands for; fewer where there are not as many.

    `looked`: what the target scored on training examples, by id, where it was asked.
    """
    check_plan(plan)
    if plan.count == 0 or not shots:
        return ()
    chosen = CHOICES[plan.choice](shots, min(plan.count, len(shots)), seed, looked or {})
    ordered = chosen if plan.choice == "per_request" else ORDERS[plan.order](chosen)
    return tuple(Demo(shot.example.inputs, shot.reply) for shot in ordered)


def in_order(order: str, demos: Sequence[Demo]) -> tuple[Demo, ...]:
    """Worked examples that came from elsewhere; they alternate by their replies, for nobody says their labels."""
    shots = [Shot(Example(str(place), demo.inputs), demo.output, demo.output) for place, demo in enumerate(demos)]
    return tuple(demos[int(shot.example.id)] for shot in ORDERS[order](shots))


def picking(plan: DemoPlan) -> Picking | None:
    """With the choice `per_request`, what `choose` gives is a pool, and each request shows a few of it."""
    if plan.choice != "per_request" or not plan.count:
        return None
    return Picking(plan.count, best_last=plan.order == "reversed")


def _random(shots: Sequence[Shot], count: int, seed: int, _looked: Looked) -> list[Shot]:
    return random.Random(seed).sample(list(shots), count)  # noqa: S311


def _short(shots: Sequence[Shot], count: int, _seed: int, _looked: Looked) -> list[Shot]:
    return sorted(shots, key=_length)[:count]


def _balanced(shots: Sequence[Shot], count: int, seed: int, looked: Looked) -> list[Shot]:
    """One of each label in turn, so that no label is shown more than once more than another."""
    return _in_turn(_random(shots, len(shots), seed, looked))[:count]


def _nearest(shots: Sequence[Shot], count: int, _seed: int, _looked: Looked) -> list[Shot]:
    """The typical ones: nearest to the centre of all, since a fixed prompt cannot know what it will be asked."""
    vectors = _vectors(shots)
    return [shots[i] for i in (-(vectors @ vectors.mean(axis=0))).argsort(kind="stable")[:count]]


def _diverse(shots: Sequence[Shot], count: int, _seed: int, _looked: Looked) -> list[Shot]:
    """The most central one first, then each time the one least like all that were taken."""
    vectors = _vectors(shots)
    taken = [int((vectors @ vectors.mean(axis=0)).argmax())]
    likeness = vectors @ vectors[taken[0]]
    while len(taken) < count:
        likeness[taken] = 2.0  # above any cosine: never taken again
        taken.append(int(likeness.argmin()))
        likeness = likeness.clip(min=vectors @ vectors[taken[-1]])
    return [shots[i] for i in taken]


def _hardest(shots: Sequence[Shot], count: int, _seed: int, looked: Looked) -> list[Shot]:
    """What the source answers well and the target, when it was looked at, did not; the worst first.

    Then those at which nobody has looked, then those that the target got right: in both, the ones first that lie
    nearer to an example of another label than to one of their own, or, where there are no labels, the long ones.
    """
    doubt = _doubt(shots)

    def rank(place: int) -> tuple[int, float, float]:
        score = looked.get(shots[place].example.id)
        known = 1 if score is None else 0 if score < _GOOD else 2
        return known, score if score is not None and known == 0 else 0.0, -doubt[place]

    return [shots[place] for place in sorted(range(len(shots)), key=rank)[:count]]


def _per_request(shots: Sequence[Shot], _count: int, seed: int, looked: Looked) -> list[Shot]:
    """The pool that each request picks from."""
    return _balanced(shots, min(POOL, len(shots)), seed, looked)


def _doubt(shots: Sequence[Shot]) -> list[float]:
    """How much more a shot is like its nearest neighbour of another label than like that of its own."""
    if len({shot.label for shot in shots}) < 2:
        return [float(_length(shot)) for shot in shots]
    vectors = _vectors(shots)
    likeness = vectors @ vectors.T
    found = []
    for here, shot in enumerate(shots):
        own = [likeness[here, i] for i, other in enumerate(shots) if other.label == shot.label and i != here]
        others = [likeness[here, i] for i, other in enumerate(shots) if other.label != shot.label]
        found.append(round(float(max(others) - max(own, default=0.0)), 9))
    return found


def _vectors(shots: Sequence[Shot]) -> Any:
    """TF-IDF of the inputs, one row of unit length each (zero for an input without words)."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    bags = [sorted(reader.words({"": shot.text})) or [""] for shot in shots]
    return TfidfVectorizer(analyzer=lambda bag: bag).fit_transform(bags).toarray()


def _in_turn(shots: Sequence[Shot]) -> list[Shot]:
    """One of each label after another, for as long as there are any."""
    by_label: dict[str, list[Shot]] = defaultdict(list)
    for shot in shots:
        by_label[shot.label].append(shot)
    most = max(map(len, by_label.values()), default=0)
    return [shot for rank in range(most) for group in by_label.values() for shot in group[rank : rank + 1]]


def _length(shot: Shot) -> int:
    return len(shot.text) + len(shot.reply)


Looked = Mapping[str, float]
POOL = 100  # examples that a request picks from at most: the bundle carries them all

CHOICES: dict[str, Callable[[Sequence[Shot], int, int, Looked], list[Shot]]] = {
    "random": _random,
    "short": _short,
    "balanced": _balanced,
    "diverse": _diverse,
    "nearest": _nearest,
    "hardest": _hardest,
    "per_request": _per_request,
}
#: Of a pool to pick from, `reversed` sets the most alike last, beside the question; the others leave it first.
ORDERS: dict[str, Callable[[Sequence[Shot]], Sequence[Shot]]] = {
    "as_chosen": lambda shots: shots,
    "reversed": lambda shots: shots[::-1],
    "short_first": lambda shots: sorted(shots, key=_length),
    "long_first": lambda shots: sorted(shots, key=_length, reverse=True),
    "alternating": _in_turn,
}
