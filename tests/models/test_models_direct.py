"""Which calls need nothing of LiteLLM, and how an answer in any shape is read."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from aiohttp import web

from optimizer.models import bridge
from optimizer.models.providers.direct import Answered, completion, shaped, suits
from tests.models.serving import Serving

PLAIN: dict[str, Any] = {"model": "openai/sim", "messages": [], "api_base": "http://x/v1", "api_key": "k", "timeout": 9}


@pytest.mark.parametrize(
    "more", [{}, {"temperature": 0, "max_tokens": 8, "stop": ["x"]}, {"extra_headers": {"a": "b"}}]
)
def test_plain_calls_to_a_server_go_straight(more: dict[str, Any]) -> None:
    assert suits("openai", PLAIN | more)
    assert suits("hosted_vllm", PLAIN | more)


@pytest.mark.parametrize(
    ("provider", "change"),
    [
        ("anthropic", {}),
        ("azure", {}),
        ("openai", {"reasoning_effort": "low"}),
        ("openai", {"tools": []}),
        ("openai", {"model": "openai/o3-mini"}),
        ("openai", {"model": "openai/gpt-5-nano"}),
    ],
)
def test_other_providers_other_parameters_and_models_with_dialects_go_through_litellm(
    provider: str, change: dict[str, Any]
) -> None:
    assert not suits(provider, PLAIN | change)


def test_a_call_to_openai_itself_goes_through_litellm() -> None:
    assert not suits("openai", {name: value for name, value in PLAIN.items() if name != "api_base"})


@pytest.mark.parametrize(
    ("content", "text"),
    [("hi", "hi"), (None, ""), ([{"type": "text", "text": "a"}, {"type": "text", "text": "b"}, "odd"], "ab")],
)
def test_content_is_read_as_text_or_in_parts(content: Any, text: str) -> None:
    usage = {"prompt_tokens": 3, "completion_tokens_details": {"reasoning_tokens": 2}}
    found = shaped({"model": "m", "choices": [{"message": {"content": content}}], "usage": usage})

    assert found.choices[0].message.content == text
    assert found.usage.completion_tokens_details.reasoning_tokens == 2


def test_an_error_that_comes_with_status_200_is_one() -> None:
    with pytest.raises(Answered, match="overloaded"):
        shaped({"error": {"message": "overloaded"}})


@pytest.mark.parametrize("body", [[], "text", None, {"choices": [{}]}, {"choices": [3]}])
def test_what_is_no_answer_is_refused(body: Any) -> None:
    with pytest.raises((TypeError, LookupError)):
        shaped(body)


def test_a_page_in_place_of_an_answer_is_quoted() -> None:
    class Portal(Serving):
        def routes(self) -> Iterable[web.RouteDef]:
            return [web.post("/v1/chat/completions", self.page)]

        async def page(self, _: web.Request) -> web.Response:
            return web.Response(text="<html>\n <b>Log in</b>", content_type="text/html")

    async def ask() -> None:
        portal = Portal()
        await portal.start()
        try:
            await completion(**{**PLAIN, "api_base": portal.url})
        finally:
            await portal.stop()

    with pytest.raises(ValueError, match=r"'<html> <b>Log in</b>' is no JSON; see that api_base is right"):
        bridge.run(ask())
