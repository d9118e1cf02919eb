"""Models and decoding parameters by the names that tools give them, and by those that a task gives them."""

from __future__ import annotations

from typing import Any

from optimizer.importers.parsing.chat import Losses
from optimizer.importers.parsing.node import Node
from optimizer.types import JSON

_NUMBERS = {
    "temperature": "temperature",
    "top_p": "top_p",
    "topp": "top_p",
    "top_k": "top_k",
    "topk": "top_k",
    "frequency_penalty": "frequency_penalty",
    "frequencypenalty": "frequency_penalty",
    "presence_penalty": "presence_penalty",
    "presencepenalty": "presence_penalty",
}
_WHOLE = {
    "max_tokens": "max_tokens",
    "maxtokens": "max_tokens",
    "max_output_tokens": "max_tokens",
    "maxoutputtokens": "max_tokens",
    "max_completion_tokens": "max_completion_tokens",
    "maxcompletiontokens": "max_completion_tokens",
    "max_gen_len": "max_tokens",
    "seed": "seed",
}
_LISTS = {"stop": "stop", "stop_sequences": "stop", "stopsequences": "stop"}
_TEXTS = {"reasoning_effort": "reasoning_effort", "reasoningeffort": "reasoning_effort"}
#: Whose models, by the names of tools; behind it LiteLLM's.
PROVIDERS = {
    "openai": "openai",
    "azure": "azure",
    "azureopenai": "azure",
    "azure_openai": "azure",
    "azure.ai.openai": "azure",
    "anthropic": "anthropic",
    "bedrock": "bedrock",
    "aws.bedrock": "bedrock",
    "aws_bedrock": "bedrock",
    "google": "gemini",
    "googleai": "gemini",
    "gemini": "gemini",
    "gcp.gemini": "gemini",
    "vertex": "vertex_ai",
    "vertexai": "vertex_ai",
    "vertex_ai": "vertex_ai",
    "gcp.vertex_ai": "vertex_ai",
    "mistral": "mistral",
    "mistral_ai": "mistral",
    "mistralai": "mistral",
    "cohere": "cohere",
    "groq": "groq",
    "deepseek": "deepseek",
    "ollama": "ollama",
    "openrouter": "openrouter",
    "xai": "xai",
    "x_ai": "xai",
    "offline": "offline",
}


def params(node: Node, lost: Losses, *, known: tuple[str, ...] = ()) -> dict[str, JSON]:
    """The decoding parameters of a mapping; what is none is listed as lost, but for the keys that are `known`."""
    found: dict[str, JSON] = {}
    for key, value in node.pairs():
        plain = key.lower()
        if not value or plain in known or key in known:
            continue
        if plain in _NUMBERS:
            found[_NUMBERS[plain]] = _signed(value) if "penalty" in plain else _tidy(value.number())
        elif plain in _WHOLE:
            found[_WHOLE[plain]] = value.whole()
        elif plain in _LISTS:
            texts: list[JSON] = (
                [item.text() for item in value.items()] if isinstance(value.value, list) else [value.text()]
            )
            found |= {_LISTS[plain]: texts} if texts else {}
        elif plain in _TEXTS:
            found[_TEXTS[plain]] = value.text()
        else:
            lost.add(f"{value.path}: a setting that a task has no place for")
    return found


def _signed(node: Node) -> JSON:
    if isinstance(node.value, bool) or not isinstance(node.value, int | float) or abs(node.value) > 1e6:
        raise node.wrong("a number")
    return _tidy(float(node.value))


def _tidy(value: Any) -> JSON:
    return int(value) if isinstance(value, float) and value == int(value) and abs(value) < 1e15 else value


def model(name: str, provider: str | None = None) -> str:
    """A model as LiteLLM names it, provider/model, where the tool says whose it is."""
    name = "-".join(name.split())
    if provider is None:
        head, slash, rest = name.partition("/")
        return f"{PROVIDERS[head.lower()]}/{rest}" if slash and head.lower() in PROVIDERS else name
    known = PROVIDERS.get(provider.lower(), "-".join(provider.lower().split()))
    return name if not known or name.startswith(f"{known}/") else f"{known}/{name}"
