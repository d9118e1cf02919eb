"""Slices are found without a look at scores; what the mean hides is named; where nothing differs, nothing is."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from optimizer.errors import ConfigError
from optimizer.objective import Constraints, Evaluation
from optimizer.report import as_page
from optimizer.results.rundir import RunDir
from optimizer.task import load_task
from optimizer.types import Output, Request, Score
from optimizer.verdict.confirm import Basis, Decision, Verdict, decide
from optimizer.verdict.matched import Confirmation, MatchedPairs
from optimizer.verdict.slices import CLUSTER, Slice, SliceResult, find_slices, weigh_slices
from optimizer.verdict.statistics import p_value
from tests.walking import crew, number, parity, walk, write_task

TOPICS = {
    "invoice": "invoice payment refund bank amount due",
    "parcel": "parcel courier delivery address van late",
    "password": "password login account locked code reset",
}


def topical(n: int, seed: int = 0) -> list[tuple[str, str]]:
    draw = random.Random(seed)
    kinds = [draw.choice(list(TOPICS)) for _ in range(n)]
    return [(kind, " ".join(draw.sample(TOPICS[kind].split(), 4))) for kind in kinds]


def evaluation(scores: Sequence[float]) -> Evaluation:
    return Evaluation(tuple(Output(str(i), "x") for i in range(len(scores))), tuple(map(Score, scores)))


def weighed(
    columns: Mapping[str, Sequence[str]], ours: Sequence[float], theirs: Sequence[float]
) -> tuple[SliceResult, ...]:
    found = find_slices([""] * len(ours), columns)
    return weigh_slices(
        found, dict(enumerate(ours)), dict(enumerate(theirs)), [f"e{i}" for i in range(len(ours))], confidence=0.95
    )


# -- finding them


def test_a_column_gives_a_slice_for_each_value_that_has_examples_enough() -> None:
    found = find_slices([""] * 40, {"region": ["north"] * 21 + ["south"] * 10 + ["east"] * 6 + [""] * 3})
    assert found == (Slice("region", "north", tuple(range(21))), Slice("region", "south", tuple(range(21, 31))))


def test_equal_parts_are_looked_at_once_and_the_whole_is_no_part() -> None:
    columns = {"a": ["x"] * 20 + ["y"] * 20, "b": ["1"] * 20 + ["2"] * 20, "c": ["all"] * 40}
    assert [part.column for part in find_slices([""] * 40, columns)] == ["a", "a"]


def test_clusters_are_the_topics_of_the_inputs_named_by_their_words_and_the_same_each_time() -> None:
    rows = topical(90)
    texts = [text for _, text in rows]

    found = find_slices(texts, {}, clusters=3)

    assert found == find_slices(texts, {}, clusters=3) and len(found) == 3
    for part in found:
        kinds = {rows[i][0] for i in part.members}
        assert part.column == CLUSTER and len(kinds) == 1
        assert all(word in TOPICS[kinds.pop()] for word in part.value.strip("“”").split(", ")[:1])


@pytest.mark.parametrize("texts", [[""] * 100, ["the same text"] * 100, [str(i) for i in range(100)]])
def test_inputs_without_anything_in_common_or_apart_give_no_clusters(texts: list[str]) -> None:
    assert find_slices(texts, {}) == ()


def test_few_examples_are_not_divided_by_themselves() -> None:
    assert find_slices([text for _, text in topical(49)], {}) == ()


# -- weighing them


def test_a_regression_that_the_mean_hides_is_named_with_its_examples() -> None:
    region = ["north", "south"] * 100
    theirs = [0.0 if i % 5 == 0 else 1.0 for i in range(200)]
    ours = [0.3 if where == "north" and i % 4 == 0 else 1.0 for i, where in enumerate(region)]

    found = {result.value: result for result in weighed({"region": region}, ours, theirs)}

    assert sum(ours) > sum(theirs)
    assert found["north"].worse and not found["south"].worse
    assert found["north"].n == 100 and found["north"].high < 0 <= found["south"].high
    assert found["north"].worst and set(found["north"].worst) <= {f"e{i}" for i in range(0, 200, 4) if i % 5}
    assert found["north"].difference == pytest.approx(found["north"].migrated - found["north"].source)


def test_bounds_grow_wider_with_the_number_of_slices() -> None:
    ours = [float(i % 7 != 0) for i in range(240)]
    theirs = [float(i % 5 != 0) for i in range(240)]
    few = {"a": [str(i % 2) for i in range(240)]}
    many = few | {f"b{k}": [str((i // (k + 1)) % 5) for i in range(240)] for k in range(6)}

    first, same = weighed(few, ours, theirs)[0], weighed(many, ours, theirs)[0]

    assert (first.name, first.n, first.difference) == (same.name, same.n, same.difference)
    assert same.low < first.low and same.high > first.high


def noisy(draw: random.Random, level: Sequence[float], kind: str) -> list[float]:
    if kind == "binary":
        return [float(draw.random() < share) for share in level]
    return [min(1.0, max(0.0, draw.gauss(share, 0.25))) for share in level]


def migrated_to_itself(seed: int, kind: str) -> tuple[dict[str, list[str]], list[float], list[float]]:
    """A model against itself with sampling noise: a dozen overlapping slices or more, some of them hard."""
    draw = random.Random(seed)
    topics = [topic for topic, _ in topical(160, seed)]
    columns = {
        "topic": topics,
        "region": [draw.choice("nesw") for _ in topics],
        "tier": [draw.choices(("gold", "basic"), (1, 4))[0] for _ in topics],
        "pair": [f"{topic}{draw.randrange(2)}" for topic in topics],
    }
    level = [0.6 if topic == "parcel" else 0.9 for topic in topics]
    return columns, noisy(draw, level, kind), noisy(draw, level, kind)


@pytest.mark.parametrize("kind", ["binary", "graded"])
def test_where_nothing_differs_no_slice_is_called_worse_in_95_of_100_runs(kind: str) -> None:
    """200 runs by the p-value behind the bounds: above 0 it says just what the upper bound does, forty times faster."""
    alarms = 0
    for seed in range(200):
        columns, ours, theirs = migrated_to_itself(seed, kind)
        found = find_slices([""] * len(ours), columns)
        assert len(found) >= 12
        limit = 0.05 / len(found)
        pairs = ([[side[i] for i in part.members] for side in (theirs, ours)] for part in found)
        alarms += any(p_value(other, mine, 0.0) <= limit for other, mine in pairs)

    assert alarms <= 10, f"{alarms} of 200 runs had a false alarm"


def test_the_bounds_say_what_the_p_values_say() -> None:
    columns, ours, theirs = migrated_to_itself(0, "binary")
    ours = [
        0.0 if topic == "invoice" and i % 3 else mark
        for i, (topic, mark) in enumerate(zip(columns["topic"], ours, strict=True))
    ]

    found = weighed(columns, ours, theirs)

    for part, result in zip(find_slices([""] * len(ours), columns), found, strict=True):
        p = p_value([theirs[i] for i in part.members], [ours[i] for i in part.members], 0.0)
        assert result.worse == (p <= 0.05 / len(found)), result
    assert any(result.worse for result in found)


# -- as part of the decision


def decided(drop: float | None, ours: Sequence[float], theirs: Sequence[float], where: Sequence[str]) -> Decision:
    slices = weighed({"region": where}, ours, theirs)
    pairs = MatchedPairs(Confirmation(evaluation(theirs), evaluation(ours), evaluation(ours)))
    return decide(Basis(pairs, Constraints(slice_drop=drop), margin=0.05, confidence=0.95, slices=slices))


def test_a_slice_that_is_surely_worse_by_more_than_the_limit_breaks_the_constraint() -> None:
    where = ["north" if i < 60 else "south" for i in range(600)]
    theirs = [float(i % 10 != 9) for i in range(600)]
    ours = [float(i >= 60 or i % 2 == 0) for i in range(600)]

    free, bound, wide = (decided(drop, ours, theirs, where) for drop in (None, 0.05, 0.6))

    assert free.verdict is Verdict.MIGRATE and bound.verdict is Verdict.STAY and wide.verdict is Verdict.MIGRATE
    assert "Surely worse in slices (95 % for all 2 together): region = north (60 examples" in free.reason
    assert "loss of quality in a slice at least" in bound.reason


def partly(request: Request) -> str:
    """Right but where the number is a multiple of three."""
    return "odd" if number(request) % 3 == 0 else parity(request)


def sliced_task(folder: Path, **sections: Any) -> Path:
    path = write_task(folder, rows=300, **sections)
    rows = [
        {"n": n, "gold": "even" if n % 2 == 0 else "odd", "third": "yes" if n % 3 == 0 else "no"} for n in range(300)
    ]
    (folder / "data.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


def test_a_run_names_the_slice_in_its_verdict_its_files_and_its_report(tmp_path: Path) -> None:
    task = load_task(sliced_task(tmp_path, slices={"columns": ["third", "expected"], "clusters": 0}))

    migration = walk(task, tmp_path / "run", crew(target=partly))

    decision = migration.targets[0].decision
    worse = {found.name for found in decision.slices if found.worse}
    assert "third = yes" in worse and "third = no" not in worse and "expected = even" in worse
    assert "third = yes" in decision.reason
    again = RunDir.read(tmp_path / "run").migration()
    assert again.targets[0].decision == decision
    page = as_page(migration)
    assert (
        page == as_page(again)
        and "third = yes" in page
        and max(decision.slices, key=lambda found: found.worse).worst[0] in page
    )


def test_without_a_word_in_the_task_labels_are_slices(tmp_path: Path) -> None:
    assert set(load_task(write_task(tmp_path)).slices) == {"label"}


def test_groups_and_strata_are_slices_and_unknown_columns_are_refused(tmp_path: Path) -> None:
    data = {"path": "data.jsonl", "expected": "gold", "group": "third"}
    assert set(load_task(sliced_task(tmp_path / "a", data=data)).slices) == {"third", "label"}
    with pytest.raises(ConfigError, match=r"slices\.columns: there is no column 'thrid'\. Did you mean 'third'"):
        load_task(sliced_task(tmp_path / "b", slices={"columns": "thrid"}))


def test_macro_f1_is_held_to_the_margin_beside_the_mean(tmp_path: Path) -> None:
    metrics = [{"name": "label_accuracy"}, {"name": "macro_f1"}]
    task = load_task(sliced_task(tmp_path, metrics=metrics, slices={"clusters": 0}))

    migration = walk(task, tmp_path / "run", crew(target=partly))

    (figure,) = migration.targets[0].decision.figures
    assert figure.name == "macro_f1" and figure.source == pytest.approx(1.0)
    assert figure.migrated is not None and 0.7 < figure.migrated < 0.95 and figure.worse(0.05)
    assert "macro_f1 is 0." in migration.targets[0].decision.reason
    assert "Over the whole set" in as_page(migration)
    assert RunDir.read(tmp_path / "run").migration().targets[0].decision.figures == (figure,)
