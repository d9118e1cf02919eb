"""A LiteLLM proxy before a model: what it is told, and which of its answers are not used. The real one: tests/e2e."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from optimizer.config import ModelSettings, Settings
from optimizer.connect import labels_of
from optimizer.errors import ConfigError, CreditExhausted, ModelError
from optimizer.models import bridge
from optimizer.models.money.prices import Price
from optimizer.models.providers import gateway
from optimizer.models.providers.access import Access
from optimizer.models.providers.gateway import Answerer, Labels
from optimizer.models.providers.litellm import LiteLLMModel
from optimizer.models.replies.failures import out_of_credit, translate
from optimizer.models.tolerant import Tolerant
from optimizer.models.transport import Exchange
from optimizer.pricing import price_of
from optimizer.types import Message, Request, Response

QUESTION = Request((Message("user", "How urgent is this?"),))
NO_FALLBACK = {"x-litellm-attempted-fallbacks": "0"}


class Desk:
    """A server that says what it is told to: `alive` at /health/liveliness, `message` and `usage` in its answers."""

    def __init__(self) -> None:
        self.alive = "I'm alive!"
        self.message: dict[str, Any] = {"content": "high"}
        self.usage: dict[str, Any] = {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110}
        self.models: tuple[int, Any] = (200, {"data": [{"id": "desk"}, {"id": "team/*"}]})
        self.bodies: list[dict[str, Any]] = []


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Desk, str]]:
    monkeypatch.setattr(gateway, "_known", {})  # ports come again
    held = Desk()

    class Door(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/v1/models":
                return self._say(*held.models)
            return self._say(200 if held.alive else 404, held.alive)

        def do_POST(self) -> None:
            held.bodies.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            choice = {"index": 0, "message": {"role": "assistant", **held.message}, "finish_reason": "stop"}
            self._say(200, {"id": "c", "created": 1, "model": "desk", "choices": [choice], "usage": held.usage})

        def _say(self, status: int, body: Any) -> None:
            text = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Door) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield held, f"http://127.0.0.1:{server.server_address[1]}/v1"
        server.shutdown()
        thread.join()


def model(url: str, **options: Any) -> LiteLLMModel:
    return LiteLLMModel("openai/desk", api_base=url, **{"price": Price(0, 0), **options})


def ask(one: LiteLLMModel) -> Response:
    return bridge.run(one.complete(QUESTION))


def test_a_litellm_proxy_is_told_not_to_help_and_what_the_call_is_for(desk: tuple[Desk, str]) -> None:
    held, url = desk

    ask(model(url, labels=Labels(("a", "b"), {"team": "blue"})))

    (body,) = held.bodies
    assert (body["disable_fallbacks"], body["num_retries"]) == (True, 0)
    assert body["cache"] == {"no-cache": True, "no-store": True}
    assert body["metadata"] == {"team": "blue", "tags": ["a", "b"]}


def test_another_server_is_told_nothing_that_it_does_not_know(desk: tuple[Desk, str]) -> None:
    held, url = desk
    held.alive = ""

    ask(model(url, labels=Labels(("a",))))

    assert set(held.bodies[0]) == {"model", "messages"}


def test_the_task_may_say_what_the_server_is(desk: tuple[Desk, str]) -> None:
    held, url = desk
    ask(model(url, labels=Labels(litellm=False)))
    held.alive = ""
    ask(model(url, labels=Labels(litellm=True)))

    assert ["cache" in body for body in held.bodies] == [False, True]


def unusable(asked: Answerer, answered: str, headers: dict[str, str]) -> ModelError:
    with pytest.raises(ModelError) as caught:
        asked.check(answered, headers)
    return caught.value


def test_a_fallback_that_the_headers_tell_of_is_not_used_whatever_name_it_bears() -> None:
    asked = Answerer("openai/desk", ["openai/desk"], named=False)

    error = unusable(asked, "desk", {"X-LiteLLM-Attempted-Fallbacks": "1", "x-litellm-model-group": "spare"})

    assert "fell back to 'spare'" in str(error)
    assert error.retryable


def test_an_alias_is_no_fallback_where_the_proxy_says_that_it_made_none() -> None:
    asked = Answerer("openai/desk", ["openai/desk"], named=False)

    asked.check("gpt-4o-2024-08-06", NO_FALLBACK | {"x-litellm-model-name": "azure/gpt-4o"})
    asked.check("gpt-4o-2024-08-06", NO_FALLBACK | {"x-litellm-model-name": "openai/gpt-4o"})
    error = unusable(asked, "gpt-4o-mini", NO_FALLBACK | {"x-litellm-model-name": "openai/gpt-4o-mini"})

    assert "stands for several models, 'azure/gpt-4o' and 'openai/gpt-4o-mini'" in str(error)
    assert not error.retryable


def test_the_task_may_list_who_answers_under_one_alias() -> None:
    asked = Answerer("openai/desk", ["gpt-4o", "claude-*"], named=True)

    asked.check("gpt-4o-2024-08-06", NO_FALLBACK)
    asked.check("claude-sonnet-4-5", {})
    asked.check("desk", NO_FALLBACK | {"x-litellm-model-name": "anthropic/claude-haiku"})
    error = unusable(asked, "desk", NO_FALLBACK | {"x-litellm-model-name": "openai/gpt-4o-mini"})

    assert "instead of 'gpt-4o' or 'claude-*'" in str(error)


def test_without_a_word_of_the_proxys_the_names_must_agree() -> None:
    asked = Answerer("openai/desk", ["openai/desk"], named=False)

    asked.check("desk", {})
    assert "answered by 'spare' instead of 'openai/desk'" in str(unusable(asked, "spare", {}))


def test_an_answer_from_the_proxys_cache_is_not_used_and_not_asked_for_again() -> None:
    error = unusable(Answerer("openai/desk", [], named=False), "desk", NO_FALLBACK | {"x-litellm-cache-key": "4f"})

    assert "answered from the gateway's response cache" in str(error)
    assert not error.retryable


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (422, "Budget has been exceeded! Key=key (sk-...) Current cost: 0.1, Max budget: 0.1"),
        (400, "ExceededBudget: User=u over budget. Spend=2, Budget=1"),
        (429, "{'type': 'budget_exceeded'}"),
        (429, "No deployments available - crossed budget: Exceeded budget for provider openai: 2 >= 1"),
        (402, "payment required"),
        (429, "You exceeded your current quota, insufficient_quota"),
    ],
)
def test_an_empty_purse_at_the_gateway_or_provider_ends_the_run_with_a_code_of_its_own(status: int, said: str) -> None:
    exchange = Exchange()
    exchange.status = status

    error = translate(RuntimeError(said), "openai/desk", exchange)

    assert isinstance(error, CreditExhausted)
    assert (error.exit_code, error.retryable, error.refused) == (5, False, False)
    assert str(error).endswith("all answers so far are kept: run the same command again")
    assert isinstance(out_of_credit(said, "openai/desk", status), CreditExhausted)


def test_a_rate_limit_is_no_empty_purse() -> None:
    exchange = Exchange()
    exchange.status = 429

    error = translate(RuntimeError("Rate limit exceeded for api_key. Limit resets at 20:15"), "openai/desk", exchange)

    assert not isinstance(error, CreditExhausted)
    assert error.retryable


def test_an_empty_purse_is_not_taken_for_a_parameter_that_the_target_refuses() -> None:
    class Empty:
        name = "empty"

        async def complete(self, request: Request) -> Response:
            raise CreditExhausted("used up", model=self.name, status=422)

    with pytest.raises(CreditExhausted):
        bridge.run(Tolerant(Empty(), {}).complete(Request(QUESTION.messages, {"temperature": 2})))


def test_a_refusal_that_stands_beside_the_text_counts_as_declined(desk: tuple[Desk, str]) -> None:
    held, url = desk
    held.message = {"content": None, "refusal": "I cannot help with that."}

    response = ask(model(url))

    assert (response.text, response.finish) == ("I cannot help with that.", "content_filter")


def test_tokens_of_the_prompt_cache_are_priced_wherever_they_are_told(desk: tuple[Desk, str]) -> None:
    """Of 100 tokens 60 are read at 0.1 and 20 written at 2.5, the rest is 20 at 2; 10 come out at 10 (a million)."""
    held, url = desk
    held.usage |= {"cache_read_input_tokens": 60, "cache_creation_input_tokens": 20}

    response = ask(model(url, price=Price(2.0, 10.0, cached_input=0.1, cache_write=2.5)))

    assert (response.cached_tokens, response.written_tokens) == (60, 20)
    assert response.cost == pytest.approx((20 * 2.0 + 60 * 0.1 + 20 * 2.5 + 10 * 10.0) / 1e6)


def test_an_alias_has_the_price_that_the_table_lists_for_the_model_behind_it() -> None:
    alias = ModelSettings(model="openai/desk", api_base="http://gateway/v1", priced_as="openai/gpt-4o")

    assert price_of(alias) == price_of(ModelSettings(model="openai/gpt-4o"))
    with pytest.raises(ConfigError, match="openai/gpt-4p"):
        price_of(ModelSettings(model="openai/desk", priced_as="openai/gpt-4p"))


def test_a_key_is_told_which_models_it_may_call(desk: tuple[Desk, str]) -> None:
    _, url = desk

    listing = bridge.run(model(url).check())

    assert listing and listing.gateway
    assert list(listing.ends) == ["desk", "team/*"]
    Access("openai/team/blue", "openai", url, None).may_call(listing)
    with pytest.raises(ModelError, match=r"not let this key call 'desks'\. Did you mean 'desk'\? It may call desk"):
        bridge.run(LiteLLMModel("openai/desks", api_base=url, price=Price(0, 0)).check())


def test_a_server_that_is_no_gateway_may_have_a_list_that_is_not_whole(desk: tuple[Desk, str]) -> None:
    held, url = desk
    held.alive = ""

    listing = bridge.run(LiteLLMModel("openai/desks", api_base=url, price=Price(0, 0)).check())

    assert listing and not listing.gateway


@pytest.mark.parametrize("listed", [None, [], {"data": None}, {"data": [{}]}, {"data": {"id": "x"}}, "data"])
def test_a_list_of_models_that_is_none_is_no_list(desk: tuple[Desk, str], listed: Any) -> None:
    held, url = desk
    held.models = (200, listed)

    assert bridge.run(model(url).check()) is None


def test_a_key_without_money_is_found_out_before_anything_is_asked(desk: tuple[Desk, str]) -> None:
    held, url = desk
    held.models = (422, {"error": {"message": "Budget has been exceeded!", "type": "budget_exceeded"}})

    with pytest.raises(CreditExhausted, match="budget for this key is used up"):
        bridge.run(model(url).check())


def settings(**section: Any) -> Settings:
    task = {"name": "desk", "data": "d.jsonl", "prompt": "{{x}}", "source": "offline/sim-alpha"}
    return Settings.model_validate({**task, "target": "offline/sim-beta", "gateway": section})


def test_run_and_role_go_out_with_the_tasks_own_tags() -> None:
    labels = labels_of(settings(tags=["blue"], metadata={"cost_centre": "4711"}), "judge")

    assert labels.tags == ("promptport", "promptport-run:desk", "promptport-role:judge", "blue")
    assert labels.metadata == {"promptport_run": "desk", "promptport_role": "judge", "cost_centre": "4711"}


@pytest.mark.parametrize(
    "section",
    [
        {"metadata": {"api_key": "x"}},
        {"metadata": {"note": "sk-abcdefghij0123456789abcdef"}},
        {"metadata": {"tags": "a"}},
        {"tags": ["a,b"]},
        {"tags": [" a"]},
    ],
)
def test_secrets_and_tags_that_would_fall_apart_are_refused(section: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"gateway\.(metadata|tags)"):
        settings(**section)
