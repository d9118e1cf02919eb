"""LiteLLMModel against a small HTTP server on loopback: everything goes through LiteLLM and the wire."""

from __future__ import annotations

import asyncio
import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from aiohttp import web

from optimizer.errors import ConfigError, ModelError
from optimizer.models import bridge, transport
from optimizer.models.money.prices import Price
from optimizer.models.pacing.retry import Retrying
from optimizer.models.providers import direct
from optimizer.models.providers.litellm import LiteLLMModel
from optimizer.types import Message, Request
from tests.models.serving import Serving

PRICE = Price(input=2.0, output=10.0, cached_input=1.0, reasoning=20.0)
PASSING, FINAL, REFUSED = (True, False), (False, False), (False, True)  # (retryable, refused)
CANARY = "sk-canary-0123456789abcdef"


CROWD = 120  # more than the 100 connections that aiohttp opens by itself


class Server(Serving):
    """Answers by the first word of the last message; `seen` keeps the requests."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[dict[str, Any], dict[str, str]]] = []
        self.crowd = asyncio.Barrier(CROWD)

    def routes(self) -> list[web.RouteDef]:
        chat, anthropic = "/v1/chat/completions", "/anthropic/v1/messages"
        return [web.post(chat, self._chat), web.post(anthropic, self._anthropic), web.get("/v1/models", self._models)]

    async def _models(self, request: web.Request) -> web.Response:
        if request.headers.get("Authorization") == "Bearer wrong":
            return web.json_response({}, status=401)
        return web.json_response({}, status=404)

    async def _anthropic(self, request: web.Request) -> web.Response:
        await asyncio.sleep(0.05)
        usage = {"input_tokens": 10, "cache_read_input_tokens": 4, "cache_creation_input_tokens": 3, "output_tokens": 5}
        content = [{"type": "text", "text": "hello"}]
        body = {"id": "m", "type": "message", "role": "assistant", "model": "claude-x", "content": content}
        return web.json_response({**body, "stop_reason": "end_turn", "usage": usage})

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        self.seen.append((body, dict(request.headers)))
        kind, _, rest = body["messages"][-1]["content"].partition(" ")
        error = {"message": f"said {rest}", "type": "t", "code": rest}
        if kind.isdigit():
            return web.json_response({"error": error}, status=int(kind), headers={"Retry-After": "7"})
        if kind == "drop":
            assert request.transport is not None
            request.transport.close()
            return web.Response()
        await asyncio.sleep({"hang": 60.0, "slow": 0.2}.get(kind, 0.0))
        if kind == "crowd":  # nobody is answered before all have come
            await asyncio.wait_for(self.crowd.wait(), 30)
        text = json.dumps(_completion(kind, rest, body["model"]))
        if kind == "trickle":
            return await _trickle(request)
        headers = {"openai-processing-ms": "1234"}
        return web.Response(
            text=text[:70] if kind == "truncated" else text, content_type="application/json", headers=headers
        )


def _completion(kind: str, rest: str, model: str) -> dict[str, Any]:
    usage: dict[str, Any] = {"prompt_tokens": 100, "completion_tokens": 50, "total_tokens": 150}
    if kind == "details":
        usage["prompt_tokens_details"] = {"cached_tokens": 40}
        usage["completion_tokens_details"] = {"reasoning_tokens": 20}
    if kind == "hidden":  # reasoning left out of the completion, as some providers do
        usage["total_tokens"] = 180
    choice = {"index": 0, "message": {"role": "assistant", "content": "hello"}, "finish_reason": "stop"}
    answer = {"id": "c", "object": "chat.completion", "created": 1, "model": model, "choices": [choice], "usage": usage}
    if kind == "nousage":
        del answer["usage"]
    if kind == "nochoice":
        answer["choices"] = []
    if kind == "as":
        answer["model"] = rest
    return answer


async def _trickle(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    for _ in range(200):
        await response.write(b" ")
        await asyncio.sleep(0.05)
    return response


@pytest.fixture(autouse=True, params=["straight", "through LiteLLM"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every fact here holds whether a call goes straight to the server or through LiteLLM."""
    if request.param != "straight":
        monkeypatch.setattr(direct, "suits", lambda *_: False)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    served = Server()
    bridge.run(served.start())
    yield served
    bridge.run(served.stop())


def model(server: Server, name: str = "openai/sim", price: Price = PRICE, **options: Any) -> LiteLLMModel:
    return LiteLLMModel(name, api_base=server.url, price=price, **{"timeout": 5.0, **options})


def ask(asked: Any, text: str, **options: Any) -> Any:
    return bridge.run(asked.complete(Request((Message("user", text),), **options)))


def fails(asked: LiteLLMModel, text: str) -> ModelError:
    with pytest.raises(ModelError) as caught:
        ask(asked, text)
    return caught.value


def test_an_answer_has_text_tokens_cost_and_who_answered(server: Server) -> None:
    response = ask(model(server), "plain")
    assert (response.text, response.input_tokens, response.output_tokens) == ("hello", 100, 50)
    assert response.cost == pytest.approx((100 * 2 + 50 * 10) / 1e6)
    assert (response.model, response.finish) == ("sim", "stop")


