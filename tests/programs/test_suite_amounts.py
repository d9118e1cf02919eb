"""What each prompt of a program takes: counted where it is asked, and shown stage by stage."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from optimizer.evaluate import record
from optimizer.models.money.prices import Price
from optimizer.models.scripted import ScriptedModel
from optimizer.programs.shipped import program_of
from optimizer.report.figures.breakdown import StageRow, breakdown
from optimizer.results.migration import Migration
from optimizer.results.rundir import RunDir
from optimizer.types import Example, Output, Request
from tests.programs.test_suite import opened, program_task, wise, writes
from tests.walking import crew, walk, write_task

AMOUNTS = ("latency", "input_tokens", "output_tokens", "cost", "calls")


def says(request: Request) -> str:
    return "Yes." if "Is that so?" in request.messages[-1].content else wise(request)


def outputs(path: str, *numbers: int) -> tuple[Output, ...]:
    model = ScriptedModel(says, name="x/target", price=Price(1.0, 4.0), latency=0.25)
    return record(program_of(opened(path)), model, [Example(str(n), {"number": n}) for n in numbers])


def test_each_call_is_counted_for_the_prompt_that_made_it() -> None:
    seen: list[Request] = []

    def script(request: Request) -> str:
        seen.append(request)
        return says(request)

    (found,) = record(program_of(opened()), ScriptedModel(script, latency=0.25), [Example("3", {"number": 3})])

    assert [request.part for request in seen] == ["divide", "name.predict"]
    assert {name: (took["calls"], took["latency"]) for name, took in found.parts.items()} == {
        "divide": (1, 0.25),
        "name.predict": (1, 0.25),
    }
    words = [sum(len(turn.content.split()) for turn in request.messages) for request in seen]
    assert [took["input_tokens"] for took in found.parts.values()] == words
    for amount in AMOUNTS:
        assert sum(took[amount] for took in found.parts.values()) == pytest.approx(getattr(found, amount))


def test_threads_of_the_program_are_told_apart_and_what_no_prompt_asked_is_nobody_s() -> None:
    few, many = outputs("tests.steps:Thorough", 3, 12)

    assert {name: took["calls"] for name, took in few.parts.items()} == {"divide": 2, "name.predict": 1}
    assert {name: took["calls"] for name, took in many.parts.items()} == {"divide": 2}
    assert (few.calls, many.calls) == (4, 3)


def test_who_asks_is_no_part_of_the_question() -> None:
    request = Request((), {"temperature": 0})

    assert replace(request, part="divide").key("x") == request.key("x")


def test_a_program_of_one_prompt_and_a_plain_prompt_have_no_parts(tmp_path: Path) -> None:
    assert outputs("tests.steps:alone", 3)[0].parts == {}
    walk(write_task(tmp_path), tmp_path / "run")
    lines = (tmp_path / "run" / "baseline.jsonl").read_text("utf-8").splitlines()
    assert lines and not any("parts" in json.loads(line) for line in lines)


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> tuple[Migration, Path]:
    folder = tmp_path_factory.mktemp("parts")
    return walk(program_task(folder), folder / "run", crew(target=writes, source=wise)), folder / "run"


def by_name(migration: Migration) -> dict[str, StageRow]:
    return {row.name: row for row in breakdown(migration, migration.targets[0])}


def test_the_report_breaks_a_run_down_by_prompt(migrated: tuple[Migration, Path]) -> None:
    migration, run = migrated
    rows, met = by_name(migration), migration.targets[0].confirmation

    assert [(row.name, row.kind) for row in rows.values()] == [
        ("divide", "migrated"),
        ("name.predict", "migrated"),
        ("All stages", "total"),
    ]
    for at, side in enumerate((met.source, met.winner)):
        for amount in ("latency", "input_tokens", "cost"):
            shares = [rows[name].sides[amount][at].value for name in ("divide", "name.predict")]
            own = sum(output.parts["divide"][amount] for output in side.outputs) / len(side.outputs)
            assert shares[0] == pytest.approx(own * (1000 if amount == "cost" else 1))
            assert sum(shares) == pytest.approx(rows["All stages"].sides[amount][at].value)
    assert RunDir.read(run).migration() == migration
    assert "name.predict</code> | migrated" in (run / "report.md").read_text("utf-8")
    page = (run / "report.html").read_text("utf-8")
    assert "Stage by stage" in page and "A frozen stage" not in page


def test_a_recorded_source_has_a_total_and_no_parts(migrated: tuple[Migration, Path]) -> None:
    migration, _ = migrated
    (one,) = migration.targets
    source = replace(
        one.confirmation.source, outputs=tuple(replace(o, parts={}) for o in one.confirmation.source.outputs)
    )
    bare = replace(one, confirmation=replace(one.confirmation, source=source))
    rows = by_name(replace(migration, targets=(bare,)))

    assert rows["divide"].sides["cost"][0].n == 0 < rows["divide"].sides["cost"][1].n
    assert rows["All stages"].sides["cost"][0].value == pytest.approx(1000 * source.cost)


def test_calls_of_no_prompt_have_a_row_of_their_own(migrated: tuple[Migration, Path]) -> None:
    migration, _ = migrated
    (one,) = migration.targets
    met = one.confirmation
    more = replace(
        met.winner, outputs=tuple(replace(o, calls=o.calls + 1, cost=o.cost + 0.5) for o in met.winner.outputs)
    )
    rows = by_name(replace(migration, targets=(replace(one, confirmation=replace(met, winner=more)),)))

    assert [side.value for side in rows["(other calls)"].sides["cost"]] == [pytest.approx(0), pytest.approx(500)]


def test_a_prompt_that_an_example_did_not_need_took_nothing_of_it(migrated: tuple[Migration, Path]) -> None:
    migration, _ = migrated
    (one,) = migration.targets
    met = one.confirmation
    first, *rest = met.winner.outputs
    short = replace(first, parts={"divide": first.parts["divide"]})
    fewer = replace(met.winner, outputs=(short, *rest))
    rows = by_name(replace(migration, targets=(replace(one, confirmation=replace(met, winner=fewer)),)))

    took = sum(output.parts["name.predict"]["latency"] for output in rest)
    found = rows["name.predict"].sides["latency"][1]
    assert found.n == len(rest) + 1
    assert found.value == pytest.approx(took / found.n)
