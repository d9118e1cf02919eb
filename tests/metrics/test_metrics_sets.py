"""Figures over a whole set are scikit-learn's and sacrebleu's, and their intervals keep what they promise."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

import pytest

from optimizer.errors import DataError
from optimizer.metrics import build, build_metric
from optimizer.metrics.whole import Row, Whole, bounds, figures, wholes
from optimizer.prompt.contract import Contract
from optimizer.types import Example, Output
from tests.metrics.test_metrics_build import Spec

LABELS = ("low", "mid", "high")


def rows(right: Sequence[str], said: Sequence[str]) -> list[Row]:
    pairs = enumerate(zip(right, said, strict=True))
    return [(Example(str(i), {}, want), Output(str(i), have, have), None) for i, (want, have) in pairs]


def figure(name: str, given: Sequence[Row], **options: object) -> float:
    metric = build(name, options)
    assert isinstance(metric, Whole)
    total: dict[object, float] = {}
    for row in given:
        for key, amount in metric.tally(*row).items():
            total[key] = total.get(key, 0.0) + amount
    return metric.figure(total)


def drawn(seed: int, n: int, flaw: float) -> tuple[list[str], list[str]]:
    draw = random.Random(seed)
    right = [draw.choices(LABELS, (6, 3, 1))[0] for _ in range(n)]
    return right, [draw.choice(LABELS) if draw.random() < flaw else label for label in right]


@pytest.mark.parametrize("seed", range(20))
def test_macro_f1_and_kappa_are_scikit_learns(seed: int) -> None:
    from sklearn.metrics import cohen_kappa_score, f1_score

    right, said = drawn(seed, 30, 0.4)

    expected = f1_score(right, said, labels=sorted(set(right)), average="macro", zero_division=0)
    assert figure("macro_f1", rows(right, said)) == pytest.approx(expected)
    assert figure("kappa", rows(right, said)) == pytest.approx(cohen_kappa_score(right, said))


def test_macro_f1_worked_out_by_hand() -> None:
    # low: 2 hit, 1 said wrongly, 0 missed: 4/5; high: 1 hit, 0 said wrongly, 1 missed: 2/3
    assert figure("macro_f1", rows(["low", "low", "high", "high"], ["low", "low", "high", "low"])) == pytest.approx(
        (4 / 5 + 2 / 3) / 2
    )


def test_kappa_worked_out_by_hand() -> None:
    # agreement 3/4; by chance 1/2 * 3/4 + 1/2 * 1/4 = 1/2
    assert figure("kappa", rows(["a", "a", "b", "b"], ["a", "a", "b", "a"])) == pytest.approx((0.75 - 0.5) / 0.5)


@pytest.mark.parametrize("name", ["macro_f1", "kappa"])
def test_flawless_answers_have_a_figure_of_one_and_kappa_is_symmetric(name: str) -> None:
    right, said = drawn(1, 40, 0.3)

    assert figure(name, rows(right, right)) == pytest.approx(1.0)
    assert figure("kappa", rows(right, said)) == pytest.approx(figure("kappa", rows(said, right)))


def test_an_answer_that_is_no_label_counts_against_the_right_one() -> None:
    given = rows(["a", "b"], ["a", "b"])
    broken = [given[0], (given[1][0], Output("1", "", None, "invalid", "no label"), None)]

    assert figure("macro_f1", broken) == pytest.approx(0.5)
    assert math.isnan(figure("kappa", rows(["a", "a"], ["a", "a"])))


def test_corpus_bleu_is_sacrebleus() -> None:
    sacrebleu = pytest.importorskip("sacrebleu")
    right = ["The cat sat on the mat today.", "It is raining heavily in the north.", "Prices rose by 3 % in May."]
    said = ["The cat sat on a mat today.", "It rains heavily in the north.", "Prices rose by 3 % in June."]

    expected = sacrebleu.corpus_bleu(said, [right]).score / 100
    assert figure("bleu", rows(right, said)) == pytest.approx(expected)
    assert figure("bleu", rows(right, right)) == pytest.approx(1.0)


def test_several_metrics_show_the_figures_of_those_that_have_one() -> None:
    metric = build_metric([Spec("macro_f1"), Spec("exact_match"), Spec("kappa")], Contract())
    right, said = drawn(2, 50, 0.2)

    found = figures(metric, rows(right, right), rows(right, said), rows(right, said), confidence=0.95)

    assert set(wholes(metric)) == {"macro_f1", "kappa"}
    assert [(f.name, f.n) for f in found] == [("macro_f1", 50), ("kappa", 50)]
    first = found[0]
    assert first.migrated is not None and first.low is not None and first.high is not None
    assert first.source == pytest.approx(1) and first.low < first.migrated - 1 < first.high


def test_the_jackknife_of_a_mean_is_the_usual_interval() -> None:
    from scipy.stats import t

    ours = [{"sum": value, "n": 1.0} for value in (0.2, 0.9, 0.4, 0.8, 0.7, 0.1, 0.3, 0.6)]
    theirs = [{"sum": 0.5, "n": 1.0} for _ in ours]
    difference = [row["sum"] - 0.5 for row in ours]
    mean = sum(difference) / 8
    error = math.sqrt(sum((d - mean) ** 2 for d in difference) / 7 / 8)

    low, high = bounds(lambda total: total["sum"] / total["n"], ours, theirs, confidence=0.9)  # type: ignore[arg-type]

    unseen = 1 - 0.1 ** (1 / 8)
    reach = max(t.ppf(0.9, 7) * error, unseen)
    assert (low, high) == pytest.approx((mean - reach, mean + reach))


def test_a_set_without_a_difference_does_not_exclude_what_it_cannot_have_seen() -> None:
    same = rows(*drawn(3, 20, 0.1))
    metric = build("macro_f1")

    (found,) = figures(metric, same, same, same, confidence=0.95)

    assert found.migrated == found.source and found.low == pytest.approx(-(1 - 0.05 ** (1 / 20)))
    assert found.held(0.2) and not found.held(0.1) and not found.worse(0.0)


def test_a_figure_that_is_not_defined_is_neither_kept_nor_worse() -> None:
    one = rows(["a"] * 30, ["a"] * 30)

    (found,) = figures(build("kappa"), one, one, one, confidence=0.95)

    assert found.source is None and found.low is None and not found.held(0.5) and not found.worse(0.0)


def test_the_bounds_of_macro_f1_hold_as_often_as_they_say() -> None:
    """Two sides equally good in truth, 60 examples: each bound may fail in 5 % of the samples; 15 of 150 is beyond."""
    metric = build("macro_f1")
    assert isinstance(metric, Whole)
    failed = 0
    for seed in range(150):
        right, one = drawn(seed, 60, 0.3)
        other = [
            random.Random(f"{seed} {i}").choice(LABELS) if random.Random(f"{i} {seed}").random() < 0.3 else label
            for i, label in enumerate(right)
        ]
        sides = [[metric.tally(*row) for row in rows(right, said)] for said in (one, other)]
        low, _ = bounds(metric.figure, sides[0], sides[1], confidence=0.95)
        failed += low > 0
    assert failed < 15


class Share:
    """Of right labels, as somebody would write it who thinks of no set without a right one."""

    def __call__(self, example: Example, output: Output, reference: Output | None) -> bool:
        return output.value == example.expected

    def tally(self, example: Example, output: Output, reference: Output | None) -> dict[str, int]:
        return {"right": 1, "n": 1} if output.value == example.expected else {"n": 1}

    def figure(self, total: dict[str, float]) -> float:
        return total["right"] / total["n"]


class Torn(Share):
    def tally(self, example: Example, output: Output, reference: Output | None) -> dict[str, int]:
        return {"long": len(output.value)}  # type: ignore[arg-type]


class Undecided(Share):
    def figure(self, total: dict[str, float]) -> float:
        return None  # type: ignore[return-value]


READY = Share()


def test_an_object_has_its_figure_as_the_class_has() -> None:
    assert set(wholes(build(f"{__name__}:READY"))) == {f"{__name__}:READY"}


def test_a_figure_of_ones_own_may_ask_for_what_no_example_has() -> None:
    metric = build(f"{__name__}:Share")
    one, none = rows(["a", "b", "a"], ["a", "c", "c"]), rows(["a", "b", "a"], ["c", "c", "c"])

    (found,) = figures(metric, one, none, one, confidence=0.95)

    assert [found.source, found.unchanged, found.migrated] == pytest.approx([1 / 3, 0.0, 1 / 3])


@pytest.mark.parametrize(
    ("name", "told"),
    [
        (
            "Torn",
            r"example '1': tally: TypeError: .*NoneType.*, at test_metrics_sets\.py:\d+; it returns amounts by key",
        ),
        ("Undecided", r"figure: TypeError: .*; it returns a number"),
    ],
)
def test_what_goes_wrong_in_a_figure_of_ones_own_is_told_by_its_name(name: str, told: str) -> None:
    given = rows(["a", "b"], ["a", "b"])
    broken = [given[0], (given[1][0], Output("1", "", None, "invalid", "no label"), None)]

    with pytest.raises(DataError, match=rf"metric '{__name__}:{name}', {told}"):
        figures(build(f"{__name__}:{name}"), given, broken, given, confidence=0.95)
