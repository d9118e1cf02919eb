"""A gate against a server that enforces limits: how much of them is used, how many requests are refused."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field
from typing import Literal

import pytest

from optimizer.errors import ModelError
from optimizer.models import transport
from optimizer.models.pacing.rate import Gate, Limited
from optimizer.models.pacing.retry import Retrying
from optimizer.models.pacing.stated import Rest, stated_limits
from optimizer.offline.serving.quota import Quota, Till
from optimizer.types import Message, Request, Response
from tests.virtual import now, virtually

QUESTION = Request((Message("user", "x" * 1400),))  # about 350 tokens
Tells = Literal["all", "wait", "nothing"]


@dataclass
class Server:
    """Takes half a second, 250 to 550 tokens a call. `unlucky`: share of requests refused for no reason."""

    till: Till
    unlucky: float = 0.0
    name: str = "m"
    refused: int = 0
    answered: int = 0
    dice: random.Random = field(default_factory=lambda: random.Random(0))

    async def complete(self, request: Request) -> Response:
        with transport.observed() as exchange:
            await asyncio.sleep(0.05)
            tokens = self.dice.randint(250, 550)
            wait = self.till.take(tokens)
            exchange.headers = headers = self.till.headers(wait)
            if wait or self.dice.random() < self.unlucky:
                self.refused += 1
                after = float(headers["Retry-After"]) if "Retry-After" in headers else None
                raise ModelError("busy", model="m", retryable=True, status=429, retry_after=after)
            self.answered += 1
            await asyncio.sleep(self.dice.uniform(0.2, 0.7))
        return Response("ok", tokens - 50, 50)


async def asked(server: Server, gate: Gate, seconds: float, askers: int) -> None:
    patient = Retrying(Limited(server, gate=gate), 50)

    async def one() -> None:
        while now() < seconds:
            await patient.complete(QUESTION)

    await asyncio.wait([asyncio.create_task(one()) for _ in range(askers)], timeout=seconds)


def meet(quota: Quota, seconds: float, askers: int = 32, unlucky: float = 0.0) -> Server:
    async def meeting() -> Server:
        server = Server(Till(quota, now), unlucky)
        await asked(server, Gate(askers, clock=now), seconds, askers)
        return server

    return virtually(meeting())


@pytest.mark.parametrize("tells", ["all", "wait", "nothing"])
@pytest.mark.parametrize(("rpm", "burst"), [(600, 10), (3000, 10), (600, 60)])
def test_the_limit_of_requests_is_used_and_hardly_ever_passed(rpm: float, burst: float, tells: Tells) -> None:
    server = meet(Quota(rpm, burst=burst, tells=tells), 300.0)

    assert server.answered >= 0.9 * rpm * 5
    assert server.refused <= 0.02 * server.answered


@pytest.mark.parametrize("tells", ["all", "wait"])
def test_the_limit_of_tokens_is_used_and_hardly_ever_passed(tells: Tells) -> None:
    """120,000 tokens a minute are 300 calls of 400 tokens."""
    server = meet(Quota(tpm=120_000, tells=tells), 300.0)

    assert server.answered >= 0.9 * 300 * 5
    assert server.refused <= 0.025 * server.answered


def test_a_server_that_refuses_at_random_is_not_taken_for_a_slow_one() -> None:
    """32 askers at half a second a call could be answered 60 times a second; one in twenty is refused."""
    server = meet(Quota(), 300.0, unlucky=0.05)

    assert server.answered >= 5 * 300


def test_a_server_that_lets_nobody_in_is_told_of_once_and_again_when_it_does() -> None:
    """Refused at 0.05, 20.1 and 40.15, let in at 60: twenty seconds after each refusal it is asked again."""
    said: list[str] = []

    class Shut:
        name = "m"

        async def complete(self, request: Request) -> Response:
            await asyncio.sleep(0.05)
            if now() < 60:
                raise ModelError("busy", model="m", retryable=True, status=429, retry_after=20.0)
            return Response("ok")

    async def meeting() -> None:
        gate = Gate(1, clock=now, say=said.append)
        patient = Retrying(Limited(Shut(), gate=gate), base=0.0)
        for _ in range(3):
            await patient.complete(QUESTION)

    virtually(meeting())

    assert said == [
        "every call was refused for 20 s (m: busy): asking on, as seldom as the server wants",
        "m lets calls in again after 60 s",
    ]


def test_a_limit_that_is_raised_is_found() -> None:
    async def meeting() -> tuple[int, int]:
        server, gate = Server(Till(Quota(300, tells="nothing"), now)), Gate(32, clock=now)
        await asked(server, gate, 120.0, 32)
        before, server.till = server.answered, Till(Quota(1200, tells="nothing"), now)
        await asked(server, gate, now() + 120.0, 32)
        return before, server.answered - before

    before, after = virtually(meeting())

    assert after > 1.5 * before


def test_an_overloaded_server_gets_half_as_many_calls_at_once_and_all_of_them_again_later() -> None:
    async def meeting() -> list[int]:
        gate, flying, most = Gate(16, clock=now), [0], list[int]()

        class Busy:
            name = "m"

            async def complete(self, request: Request) -> Response:
                flying[0] += 1
                most.append(flying[0])
                await asyncio.sleep(1.0)
                flying[0] -= 1
                if now() < 3.0:
                    raise ModelError("overloaded", model="m", retryable=True, status=503)
                return Response("ok")

        patient = Retrying(Limited(Busy(), gate=gate), 9, base=0.0)
        await asyncio.gather(*(patient.complete(QUESTION) for _ in range(300)))
        return most

    most = virtually(meeting())

    # The first call alone fails at 1.0, so 8 go then and fail at 2.0, then 4 until 3.0; from then on all are answered.
    assert most[:13] == [1, *range(1, 9), *range(1, 5)]
    assert max(most[13:30]) < 12
    assert max(most) == 16


def test_roles_that_share_a_gate_share_its_slots(monkeypatch: pytest.MonkeyPatch) -> None:
    async def meeting() -> float:
        gate, server = Gate(2, clock=now), Server(Till(Quota(), now))
        monkeypatch.setattr(server.dice, "uniform", lambda a, b: 0.95)  # a second a call
        roles = [Limited(server, gate=gate), Limited(server, gate=gate)]
        await asyncio.gather(*(role.complete(QUESTION) for role in roles * 4))
        return now()

    assert virtually(meeting()) == pytest.approx(5.0)  # one alone, then seven of them two at a time


@pytest.mark.parametrize(
    "form",
    ["x-ratelimit-{what}-{kind}", "anthropic-ratelimit-{kind}-{what}", "llm_provider-x-ratelimit-{what}-{kind}"],
)
def test_limits_are_read_in_every_form_in_which_servers_state_them(form: str) -> None:
    stated = {("limit", "requests"): "500", ("remaining", "requests"): "499", ("limit", "tokens"): "30000"}
    headers = {form.format(what=what, kind=kind).title(): value for (what, kind), value in stated.items()}

    assert stated_limits(headers) == {"requests": Rest(500, 499)}  # of the tokens only one number is there


@pytest.mark.parametrize("limit", ["", "0", "-5", "many", "1e9", "9" * 40])
def test_a_limit_that_is_no_number_is_none(limit: str) -> None:
    assert stated_limits({"x-ratelimit-limit-requests": limit, "x-ratelimit-remaining-requests": "1"}) == {}
