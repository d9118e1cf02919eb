"""A gate before servers that count in different ways, from the first call on: small buckets, windows, slow answers."""

from __future__ import annotations

import asyncio
import random
from collections import deque
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest

from optimizer.models.pacing.learnt import Learnt
from optimizer.models.pacing.rate import Gate, Limited
from optimizer.offline.serving.quota import Quota, Till
from optimizer.types import Message, Request, Response
from tests.models.test_models_gate import QUESTION, Server, Tells, asked
from tests.virtual import now, virtually


@dataclass
class Window:
    """Takes `most` calls in `seconds`: counted from fixed moments on, or at any moment over the last so many."""

    most: int
    seconds: float
    sliding: bool
    tells: Tells
    taken: deque[float] = field(default_factory=deque)

    def take(self, tokens: int) -> float:
        begun = now() - self.seconds if self.sliding else now() // self.seconds * self.seconds - 1e-9
        while self.taken and self.taken[0] <= begun:
            self.taken.popleft()
        if len(self.taken) < self.most:
            self.taken.append(now())
            return 0.0
        return (self.taken[0] if self.sliding else begun) + self.seconds + 1e-6 - now()

    def headers(self, wait: float) -> dict[str, str]:
        told = {}
        if self.tells == "all":
            told["x-ratelimit-limit-requests"] = f"{self.most * 60 / self.seconds:g}"
            told["x-ratelimit-remaining-requests"] = str(self.most - len(self.taken))
        if wait and self.tells != "nothing":
            told["Retry-After"] = f"{wait:.3f}"
        return told


def met(till: Any, seconds: float) -> Server:
    async def meeting() -> Server:
        server = Server(till() if callable(till) else till)
        await asked(server, Gate(32, clock=now), seconds, 32)
        return server

    return virtually(meeting())


@pytest.mark.parametrize("tells", ["all", "wait", "nothing"])
@pytest.mark.parametrize(("rpm", "burst"), [(600, 10), (900, 5), (900, 10)])
def test_the_first_minute_is_used_too(rpm: float, burst: float, tells: Tells) -> None:
    server = met(lambda: Till(Quota(rpm, burst=burst, tells=tells), now), 60.0)

    assert server.answered >= 0.9 * rpm * (60 + burst) / 60
    assert server.refused <= 0.02 * (server.answered + server.refused)


@pytest.mark.parametrize("tells", ["all", "wait", "nothing"])
def test_a_server_that_counts_by_the_minute_is_used_in_every_minute(tells: Tells) -> None:
    """Where nothing is told, the end of each minute's calls is waited for with a few that are refused."""
    server = met(Window(600, 60.0, sliding=False, tells=tells), 240.0)

    assert server.answered >= 0.9 * 4 * 600
    assert server.refused <= (0.03 if tells == "nothing" else 0.02) * (server.answered + server.refused)


@pytest.mark.parametrize(("most", "seconds"), [(600, 60.0), (100, 10.0)])
def test_a_stated_limit_on_the_last_seconds_is_kept_to_by_asking_evenly(most: int, seconds: float) -> None:
    """What is left tells nothing of when it comes back: to use it at once is to be refused later."""
    server = met(Window(most, seconds, sliding=True, tells="all"), 240.0)

    assert server.answered >= 0.9 * 240 * most / seconds
    assert server.refused <= 0.02 * (server.answered + server.refused)


@dataclass
class Chance:
    """Refuses a share of the calls however fast they come, beside the limits of another server, if any."""

    share: float
    tells: Tells
    limit: Any = None
    dice: random.Random = field(default_factory=lambda: random.Random(7))

    def take(self, tokens: int) -> float:
        return 1.0 if self.dice.random() < self.share else self.limit.take(tokens) if self.limit else 0.0

    def headers(self, wait: float) -> dict[str, str]:
        return {"Retry-After": f"{wait:.3f}"} if wait and self.tells == "wait" else {}


@pytest.mark.parametrize(("share", "tells", "least"), [(0.05, "nothing", 30), (0.2, "nothing", 20), (0.1, "wait", 10)])
def test_refusals_by_chance_do_not_slow_us_down_for_good(share: float, tells: Tells, least: float) -> None:
    """Slowing down does not help, so we stop it: else less and less is asked. Up to 64 calls a second are possible;
    where the server says so, all wait for a second after each refusal."""
    at_first, in_all = (met(lambda: Chance(share, tells), seconds) for seconds in (120.0, 240.0))

    assert in_all.answered - at_first.answered >= 120 * least


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("share", [0.02, 0.05])
def test_a_limit_is_found_beside_refusals_by_chance(share: float, seed: int) -> None:
    till = partial(Till, Quota(600, burst=10, tells="nothing"), now)
    limited = met(lambda: Chance(share, "nothing", till(), random.Random(seed)), 300.0)

    assert limited.answered >= 0.85 * 600 * 5
    assert limited.refused <= (share + 0.05) * (limited.answered + limited.refused)


