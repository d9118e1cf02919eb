"""How many tokens an answer took: by every name that providers have for them, and never a zero for what is missing."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from optimizer.models.replies.usage import estimated, of_characters, stated
from optimizer.types import Message, Request

NONE = {"cached_tokens": 0, "reasoning_tokens": 0, "written_tokens": 0}


def usage(read: Any = 10, wrote: Any = 4, *, prompt: Any = None, completion: Any = None, **more: Any) -> Any:
    """`prompt`, `completion`: the details of each."""
    details = {
        f"{side}_tokens_details": SimpleNamespace(**found)
        for side, found in (("prompt", prompt), ("completion", completion))
        if found is not None
    }
    return SimpleNamespace(prompt_tokens=read, completion_tokens=wrote, **details, **more)


@pytest.mark.parametrize(
    ("given", "text", "missing"),
    [
        (usage(0, 4), "hi", True),
        (usage(0, 4), "", True),
        (usage(10, 0), "hi", True),
        (usage(10, 0), "", False),
        (usage(10, 4), "hi", False),
        (usage(None, 4), "hi", True),
        (usage("10", 4), "hi", True),
        (usage(-10, 4), "hi", True),
        (usage(10**9, 4), "hi", False),
        (usage(10**9 + 1, 4), "hi", True),
        (SimpleNamespace(), "hi", True),
        (None, "", True),
    ],
)
def test_counts_that_cannot_be_are_missing(given: Any, text: str, missing: bool) -> None:
    assert (stated(given, text) is None) is missing


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (usage(), {}),
        (usage(prompt={"cached_tokens": 8}), {"cached_tokens": 8}),
        (usage(cache_read_input_tokens=8), {"cached_tokens": 8}),
        (usage(prompt={"cached_tokens": 0}, cache_read_input_tokens=8), {"cached_tokens": 8}),
        (usage(prompt={"cache_creation_tokens": 7}), {"written_tokens": 7}),
        (usage(prompt={"cache_write_tokens": 7}), {"written_tokens": 7}),
        (usage(cache_creation_input_tokens=7), {"written_tokens": 7}),
        (usage(completion={"reasoning_tokens": 3}), {"reasoning_tokens": 3}),
        (usage(total_tokens=14), {}),
        (usage(total_tokens=20, completion={"reasoning_tokens": 6}), {"output_tokens": 10, "reasoning_tokens": 6}),
        (usage(total_tokens=12), {}),
    ],
)
def test_every_name_of_a_count_is_known(given: Any, told: dict[str, int]) -> None:
    """A total that is larger than its parts holds thoughts that the completion leaves out; a smaller one holds less."""
    assert stated(given, "hi") == {"input_tokens": 10, "output_tokens": 4, **NONE, **told}


@pytest.mark.parametrize(("characters", "tokens"), [(0, 0), (1, 1), (4, 1), (5, 2), (8, 2)])
def test_four_characters_are_a_token_and_a_rest_is_one_more(characters: int, tokens: int) -> None:
    request = Request((Message("system", "x" * (characters // 2)), Message("user", "x" * -(-characters // 2))))

    assert of_characters(characters) == tokens
    assert estimated(request, "y" * characters) == {"input_tokens": tokens, "output_tokens": tokens}
