"""From what was measured on the held-out examples to the decision: slices, figures over the set, the verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from optimizer.config import ConstraintSettings, DecisionSettings
from optimizer.config.scoring import MetricSettings, SliceSettings
from optimizer.evaluate import asked_together
from optimizer.metrics import Metric
from optimizer.metrics.judges.scrutiny import Rated, Scrutiny, scrutinise
from optimizer.metrics.whole import Figure, Row, figures
from optimizer.objective import Evaluation
from optimizer.types import Example, Output
from optimizer.verdict.confirm import Basis, Decision, Family, decide
from optimizer.verdict.matched import Confirmation, MatchedPairs, Standard
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

    @property
    def metrics(self) -> Sequence[MetricSettings]: ...


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

    @property
    def golds(self) -> frozenset[str]:
        return frozenset(example.id for example in self.examples if example.expected is not None)


def weigh_all(
    met: Sequence[Confirmation | None], evidence: Evidence, agreed: Agreed, standard: Standard
) -> tuple[Decision | None, ...]:
    """The decisions on all targets of a run; the confidence holds for all of them together. None stays None: a target
    that was not confirmed shares in the error all the same."""
    margin, confidence = agreed.decision.margin, agreed.decision.confidence
    matched = [MatchedPairs(one, standard, evidence.golds) if one else None for one in met]
    compared = (pairs and pairs.compared(margin, confidence) for pairs in matched)
    levels = shared_confidence([found.p_value if found else 1.0 for found in compared], confidence)
    family = Family(len(met), confidence) if len(met) > 1 else None
    return tuple(
        weigh(pairs, evidence, agreed, confidence=level, family=family) if pairs else None
        for pairs, level in zip(matched, levels, strict=True)
    )


def weigh(
    pairs: MatchedPairs, evidence: Evidence, agreed: Agreed, *, confidence: float, family: Family | None
) -> Decision:
    """The decision with all that speaks for it and against it."""
    basis = Basis(
        pairs,
        constraints=agreed.constraints.build(),
        margin=agreed.decision.margin,
        confidence=confidence,
        family=family,
        slices=_slices(pairs, evidence, agreed.slices, confidence),
        figures=_figures(pairs, evidence, confidence),
        judges=_judges(pairs, evidence, agreed.metrics),
    )
    return decide(basis)


def _slices(
    pairs: MatchedPairs, evidence: Evidence, wanted: SliceSettings, confidence: float
) -> tuple[SliceResult, ...]:
    examples, least = evidence.examples, wanted.least
    columns = {name: [values.get(e.id, "") for e in examples] for name, values in (evidence.columns or {}).items()}
    found = find_slices([text_of(example) for example in examples], columns, clusters=wanted.clusters, least=least)
    sides = pairs.confirmation.winner, pairs.theirs
    ours, theirs = ({i: side.scores[i].value for i in pairs.kept} for side in sides)
    ids = [example.id for example in examples]
    return weigh_slices(found, ours, theirs, ids, confidence=confidence, least=least)


def _figures(pairs: MatchedPairs, evidence: Evidence, confidence: float) -> tuple[Figure, ...]:
    if evidence.metric is None or not pairs.kept:
        return ()
    met = pairs.confirmation
    theirs, ours = (_rows(side, pairs, evidence) for side in (pairs.theirs, met.winner))
    unchanged = _rows(met.unchanged, pairs, evidence) if met.unchanged else None
    return figures(evidence.metric, theirs, unchanged, ours, confidence=confidence)


def _judges(pairs: MatchedPairs, evidence: Evidence, metrics: Sequence[MetricSettings]) -> tuple[Scrutiny, ...]:
    if evidence.metric is None or evidence.rated is None:
        return ()
    rows = _rows(pairs.confirmation.winner, pairs, evidence)
    return scrutinise(evidence.metric, rows, evidence.rated, asked_together, *[one.name for one in metrics[:1]])


def _rows(side: Evaluation, pairs: MatchedPairs, evidence: Evidence) -> list[Row]:
    chosen = ((evidence.examples[i], side.outputs[i]) for i in pairs.kept)
    return [(example, output, evidence.references.get(example.id)) for example, output in chosen]
