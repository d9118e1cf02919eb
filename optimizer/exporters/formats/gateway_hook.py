"""Gives each model of a cutover its own prompt, within a LiteLLM proxy (`litellm_settings.callbacks`).

Whoever calls the alias sends the prompt's variables, `prompt_variables: {...}`, in place of finished messages. After
the proxy has chosen a deployment, this file renders the prompt of that deployment's side ("source" or "target", as
`model_info.promptport` says) and sets the parameters that it was scored with. While the file `back` lies in the folder
of the prompts, every request goes to the source: that is the way back, and it needs no restart.

Needs Python's standard library and LiteLLM only; it lies beside the configuration that `promptport export` wrote.
"""

import importlib.util
import json
from pathlib import Path
from typing import Any

from litellm.integrations.custom_logger import CustomLogger
from litellm.proxy._types import ProxyException

HERE = Path(__file__).resolve()
FOLDER = HERE.with_suffix("")  # promptport_NAME.py has its prompts in promptport_NAME/
CHAT = ("completion", "acompletion")


def _reader() -> Any:
    spec = importlib.util.spec_from_file_location(f"{HERE.stem}_reader", FOLDER / "reader.py")
    if spec is None or spec.loader is None:
        raise ImportError(f"{FOLDER / 'reader.py'} cannot be loaded")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Prompts(CustomLogger):  # type: ignore[misc]
    def __init__(self) -> None:
        super().__init__()
        self.reader = _reader()
        self.alias = json.loads((FOLDER / "cutover.json").read_text("utf-8"))["alias"]
        self.sides = {side: json.loads((FOLDER / f"{side}.json").read_text("utf-8")) for side in ("source", "target")}
        self.names = {self.alias, f"{self.alias}-source", f"{self.alias}-target"}

    async def async_pre_call_hook(self, user_api_key_dict: Any, cache: Any, data: Any, call_type: str) -> Any:  # noqa: ARG002
        """Before a deployment is chosen: refuse what no prompt can be made of, and go back where that is asked for."""
        if data.get("model") not in self.names:
            return data
        if call_type not in CHAT:
            raise self._refusal(f"chat completions only, found {call_type}")
        if not isinstance(data.get("prompt_variables"), dict):
            raise self._refusal("send the prompt's variables as `prompt_variables`")
        if data["model"] == self.alias and (FOLDER / "back").exists():
            data["model"] = f"{self.alias}-source"
        try:
            for side in self.sides:
                messages = self._messages(side, data["prompt_variables"])
                if side == "source":
                    data["messages"] = messages  # what guardrails see; the model's own follow when it is chosen
        except ValueError as problem:
            raise self._refusal(str(problem)) from problem
        return data

    async def async_pre_call_deployment_hook(self, kwargs: dict[str, Any], call_type: Any) -> dict[str, Any] | None:  # noqa: ARG002
        """After a deployment is chosen: its side's messages and parameters, whatever stood there before."""
        info = kwargs.get("model_info") or (kwargs.get("metadata") or {}).get("model_info") or {}
        alias, _, side = str(info.get("promptport") or "").rpartition("/")
        if alias != self.alias:
            return None
        messages = self._messages(side, kwargs.get("prompt_variables") or {})
        return {**kwargs, **self.sides[side]["parameters"], "messages": messages}

    def _refusal(self, reason: str) -> Exception:
        refusal: Exception = ProxyException(f"{self.alias}: {reason}", "invalid_request_error", "prompt_variables", 400)
        return refusal

    def _messages(self, side: str, variables: dict[str, Any]) -> Any:
        """One side may use fewer variables than the other; one that neither knows is refused."""
        known = {name for bundle in self.sides.values() for name in bundle["variables"]}
        if extra := sorted(set(variables) - known):
            raise ValueError(f"unknown variables {extra}; known: {sorted(known)}")
        wanted = self.sides[side]["variables"]
        return self.reader.render(self.sides[side], {n: v for n, v in variables.items() if n in wanted})


prompts = Prompts()
