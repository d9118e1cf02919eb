"""Which parameters a hosted model takes, as LiteLLM's tables have it."""

from __future__ import annotations

from optimizer.models.providers.library import opened


def supported_params(name: str) -> frozenset[str] | None:
    """What a model takes, by OpenAI's names; None where LiteLLM does not know. "json_schema": replies to a schema.

    Of a model that its table does not list (a deployment, an alias, one's own server) nobody says that it cannot be
    held to a schema: it is taken to be, if its provider knows `response_format`.
    """
    litellm = opened()
    try:
        model, provider, _, _ = litellm.get_llm_provider(name)
        found = litellm.get_supported_openai_params(model=model, custom_llm_provider=provider)
        schema = litellm.supports_response_schema(model=model, custom_llm_provider=provider)
    except Exception:  # noqa: BLE001  its errors have no common base, and all of them mean that it does not know
        return None
    if found is None:
        return None
    schema = schema or ("response_format" in found and not _listed(model, provider))
    return frozenset(found) | (frozenset({"json_schema"}) if schema else frozenset())


def _listed(model: str, provider: str) -> bool:
    try:
        return bool(opened().get_model_info(model=model, custom_llm_provider=provider))
    except Exception:  # noqa: BLE001  likewise
        return False
