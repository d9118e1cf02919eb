"""Who will be asked as what: one list for the check of servers, for the workers of a cluster, and for end dates."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from optimizer.config import Settings, load_settings
from optimizer.connect import hosted_roles
from optimizer.models.money.prices import table
from optimizer.planning.plan import plan
from optimizer.task import load_task
from tests.walking import SEARCH, write_task

PRICE = {"input": 1, "output": 4}


def settings(folder: Path, **sections: Any) -> Settings:
    models = {"source": {"model": "a/source", "price": PRICE}, "target": {"model": "b/target", "price": PRICE}}
    return load_settings(write_task(folder, **{**models, **sections}))


def told(settings: Settings, *, recorded: bool = False) -> list[tuple[str, str]]:
    return [(role, section.model) for role, section in hosted_roles(settings, recorded=recorded)]


def test_all_who_have_a_server_are_named_with_their_roles(tmp_path: Path) -> None:
    panel = [{"model": "d/judge", "price": PRICE}, {"model": "e/judge", "price": PRICE}]
    found = settings(tmp_path, proposer={"model": "c/writer", "price": PRICE}, judges=panel)

    others = [("target", "b/target"), ("proposer", "c/writer"), ("judge", "d/judge"), ("judge", "e/judge")]
    assert told(found) == [("source", "a/source"), *others]
    assert told(found, recorded=True) == others


def test_a_target_that_writes_for_itself_is_named_once_and_an_offline_model_never(tmp_path: Path) -> None:
    found = settings(tmp_path, source="offline/sim-alpha", judge="offline/sim-beta")

    assert told(found) == [("target", "b/target")]


def test_the_end_of_a_proposer_is_not_told_but_that_of_a_judge_is(tmp_path: Path) -> None:
    dated = "openai/gpt-4o-2024-05-13"
    day = table()[dated.partition("/")[2]]["deprecation_date"]
    ending = {"model": dated, "price": PRICE}
    metrics = [{"name": "judge", "rubric": "Is it right?"}]

    notes = plan(load_task(write_task(tmp_path, proposer=ending, judge=ending, metrics=metrics, search=SEARCH))).notes

    assert [note.split(":")[0] for note in notes if "has an end date" in note] == [f"judge {dated!r} has an end date"]
    assert any(day in note for note in notes)
