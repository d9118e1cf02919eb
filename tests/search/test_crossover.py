"""What won in different places is put together."""

from __future__ import annotations

from optimizer.search.crossover import crossings
from optimizer.space import SearchSpace
from search_spaces import DELIMITERS, DEMOS, REPLY

SPACE = SearchSpace((DELIMITERS, DEMOS, REPLY))


def told(**choices: object) -> dict[str, object]:
    return {**SPACE.unchanged, **choices}


def test_two_choices_that_won_apart_are_tried_together() -> None:
    facts = [
        (told(), 0.2),
        (told(delimiters="markdown"), 0.1),
        (told(delimiters="xml"), 0.5),
        (told(reply="shown"), 0.5),
        (told(reply="told"), 0.1),
        (told(demos=2), 0.1),
        (told(demos=4), 0.1),
        (told(demos=8), 0.1),
    ]

    first = crossings(SPACE, facts, 3)[0]  # type: ignore[arg-type]

    assert (first["delimiters"], first["reply"]) == ("xml", "shown")


def test_what_was_tried_is_not_proposed_again_and_all_is_within_the_space() -> None:
    facts = [(told(), 0.2), (told(demos=4), 0.4), (told(demos=4, reply="told"), 0.3)]

    found = crossings(SPACE, facts, 50)  # type: ignore[arg-type]

    assert len(found) == len({tuple(params.items()) for params in found}) > 20
    assert not any(params in [known for known, _ in facts] for params in found)
    assert all(params[d.name] in d.choices for params in found for d in SPACE.dimensions)


def test_a_choice_never_tried_gets_the_benefit_of_the_doubt() -> None:
    facts = [(told(), 0.5), (told(reply="told"), 0.1), (told(demos=2), 0.1), (told(demos=8), 0.1)]

    assert crossings(SPACE, facts, 1)[0]["delimiters"] != "as_is"  # type: ignore[arg-type]


def test_without_a_start_there_is_nothing_to_cross() -> None:
    assert crossings(SPACE, [], 5) == []