@dataclass
class Changing:
    """600 calls a minute, then 60, then 1,200."""

    tells: Tells

    def __post_init__(self) -> None:
        self.tills = [Till(Quota(rpm, burst=10, tells=self.tells), now) for rpm in (600, 60, 1200)]

    @property
    def till(self) -> Till:
        return self.tills[(now() >= 100) + (now() >= 220)]

    def take(self, tokens: int) -> float:
        return self.till.take(tokens)

    def headers(self, wait: float) -> dict[str, str]:
        return self.till.headers(wait)


@pytest.mark.parametrize("tells", ["wait", "nothing"])
def test_a_limit_that_falls_far_is_not_taken_for_chance(tells: Tells) -> None:
    """1,000 calls, and 120, and 2,400 may be made, and what a full bucket holds."""
    assert met(lambda: Changing(tells), 340.0).answered >= 0.85 * 3520


class Slow:
    """Notes when calls set out; the first answer takes ten seconds, all others one."""

    name = "m"

    def __init__(self) -> None:
        self.starts: list[float] = []

    async def complete(self, request: Request) -> Response:
        self.starts.append(now())
        await asyncio.sleep(10.0 if len(self.starts) == 1 else 1.0)
        return Response("ok", 100, 1)


def starts(count: int, concurrency: int) -> list[float]:
    async def meeting() -> list[float]:
        slow = Slow()
        limited = Limited(slow, gate=Gate(concurrency, clock=now))
        await asyncio.gather(*(limited.complete(QUESTION) for _ in range(count)))
        return slow.starts

    return virtually(meeting())


def test_the_first_call_goes_alone_but_not_for_longer_than_two_seconds() -> None:
    assert starts(4, 4) == [0.0, 2.0, 2.0, 2.0]


def test_an_unknown_server_meets_eight_calls_at_first_and_more_with_time_and_with_every_answer() -> None:
    """The first one is still out at 2.0; seven go then, one each twentieth of a second up to 3.0, and then the answers
    of the first seven make room."""
    found = starts(64, 64)

    assert found[1:8] == [2.0] * 7
    assert found[8:27] == pytest.approx([2.0 + n / 20 for n in range(1, 20)], abs=0.01)
    assert sum(start <= 3.1 for start in found) >= 34


def test_tokens_are_booked_at_the_most_that_the_answer_may_have() -> None:
    """100 tokens of a question and 20 of its answer are ten a second of 72,000 a minute; 256 guessed for the answer
    would be three."""

    async def meeting() -> int:
        begun = [0]

        class Brief(Slow):
            async def complete(self, request: Request) -> Response:
                begun[0] += 1
                await asyncio.sleep(1.0)
                return Response("ok", 100, 20)

        limited = Limited(Brief(), gate=Gate(64, tpm=72_000, clock=now))
        question = Request((Message("user", "x" * 400),), {"max_tokens": 20})
        work = [asyncio.create_task(limited.complete(question)) for _ in range(64)]
        await asyncio.wait(work, timeout=1.05)
        return begun[0]

    assert virtually(meeting()) == 10


def test_refusals_that_come_in_another_order_tell_the_same() -> None:
    """Twenty calls a second; of the last ten five were refused: so ten may be allowed, 0.7 of that is tried."""
    rates = []
    for order in ([31, 33, 35], [35, 31, 33]):
        learnt = Learnt()
        for number in range(40):
            learnt.started(number / 20)
        for number in (*order, 37, 39):
            learnt.refused(number, number / 20, 2.0, told=None, explained=False)
        learnt.started(2.5)
        learnt.wait(3.5)
        rates.append(learnt.rate)

    assert rates[0] == rates[1] == pytest.approx(20 * 0.7 * (1 - 4 / 9), rel=0.1)


def test_a_refused_call_is_no_failure_of_the_test_server() -> None:
    """The window's own arithmetic: two in ten seconds, a third one must wait for the first to be ten seconds old."""

    async def meeting() -> list[float]:
        window = Window(2, 10.0, sliding=True, tells="wait")
        waits = [window.take(1)]
        await asyncio.sleep(4.0)
        waits += [window.take(1), window.take(1)]
        await asyncio.sleep(6.0)
        return [*waits, window.take(1)]

    assert virtually(meeting()) == pytest.approx([0.0, 0.0, 6.0, 0.0], abs=1e-5)
