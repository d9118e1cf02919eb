"""Run by the Python that has LiteLLM: what the proxy's own router makes of an exported configuration.

routing.py split CONFIG ALIAS COUNT        deployments chosen, by id
routing.py ask CONFIG ALIAS VARIABLES      one request with the hook in place; waits for a shadow's answer
"""

from __future__ import annotations

import asyncio
import importlib.util
import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import litellm
import yaml


def _router(config: dict[str, Any]) -> Any:
    return litellm.Router(model_list=config["model_list"], **config["router_settings"])


async def _split(config: dict[str, Any], alias: str, count: int) -> Counter[str]:
    router, chosen = _router(config), Counter[str]()
    for _ in range(count):
        found = await router.async_get_available_deployment(alias, request_kwargs={}, messages=[])
        chosen[found["model_info"]["id"]] += 1
    return chosen


async def _ask(config: dict[str, Any], folder: Path, alias: str, variables: dict[str, Any]) -> str:
    (name,) = config["litellm_settings"]["callbacks"]
    module, _, attribute = name.rpartition(".")
    spec = importlib.util.spec_from_file_location(module, folder / f"{module}.py")
    assert spec and spec.loader
    hook = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(hook)
    litellm.callbacks = [getattr(hook, attribute)]
    asked = [{"role": "user", "content": "-"}]
    answer = await _router(config).acompletion(alias, asked, prompt_variables=variables)
    await asyncio.sleep(5)  # the shadow is asked in a thread of its own
    return str(answer._hidden_params["model_id"])


def main(task: str, path: str, alias: str, last: str) -> None:
    config = yaml.safe_load(Path(path).read_text("utf-8"))
    split = task == "split"
    work: Any = _split(config, alias, int(last)) if split else _ask(config, Path(path).parent, alias, json.loads(last))
    sys.stdout.write(f"{json.dumps(asyncio.run(work))}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
