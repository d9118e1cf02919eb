"""Worked examples: which of the source's own good answers to show, and in what order."""

from __future__ import annotations

import json
import random
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from optimizer.contract import Contract
from optimizer.errors import ConfigError, nearest
from optimizer.objective import Evaluation
from optimizer.prompt import Demo
from optimizer.space import DemoPlan
from optimizer.types import JSON, Example, Output

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
    """The label of an answer: itself among labels, or the fields of a JSON reply that choose from a list."""
    if contract.kind == "labels":
        return as_text(value)
    properties = (contract.schema or {}).get("properties", {})
    fields = value if isinstance(value, dict) else {}
    return " ".join(f"{name}={as_text(fields.get(name))}" for name, spec in properties.items() if "enum" in spec)


def as_reply(output: Output, contract: Contract) -> str:
    """An answer in the form that the contract asks for, without what the source put around it."""
    return as_text(output.value) if contract.kind in ("json", "labels", "regex") else output.text


def as_text(value: JSON) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def check_plan(plan: DemoPlan) -> None:
    """Raises ConfigError for a choice or an order that nobody knows."""
    if plan.choice not in CHOICES:
        raise ConfigError(f"no choice of worked examples is called {plan.choice!r}.{nearest(plan.choice, CHOICES)}")
    if plan.order not in ORDERS:
        raise ConfigError(f"no order of worked examples is called {plan.order!r}.{nearest(plan.order, ORDERS)}")


def choose(plan: DemoPlan, shots: Sequence[Shot], seed: int) -> tuple[Demo, ...]:
    """The worked examples that `plan` stands for; fewer where there are not as many."""
    check_plan(plan)
    if plan.count == 0 or not shots:
        return ()
    chosen = CHOICES[plan.choice](shots, min(plan.count, len(shots)), seed)
    if plan.order == "reversed":
        chosen = chosen[::-1]
    return tuple(Demo(shot.example.inputs, shot.reply) for shot in chosen)


def _random(shots: Sequence[Shot], count: int, seed: int) -> list[Shot]:
    return random.Random(seed).sample(list(shots), count)  # noqa: S311


def _short(shots: Sequence[Shot], count: int, _seed: int) -> list[Shot]:
    return sorted(shots, key=lambda shot: len(shot.text) + len(shot.reply))[:count]


def _balanced(shots: Sequence[Shot], count: int, seed: int) -> list[Shot]:
    """One of each label in turn, so that no label is shown more than once more than another."""
    by_label: dict[str, list[Shot]] = defaultdict(list)
    for shot in _random(shots, len(shots), seed):
        by_label[shot.label].append(shot)
    turns = [shot for rank in range(count) for group in by_label.values() for shot in group[rank : rank + 1]]
    return turns[:count]


def _diverse(shots: Sequence[Shot], count: int, _seed: int) -> list[Shot]:
    """The most central one first, then each time the one least like all that were taken."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    vectors = TfidfVectorizer(sublinear_tf=True).fit_transform([shot.text for shot in shots]).toarray()
    taken = [int((vectors @ vectors.mean(axis=0)).argmax())]
    likeness = vectors @ vectors[taken[0]]
    while len(taken) < count:
        likeness[taken] = 2.0  # above any cosine: never taken again
        taken.append(int(likeness.argmin()))
        likeness = likeness.clip(min=vectors @ vectors[taken[-1]])
    return [shots[i] for i in taken]


CHOICES: dict[str, Callable[[Sequence[Shot], int, int], list[Shot]]] = {
    "random": _random,
    "short": _short,
    "balanced": _balanced,
    "diverse": _diverse,
}
ORDERS = ("as_chosen", "reversed")
