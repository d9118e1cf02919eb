"""How many tokens an answer took: as it says, or estimated, where nothing but comparisons depends on them."""

from __future__ import annotations

from typing import Any

from optimizer.types import Request

_MOST = 10**9  # tokens; a count above that is none


def stated(usage: Any, text: str) -> dict[str, int] | None:
    """The counts that an answer came with, by the names of `Response`; None where they are missing.

    LiteLLM turns missing counts into zeros, so zero tokens for a prompt, or for a text that is there, is "missing".
    """
    read, wrote = _count(usage, "prompt_tokens"), _count(usage, "completion_tokens")
    if not read or (text and not wrote):
        return None
    sent, made = (getattr(usage, f"{side}_tokens_details", None) for side in ("prompt", "completion"))
    return {
        "input_tokens": read,
        # Some providers leave the reasoning out of the completion; the total has it.
        "output_tokens": max(wrote, _count(usage, "total_tokens") - read),
        "cached_tokens": max(_count(sent, "cached_tokens"), _count(usage, "cache_read_input_tokens")),
        "reasoning_tokens": _count(made, "reasoning_tokens"),
        "written_tokens": max(
            _count(sent, "cache_creation_tokens"),
            _count(sent, "cache_write_tokens"),
            _count(usage, "cache_creation_input_tokens"),
        ),
    }


def read_alone(usage: Any) -> int:
    """The tokens of a text that was read, by who writes none; 0 where they are missing."""
    return _count(usage, "prompt_tokens") or _count(usage, "total_tokens")


#: Why an answer without counts is an error where tokens cost money, and the way out.
UNCOUNTED = (
    "the answer came without token counts, so its cost is not known; let the server report `usage`, or state "
    "`price: {input: 0, output: 0}` if it is free"
)


def estimated(request: Request, text: str) -> dict[str, int]:
    return {"input_tokens": of_characters(sum(map(len, request.texts))), "output_tokens": of_characters(len(text))}


def of_characters(count: int) -> int:
    """Four characters a token, rounded up."""
    return -(-count // 4)


def _count(source: Any, name: str) -> int:
    value = getattr(source, name, None)
    return value if isinstance(value, int) and 0 < value <= _MOST else 0
