"""A bundle with tools, a chosen tool, a native schema and images: it verifies, and renders what was scored."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from optimizer import reader
from optimizer.exporters.bundle.making import verify_bundle
from optimizer.prompt import Prompt
from optimizer.prompt.contract import Contract
from optimizer.tools import Toolset
from tests.conftest import Walked
from tests.exporters.test_bundle import in_production, written
from tests.prompt.test_media import IMAGE, LOGO, text
from tests.tools.test_tools import CALLS, CANCEL, tool

ROWS = [{"n": "one", "photo": "a.png"}, {"n": '"}, {"type": "text', "photo": "data:image/png;base64,aGk="}]


def test_tools_choice_and_contract_are_in_the_bundle(tmp_path: Path, plain_run: Walked) -> None:
    tools = Toolset.read([tool(), CANCEL], "book")
    turns = [{"role": "system", "content": "Help."}, {"role": "user", "content": "{{n}}"}]
    prompt = Prompt.from_messages(
        turns, contract=Contract("tools", tools=tools.parameters, needed=tools.needed), tools=tools
    )
    folder = written(plain_run, tmp_path / "bundle", prompt, [{"n": row["n"]} for row in ROWS])

    assert verify_bundle(folder) == len(list(folder.iterdir()))
    bundle = reader.load(folder / "bundle.json")
    assert {name: bundle[name] for name in ("tools", "tool_choice")} == prompt.sent
    sent = {"type": "function", "function": {"name": "book", "arguments": json.dumps(CALLS[0]["arguments"])}}
    assert reader.parse(bundle["reply"], {"content": None, "tool_calls": [sent]}) == CALLS


def test_images_are_rendered_far_from_this_package_as_they_were_scored(tmp_path: Path, plain_run: Walked) -> None:
    prompt = Prompt.from_messages([{"role": "user", "content": [text("Is it {{n}}? "), IMAGE, text("Say."), LOGO]}])
    folder = written(plain_run, tmp_path / "bundle", prompt, ROWS)

    assert verify_bundle(folder) == len(list(folder.iterdir()))
    rendered: Any = in_production(folder, ROWS)
    assert rendered == [[{"role": "user", "content": prompt.render(row).messages[0].sent}] for row in ROWS]


def test_a_native_schema_stands_in_the_bundle_by_name(tmp_path: Path, plain_run: Walked) -> None:
    contract = Contract("json", schema={"type": "object", "properties": {"a": {"type": "string"}}})
    bare = Prompt.from_messages([{"role": "user", "content": "{{n}}"}], contract=contract)
    prompt = replace(bare, params={"response_format": contract.demanded("json_schema")})
    folder = written(plain_run, tmp_path / "bundle", prompt, [{"n": "one"}])

    assert verify_bundle(folder) == len(list(folder.iterdir()))
    assert reader.load(folder / "bundle.json")["response_schema"] == contract.schema
