"""What a provider's answer says: its text, or the calls that it makes, as the one text by which they are kept."""

from __future__ import annotations

from typing import Any

from optimizer import reader
from optimizer.types import calls_as_text


def said(choice: Any) -> tuple[str, str]:
    """The text and the reason to stop. Calls win over what is said beside them: they are what an application acts on.

    Providers differ in the reason that they give for calls; here it is always "tool_calls". Thoughts before the text
    are no part of it: LiteLLM takes them out, and servers with a parser for their model's reasoning do.
    """
    calls = [
        {"name": str(call.function.name or ""), "arguments": call.function.arguments or ""}
        for call in getattr(choice.message, "tool_calls", None) or ()
        if getattr(call, "function", None) is not None
    ]
    finish = str(choice.finish_reason or "stop")
    if not calls and not choice.message.content and (refusal := _refusal(choice.message)):
        return _whole(refusal), "content_filter"
    if not calls:
        return _whole(reader.said(str(choice.message.content or ""))), "stop" if finish == "tool_calls" else finish
    try:
        return _whole(calls_as_text(reader.calls(calls))), "tool_calls"
    except RecursionError:  # arguments nested beyond measure: kept as the text that they are
        return _whole(calls_as_text(calls)), "tool_calls"


def _refusal(message: Any) -> str:
    """OpenAI's `refusal`, which LiteLLM keeps apart."""
    own = getattr(message, "provider_specific_fields", None) or {}
    return str(getattr(message, "refusal", None) or own.get("refusal") or "")


def _whole(text: str) -> str:
    """Half a surrogate pair is no text: neither files nor requests can hold it."""
    return text.encode("utf-8", "replace").decode()
