"""The benchmark of whole optimisations: the gate counts and refuses, the tables say what the rows say."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from dataclasses import replace
from typing import Any

import pytest

from benchmarks.peers import subjects
from benchmarks.peers.gate import Gate
from benchmarks.peers.tables import Ledger, Results, Row, as_markdown, interval
from optimizer.types import Score, as_text


def posted(url: str, body: Any) -> Any:
    sent = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})  # noqa: S310
    with urllib.request.urlopen(sent, timeout=10) as answer:  # noqa: S310
        return json.load(answer)


def question(text: str = "Vary the prompt") -> dict[str, Any]:
    return {"model": "sim-beta", "messages": [{"role": "user", "content": text}]}


def gate(calls: int) -> Gate:
    return Gate(lambda row, text: Score(1.0 if text == row else 0.25, "no"), calls)


def test_the_target_answers_as_often_as_it_may_and_then_refuses() -> None:
    with gate(2) as opened:
        url = f"{opened.url('target')}/chat/completions"
        for _ in range(2):
            posted(url, question())
        with pytest.raises(urllib.error.HTTPError) as refused:
            posted(url, question())
        with urllib.request.urlopen(opened.desk["left"], timeout=10) as answer:  # noqa: S310
            left = json.load(answer)

    refused.value.close()
    assert (refused.value.code, left) == (402, {"left": 0})
    assert (opened.books["target"].calls, opened.books["target"].refused) == (2, 1)


def test_the_other_roles_have_no_limit_and_books_of_their_own() -> None:
    with gate(0) as opened:
        posted(f"{opened.url('exam')}/chat/completions", question())
        usage = posted(f"{opened.url('proposer')}/chat/completions", question())["usage"]

    assert [opened.books[role].calls for role in ("target", "exam", "proposer", "source")] == [0, 1, 1, 0]
    assert opened.books["proposer"].input_tokens == usage["prompt_tokens"]


def test_a_score_comes_from_the_metric_that_judges_in_the_end() -> None:
    with gate(0) as opened:
        assert posted(opened.desk["score"], {"id": "a", "text": "a"}) == {"score": 1.0, "feedback": "no"}
        assert posted(opened.desk["score"], {"id": "a", "text": "b"})["score"] == 0.25


@pytest.mark.parametrize("name", subjects.TARGETS)
def test_rows_to_learn_from_and_unseen_rows_have_no_text_in_common(name: str) -> None:
    subject = subjects.subject(name, 3)
    seen = {as_text(dict(example.inputs)) for example in subject.rows}

    assert len(subject.rows) == subjects.ROWS and len(subject.unseen) >= 500
    assert not seen & {as_text(dict(example.inputs)) for example in subject.unseen}
    assert len({example.id for example in (*subject.rows, *subject.unseen)}) == len(subject.rows) + len(subject.unseen)


def test_another_seed_draws_other_rows_and_the_right_answer_scores_one() -> None:
    first, second = subjects.subject("triage", 0), subjects.subject("triage", 1)

    assert {e.id for e in first.rows} != {e.id for e in second.rows}
    assert first.score(first.rows[0].id, as_text(first.rows[0].expected)).value == 1.0
    assert first.score(first.rows[0].id, "no idea").value == 0.0


ROW = Row("t", "ours", 0, 800, 0.0, 0.7, 0.1, 800, 0, 4, 140, 0, 10, 10, 0.5, 3.0, "")


def rows() -> list[Row]:
    """Ours ends at 0.70 and 0.80 and has 0.60 and 0.70 after 400 calls; the peer ends at 0.60 and 0.66, dearer."""
    mine = [replace(ROW, seed=0), replace(ROW, seed=1, quality=0.8)]
    early = [replace(row, calls=400, quality=row.quality - 0.1) for row in mine]
    peer = [replace(ROW, method="peer", seed=seed, quality=q, cost=0.3) for seed, q in ((0, 0.6), (1, 0.66))]
    return [*mine, *early, *peer]


def test_differences_are_paired_by_seed_and_weigh_cost_where_asked() -> None:
    known = Results(tuple(rows()), 800, 0.5)

    assert known.ahead("t", "peer") == pytest.approx([0.10, 0.14])
    assert known.ahead("t", "peer", 0.5) == pytest.approx([0.10 + 0.5 * 0.2, 0.14 + 0.5 * 0.2])


def test_the_calls_to_reach_a_peer_are_the_fewest_at_which_the_means_are_even() -> None:
    assert Results(tuple(rows()), 800, 0.5).reached("t", "peer") == 400
    better = [row if row.method == "ours" else replace(row, quality=0.9) for row in rows()]
    assert Results(tuple(better), 800, 0.5).reached("t", "peer") is None


def test_an_interval_is_student_s() -> None:
    """Of 1 and 3: mean 2, standard error 1, and t with one degree of freedom 12.706."""
    found = interval([1.0, 3.0])

    assert (found.mean, found.half) == pytest.approx((2.0, 12.706), abs=1e-3)


def test_a_ledger_gives_back_what_was_added_and_the_tables_are_made_of_it(tmp_path: Any) -> None:
    ledger = Ledger(tmp_path / "peers.csv")
    for row in rows():
        ledger.add(row)

    assert ledger.rows() == rows() and ROW.key in set(ledger.keys())
    page = as_markdown(ledger.rows(), 800, 0.5)
    assert "| t | ≤ 400 |" in page and "+12.0 ± 25.4" in page


def test_what_was_not_measured_beside_each_other_is_not_compared() -> None:
    alone = [row for row in rows() if row.method == "peer"]
    apart = [replace(row, seed=row.seed + 5) if row.method == "peer" else row for row in rows()]

    assert "63.0 ± " in as_markdown(alone, 800, 0.5) and "less the peer's" not in as_markdown(alone, 800, 0.5)
    assert "| t |  |\n| mean of tasks |  |" in as_markdown(apart, 800, 0.5)
