"""The offline server's limits and faults: what is refused, what is counted, and that nobody else can reach it."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace

import pytest
from openai import AsyncOpenAI

from optimizer.errors import ConfigError, ModelError
from optimizer.models import bridge
from optimizer.models.money.prices import Price
from optimizer.models.providers.clocks import Clock
from optimizer.models.providers.litellm import LiteLLMModel
from optimizer.offline.model import OfflineModel
from optimizer.offline.serving.faults import KINDS, Faults
from optimizer.offline.serving.quota import Quota, Till
from optimizer.offline.serving.server import running
from optimizer.types import Message, Request, Response


class Hand:
    """A clock that is set by hand."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_till_gives_the_burst_at_once_and_the_rate_from_then_on() -> None:
    hand = Hand()
    till = Till(Quota(rpm=60, burst=5), hand)

    assert [till.take(0) for _ in range(7)] == [0, 0, 0, 0, 0, 1.0, 1.0]
    hand.now = 2.0
    assert [till.take(0) for _ in range(3)] == [0, 0, 1.0]


def test_a_till_takes_tokens_and_requests_together_or_neither() -> None:
    """600 tokens a minute are 10 a second: 100 at once; a refused request costs no request."""
    hand = Hand()
    till = Till(Quota(rpm=60, tpm=600, burst=10), hand)

    assert [till.take(80), till.take(80)] == [0, 6.0]
    hand.now = 6.0
    assert [till.take(80), *(till.take(0) for _ in range(9))] == [0] * 10
    assert till.take(0) > 0


def test_a_request_larger_than_the_quota_is_served_when_all_of_it_is_left() -> None:
    hand = Hand()
    till = Till(Quota(tpm=60, burst=10), hand)

    assert [till.take(1000), till.take(1)] == [0, 1.0]


def test_headers_say_limit_rest_and_when_all_is_back() -> None:
    till = Till(Quota(rpm=60, burst=5), Hand())
    till.take(0)

    assert till.headers(0.0) == {
        "x-ratelimit-limit-requests": "60",
        "x-ratelimit-remaining-requests": "4",
        "x-ratelimit-reset-requests": "1000ms",
    }
    assert till.headers(0.25)["Retry-After"] == "1"
    assert till.headers(0.25)["retry-after-ms"] == "250"
    assert Till(Quota(rpm=60, tells="nothing"), Hand()).headers(1.0) == {}


def test_faults_are_the_same_whatever_the_order_of_questions() -> None:
    faults = Faults(**dict.fromkeys(KINDS, 0.05), seed=3)
    questions = [f"q{n}" for n in range(4000)]
    met = Counter(faults.of(question, 1) for question in questions)

    assert [faults.of(q, 1) for q in reversed(questions)] == [faults.of(q, 1) for q in questions][::-1]
    assert all(0.03 < met[kind] / 4000 < 0.07 for kind in KINDS)
    assert [faults.of(q, 2) for q in questions] != [faults.of(q, 1) for q in questions]


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.0.4", "::", "example.org", ""])  # noqa: S104
def test_an_address_that_others_can_reach_is_refused(host: str) -> None:
    with pytest.raises(ConfigError, match="for this machine alone"), running(host=host):
        pass


# -- word by word

ASKED = Request((Message("user", "Say in one sentence what a lighthouse is for."),), {"max_tokens": 60})


def answered(url: str, clock: Clock) -> Response:
    model = LiteLLMModel("openai/sim-beta", api_base=url, price=Price(1.0, 4.0), latency=clock)
    return bridge.run(model.complete(ASKED))


def test_a_streamed_answer_is_the_same_answer() -> None:
    with running() as server:
        whole, streamed = answered(server.url, "transport"), answered(server.url, "first_token")

        assert replace(streamed, latency=whole.latency) == whole and len(whole.text.split()) > 3
        assert server.stats()["answered"] == 2


def test_openai_s_own_client_reads_the_stream() -> None:
    async def read(url: str) -> tuple[str, int]:
        async with AsyncOpenAI(base_url=url, api_key="none", max_retries=0) as client:
            stream = await client.chat.completions.create(
                model="sim-beta",
                messages=[{"role": "user", "content": ASKED.messages[0].content}],
                max_tokens=60,
                stream=True,
                stream_options={"include_usage": True},
            )
            events = [event async for event in stream]
        words = [choice.delta.content or "" for event in events for choice in event.choices]
        return "".join(words), sum(event.usage.completion_tokens for event in events if event.usage)

    with running() as server:
        whole = answered(server.url, "transport")
        assert asyncio.run(read(server.url)) == (whole.text, whole.output_tokens)


def test_a_stream_that_is_cut_short_is_no_answer() -> None:
    with running(faults=Faults(truncate=1.0)) as server:
        with pytest.raises(ModelError, match="the stream ended before the reply did") as caught:
            answered(server.url, "first_token")
        assert caught.value.retryable and server.stats()["answered"] == 0 and server.stats()["billed"]["calls"] == 1


def test_the_first_token_comes_before_the_whole_answer_does() -> None:
    model = OfflineModel("offline/sim-beta")
    whole = model.respond(ASKED)

    assert 0 < model.begins(ASKED, whole) < whole.latency
