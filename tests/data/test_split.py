"""The three parts: by seed and content, in proportion, with duplicates, groups and strata where they belong."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from optimizer.data.split import Split, content_key, split_examples
from optimizer.errors import DataError
from optimizer.types import Example

SHARES = (0.2, 0.3, 0.5)


def numbered(count: int) -> list[Example]:
    return [Example(str(n), {"text": f"ticket number {n}"}, expected="ab"[n % 2]) for n in range(count)]


def by_content(split: Split) -> list[list[object]]:
    return [[e.inputs["text"] for e in part] for part in (split.train, split.validation, split.test)]


@pytest.mark.parametrize(("count", "sizes"), [(640, (128, 192, 320)), (10, (2, 3, 5)), (8, (2, 2, 4)), (6, (1, 2, 3))])
def test_parts_have_their_shares_and_nothing_is_lost(count: int, sizes: tuple[int, int, int]) -> None:
    split = split_examples(numbered(count), SHARES)
    assert (len(split.train), len(split.validation), len(split.test)) == sizes
    assert Counter(e.id for part in (split.train, split.validation, split.test) for e in part) == Counter(
        str(n) for n in range(count)
    )
    assert split.notes == ()
    assert split.ids["validation"] == tuple(e.id for e in split.validation)


def test_equal_seeds_give_equal_parts_and_others_differ() -> None:
    examples = numbered(100)
    assert split_examples(examples, SHARES, seed=3) == split_examples(examples, SHARES, seed=3)
    assert by_content(split_examples(examples, SHARES, seed=3)) != by_content(split_examples(examples, SHARES, seed=4))


def test_the_order_of_rows_changes_nothing_even_where_ids_are_row_numbers() -> None:
    examples = numbered(200)
    shuffled = random.Random(1).sample(examples, len(examples))
    renumbered = [Example(str(n), e.inputs, e.expected) for n, e in enumerate(shuffled)]
    first, second = (split_examples(rows, SHARES, strata=lambda e: str(e.expected)) for rows in (examples, renumbered))
    assert by_content(first) == by_content(second)


def test_rows_that_differ_in_white_space_alone_stay_together() -> None:
    examples = numbered(60)
    twins = [Example(f"twin {e.id}", {"text": f"  {e.inputs['text']}\r\n".replace(" ", "\t ")}) for e in examples]
    split = split_examples([*examples, *twins], SHARES)
    for part in split.ids.values():
        assert {f"twin {name}" for name in part if not name.startswith("twin")} == {n for n in part if n[0] == "t"}
    assert [len(part) for part in split.ids.values()] == [24, 36, 60]


def test_rows_of_one_group_stay_together_also_over_a_duplicate_that_links_two_groups() -> None:
    examples = [Example(str(n), {"text": f"t{n}"}, group=f"customer {n % 25}") for n in range(100)]
    linked = [Example("x", {"text": "same"}, group="customer 0"), Example("y", {"text": "same "}, group="customer 1")]
    split = split_examples([*examples, *linked], SHARES)
    homes: dict[str | None, set[str]] = {}
    for part, held in zip(("train", "validation", "test"), (split.train, split.validation, split.test), strict=True):
        for example in held:
            homes.setdefault(example.group, set()).add(part)
    assert all(len(parts) == 1 for parts in homes.values())
    assert homes["customer 0"] == homes["customer 1"]
    assert all(abs(len(part) - share * 102) <= 4 for part, share in zip(split.ids.values(), SHARES, strict=True))


def test_strata_are_spread_as_evenly_as_whole_rows_allow() -> None:
    examples = [Example(str(n), {"text": f"t{n}"}, expected="rare" if n % 20 == 0 else "common") for n in range(400)]
    split = split_examples(examples, SHARES, strata=lambda e: str(e.expected))
    rare = [sum(e.expected == "rare" for e in part) for part in (split.train, split.validation, split.test)]
    assert rare == [4, 6, 10]  # 20 rare rows in the shares 0.2, 0.3, 0.5
    assert [len(part) for part in split.ids.values()] == [80, 120, 200]


def test_strata_may_be_given_by_id() -> None:
    examples = numbered(40)
    strata = {str(n): "first ten" if n < 10 else "others" for n in range(40)}
    split = split_examples(examples, SHARES, strata=strata)
    assert [sum(int(n) < 10 for n in part) for part in split.ids.values()] == [2, 3, 5]


@pytest.mark.parametrize("seed", range(5))
def test_no_stratum_is_off_by_two_and_no_part_by_one_whatever_the_strata(seed: int) -> None:
    draw = random.Random(seed)
    examples = [Example(str(n), {"text": f"t{n}"}, expected=str(int(draw.expovariate(0.1)))) for n in range(300)]
    split = split_examples(examples, SHARES, seed=seed, strata=lambda e: str(e.expected))
    totals = Counter(str(e.expected) for e in examples)
    for share, part in zip(SHARES, (split.train, split.validation, split.test), strict=True):
        assert abs(len(part) - share * 300) < 1
        held = Counter(str(e.expected) for e in part)
        assert all(abs(held[stratum] - share * n) < 2 for stratum, n in totals.items())


def test_groups_and_strata_together_keep_both_promises_roughly() -> None:
    draw = random.Random(0)
    examples = [Example(str(n), {"text": f"t{n}"}, expected=draw.choice("aab"), group=f"g{n // 3}") for n in range(300)]
    split = split_examples(examples, SHARES, strata=lambda e: str(e.expected))
    groups = [{e.group for e in part} for part in (split.train, split.validation, split.test)]
    assert not groups[0] & groups[1] and not groups[1] & groups[2] and not groups[0] & groups[2]
    share = sum(e.expected == "b" for e in examples) / 300
    for part in (split.train, split.validation, split.test):
        assert abs(sum(e.expected == "b" for e in part) / len(part) - share) < 0.05


def test_a_part_with_the_share_zero_stays_empty() -> None:
    split = split_examples(numbered(20), (0.0, 0.4, 0.6))
    assert [len(part) for part in split.ids.values()] == [0, 8, 12]


def test_too_few_rows_are_refused_with_numbers() -> None:
    wanted = r"there are only 4 examples; with train 0\.2, .* at least 5 are needed: give more examples$"
    with pytest.raises(DataError, match=wanted):
        split_examples(numbered(4), SHARES)
    assert [len(part) for part in split_examples(numbered(4), (0.0, 0.5, 0.5)).ids.values()] == [0, 2, 2]


def test_a_part_that_comes_out_too_small_is_refused_with_what_it_needs() -> None:
    """Five rows would do, but rounding leaves one of them for validation."""
    with pytest.raises(DataError, match=r"'validation' gets only 1 of 5 examples; .* it needs at least 2: .*split:\)$"):
        split_examples(numbered(5), SHARES)


def test_rows_that_are_all_one_question_cannot_be_split() -> None:
    examples = [Example(str(n), {"text": "the same"}) for n in range(50)]
    with pytest.raises(DataError, match=r"'train' gets only 0 of 50 examples \(1 when duplicates and groups are kept"):
        split_examples(examples, SHARES)


def test_a_group_larger_than_the_test_part_is_noted() -> None:
    examples = [Example(str(n), {"text": f"t{n}"}, group="big" if n < 60 else None) for n in range(100)]
    split = split_examples(examples, SHARES)
    assert any("the group 'big' holds 60 of 100 examples" in note for note in split.notes)
    assert {e.group for e in split.validation} == {None}


def test_an_id_that_stands_twice_is_refused() -> None:
    with pytest.raises(DataError, match="the id '3' stands twice"):
        split_examples([*numbered(10), Example("3", {"text": "another"})], SHARES)


def test_content_keys_see_through_white_space_in_nested_inputs_only() -> None:
    assert content_key({"a": ["x  y"], "b": {"c": " z"}}) == content_key({"b": {"c": "z\n"}, "a": ["x y"]})
    assert content_key({"a": "xy"}) != content_key({"a": "x y"})
    assert content_key({"a": "1"}) != content_key({"a": 1}) != content_key({"a": 2})
    assert content_key({"a": ["x"]}) != content_key({"a": ["y"]})
    assert content_key({"a": {"b": "x"}}) != content_key({"a": {"b": "y"}})


def test_single_rows_make_up_for_what_a_large_group_took() -> None:
    examples = [Example(str(n), {"text": f"t{n}"}, group="big" if n < 30 else None) for n in range(100)]
    split = split_examples(examples, SHARES)
    assert [len(part) for part in split.ids.values()] == [20, 30, 50]
    assert split.notes == ()


def grouped(*sizes: int) -> list[Example]:
    return [
        Example(f"{g}.{n}", {"text": f"t{g}.{n}"}, group=f"g{g}") for g, size in enumerate(sizes) for n in range(size)
    ]


@pytest.mark.parametrize(
    ("sizes", "told"),
    [
        ((50, 28, 22), []),  # of 100 rows two more or less are no news
        ((50, 27, 23), ["train holds 23 examples instead of 20"]),  # three less are a tenth of 30, but not of 20
        ((50, 26, 24), ["train holds 24 examples instead of 20", "validation holds 26 examples instead of 30"]),
        ((100, 55, 45), ["train holds 45 examples instead of 40"]),
        ((111, 51, 38), ["the group 'g0' holds 111 of 200", "validation holds 51", "test holds 111 examples instead"]),
    ],
)
def test_parts_that_groups_make_larger_or_smaller_by_a_tenth_are_noted(sizes: tuple[int, ...], told: list[str]) -> None:
    split = split_examples(grouped(*sizes), SHARES)
    assert tuple(len(part) for part in (split.test, split.validation, split.train)) == sizes
    assert len(split.notes) == len(told)
    for note, words in zip(split.notes, told, strict=True):
        assert words in note


def test_duplicates_that_outgrow_the_test_part_are_noted_without_a_group() -> None:
    examples = [Example(str(n), {"text": "same" if n < 60 else f"t{n}"}) for n in range(100)]
    assert "one set of rows holds 60 of 100 examples" in split_examples(examples, SHARES).notes[0]


def test_the_order_of_rows_changes_nothing_within_groups_either() -> None:
    examples = [Example(str(n), {"text": f"t{n // 2}"}, expected=n % 2, group=f"g{n % 20}") for n in range(120)]
    shuffled = random.Random(1).sample(examples, len(examples))
    assert split_examples(examples, SHARES).ids == split_examples(shuffled, SHARES).ids


@pytest.mark.parametrize("seed", range(20))
def test_each_group_goes_where_the_sizes_of_parts_and_strata_come_closest_to_their_shares(seed: int) -> None:
    """The largest first, by squared distances from the wanted sizes, each in relation to all that there is of it."""
    draw = random.Random(seed)
    groups = [[draw.choice("aaab") + draw.choice("xy") for _ in range(size)] for size in range(12, 1, -1)]
    totals = Counter(stratum for group in groups for stratum in group)
    held: list[list[str]] = [[], [], []]

    def distance(parts: list[list[str]]) -> float:
        every = [
            (len(part) - share * totals.total()) ** 2 / totals.total()
            for part, share in zip(parts, SHARES, strict=True)
        ]
        each = [
            (part.count(s) - share * n) ** 2 / n
            for part, share in zip(parts, SHARES, strict=True)
            for s, n in totals.items()
        ]
        return sum(every) + sum(each)

    for group in groups:
        tried = [distance([part + group * (p == q) for q, part in enumerate(held)]) for p in range(3)]
        held[tried.index(min(tried))] += group
    examples = [
        Example(f"{g}.{n}", {"text": f"t{g}.{n}"}, expected=stratum, group=f"g{g}")
        for g, group in enumerate(groups)
        for n, stratum in enumerate(group)
    ]
    split = split_examples(examples, SHARES, strata=lambda e: str(e.expected))
    parts = (split.train, split.validation, split.test)
    assert [Counter(str(e.expected) for e in part) for part in parts] == [Counter(part) for part in held]
