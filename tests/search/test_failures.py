"""A failure shows what both models said, and the slice of the data in which failures crowd."""

from __future__ import annotations

from dataclasses import replace

from optimizer.models.scripted import ScriptedModel
from optimizer.prompt import Prompt
from optimizer.prompt.contract import Contract
from optimizer.search.brief import Ground
from optimizer.search.failures import failures, shared
from optimizer.search.loop import search
from optimizer.search.pool import Pool
from optimizer.space import SearchSpace
from optimizer.types import Example, Output, Request
from search_spaces import REPLY, WORDING
from tests.search.test_search import PROMPT, brief
from tests.walking import number


def ground(rows: list[Example], *, columns: dict[str, dict[str, str]] | None = None) -> Ground:
    known = {row.id: Output(row.id, "whatever", "whatever") for row in rows}
    return Ground(rows, [], known, {row.id: row.id[0] for row in rows}, columns or {})


def told(rows: list[Example], failed: set[str], **more: dict[str, dict[str, str]]) -> dict[str, str]:
    return dict(shared(rows, failed, ground(rows, **more)))


MAILS = [
    Example(f"m{n}", {"channel": "mail" if n < 4 else "phone", "text": f"Case {n}: " + "x" * 40}, "yes")
    for n in range(12)
]


def test_the_slice_is_the_one_in_which_failures_crowd() -> None:
    found = told(MAILS, {"m0", "m1", "m2", "m9"})

    assert {name: found[name] for name in ("m0", "m1", "m2")} == dict.fromkeys(
        ("m0", "m1", "m2"), "channel = mail: 3 of 4 fail, of all 33%"
    )
    assert "m9" not in found  # one of eight by phone: fewer than usual


def test_failures_that_are_spread_evenly_share_nothing() -> None:
    assert told(MAILS, {"m0", "m4", "m8"}) == {}


def test_where_all_fail_no_slice_stands_out() -> None:
    assert told(MAILS, {row.id for row in MAILS}) == {}


def test_fields_and_entries_of_a_gold_answer_are_slices() -> None:
    rows = [
        Example(f"e{n}", {"t": "x" * 50}, {"urgency": "high" if n < 3 else "low", "tags": ["a", "b" if n < 2 else "c"]})
        for n in range(10)
    ]

    assert told(rows, {"e0", "e1", "e2"})["e2"] == "urgency = high: 3 of 3 fail, of all 30%"
    assert told(rows, {"e0", "e1"})["e0"] == "tags = b: 2 of 2 fail, of all 20%"


def test_a_column_of_the_data_is_a_slice_although_the_prompt_does_not_show_it() -> None:
    rows = [Example(f"e{n}", {"t": "x" * 50}, "yes") for n in range(10)]
    columns = {"region": {f"e{n}": "north" if n < 3 else "south" for n in range(10)}}

    assert told(rows, {"e0", "e1", "e2"}, columns=columns)["e1"] == "region = north: 3 of 3 fail, of all 30%"


def test_the_proposer_is_shown_what_the_source_and_the_target_said_and_what_they_share() -> None:
    seen: list[str] = []

    def proposer(request: Request) -> str:
        seen.append(request.messages[-1].content)
        return "nothing"

    def target(request: Request) -> str:
        return "even" if number(request) % 2 == 0 else "hm"

    given = brief(target)
    wrong = {"e1": Output("e1", "perhaps odd", None, status="invalid", error="no label")}
    given = replace(
        given,
        ground=replace(given.ground, references={**given.ground.references, **wrong}),
        cast=replace(given.cast, proposer=ScriptedModel(proposer, name="proposer")),
    )

    found = failures(Pool(PROMPT, SearchSpace((WORDING, REPLY)), [], 0), given, PROMPT)
    search(PROMPT, SearchSpace((WORDING, REPLY)), given)

    assert {f.shared for f in found} == {"expected = odd: 12 of 12 fail, of all 50%"}
    assert [(f.expected, f.answered) for f in found if f.source_answer == "perhaps odd"] == [("odd", "hm")]
    assert "<shared>\nexpected = odd: 12 of 12 fail, of all 50%\n</shared>" in seen[0]
    assert all(part in seen[0] for part in ("<expected>\nodd\n</expected>", "<answered>\nhm\n</answered>"))


def test_a_source_that_said_what_is_expected_is_not_shown_twice() -> None:
    prompt = Prompt.from_messages([{"role": "user", "content": "{{n}}"}], contract=Contract("labels", ("even", "odd")))

    found = failures(Pool(prompt, SearchSpace((WORDING,)), [], 0), brief(lambda _: "hm"), prompt)

    assert len(found) == 24
    assert {f.source_answer for f in found} == {""}
