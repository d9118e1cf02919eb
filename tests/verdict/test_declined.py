"""What a model, a filter or a guardrail declines is no wrong answer: it is counted by itself, wherever it is told."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from optimizer.objective import Evaluation
from optimizer.report.figures.measures import measures
from optimizer.report.summary import outcome, outcome_json
from optimizer.results.migration import Migration
from optimizer.results.records import decision
from optimizer.types import Score
from tests.conftest import Walked


def declining(side: Evaluation, count: int) -> Evaluation:
    """The same answers, but for the first ones, which a filter declined."""
    outputs = (*(replace(o, status="refused", error="declined") for o in side.outputs[:count]), *side.outputs[count:])
    return replace(side, outputs=outputs, scores=(*[Score(0.0)] * count, *side.scores[count:]))


def with_declined(migration: Migration, source: int, winner: int) -> Migration:
    (result,) = migration.targets
    met = result.confirmation
    confirmation = replace(met, source=declining(met.source, source), winner=declining(met.winner, winner))
    return replace(migration, targets=(replace(result, confirmation=confirmation),))


def test_declined_answers_have_a_line_of_their_own(plain_run: Walked) -> None:
    (result,) = with_declined(plain_run.migration, 3, 9).targets
    told = {measure.key: measure for measure in measures(result)}

    assert (told["declined"].source.value, told["declined"].migrated.value) == (3 / 60, 9 / 60)
    assert told["declined"].better is False
    assert "declined" not in {measure.key for measure in measures(plain_run.migration.targets[0])}


def test_summary_json_and_decision_count_them(plain_run: Walked, tmp_path: Path) -> None:
    migration = with_declined(plain_run.migration, 0, 9)

    assert "declined source 0, migrated 9 of 60, by the model or a filter" in outcome(migration, tmp_path)
    assert outcome_json(migration, tmp_path)["targets"][0]["declined"] == {"source": 0, "unchanged": 0, "migrated": 9}
    assert decision(migration)["targets"][0]["declined"]["winner"] == 9
    assert "declined" not in outcome(plain_run.migration, tmp_path)


def test_answers_that_were_cut_off_are_counted_though_they_be_valid(plain_run: Walked, tmp_path: Path) -> None:
    (result,) = plain_run.migration.targets
    met = result.confirmation
    outputs = (*(replace(o, cut=1) for o in met.winner.outputs[:6]), *met.winner.outputs[6:])
    found = replace(result, confirmation=replace(met, winner=replace(met.winner, outputs=outputs)))
    migration = replace(plain_run.migration, targets=(found,))

    assert "cut off  source 0, migrated 6 of 60, at the token limit: raise max_tokens" in outcome(migration, tmp_path)
    assert outcome_json(migration, tmp_path)["targets"][0]["cut_off"] == {"source": 0, "unchanged": 0, "migrated": 6}
    [row] = [measure for measure in measures(found) if measure.key == "cut_off"]
    assert (row.source.value, row.migrated.value, row.better) == (0.0, 6 / 60, False)
    assert "cut off" not in outcome(plain_run.migration, tmp_path)
    assert "cut_off" not in {measure.key for measure in measures(result)}


def test_why_replies_are_invalid_is_told_where_many_are(plain_run: Walked, tmp_path: Path) -> None:
    (result,) = plain_run.migration.targets
    met = result.confirmation

    def told(count: int) -> str:
        broken = (replace(o, status="invalid", error="invalid reply: '' is\nnone") for o in met.winner.outputs[:count])
        side = replace(met.winner, outputs=(*broken, *met.winner.outputs[count:]))
        found = replace(result, confirmation=replace(met, winner=side))
        return outcome(replace(plain_run.migration, targets=(found,)), tmp_path)

    first = met.winner.outputs[0].example_id
    assert f"invalid  migrated 4 of 60, first example {first}: '' is none\n" in told(4)
    assert "  invalid  " not in told(3)
