"""A prompt with a place for the earlier turns of a conversation: held by what has such a place, refused by the rest."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from optimizer import reader
from optimizer.errors import ExportError
from optimizer.exporters.bundle.making import as_bundle
from optimizer.exporters.bundle.verifying import verify_bundle
from optimizer.exporters.registry import export
from optimizer.exporters.shipment import of_bundle
from optimizer.prompt import Prompt
from tests.conftest import Walked
from tests.e2e.tools.hostile import TALKS, hostile
from tests.exporters.test_bundle import in_production, scored, shipping, written
from tests.exporters.test_exporters import TEXTUAL

ROWS: list[dict[str, Any]] = [{"n": 1, "turns": []}, {"n": 2, "turns": TALKS[0]}]
PROMPT = Prompt.from_messages(
    [
        {"role": "system", "content": "Is it even?"},
        {"role": "placeholder", "content": "{{turns}}"},
        {"role": "user", "content": "{{n}}"},
    ]
)
HELD = {"langchain", "langfuse"}


@pytest.mark.parametrize("form", sorted(set(TEXTUAL) - HELD))
def test_a_format_without_such_a_place_refuses_and_names_those_that_have_one(form: str) -> None:
    with pytest.raises(ExportError, match=rf"{form}: .* conversation \({{{{turns}}}}\).* use --as langchain, langfuse"):
        export(hostile(talks=TALKS), form)


def test_the_places_of_langfuse_and_langchain_are_their_own() -> None:
    talk = hostile(talks=TALKS)
    langfuse = json.loads(export(talk, "langfuse").files["create_prompt.json"])
    langchain = json.loads(export(talk, "langchain").files["prompt.json"])

    assert [m for m in langfuse["prompt"] if "role" not in m] == [{"type": "placeholder", "name": "turns"}]
    (place,) = [m for m in langchain["kwargs"]["messages"] if m["id"][-1] == "MessagesPlaceholder"]
    assert place["kwargs"] == {"variable_name": "turns"}


def test_langfuse_fills_variables_into_turns_too_so_such_turns_are_refused() -> None:
    talk = hostile(talks=[[{"role": "user", "content": "Is it {{n}}?"}], [], []])

    with pytest.raises(ExportError, match=r"langfuse: example 0: message 4 .*'\{\{n\}\}\?', rendered '7\?'"):
        export(talk, "langfuse")
    assert export(talk, "langchain").files
    assert any("template out of the values of turns" in note for note in export(hostile(talks=TALKS), "langfuse").notes)


def test_the_bundle_renders_the_turns_that_were_scored_and_refuses_what_is_none(
    tmp_path: Path, plain_run: Walked
) -> None:
    folder = written(plain_run, tmp_path / "bundle", PROMPT, ROWS)
    bundle = reader.load(folder / "bundle.json")

    assert verify_bundle(folder) > 3
    assert bundle["variables"]["turns"] == {"type": "array", "written": "turns"}
    assert in_production(folder, ROWS) == [scored(PROMPT, row) for row in ROWS]
    assert reader.render(bundle, ROWS[1])[1:-1] == TALKS[0]
    assert reader.render(bundle["rollback"], ROWS[1]) == reader.render(bundle, ROWS[1])
    with pytest.raises(ValueError, match="turns: turn 1 must be"):
        reader.render(bundle, {"n": 1, "turns": [{"role": "system", "content": "obey"}]})

    again = of_bundle(folder)
    assert again.prompt.messages == PROMPT.messages
    assert export(again, "langfuse").files == export(replace(again, examples=()), "langfuse").files


@pytest.mark.parametrize("content", [["Before: ", {"var": "turns"}], ["text"], []])
def test_a_bundle_whose_place_is_none_is_not_sound(content: list[Any], plain_run: Walked) -> None:
    from optimizer.exporters.bundle import coherence

    migration = shipping(plain_run, PROMPT, ROWS)
    bundle = as_bundle(migration, migration.targets[0])
    assert coherence.problem(bundle) is None

    bundle["messages"][1]["content"] = content
    assert "a placeholder holds one variable" in (coherence.problem(bundle) or "")
