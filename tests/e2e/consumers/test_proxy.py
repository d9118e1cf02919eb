"""A real LiteLLM proxy with the exported configuration asks its model with the messages that were scored."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from optimizer.exporters.shipment import Shipment
from optimizer.offline.serving.server import running
from optimizer.types import Request
from tests.e2e.consumers.reading import rows, scored, served, written
from tests.e2e.gateway.environment import environment
from tests.e2e.gateway.servers import proxy
from tests.e2e.tools.hostile import hostile

MODEL = "openai/sim-beta"
WHOLE = replace(hostile(), model=MODEL)
NUMBERS = replace(
    hostile(system="Be {'a': 1}.", turns=False, asked="Is {{n}} even?", rows=[{"n": 7}]), model=MODEL, name="numbers"
)


def test_the_proxy_asks_with_the_messages_that_were_scored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One prompt through the generic API, one from a .prompt file."""
    installed = environment()
    heard: list[list[dict[str, str]]] = []

    def note(_model: str, request: Request) -> None:
        heard.append([{"role": m.role, "content": m.content} for m in request.messages])

    prompts = [configured(WHOLE, tmp_path), configured(NUMBERS, tmp_path)]
    assert (tmp_path / "beta/litellm_prompt_management").exists() and (tmp_path / "prompts/numbers.prompt").exists()
    with served(tmp_path) as url, running(heard=note) as server:
        monkeypatch.setenv("PROMPT_API_BASE", url)
        routed = {"model": MODEL, "api_base": server.url, "api_key": "none"}
        config = {"prompts": prompts, "model_list": [{"model_name": MODEL, "litellm_params": routed}]}
        (tmp_path / "config.yaml").write_text(yaml.safe_dump(config), "utf-8")
        with proxy(installed, tmp_path / "config.yaml", tmp_path / "proxy.log") as one:
            for shipment in (WHOLE, NUMBERS):
                for row in rows(shipment):
                    asked = {"model": MODEL, "prompt_id": shipment.name, "prompt_variables": row, "messages": []}
                    told = one.ask("/v1/chat/completions", asked)
                    assert told.status == 200, told

    assert heard == scored(WHOLE) + scored(NUMBERS)


def configured(shipment: Shipment, folder: Path) -> Any:
    """The export in `folder`, and what its configuration says of the prompt."""
    (prompt,) = yaml.safe_load((written(shipment, "litellm", folder) / "config.yaml").read_text("utf-8"))["prompts"]
    return prompt
