"""Limits: calls at once, requests and tokens per minute, on a clock that only moves when somebody sleeps."""

from __future__ import annotations

import asyncio
import heapq

import pytest

from optimizer.errors import ModelError
from optimizer.models import Model, bridge
from optimizer.models.rate import Limited
from optimizer.types import Message, Request, Response

QUESTION = Request((Message("user", "x" * 400),))  # about 100 tokens


class Time:
    """A clock for many sleepers: it moves on to the next one as soon as all of them sleep."""

    def __init__(self) -> None:
        self.now = 0.0
        self._sleepers: list[tuple[float, int, asyncio.Event]] = []
        self._number = 0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self._number += 1
        event = asyncio.Event()
        heapq.heappush(self._sleepers, (self.now + seconds, self._number, event))
        await event.wait()

    async def run(self, *work: asyncio.Task[Response]) -> None:
        while not all(task.done() for task in work):
            for _ in range(10 * len(work)):
                await asyncio.sleep(0)
            if self._sleepers:
                self.now, _, event = heapq.heappop(self._sleepers)
                event.set()


class Timed:
    """Notes when each call came and how many were at work."""

    name = "timed"

    def __init__(self, time: Time, seconds: float = 0.0, tokens: tuple[int, int] = (100, 0)) -> None:
        self.starts: list[float] = []
        self.most = 0
        self.errors: list[ModelError] = []
        self._time, self._seconds, self._tokens = time, seconds, tokens
        self._now = 0

    async def complete(self, request: Request) -> Response:
        self.starts.append(self._time.now)
        self._now += 1
        self.most = max(self.most, self._now)
        if self._seconds:
            await self._time.sleep(self._seconds)
        self._now -= 1
        if self.errors:
            raise self.errors.pop()
        return Response("ok", *self._tokens)


def ask(model: Model, time: Time, times: int) -> None:
    async def all_at_once() -> None:
        tasks = [asyncio.create_task(model.complete(QUESTION)) for _ in range(times)]
        await time.run(*tasks)
        await asyncio.gather(*tasks, return_exceptions=True)

    bridge.run(all_at_once())


def test_no_more_than_the_allowed_calls_are_at_work_at_once() -> None:
    time = Time()
    timed = Timed(time, seconds=1.0)
    ask(Limited(timed, 3, clock=time, sleep=time.sleep), time, 10)
    assert timed.most == 3
    assert time.now == 4.0  # one call alone, for the limits that it tells, and three waves: the slots were all used


def test_requests_are_spread_over_the_minute() -> None:
    time = Time()
    timed = Timed(time)
    ask(Limited(timed, 100, rpm=120, clock=time, sleep=time.sleep), time, 20)
    # 2 a second, of which one second's worth may come at once: 2 at 0.0, then one each half second
    assert timed.starts == pytest.approx([0.0, 0.0, *(0.5 * n for n in range(1, 19))])


def test_every_minute_holds_at_most_the_allowed_requests() -> None:
    time = Time()
    timed = Timed(time)
    ask(Limited(timed, 300, rpm=60, clock=time, sleep=time.sleep), time, 180)
    for start in timed.starts:
        assert sum(start <= other < start + 60 for other in timed.starts) <= 61
    assert time.now >= 0.9 * 120  # and little of the rate is left unused
    assert time.now <= 180


def test_tokens_are_spread_and_the_estimate_gives_way_to_the_count() -> None:
    time = Time()
    timed = Timed(time, tokens=(500, 100))  # 600 where about 356 were estimated at first
    ask(Limited(timed, 1, tpm=6000, clock=time, sleep=time.sleep), time, 31)
    # 100 tokens a second, 600 a call: thirty calls before the last one take about 180 seconds
    assert 170 <= timed.starts[-1] <= 190


def test_when_the_server_asks_to_wait_no_call_starts_before() -> None:
    time = Time()
    timed = Timed(time)
    timed.errors = [ModelError("busy", model="m", retryable=True, status=429, retry_after=5.0)]
    ask(Limited(timed, 1, clock=time, sleep=time.sleep), time, 3)
    assert timed.starts == [0.0, 5.0, 5.0]


def test_a_failed_call_gives_its_slot_back() -> None:
    time = Time()
    timed = Timed(time)
    timed.errors = [ModelError("no", model="m") for _ in range(4)]
    ask(Limited(timed, 2, clock=time, sleep=time.sleep), time, 6)
    assert len(timed.starts) == 6
