"""What models and parameters are called elsewhere; ours are LiteLLM's names, and OpenAI's for parameters."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from optimizer.types import Params

#: Google dotprompt's names.
DOTPROMPT = {
    "temperature": "temperature",
    "top_p": "topP",
    "top_k": "topK",
    "max_tokens": "maxOutputTokens",
    "max_completion_tokens": "maxOutputTokens",
    "stop": "stopSequences",
}
PROMPTY = DOTPROMPT | {"seed": "seed", "frequency_penalty": "frequencyPenalty", "presence_penalty": "presencePenalty"}
BEDROCK = {"temperature": "temperature", "top_p": "topP", "max_tokens": "maxTokens", "stop": "stopSequences"}
BEDROCK |= {"max_completion_tokens": "maxTokens"}
MLFLOW = {name: name for name in ("temperature", "max_tokens", "top_p", "top_k", "frequency_penalty")}
MLFLOW |= {"presence_penalty": "presence_penalty", "stop": "stop_sequences"}

_REASONS = re.compile(r"(o\d|gpt-5)", re.IGNORECASE)
SIMULATED = "http://127.0.0.1:8765/v1"  # where `promptport serve` listens, unless it is told otherwise


def renamed(params: Params, names: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The parameters that have a name there, and the others as they are."""
    known = {names[name]: _list(name, value) for name, value in params.items() if name in names}
    return known, {name: value for name, value in params.items() if name not in names}


def asked_directly(model: str, params: Params) -> dict[str, Any]:
    """The parameters for whoever asks OpenAI (or Azure) without LiteLLM, which renames `max_tokens` for models that
    reason: these refuse it."""
    provider, name = provider_of(model)
    if provider not in ("openai", "azure") or not _REASONS.match(name) or "max_completion_tokens" in params:
        return dict(params)
    return {"max_completion_tokens" if key == "max_tokens" else key: value for key, value in params.items()}


def provider_of(model: str) -> tuple[str, str]:
    """`openai/gpt-4.1` -> ("openai", "gpt-4.1"); without a provider the first is empty."""
    provider, found, name = model.partition("/")
    return (provider, name) if found else ("", model)


def _list(name: str, value: Any) -> Any:
    return [value] if name == "stop" and isinstance(value, str) else value
