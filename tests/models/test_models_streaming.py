"""Replies read as they are written: what came, who said it, what it cost, and when it began."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from aiohttp import web

from optimizer.errors import ModelError
from optimizer.models import bridge, transport
from optimizer.models.money.prices import Price
from optimizer.models.providers.litellm import LiteLLMModel
from optimizer.types import Message, Request, Response, calls_as_text
from tests.models.serving import Serving

PRICE = Price(input=2.0, output=10.0)
USAGE = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}
ROLE, THOUGHT = {"role": "assistant", "content": ""}, {"reasoning_content": "hm"}


class Writer(Serving):
    """Sends `lines` as they stand; before the line number `until` it waits for the reader."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: Sequence[str] = ()
        self.kind = "text/event-stream"
        self.until, self.read = -1, asyncio.Event()
        self.asked: dict[str, Any] = {}

    def routes(self) -> list[web.RouteDef]:
        return [web.post("/v1/chat/completions", self._chat)]

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        self.asked = await request.json()
        answer = web.StreamResponse(headers={"Content-Type": self.kind})
        await answer.prepare(request)
        for number, line in enumerate(self.lines):
            if number == self.until:
                await self.read.wait()
            if line == "(drops)":
                assert request.transport is not None
                request.transport.abort()
                return answer
            await answer.write(line.encode())
        return answer


@pytest.fixture
def writer() -> Iterator[Writer]:
    served = Writer()
    bridge.run(served.start())
    yield served
    bridge.run(served.stop())


def piece(delta: dict[str, Any], finish: str | None = None, model: str = "sim") -> dict[str, Any]:
    return {"model": model, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}], "usage": None}


def event(body: Any) -> str:
    return f"data: {json.dumps(body, ensure_ascii=False)}\n\n"


def lines(*deltas: dict[str, Any], finish: str | None = "stop", usage: Any = USAGE, model: str = "sim") -> list[str]:
    told = [event(piece(delta, model=model)) for delta in deltas]
    told += [event(piece({}, finish, model))] if finish else []
    return [*told, event({"model": model, "choices": [], "usage": usage}), "data: [DONE]\n\n"]


def ask(writer: Writer, params: Any = None, **more: Any) -> Response:
    settings: Any = {"api_base": writer.url, "price": PRICE, "latency": "first_token", "timeout": 20} | more
    question = Request((Message("user", "hi"),), params or {})
    return bridge.run(LiteLLMModel("openai/sim", **settings).complete(question))


def test_a_streamed_answer_is_the_whole_answer(writer: Writer) -> None:
    details = {"prompt_tokens_details": {"cached_tokens": 3}, "completion_tokens_details": {"reasoning_tokens": 2}}
    writer.lines = lines(ROLE, THOUGHT, {"content": "Grüß"}, {"content": " Gott"}, usage=USAGE | details)

    found = ask(writer, {"temperature": 0, "reasoning_effort": "low"})

    assert (found.text, found.finish, found.model) == ("Grüß Gott", "stop", "sim")
    assert (found.input_tokens, found.output_tokens, found.cached_tokens, found.reasoning_tokens) == (11, 7, 3, 2)
    assert found.cost == PRICE.cost(11, 7, cached_tokens=3, reasoning_tokens=2)
    assert {name: value for name, value in writer.asked.items() if name != "messages"} == {
        "model": "sim",
        "temperature": 0,
        "reasoning_effort": "low",
        "stream": True,
        "stream_options": {"include_usage": True},
    }


