"""From what was measured on the held-out examples to the decision: slices, figures over the set, the verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from optimizer.config import ConstraintSettings, DecisionSettings
from optimizer.config.scoring import SliceSettings
from optimizer.evaluate import asked_together
from optimizer.metrics import Metric
from optimizer.metrics.scrutiny import Rated, Scrutiny, scrutinise
from optimizer.metrics.whole import Figure, Row, figures
from optimizer.objective import Evaluation
from optimizer.types import Example, Output
from optimizer.verdict.confirm import Confirmation, Decision, Family, Standard, comparison_of, decide, pairs_of
from optimizer.verdict.slices import SliceResult, find_slices, text_of, weigh_slices
from optimizer.verdict.statistics import shared_confidence


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


def weigh_all(
    met: Sequence[Confirmation | None], evidence: Evidence, agreed: Agreed, standard: Standard
) -> tuple[Decision | None, ...]:
    """The decisions on all targets of a run; the confidence holds for all of them together. None stays None: a target
    that was not confirmed shares in the error all the same."""
    margin, confidence = agreed.decision.margin, agreed.decision.confidence
    compared = (one and comparison_of(one, standard, margin=margin, confidence=confidence) for one in met)
    levels = shared_confidence([found.p_value if found else 1.0 for found in compared], confidence)
    family = Family(len(met), confidence) if len(met) > 1 else None
    return tuple(
        weigh(one, evidence, agreed, standard, confidence=level, family=family) if one else None
        for one, level in zip(met, levels, strict=True)
    )


def weigh(
    confirmation: Confirmation,
    evidence: Evidence,
    agreed: Agreed,
    standard: Standard,
    *,
    confidence: float | None = None,
    family: Family | None = None,
) -> Decision:
    """The decision with all that speaks for it and against it, at the confidence agreed unless another is given."""
    level = confidence or agreed.decision.confidence
    kept, theirs = pairs_of(confirmation, standard)
    return decide(
        confirmation,
        constraints=agreed.constraints.build(),
        margin=agreed.decision.margin,
        confidence=level,
        standard=standard,
        slices=_slices((confirmation.winner, theirs), kept, evidence, agreed, level),
        figures=_figures((theirs, confirmation.unchanged, confirmation.winner), kept, evidence, level),
        judges=_judges(confirmation.winner, kept, evidence),
        family=family,
    )


def _slices(
    sides: tuple[Evaluation, Evaluation], kept: Sequence[int], evidence: Evidence, agreed: Agreed, confidence: float
) -> tuple[SliceResult, ...]:
    examples, least = evidence.examples, agreed.slices.least
    columns = {name: [values.get(e.id, "") for e in examples] for name, values in (evidence.columns or {}).items()}
    texts = [text_of(example) for example in examples]
    found = find_slices(texts, columns, clusters=agreed.slices.clusters, least=least)
    ours, theirs = ({i: side.scores[i].value for i in kept} for side in sides)
    ids = [example.id for example in examples]
    return weigh_slices(found, ours, theirs, ids, confidence=confidence, least=least)


def _figures(
    sides: tuple[Evaluation, Evaluation | None, Evaluation], kept: Sequence[int], evidence: Evidence, confidence: float
) -> tuple[Figure, ...]:
    if evidence.metric is None or not kept:
        return ()
    theirs, unchanged, ours = (None if side is None else _rows(side, kept, evidence) for side in sides)
    return figures(evidence.metric, theirs or (), unchanged, ours or (), confidence=confidence)


def _judges(winner: Evaluation, kept: Sequence[int], evidence: Evidence) -> tuple[Scrutiny, ...]:
    if evidence.metric is None or evidence.rated is None:
        return ()
    return scrutinise(evidence.metric, _rows(winner, kept, evidence), evidence.rated, asked_together)


def _rows(side: Evaluation, kept: Sequence[int], evidence: Evidence) -> list[Row]:
    chosen = ((evidence.examples[i], side.outputs[i]) for i in kept)
    return [(example, output, evidence.references.get(example.id)) for example, output in chosen]
