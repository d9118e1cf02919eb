"""What one target's search hands on to the next: good wordings and configurations, centred values, nothing compiled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from optimizer.prompt import Prompt
from optimizer.search.lessons import lessons
from optimizer.search.loop import search
from optimizer.search.trial import SearchResult, Trial
from optimizer.space import SearchSpace
from search_spaces import REPLY, WORDING
from tests.search.test_search import PROMPT, brief
from tests.walking import wordy

BLANK = Prompt.from_messages([{"role": "user", "content": "{{n}}"}])


def found(*rows: tuple[Mapping[str, Any], float | None], texts: Mapping[str, str] | None = None) -> SearchResult:
    trials = tuple(
        Trial(i, 1, params, "complete", BLANK, str(params.get("program", "plain")), value=value)
        for i, (params, value) in enumerate(rows)
    )
    return SearchResult(trials, 0, "all trials raced", texts or {})


def test_nothing_earlier_teaches_nothing() -> None:
    learned = lessons([])

    assert (dict(learned.wordings), list(learned.configurations), learned.value({"reply": "told"})) == ({}, [], None)


def test_a_configuration_is_worth_what_it_was_above_the_mean() -> None:
    learned = lessons([found(({"reply": "told"}, 0.8), ({"reply": "as_is"}, 0.4), ({"reply": "shown"}, None))])

    assert learned.value({"reply": "told"}) == pytest.approx(0.2)
    assert learned.value({"reply": "as_is"}) == pytest.approx(-0.2)
    assert learned.value({"reply": "shown"}) is None


def test_of_several_targets_the_mean_counts() -> None:
    one = found(({"reply": "told"}, 0.8), ({"reply": "as_is"}, 0.4))
    two = found(({"reply": "told"}, 0.5), ({"reply": "as_is"}, 0.5))

    assert lessons([one, two]).value({"reply": "told"}) == pytest.approx(0.1)


def test_the_best_wordings_are_handed_on_under_names_of_their_own() -> None:
    texts = {"a": "Do a.", "b": "Do b.", "c": "Do c.", "d": "Do d."}
    rows = [
        ({"wording": name}, value) for name, value in (("as_is", 0.1), ("d", 0.2), ("c", 0.9), ("b", 0.8), ("a", 0.7))
    ]

    learned = lessons([found(*rows, texts=texts)])

    assert dict(learned.wordings) == {"c_of_1": "Do c.", "b_of_1": "Do b.", "a_of_1": "Do a."}
    assert list(learned.configurations) == [{"wording": "c_of_1"}, {"wording": "b_of_1"}]
    assert learned.value({"wording": "c_of_1"}) is not None


def test_a_program_compiled_for_a_target_stays_with_it() -> None:
    learned = lessons([found(({"program": "gepa"}, 0.9), ({"program": "plain"}, 0.4))])

    assert learned.value({"program": "gepa"}) is None
    assert list(learned.configurations) == [{"program": "plain"}]


def test_what_a_search_had_from_an_earlier_one_is_handed_on_once() -> None:
    one = found(({"wording": "a"}, 0.9), ({"wording": "as_is"}, 0.1), texts={"a": "Do a."})
    two = found(({"wording": "a_of_1"}, 0.6), ({"wording": "as_is"}, 0.4), texts={"a_of_1": "Do a.", "b": "Do b."})

    learned = lessons([one, two])

    assert dict(learned.wordings) == {"a_of_1": "Do a."}
    assert learned.value({"wording": "a_of_1"}) == pytest.approx((0.4 + 0.1) / 2)


def test_of_a_program_the_best_wording_of_each_part_is_handed_on() -> None:
    texts = {f"{part}/{name}": f"{part} {name}" for part in ("first", "last") for name in "abcd"}
    rows = [({"wording.first": f"first/{a}", "wording.last": f"last/{a}"}, n / 10) for n, a in enumerate("dcba")]

    learned = lessons([found(*rows, texts=texts)])

    assert dict(learned.wordings) == {"first/a_of_1": "first a", "last/a_of_1": "last a"}
    best = {"wording.first": "first/a_of_1", "wording.last": "last/a_of_1"}
    assert learned.configurations[0] == best
    assert learned.value(best) == pytest.approx(0.15)


def test_what_has_the_same_name_in_another_search_but_is_another_thing_is_worth_nothing_there() -> None:
    texts = {"first/a": "Do a."}
    rows = [
        ({"wording.first": "first/a"}, 0.9),
        ({"demos.first": "first/from_gepa"}, 0.6),
        ({"demo_choice": "from_gepa"}, 0.3),
    ]

    learned = lessons([found(*rows, texts=texts)])

    assert all(learned.value(params) is None for params, _ in rows)


def test_a_dimension_of_the_users_own_whose_name_resembles_a_part_s_is_handed_on_as_it_is() -> None:
    learned = lessons([found(({"wording.tone": "brief"}, 0.9), ({"wording.tone": "as_is"}, 0.1))])

    assert learned.value({"wording.tone": "brief"}) == pytest.approx(0.4)


def test_a_search_tries_first_what_won_elsewhere() -> None:
    space = SearchSpace((WORDING, REPLY))
    text = "Tell the parity of the number."
    earlier = found(
        ({"wording": "rewritten_1_1", "reply": "told"}, 0.9),
        ({"wording": "as_is", "reply": "as_is"}, 0.1),
        texts={"rewritten_1_1": text},
    )

    result = search(PROMPT, space, replace(brief(wordy), earlier=(earlier,)))

    first = [trial for trial in result.trials if trial.round == 1]
    assert {"wording": "rewritten_1_1_of_1", "reply": "told"} in [dict(trial.params) for trial in first]
    assert result.instructions["rewritten_1_1_of_1"] == text
