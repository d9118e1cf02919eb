"""Metrics of Ragas and DeepEval run by their own libraries, with every question asked of our models."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from optimizer.errors import BudgetExceeded, ConfigError
from optimizer.evaluate import score
from optimizer.metrics import build
from optimizer.models.providers.embedding import pack
from optimizer.models.scripted import ScriptedModel
from optimizer.offline import OfflineModel
from optimizer.types import Example, Output, Request

EXAMPLE = Example(
    "1",
    {"question": "When do refunds arrive?", "context": ["Refunds arrive within 14 days.", "Returns need a receipt."]},
    "Within 14 days.",
)
SAID = Output("1", "Refunds arrive within 14 days. They come by post.")
READS = {"question": "question", "passages": "context"}

RAGAS: Mapping[str, Any] = {
    "StatementGeneratorOutput": {"statements": ["Refunds arrive within 14 days.", "They come by post."]},
    "NLIStatementOutput": {
        "statements": [
            {"statement": "Refunds arrive within 14 days.", "reason": "said so", "verdict": 1},
            {"statement": "They come by post.", "reason": "not said", "verdict": 0},
        ]
    },
}
DEEPEVAL: Mapping[str, Any] = {
    "Truths": {"truths": ["Refunds arrive within 14 days.", "Returns need a receipt."]},
    "Claims": {"claims": ["Refunds arrive within 14 days.", "They come by post."]},
    "Verdicts": {"verdicts": [{"verdict": "yes", "reason": None}, {"verdict": "no", "reason": "not said"}]},
    "Opinions": {"opinions": ["one", "two"]},
}


def answers(known: Mapping[str, Any]) -> Callable[[Request], str]:
    """Replies by the title of the schema that a reply must have."""

    def reply(request: Request) -> str:
        schema = json.loads(request.messages[0].content.rpartition("nothing else:\n")[2])
        return json.dumps(known[schema["title"]])

    return reply


@pytest.fixture(params=["ragas", "deepeval"])
def kind(request: pytest.FixtureRequest) -> str:
    """Both, where their libraries are."""
    pytest.importorskip(f"{request.param}.metrics")
    return str(request.param)


def test_faithfulness_is_the_share_of_statements_that_the_passages_bear_out(kind: str) -> None:
    judge = ScriptedModel(answers(RAGAS if kind == "ragas" else DEEPEVAL))

    found = build(kind, {"metric": "faithfulness", **READS}, judge=judge)(EXAMPLE, SAID, None)

    assert found.value == pytest.approx(1 / 2) and judge.calls >= 2


def test_more_is_better_also_where_the_metric_is_named_after_what_is_bad() -> None:
    pytest.importorskip("deepeval.metrics")
    judge = ScriptedModel(answers({**DEEPEVAL, "Verdicts": {"verdicts": [{"verdict": "no"}, {"verdict": "no"}]}}))

    assert build("deepeval", {"metric": "toxicity"}, judge=judge)(EXAMPLE, SAID, None).value == 1


def test_a_metric_of_vectors_asks_our_embedder() -> None:
    pytest.importorskip("ragas.metrics")
    vectors = {"Within 14 days.": [1.0, 0.0], SAID.text: [0.6, 0.8]}
    embedder = ScriptedModel(lambda request: pack(vectors[request.messages[0].content]))

    metric = build("ragas", {"metric": "semantic_similarity"}, judge=ScriptedModel(lambda _: ""), embedder=embedder)

    assert metric(EXAMPLE, SAID, None).value == pytest.approx(0.6, abs=1e-6)


@pytest.mark.parametrize("persona", ["sim-alpha", "sim-delta"])
def test_with_an_offline_judge_there_is_a_score_or_none_but_never_a_silent_zero(kind: str, persona: str) -> None:
    judge = OfflineModel(f"offline/{persona}")

    found = score([EXAMPLE], [SAID], {}, build(kind, {"metric": "faithfulness", **READS}, judge=judge))

    (output,), (mark,) = found.outputs, found.scores
    assert output.status == "ok" or "gave no judgement" in str(output.error)
    assert 0 <= mark.value <= 1


def test_a_judge_that_answers_no_json_leaves_the_example_out_after_two_tries(kind: str) -> None:
    judge = ScriptedModel(lambda _: "I would rather not.")

    found = score([EXAMPLE], [SAID], {}, build(kind, {"metric": "faithfulness", **READS}, judge=judge))

    assert found.outputs[0].status == "failed" and "gave no judgement" in str(found.outputs[0].error)
    assert judge.calls == 2


def test_an_empty_purse_is_never_hidden_by_the_library(kind: str) -> None:
    def broke(_: Request) -> str:
        raise BudgetExceeded("no room")

    with pytest.raises(BudgetExceeded):
        build(kind, {"metric": "faithfulness", **READS}, judge=ScriptedModel(broke))(EXAMPLE, SAID, None)


def test_unknown_metrics_and_inputs_are_answered_with_the_nearest_known_one(kind: str) -> None:
    judge = ScriptedModel(lambda _: "")
    with pytest.raises(ConfigError, match=r"'faithfullness' is not known\. Did you mean 'faithfulness'"):
        build(kind, {"metric": "faithfullness"}, judge=judge)
    with pytest.raises(ConfigError, match=r"has no input 'contxt'\. Did you mean 'context'"):
        build(kind, {"metric": "faithfulness", "passages": "contxt"}, judge=judge)(EXAMPLE, SAID, None)


@pytest.mark.parametrize("name", ["ragas", "deepeval"])
def test_without_the_library_the_extra_is_named(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("ragas.metrics.collections", "deepeval.metrics"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ConfigError, match=rf"pip install 'promptport\[{name}\]'"):
        build(name, {"metric": "faithfulness"}, judge=ScriptedModel(lambda _: ""))