def test_cached_and_reasoning_tokens_are_priced_at_their_own_rates(server: Server) -> None:
    response = ask(model(server), "details")
    assert (response.cached_tokens, response.reasoning_tokens) == (40, 20)
    assert response.cost == pytest.approx((60 * 2 + 40 * 1 + 30 * 10 + 20 * 20) / 1e6)


def test_reasoning_that_only_the_total_shows_is_paid_as_output(server: Server) -> None:
    assert ask(model(server), "hidden").output_tokens == 80


def test_params_of_the_request_go_before_those_of_the_model(server: Server) -> None:
    ask(model(server, params={"temperature": 0.5, "max_tokens": 9}), "plain", params={"temperature": 0})
    body, _ = server.seen[-1]
    assert (body["temperature"], body["max_tokens"]) == (0, 9)


def test_nothing_is_written_into_the_tasks_own_parameters(server: Server) -> None:
    """LiteLLM notes times in `metadata`: a bundle, a store's key and a fingerprint would hold them."""
    own = {"metadata": {"team": "blue"}, "response_format": {"type": "json_object"}}
    kept, asked = copy.deepcopy(own), model(server, params=own)
    known = asked.identity

    ask(asked, "plain", params=own)
    ask(asked, "plain")

    assert own == kept and asked.identity == known


def test_the_sample_number_is_sent_where_it_is_not_zero(server: Server) -> None:
    ask(model(server), "plain", sample=3)
    assert server.seen[-1][1]["x-promptport-sample"] == "3"
    ask(model(server), "plain")
    assert "x-promptport-sample" not in server.seen[-1][1]


def test_headers_are_sent(server: Server) -> None:
    ask(model(server, headers={"x-team": "blue"}), "plain")

    assert server.seen[-1][1]["x-team"] == "blue"


