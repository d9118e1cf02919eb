"""A provider that is gone: who still asks it, how often, and what is said; on a clock that moves by itself."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from optimizer.errors import ModelError
from optimizer.models.pacing.breaker import Guarded
from optimizer.models.pacing.retry import Retrying
from optimizer.types import Message, Request, Response
from tests.virtual import now, virtually

QUESTION = Request((Message("user", "hi"),))


class Server:
    """Gone from one second to another; each call takes a second."""

    name = "m"

    def __init__(self, gone: tuple[float, float], error: Callable[[], ModelError] | None = None) -> None:
        self.gone, self.calls = gone, list[float]()
        self._error = error or (lambda: ModelError("no answer", model="m", retryable=True))

    async def complete(self, request: Request) -> Response:
        self.calls.append(now())
        await asyncio.sleep(1.0)
        if self.gone[0] <= now() < self.gone[1]:
            raise self._error()
        return Response("fine")


def guarded(server: Server, said: list[str], **options: float) -> Guarded:
    return Guarded(server, say=said.append, clock=now, **options)  # type: ignore[arg-type]


async def asked(model: Guarded, times: int) -> list[Response | BaseException]:
    patient = Retrying(model, base=0.0)
    return await asyncio.gather(*(patient.complete(QUESTION) for _ in range(times)), return_exceptions=True)


def test_one_call_at_a_time_tries_a_server_that_is_gone_and_all_are_answered_when_it_is_back() -> None:
    """Eight calls fail at 1.0; one waits 2, 4, 8, ... seconds between its tries and is answered at 37.0."""
    server, said = Server((0.0, 30.0)), list[str]()

    answers = virtually(asked_of(server, said, 8))

    assert [answer.text for answer in answers if isinstance(answer, Response)] == ["fine"] * 8
    assert server.calls == [0.0] * 8 + [3.0, 8.0, 17.0, 34.0] + [35.0] * 7
    assert said == [
        "5 calls in a row failed (m: no answer): pausing, then trying with one call at a time, for 30 minutes at most",
        "m answers again after 35 s",
    ]


async def asked_of(server: Server, said: list[str], times: int, **options: float) -> list[Response | BaseException]:
    return await asked(guarded(server, said, **options), times)


def test_when_it_stays_gone_all_fail_for_good_and_say_how_to_go_on() -> None:
    server, said = Server((0.0, 1e9)), list[str]()

    answers = virtually(asked_of(server, said, 6, patience=60.0))

    assert all(isinstance(answer, ModelError) and not answer.retryable for answer in answers)
    assert "run the same command again when the server is back" in str(answers[0])
    assert server.calls == [0.0] * 6 + [3.0, 8.0, 17.0, 34.0, 67.0]


@pytest.mark.parametrize("status", [429, 400, 200])
def test_a_server_that_answers_is_not_gone(status: int) -> None:
    server, said = Server((0.0, 1e9), lambda: ModelError("x", model="m", retryable=True, status=status)), list[str]()

    virtually(asked_of(server, said, 8))

    assert said == []
    assert len(server.calls) == 8 * 6


def test_four_failures_in_a_row_are_no_outage() -> None:
    server, said = Server((0.0, 1.5)), list[str]()

    virtually(asked_of(server, said, 4))

    assert (said, len(server.calls)) == ([], 8)


def test_a_probe_that_is_cancelled_hands_over_to_another_call() -> None:
    async def interrupted() -> tuple[list[float], Response]:
        model = guarded(server, [])
        for _ in range(5):
            with pytest.raises(ModelError):
                await model.complete(QUESTION)
        first = asyncio.create_task(model.complete(QUESTION))
        await asyncio.sleep(0.5)
        second = asyncio.create_task(model.complete(QUESTION))
        await asyncio.sleep(0.5)
        first.cancel()
        return server.calls, await second

    server = Server((0.0, 5.5))
    calls, answer = virtually(interrupted())

    assert answer.text == "fine"
    assert calls == [0.0, 1.0, 2.0, 3.0, 4.0, 8.0]


class Stumbling:
    """Answers after a second, but says HTTP 500 to some questions after `seconds`, however often they come."""

    name = "m"

    def __init__(self, bad: set[str], seconds: float) -> None:
        self.bad, self.seconds, self.calls = bad, seconds, list[str]()

    async def complete(self, request: Request) -> Response:
        text = request.messages[0].content
        self.calls.append(text)
        await asyncio.sleep(self.seconds if text in self.bad else 1.0)
        if text in self.bad:
            raise ModelError("HTTP 500", model="m", retryable=True, status=500)
        return Response("fine")


async def asked_each(server: Stumbling, said: list[str], questions: int) -> list[Response | BaseException]:
    """At most four at once, as a run does."""
    model = Retrying(Guarded(server, say=said.append, clock=now), base=0.1)
    free = asyncio.Semaphore(4)

    async def one(number: int) -> Response:
        async with free:
            return await model.complete(Request((Message("user", str(number)),)))

    return await asyncio.gather(*(one(n) for n in range(questions)), return_exceptions=True)


@pytest.mark.parametrize("seconds", [0.0, 0.5, 3.0])
def test_questions_that_are_never_answered_are_given_up_and_stop_nobody(seconds: float) -> None:
    """Eight of forty, the last four among them: six tries each, and no pause for the others."""
    bad = {"3", "11", "17", "25", *(str(n) for n in range(36, 40))}
    server, said = Stumbling(bad, seconds), list[str]()

    answers = virtually(asked_each(server, said, 40))

    assert [str(n) for n, answer in enumerate(answers) if isinstance(answer, ModelError)] == sorted(bad, key=int)
    assert sorted(server.calls) == sorted([str(n) for n in range(40) if str(n) not in bad] + [*bad] * 6)
    assert said == []


def test_a_server_that_says_500_to_all_is_gone_and_every_waiting_question_may_try() -> None:
    bad, said = {str(n) for n in range(8)}, list[str]()
    server = Stumbling(bad, 0.1)

    async def mended() -> list[Response | BaseException]:
        model = Retrying(Guarded(server, say=said.append, clock=now), base=0.0)
        asked = [model.complete(Request((Message("user", str(n)),))) for n in range(8)]
        task = asyncio.gather(*asked, return_exceptions=True)
        await asyncio.sleep(10.0)
        bad.clear()
        return await task

    answers = virtually(mended())

    assert [answer.text for answer in answers if isinstance(answer, Response)] == ["fine"] * 8
    assert said[0].startswith("5 calls in a row failed (m: HTTP 500)") and len(said) == 2
    assert len(set(server.calls[8:10])) == 2, "one after the other, not one alone"
