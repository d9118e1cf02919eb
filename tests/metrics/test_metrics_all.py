"""Every metric that has a name: a value worked out by hand or by a reference library, and its properties.

A metric that is added without either fails here. Ragas' and DeepEval's metrics are their libraries' own; see
test_metrics_frameworks.py.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import pytest

from optimizer.metrics import METRICS, build
from optimizer.models.providers.embedding import pack
from optimizer.models.scripted import ScriptedModel
from optimizer.types import JSON, Example, Output, Request

FOREIGN = {"ragas", "deepeval"}
SPACE = {"yes": [1.0, 0.0], "yeah": [3.0, 4.0]}


class Case(NamedTuple):
    said: JSON
    right: JSON
    value: float | Callable[[], float]
    options: dict[str, Any] = {}  # noqa: RUF012


def _bleu() -> float:
    sacrebleu = pytest.importorskip("sacrebleu")
    return float(sacrebleu.sentence_bleu("the cat sat on a mat", ["the cat sat on the mat"]).score) / 100


def _chrf() -> float:
    sacrebleu = pytest.importorskip("sacrebleu")
    return float(sacrebleu.sentence_chrf("the cat sat on a mat", ["the cat sat on the mat"]).score) / 100


def _rouge() -> float:
    scorers = pytest.importorskip("rouge_score.rouge_scorer")
    found = scorers.RougeScorer(["rougeL"], use_stemmer=True).score(
        "police kill the gunman", "police killed the gunman"
    )
    return float(found["rougeL"].fmeasure)


def booked(**given: JSON) -> JSON:
    return {"name": "book", "arguments": {"day": "Monday", **given}}


#: By hand, but for the three that are a library's.
WORKED: Mapping[str, Case] = {
    "bleu": Case("the cat sat on a mat", "the cat sat on the mat", _bleu),
    "chrf": Case("the cat sat on a mat", "the cat sat on the mat", _chrf),
    "contains": Case("refund within 14 days", None, 2 / 3, {"text": ["refund", "14 days", "receipt"]}),
    "edit_similarity": Case("kitten", "sitting", 1 - 3 / 7),
    "embedding_similarity": Case("yeah", "yes", 3 / 5),
    "exact_match": Case(" yes\n", "yes", 1.0),
    "format": Case("{'a': 1}", None, 0.0, {"kind": "json"}),
    "grounded": Case("It has 12 floors.", None, 0.0, {"passages": "passages", "citations": False}),
    "json_fields": Case({"a": 1, "b": 2}, {"a": 1, "b": 3}, 0.5, {"fields": {"a": "exact", "b": "exact"}}),
    "judge": Case("four", "4", 1 / 3),
    "kappa": Case("billing", "access", 0.0),
    "label_accuracy": Case("Billing.", "billing", 1.0),
    "length": Case("one two three four", None, 0.75, {"at_most": 3}),
    "macro_f1": Case("billing", "access", 0.0),
    "normalized_match": Case("The Eiffel Tower!", "eiffel  tower", 1.0),
    "numeric": Case("It was 4,200 million dollars", "$4.2 billion", 1.0),
    "preference": Case("ours", "4", 1.0),
    "refusal": Case("I'm sorry, but I can't help with that.", None, 0.0),
    "regex_match": Case("ticket AB-12 closed", None, 0.0, {"pattern": r"[A-Z]{2}-\d+", "whole": True}),
    "rouge": Case("police killed the gunman", "police kill the gunman", _rouge),
    "rouge_l": Case("police killed the gunman", "police kill the gunman", 0.75),
    "token_f1": Case("the cat sat", "cat sat down", 2 * 2 / (2 + 3)),
    "tool_call": Case([booked(room=3)], [booked(room=2)], 0.5 + 0.5 / 2),  # the tool, and one argument of two
    "valid": Case("anything", None, 1.0),
}
SYMMETRIC = {
    *("edit_similarity", "embedding_similarity", "exact_match", "kappa", "label_accuracy", "macro_f1"),
    *("normalized_match", "rouge_l", "token_f1", "tool_call"),
}
#: What a flawless answer is, where it is not the right answer's own text.
FLAWLESS: Mapping[str, tuple[JSON, JSON, dict[str, Any]]] = {
    "format": ("{}", None, {"kind": "json"}),
    "grounded": ("It has 7 floors.", None, {"passages": "passages", "citations": False}),
    "json_fields": ({"a": 1, "b": [2]}, {"a": 1, "b": [2]}, {}),
    "judge": ("ten", "ten", {}),
    "numeric": ("7", "7", {}),
    "preference": ("ours", "4", {}),
    "regex_match": ("a", None, {"pattern": "a"}),
    "embedding_similarity": ("yes", "yes", {}),
    "tool_call": ([booked(room=2)], [booked(room=2)], {}),
}
WORDS = ["the", "cat", "Cat.", "sat", "on", "3.5", "-2", "7%", "né", "猫", "!", "{", "[1]", "I", "cannot", "sorry"]


def asked(request: Request) -> str:
    """A judge who gives four of ten, or ten for "ten", and likes ours better."""
    text = request.messages[-1].content
    if "<answer_a>" in text:
        first = text.split("<answer_a>\n")[1].split("\n</")[0]
        return json.dumps({"reason": "why", "winner": "A" if first == "ours" else "B"})
    return json.dumps({"reason": "why", "score": 10 if "ten" in text.split() else 4})


def value(name: str, said: JSON, right: JSON, options: Mapping[str, Any] | None = None) -> float:
    text = said if isinstance(said, str) else json.dumps(said)
    vectors = ScriptedModel(lambda request: pack(SPACE.get(request.messages[0].content, [0.5, 0.5])))
    metric = build(name, options, judge=ScriptedModel(asked, name="judge"), embedder=vectors)
    example = Example("1", {"passages": ["It has 7 floors."]}, right)
    return metric(example, Output("1", text, said), Output("1", "the source's words", "the source's words")).value


def test_every_metric_has_a_value_and_a_flawless_answer_here() -> None:
    assert set(WORKED) | FOREIGN == set(METRICS)
    assert set(FLAWLESS) | SYMMETRIC <= set(METRICS)


@pytest.mark.parametrize("name", sorted(WORKED))
def test_the_value_is_that_of_the_hand_or_of_the_reference_library(name: str) -> None:
    case = WORKED[name]
    expected = case.value() if callable(case.value) else case.value

    assert value(name, case.said, case.right, case.options) == pytest.approx(expected)


@pytest.mark.parametrize("name", sorted(WORKED))
def test_a_flawless_answer_scores_one(name: str) -> None:
    said, right, options = FLAWLESS.get(name, ("same", "same", {}))
    if name in ("bleu", "chrf", "rouge"):
        pytest.importorskip("rouge_score")
        pytest.importorskip("sacrebleu")
        said = right = "the cat sat on the mat"

    assert value(name, said, right, options) == pytest.approx(1.0)


@pytest.mark.parametrize("name", sorted(WORKED))
@pytest.mark.parametrize("seed", range(12))
def test_whatever_is_said_the_score_is_between_nought_and_one_and_symmetric_where_it_should_be(
    name: str, seed: int
) -> None:
    if name in ("bleu", "chrf", "rouge"):
        pytest.importorskip("rouge_score")
        pytest.importorskip("sacrebleu")
    rng = random.Random(f"{name} {seed}")
    said, right = (" ".join(rng.choices(WORDS, k=rng.randrange(1, 9))) for _ in range(2))
    if name == "embedding_similarity":
        said, right = rng.choice([("yes", "yeah"), ("yeah", "yes"), ("x", "yes")])
    right = "3.5" if name == "numeric" else right
    given: JSON = {"a": right, "b": said} if name == "json_fields" else right
    answer: JSON = {"a": said, "c": 1} if name == "json_fields" else said
    if name == "tool_call":
        given, answer = ([booked(room=rng.randrange(2)) for _ in range(rng.randrange(3))] for _ in range(2))
    options = WORKED[name].options if name != "contains" else {"text": ["cat", "7%"]}
    options = {} if name in ("json_fields",) else options

    found = value(name, answer, given, options)
    assert 0.0 <= found <= 1.0
    if name in SYMMETRIC:
        assert value(name, given, answer, options) == pytest.approx(found)
