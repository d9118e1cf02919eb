"""From what was measured on the held-out examples to the decision: slices, figures over the set, the verdict."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from optimizer.config import ConstraintSettings, DecisionSettings
from optimizer.config.scoring import SliceSettings
from optimizer.confirm import Confirmation, Decision, Standard, decide, pairs_of
from optimizer.evaluate import asked_together
from optimizer.metrics import Metric
from optimizer.metrics.scrutiny import Rated, Scrutiny, scrutinise
from optimizer.metrics.whole import Figure, Row, figures
from optimizer.objective import Evaluation
from optimizer.slices import SliceResult, find_slices, weigh_slices
from optimizer.types import Example, Output


class Agreed(Protocol):
    """What was settled before anything was measured."""

    @property
    def constraints(self) -> ConstraintSettings: ...

    @property
    def decision(self) -> DecisionSettings: ...

    @property
    def slices(self) -> SliceSettings: ...


@dataclass(frozen=True)
class Evidence:
    """What the held-out examples are, in the order of the confirmation, and how they are scored.

    `columns` maps the name of a column to its values by example id. `metric` is None where scores were recorded.
    `rated`: answers with people's scores; None where no model may be asked, so that no judge can be looked into.
    """

    examples: Sequence[Example]
    references: Mapping[str, Output]
    metric: Metric | None = None
    columns: Mapping[str, Mapping[str, str]] | None = None
    rated: Rated | None = None


def weigh(confirmation: Confirmation, evidence: Evidence, agreed: Agreed, standard: Standard) -> Decision:
    """The decision with all that speaks for it and against it."""
    kept, theirs = pairs_of(confirmation, standard)
    return decide(
        confirmation,
        constraints=agreed.constraints.build(),
        margin=agreed.decision.margin,
        confidence=agreed.decision.confidence,
        standard=standard,
        slices=_slices((confirmation.winner, theirs), kept, evidence, agreed),
        figures=_figures((theirs, confirmation.unchanged, confirmation.winner), kept, evidence, agreed),
        judges=_judges(confirmation.winner, kept, evidence),
    )


def _slices(
    sides: tuple[Evaluation, Evaluation], kept: Sequence[int], evidence: Evidence, agreed: Agreed
) -> tuple[SliceResult, ...]:
    examples, least = evidence.examples, agreed.slices.least
    columns = {name: [values.get(e.id, "") for e in examples] for name, values in (evidence.columns or {}).items()}
    texts = [" ".join(_text(value) for value in example.inputs.values()) for example in examples]
    found = find_slices(texts, columns, clusters=agreed.slices.clusters, least=least)
    ours, theirs = ({i: side.scores[i].value for i in kept} for side in sides)
    ids = [example.id for example in examples]
    return weigh_slices(found, ours, theirs, ids, confidence=agreed.decision.confidence, least=least)


def _figures(
    sides: tuple[Evaluation, Evaluation | None, Evaluation], kept: Sequence[int], evidence: Evidence, agreed: Agreed
) -> tuple[Figure, ...]:
    if evidence.metric is None or not kept:
        return ()
    theirs, unchanged, ours = (None if side is None else _rows(side, kept, evidence) for side in sides)
    return figures(evidence.metric, theirs or (), unchanged, ours or (), confidence=agreed.decision.confidence)


def _judges(winner: Evaluation, kept: Sequence[int], evidence: Evidence) -> tuple[Scrutiny, ...]:
    if evidence.metric is None or evidence.rated is None:
        return ()
    return scrutinise(evidence.metric, _rows(winner, kept, evidence), evidence.rated, asked_together)


def _rows(side: Evaluation, kept: Sequence[int], evidence: Evidence) -> list[Row]:
    chosen = ((evidence.examples[i], side.outputs[i]) for i in kept)
    return [(example, output, evidence.references.get(example.id)) for example, output in chosen]


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
