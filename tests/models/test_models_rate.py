"""Limits: calls at once, requests and tokens per minute, on a clock that only moves when somebody sleeps."""

from __future__ import annotations

import asyncio
import heapq

import pytest

from optimizer.errors import CreditExhausted, ModelError
from optimizer.models import Model, bridge
from optimizer.models.pacing.rate import Limited
from optimizer.models.pacing.wary import Wary
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


class Setting:
    """A gateway whose key has money for so many answers, and that sets one answer's money aside for each call."""

    name = "setting"

    def __init__(self, time: Time, money: int) -> None:
        self.money, self.answered, self._set_aside, self._time = money, 0, 0, time

    async def complete(self, request: Request) -> Response:
        if self.money <= self._set_aside:
            raise CreditExhausted("Budget has been exceeded!", model=self.name, status=422)
        self._set_aside += 1
        await self._time.sleep(1.0)
        self._set_aside -= 1
        self.money -= 1
        self.answered += 1
        return Response("yes", 100, 1)


def paid(money: int, questions: int, concurrency: int) -> tuple[int, int, float]:
    """Answers received, refusals seen, seconds taken."""
    time = Time()
    gateway = Setting(time, money)
    model = Limited(Wary(gateway), concurrency, clock=time, sleep=time.sleep)

    async def all_of_them() -> tuple[int, int]:
        work = [asyncio.create_task(model.complete(QUESTION)) for _ in range(questions)]
        await time.run(*work)
        ended = await asyncio.gather(*work, return_exceptions=True)
        answers = sum(isinstance(one, Response) for one in ended)
        return answers, sum(isinstance(one, CreditExhausted) for one in ended)

    answers, refusals = bridge.run(all_of_them())
    assert answers == gateway.answered, "no answer that was paid for is lost"
    return answers, refusals, time.now


def test_a_key_whose_money_is_set_aside_for_calls_under_way_is_not_taken_for_empty() -> None:
    assert paid(money=20, questions=20, concurrency=4)[:2] == (20, 0)


def test_an_empty_key_is_used_to_its_last_answer_before_it_is_said_to_be_empty() -> None:
    assert paid(money=5, questions=8, concurrency=4)[:2] == (5, 3)


def test_once_a_call_was_turned_down_alone_nothing_is_asked_any_more() -> None:
    """Else what waits behind it goes out just before it is cancelled; a cheap one may be paid for, and is lost."""

    class Counted(Setting):
        asked = 0

        async def complete(self, request: Request) -> Response:
            self.asked += 1
            return await super().complete(request)

    time = Time()
    gateway = Counted(time, 0)
    model = Limited(Wary(gateway), 4, clock=time, sleep=time.sleep)

    async def all_of_them() -> None:
        work = [asyncio.create_task(model.complete(QUESTION)) for _ in range(8)]
        await time.run(*work)
        ended = await asyncio.gather(*work, return_exceptions=True)
        assert all(isinstance(one, CreditExhausted) for one in ended)

    bridge.run(all_of_them())

    assert gateway.asked == 2, "the first of all, which is then asked once more, alone"


def test_calls_are_made_together_again_once_eight_were_paid_for_one_at_a_time() -> None:
    """The first goes alone, then one of four goes out and three are turned down. It lands, eight follow alone, then the
    other thirty go by four."""

    class Raised(Setting):
        async def complete(self, request: Request) -> Response:
            try:
                return await super().complete(request)
            except CreditExhausted:
                self.money = 1000
                raise

    time = Time()
    model = Limited(Wary(Raised(time, 2)), 4, clock=time, sleep=time.sleep)

    async def all_of_them() -> None:
        work = [asyncio.create_task(model.complete(QUESTION)) for _ in range(40)]
        await time.run(*work)
        await asyncio.gather(*work)

    bridge.run(all_of_them())

    assert time.now == 1 + 1 + 8 + 8, "30 by four is eight seconds"