@pytest.mark.parametrize(
    ("before", "first"),
    [
        ([], {"content": "He"}),
        ([ROLE], {"content": "He"}),
        ([ROLE, THOUGHT, {"content": None}], {"content": "He"}),
        ([ROLE], {"tool_calls": [{"index": 0, "id": "c", "function": {"name": "look", "arguments": ""}}]}),
        ([ROLE], {"refusal": "I wi"}),
    ],
)
def test_the_clock_stops_when_the_first_of_the_text_is_there(
    before: list[dict[str, Any]], first: dict[str, Any], writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server writes no more until the clock was read, and nothing reads the clock before."""
    writer.lines = lines(*before, first, {"content": "llo"})
    writer.until = len(before) + 1
    stopped: list[float] = []

    def clock() -> float:
        stopped.append(0.125)
        writer.read.set()
        return 0.125

    monkeypatch.setattr(transport, "since_asked", clock)

    assert ask(writer).latency == 0.125
    assert len(stopped) == 1


def test_the_time_is_that_of_the_wire(writer: Writer) -> None:
    writer.lines = lines(ROLE, {"content": "Hello"})

    assert 0 < ask(writer).latency < 20


def test_calls_of_tools_come_in_pieces(writer: Writer) -> None:
    pieces = [
        {"index": 0, "id": "c0", "type": "function", "function": {"name": "look", "arguments": ""}},
        {"index": 1, "id": "c1", "type": "function", "function": {"name": "buy", "arguments": '{"n": 2}'}},
        {"index": 0, "function": {"arguments": '{"at": '}},
        {"index": 0, "function": {"arguments": '"Rome"}'}},
    ]
    writer.lines = lines(ROLE, *({"tool_calls": [one]} for one in pieces), finish="tool_calls")
    tools = [{"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}]

    found = ask(writer, {"tools": tools})

    assert found.text == calls_as_text(
        [{"name": "look", "arguments": {"at": "Rome"}}, {"name": "buy", "arguments": {"n": 2}}]
    )
    assert found.finish == "tool_calls" and writer.asked["tools"] == tools


def test_a_refusal_is_one(writer: Writer) -> None:
    writer.lines = lines(ROLE, {"refusal": "I will"}, {"refusal": " not"})
    found = ask(writer)

    assert (found.text, found.finish) == ("I will not", "content_filter")


def test_what_is_no_data_is_passed_over_and_events_may_come_in_any_cut(writer: Writer) -> None:
    whole = ": ping\r\nevent: message\r\n" + "".join(lines(ROLE, {"content": "naïve"})).replace("\n", "\r\n")
    writer.lines = [*whole]  # character by character

    assert ask(writer).text == "naïve"


def test_a_server_that_sends_all_at_once_is_read_and_timed_whole(writer: Writer) -> None:
    answer = {"content": "whole", "role": "assistant"}
    body = {"model": "sim", "choices": [{"message": answer, "finish_reason": "stop"}], "usage": USAGE}
    writer.lines, writer.kind = [json.dumps(body)], "application/json"

    found = ask(writer)

    assert found.text == "whole" and found.latency > 0


def test_an_answer_without_token_counts_is_not_priced_by_guess(writer: Writer) -> None:
    writer.lines = lines(ROLE, {"content": "Hello"}, usage=None)

    with pytest.raises(ModelError, match="without token counts"):
        ask(writer)
    assert ask(writer, price=Price(0.0, 0.0)).input_tokens > 0


def test_another_model_s_answer_is_not_used(writer: Writer) -> None:
    writer.lines = lines({"content": "Hello"}, model="gpt-cheap")

    with pytest.raises(ModelError, match="answered by 'gpt-cheap' instead of"):
        ask(writer)


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ([*lines({"content": "Hel"}, finish=None)], "the stream ended before the reply did, after 3 characters"),
        ([*lines({"content": "Hel"})[:1], "(drops)"], "the answer cannot be read"),
        ([*lines({"content": "Hel"})[:1], 'data: {"mod'], "the answer cannot be read"),
        ([event({"error": {"message": "overloaded", "code": 500}})], "overloaded"),
        ([event("text")], "a piece of an answer is an object, this is str"),
        ([], "the stream ended before the reply did"),
    ],
)
def test_a_broken_stream_is_no_answer_and_may_be_asked_again(told: list[str], message: str, writer: Writer) -> None:
    writer.lines = told

    with pytest.raises(ModelError, match=message) as caught:
        ask(writer)
    assert caught.value.retryable


def test_answers_timed_otherwise_are_kept_apart() -> None:
    clocks: tuple[Any, ...] = ("transport", "first_token")
    first, second = (LiteLLMModel("openai/sim", api_base="http://x/v1", price=PRICE, latency=c) for c in clocks)

    assert first.identity != second.identity