def test_another_server_never_gets_the_providers_key(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", CANARY)
    ask(model(server), "plain")
    assert CANARY not in str(server.seen[-1])
    monkeypatch.setenv("MY_SERVER_KEY", "mine-12345678")
    ask(model(server, api_key_env="MY_SERVER_KEY"), "plain")
    assert server.seen[-1][1]["Authorization"] == "Bearer mine-12345678"


def test_latency_is_the_time_on_the_wire(server: Server) -> None:
    ask(model(server), "plain")  # LiteLLM is open from here on
    assert 0.2 <= ask(model(server), "slow").latency < 20  # seconds


def test_latency_is_the_providers_own_figure_where_that_is_asked_for(server: Server) -> None:
    assert ask(model(server, latency="provider"), "plain").latency == 1.234


def test_a_client_that_is_not_openais_is_timed_on_the_same_wire(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLAUDE_KEY", "claude-12345678")
    price = Price(3.0, 15.0, cached_input=0.3, cache_write=3.75)
    base = server.url.removesuffix("/v1") + "/anthropic"
    claude = LiteLLMModel("anthropic/claude-x", api_base=base, api_key_env="CLAUDE_KEY", price=price)
    with transport.observed() as outer:
        response = ask(claude, "hi")
    assert outer.seconds is None  # the call notes its own exchange, not its caller's
    assert 0.05 <= response.latency < 0.15
    assert (response.input_tokens, response.cached_tokens, response.written_tokens) == (17, 4, 3)
    assert response.cost == pytest.approx((10 * 3 + 4 * 0.3 + 3 * 3.75 + 5 * 15) / 1e6)


def test_a_dated_snapshot_of_the_model_is_the_model(server: Server) -> None:
    assert ask(model(server), "as sim-2024-08-06").model == "sim-2024-08-06"


def test_another_models_answer_is_refused_and_may_be_asked_again(server: Server) -> None:
    error = fails(model(server), "as sim-mini")
    assert "answered by 'sim-mini' instead of 'openai/sim'" in str(error)
    assert error.retryable
    assert ask(model(server, answers_as="sim-mini"), "as sim-mini").text == "hello"


def test_a_missing_token_count_is_an_error_where_tokens_cost_money(server: Server) -> None:
    error = fails(model(server), "nousage")
    assert "without token counts" in str(error)
    assert not error.retryable


def test_a_missing_token_count_is_estimated_and_counted_on_a_free_server(server: Server) -> None:
    free = model(server, price=Price(0, 0))
    response = ask(free, "nousage")
    assert (response.input_tokens, response.output_tokens, response.cost) == (2, 2, 0.0)  # 7 and 5 characters
    assert free.estimated == 1


@pytest.mark.parametrize(
    ("text", "status", "kind", "said"),
    [
        ("429 slow-down", 429, PASSING, "slow-down"),
        ("429 insufficient_quota", 429, FINAL, "no credit or quota left"),
        ("402 pay", 402, FINAL, "no credit or quota left"),
        ("500 oops", 500, PASSING, "oops"),
        ("503 busy", 503, PASSING, "busy"),
        ("529 overloaded", 529, PASSING, "overloaded"),
        ("408 late", 408, PASSING, "late"),
        ("409 conflict", 409, PASSING, "conflict"),
        ("425 early", 425, PASSING, "early"),
        ("401 who", 401, FINAL, "check the environment variable MY_KEY"),
        ("403 no", 403, FINAL, "check the environment variable MY_KEY"),
        ("404 model_not_found", 404, FINAL, "check the model's name and api_base"),
        ("400 context_length_exceeded", 400, REFUSED, "longer than the model's context"),
        ("400 content_filter", 400, REFUSED, "content filter"),
        ("400 odd", 400, FINAL, "odd"),
        ("422 odd", 422, FINAL, "odd"),
        ("drop", None, PASSING, "no answer"),
        ("truncated", 200, PASSING, "the answer cannot be read"),
        ("nochoice", 200, PASSING, "no choices"),
    ],
)
def test_a_failure_is_judged_by_its_status(  # noqa: PLR0917  the columns of the table above
    server: Server, monkeypatch: pytest.MonkeyPatch, text: str, status: int | None, kind: tuple[bool, bool], said: str
) -> None:
    monkeypatch.setenv("MY_KEY", "key-12345678")
    before = len(server.seen)
    error = fails(model(server, api_key_env="MY_KEY"), text)
    assert (error.retryable, error.refused) == kind, str(error)
    assert said in str(error)
    assert error.status == status
    assert len(server.seen) == before + 1  # no hidden retry underneath


def test_retry_after_reaches_the_error(server: Server) -> None:
    assert fails(model(server), "429 x").retry_after == 7.0


def test_the_timeout_is_for_the_whole_call(server: Server) -> None:
    for text in ("hang", "trickle"):
        error = fails(model(server, timeout=0.3), text)
        assert error.retryable
        assert "no answer in time" in str(error)  # what trickles never pauses for that long, and ends after ten seconds


def test_a_server_that_is_not_there_is_retryable_and_named_by_check() -> None:
    nobody = LiteLLMModel("openai/sim", api_base="http://127.0.0.1:9/v1", price=PRICE)
    assert fails(nobody, "hi").retryable
    with pytest.raises(ModelError, match=r"http://127.0.0.1:9/v1/models cannot be reached .*`api_base`"):
        bridge.run(nobody.check())


def test_check_accepts_a_server_without_a_list_of_models(server: Server) -> None:
    assert bridge.run(model(server).check()) is None


def test_check_tells_of_a_key_that_is_not_accepted(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", "wrong")
    with pytest.raises(ModelError, match=r"denies access .*MY_KEY"):
        bridge.run(model(server, api_key_env="MY_KEY").check())


def test_a_missing_key_names_its_variable_before_anything_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(ConfigError, match="OPENAI_API_KEY is not set"):
        bridge.run(LiteLLMModel("openai/gpt-4o").check())
    with pytest.raises(ConfigError, match="ACME_KEY is not set"):
        ask(LiteLLMModel("openai/gpt-4o", api_key_env="ACME_KEY"), "hi")


def test_a_key_that_the_server_repeats_does_not_reach_the_message(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_KEY", "plain-looking-key")
    error = fails(model(server, api_key_env="MY_KEY"), f"401 bad plain-looking-key and {CANARY}")
    assert "plain-looking-key" not in str(error)
    assert CANARY not in str(error)
    assert error.__cause__ is None  # the original text must not come back with a traceback


def test_secrets_and_reserved_names_are_refused_among_the_params() -> None:
    with pytest.raises(ConfigError, match=r"params.api_key is set by this program"):
        LiteLLMModel("openai/gpt-4o", params={"api_key": "x"})
    with pytest.raises(ConfigError, match="secrets come from the environment"):
        LiteLLMModel("bedrock/x", params={"aws_secret_access_key": "x"}, price=PRICE)


def test_two_servers_with_one_name_are_two_models(server: Server) -> None:
    here, there = model(server), LiteLLMModel("openai/sim", api_base="http://127.0.0.1:9", price=PRICE)
    warm = model(server, params={"temperature": 1})
    assert len({here.identity, there.identity, warm.identity}) == 3


def test_an_unknown_price_is_an_error_when_the_model_is_made() -> None:
    with pytest.raises(ConfigError, match=r"Did you mean 'openai/gpt-4o'\?.*price: \{input"):
        LiteLLMModel("openai/gpt4o")


def test_many_calls_at_once_are_not_queued_by_the_transport(server: Server) -> None:
    asked = model(server)

    async def burst() -> list[float]:
        request = Request((Message("user", "crowd"),))
        return [r.latency for r in await asyncio.gather(*(asked.complete(request) for _ in range(CROWD)))]

    assert len(bridge.run(burst())) == CROWD


def test_retries_around_it_get_past_a_fault(server: Server) -> None:
    async def no_wait(_: float) -> None: ...

    patient = Retrying(model(server), attempts=3, sleep=no_wait)
    with pytest.raises(ModelError):
        ask(patient, "500 always")
    assert patient.retries == {"HTTP 500": 2}
