"""Metrics are found by name, hold to gold or to the source, and are checked when they come from outside."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pytest

from optimizer.errors import ConfigError, DataError, PluginError
from optimizer.metrics import METRICS, Metric, Weighted, build, build_metric
from optimizer.models.scripted import ScriptedModel
from optimizer.prompt.contract import Contract
from optimizer.types import Example, Output, Score

GOLD, PLAIN = Example("7", {"passages": ["It is high."]}, "high"), Example("8", {})
SAID = Output("7", "high", "high")
OPTIONS: Mapping[str, dict[str, Any]] = {
    "regex_match": {"pattern": "h"},
    "format": {"kind": "line"},
    "grounded": {"passages": "passages", "citations": False},
}
NOBODY = ScriptedModel(lambda _: "")

OTHER = "not a metric"


def half(example: Example, output: Output, reference: Output | None) -> float:
    return 0.5


def scaled(example: Example, output: Output, reference: Output | None, *, by: float = 1.0) -> float:
    return 0.5 * by


def as_numpy(example: Example, output: Output, reference: Output | None) -> Any:
    return np.bool_(True)


def nan(example: Example, output: Output, reference: Output | None) -> float:
    return math.nan


def too_much(example: Example, output: Output, reference: Output | None) -> float:
    return 1.2


def nothing(example: Example, output: Output, reference: Output | None) -> None:
    return None


def words(example: Example, output: Output, reference: Output | None) -> str:
    return "1.0"


def nan_score(example: Example, output: Output, reference: Output | None) -> Score:
    return Score(math.nan)


def nan_part(example: Example, output: Output, reference: Output | None) -> Score:
    return Score(0.5, "", {"tone": math.nan})


def broken(example: Example, output: Output, reference: Output | None) -> float:
    raise KeyError("tone")


class Fixed:
    def __init__(self, value: float = 0.25) -> None:
        self.value = value

    def __call__(self, example: Example, output: Output, reference: Output | None) -> Score:
        return Score(self.value, "fixed")


@dataclass
class Spec:
    name: str
    weight: float = 1.0
    against: Literal["gold", "source", "auto"] = "auto"
    options: Mapping[str, Any] = field(default_factory=dict)


def own(name: str) -> str:
    return f"{__name__}:{name}"


FOREIGN = {"ragas", "deepeval"}  # tested in a file of their own, where their libraries are


def made(name: str) -> Metric:
    if name in ("bleu", "chrf", "rouge"):
        pytest.importorskip("rouge_score")
        pytest.importorskip("sacrebleu")
    return build(name, OPTIONS.get(name), judge=NOBODY, embedder=NOBODY)


@pytest.mark.parametrize("name", sorted(set(METRICS) - FOREIGN))
def test_a_broken_or_declined_reply_scores_nought_with_its_reason(name: str) -> None:
    invalid = Output("7", "?", None, "invalid", "invalid reply: no JSON")
    score = made(name)(GOLD, invalid, None)
    assert (score.value, score.feedback) == (0, "invalid reply: no JSON")


@pytest.mark.parametrize(
    "name", sorted(set(METRICS) - {"numeric", "json_fields", "judge", "preference", "tool_call", *FOREIGN})
)
def test_the_right_answer_scores_one_without_feedback(name: str) -> None:
    assert made(name)(GOLD, SAID, None) == Score(1.0)


@pytest.mark.parametrize("name", sorted(METRICS))
def test_every_metric_says_in_a_line_what_it_does(name: str) -> None:
    assert METRICS[name].__doc__


def test_gold_goes_before_the_source_unless_told_otherwise() -> None:
    source = Output("7", "low", "low")
    low = Output("7", "low", "low")
    assert build("label_accuracy")(GOLD, low, source).value == 0
    assert build("label_accuracy", {"against": "source"})(GOLD, low, source).value == 1
    assert build("label_accuracy")(PLAIN, low, source).value == 1


def test_an_example_without_any_standard_is_refused_by_its_id() -> None:
    with pytest.raises(DataError, match="example '8' has no gold answer"):
        build("exact_match", {"against": "gold"})(PLAIN, SAID, SAID)
    with pytest.raises(DataError, match="example '8' has neither a gold answer nor an answer of the source"):
        build("exact_match")(PLAIN, SAID, None)


def test_where_the_source_broke_down_there_is_nothing_to_agree_with() -> None:
    score = build("exact_match")(PLAIN, SAID, Output("8", "", None, "refused", "declined"))
    assert (score.value, score.feedback) == (0, "nothing to compare with: the source's own reply is refused")


@pytest.mark.parametrize(
    ("said", "right", "score"),
    [
        ("High", "high", 1),
        (" **High**.", "high", 1),
        ("'high'", "high", 1),
        ("low", "high", 0),
        ("1", 1, 1),
        ("b", ["a", "b"], 1),
        ("<high>", "high", 1),
        ("**High:**", "high", 1),
        ("* high", "high", 1),
        (">50K", "<50K", 0),
        ("> 50K", "<= 50K", 0),
        ("<50K", "<50k", 1),
        ("A", "A*", 0),
        ("**A**", "A", 1),
    ],
)
def test_labels_are_equal_whatever_stands_around_them(said: str, right: Any, score: float) -> None:
    assert build("label_accuracy")(Example("1", {}, right), Output("1", said, said), None).value == score


def test_label_feedback_names_both() -> None:
    assert build("label_accuracy")(GOLD, Output("7", "low", "low"), None).feedback == "expected 'high', got 'low'"


def test_a_reply_behind_a_marker_is_scored_by_what_was_read() -> None:
    read = Output("7", "I think so. Answer: high", "high")
    assert build("exact_match")(GOLD, read, None).value == 1


def test_unknown_options_and_names_are_answered_with_the_nearest_known_one() -> None:
    with pytest.raises(ConfigError, match=r"'exact_match': no option is called 'agianst'\. Did you mean 'against'"):
        build("exact_match", {"agianst": "gold"})
    with pytest.raises(
        ConfigError, match=r"against: must be auto, gold or source, found 'gould'\. Did you mean 'gold'"
    ):
        build("exact_match", {"against": "gould"})
    with pytest.raises(PluginError, match="Did you mean 'exact_match'"):
        build("exact_mach")


def test_json_fields_takes_its_fields_from_the_reply_contract() -> None:
    schema = {"type": "object", "properties": {"urgency": {"enum": ["high", "low"]}}}
    metric = build_metric([Spec("json_fields")], Contract("json", schema=schema))
    said = Output("1", "", {"urgency": "HIGH", "more": 1})
    assert metric(Example("1", {}, {"urgency": "high", "more": 2}), said, None).parts == {"urgency": 1.0}


def test_several_metrics_make_a_weighted_mean_with_named_parts() -> None:
    metric = build_metric([Spec("exact_match", 3), Spec(own("half"))], Contract())
    score = metric(GOLD, SAID, None)
    assert score.value == pytest.approx(3.5 / 4)
    assert score.parts == {"exact_match": 1.0, own("half"): 0.5}


def test_one_metric_may_stand_twice_with_other_options() -> None:
    specs = [Spec("contains", options={"text": "hi"}), Spec("contains", options={"text": "lo"})]
    assert build_metric(specs, Contract())(GOLD, SAID, None).parts == {"contains": 1.0, "contains_2": 0.0}


def test_weights_must_be_above_nought() -> None:
    with pytest.raises(ConfigError, match=r"metrics\.a\.weight: must be a number above 0, found 0"):
        Weighted({"a": build("valid")}, {"a": 0})


def test_functions_and_classes_of_ones_own_are_metrics() -> None:
    assert build(own("half"))(GOLD, SAID, None) == Score(0.5)
    assert build(own("scaled"), {"by": 2.0})(GOLD, SAID, None) == Score(1.0)
    assert build(own("Fixed"))(GOLD, SAID, None) == Score(0.25, "fixed")
    assert build(own("Fixed"), {"value": 0.75})(GOLD, SAID, None) == Score(0.75, "fixed")
    assert build(own("as_numpy"))(GOLD, SAID, None) == Score(1.0)
    with pytest.raises(ConfigError, match=r"no option is called 'valeu'\. Did you mean 'value'"):
        build(own("Fixed"), {"valeu": 1})
    with pytest.raises(PluginError, match="cannot be called"):
        build(own("OTHER"))


def in_numpy(example: Example, output: Output, reference: Output | None) -> Score:
    half: Any = np.float32(0.5)
    return Score(half, "as BERTScore gives it", {"f1": half / 2, "exact": np.bool_(True)})  # type: ignore[dict-item]


def test_numbers_of_numpy_in_a_score_can_be_written_down() -> None:
    found = build(own("in_numpy"))(GOLD, SAID, None)

    assert json.loads(json.dumps([found.value, found.parts])) == [0.5, {"f1": 0.25, "exact": 1.0}]


def short(example: Example, output: Output) -> float:
    return 0.5


def otherwise_named(gold: Example, said: Output, before: Output | None, *, share: float) -> float:
    return share


class Wordy:
    def __init__(self, words: str) -> None:
        self.number = int(words)

    def __call__(self, example: Example, output: Output, reference: Output | None) -> float:
        return 0.5


@pytest.mark.parametrize(
    ("name", "options", "told"),
    [
        ("short", {}, r"too many positional arguments; a metric is called with \(example, output, reference\)"),
        ("otherwise_named", {}, "the option 'share' must be given"),
        ("otherwise_named", {"gold": 1}, "no option is called 'gold'. It has share"),
        ("half", {"share": 1}, "no option is called 'share'. It has none"),
        ("Wordy", {}, "the option 'words' must be given"),
        ("Wordy", {"words": "one"}, r"could not be made: ValueError: .*'one', at test_metrics_build\.py:\d+$"),
    ],
)
def test_a_metric_that_cannot_be_called_is_refused_before_anything_is_asked(
    name: str, options: dict[str, Any], told: str
) -> None:
    with pytest.raises(ConfigError, match=f"metric '{own(name)}': {told}"):
        build(own(name), options)
    assert build(own("otherwise_named"), {"share": 0.25})(GOLD, SAID, None) == Score(0.25)


def numbered(example: Example, output: Output, reference: Output | None) -> Score:
    return Score(0.5, "", {7: 0.5})  # type: ignore[dict-item]


def silent(example: Example, output: Output, reference: Output | None) -> Score:
    return Score(0.5, feedback=None)  # type: ignore[arg-type]


async def waits(example: Example, output: Output, reference: Output | None) -> float:
    return 0.5


def test_an_async_metric_is_refused_as_such() -> None:
    with pytest.raises(DataError, match=r"example '7': it is async.*make it a plain function"):
        build(own("waits"))(GOLD, SAID, None)


def test_what_a_metric_raises_is_told_with_the_line_of_its_file() -> None:
    with pytest.raises(DataError, match=rf"KeyError: 'tone', at test_metrics_build\.py:{line_of(broken)}$"):
        build(own("broken"))(GOLD, SAID, None)


def line_of(function: Any) -> int:
    """Of the one line that the function has."""
    return int(function.__code__.co_firstlineno) + 1


def greedy(example: Example, output: Output, reference: Output | None) -> float:
    """Compares in place, as if all of it were its own."""
    given: Any = (example.inputs, example.expected, output.value, reference.value if reference else None)
    given[0]["passages"].sort()
    given[0]["question"] = ""
    for labels in given[1:]:
        labels["labels"].clear()
    return 1.0


def test_a_metric_that_changes_what_it_is_given_changes_nothing_in_the_run() -> None:
    def row() -> tuple[Example, Output, Output]:
        example = Example("7", {"passages": ["b", "a"], "question": "Which?"}, {"labels": ["x"]}, "g")
        said = [Output("7", text, {"labels": [text]}, cost=0.5, latency=1.0, calls=1) for text in ("x", "y")]
        return example, said[0], said[1]

    given = row()
    assert build(own("greedy"))(*given) == Score(1.0)
    assert given == row()


@pytest.mark.parametrize(
    "name", ["nan", "too_much", "nothing", "words", "nan_score", "nan_part", "broken", "silent", "numbered"]
)
def test_what_is_no_score_is_refused_with_metric_and_example(name: str) -> None:
    with pytest.raises(DataError, match=f"metric '{own(name)}', example '7'"):
        build(own(name))(GOLD, SAID, None)
