"""The call store on a real PostgreSQL server: drivers share answers, and nothing is asked by two of them."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from optimizer.errors import ModelError, RunDirError
from optimizer.models import bridge
from optimizer.models.stores.cache import Cached
from optimizer.models.stores.postgres import PostgresStore
from optimizer.types import Message, Request, Response
from tests.e2e.tools.postgres import Server


class Slow:
    """Answers after a while, and counts how often it was asked what."""

    name = "slow"

    def __init__(self, seconds: float = 0.2) -> None:
        self.asked: list[str] = []
        self._seconds = seconds

    async def complete(self, request: Request) -> Response:
        self.asked.append(request.messages[0].content)
        await asyncio.sleep(self._seconds)
        return Response(request.messages[0].content.upper(), 3, 1)


def question(number: int) -> Request:
    return Request((Message("user", f"q{number}"),))


@pytest.fixture
def url(postgres: Server, request: pytest.FixtureRequest) -> Iterator[str]:
    name = f"t{abs(hash(request.node.name))}"
    yield postgres.database(name)
    postgres.run(f"DROP DATABASE {name} WITH (FORCE)")


def test_every_field_of_an_answer_comes_back_to_another_driver(url: str) -> None:
    answer = Response("ä\ud800\x00", 1, 2, 0.1 + 0.2, 1 / 3, "who", "length", 4, 5, 6)
    with PostgresStore(url) as store:
        bridge.run(store.keep("aa" * 32, "m", answer))
        bridge.run(store.keep("aa" * 32, "m", Response("a later one")))
    with PostgresStore(url) as store:
        assert store.get("aa" * 32) == answer
        assert store.get("bb" * 32) is None
        assert len(store) == 1


def test_what_two_drivers_ask_at_the_same_moment_is_asked_once(url: str) -> None:
    model = Slow()
    with PostgresStore(url) as one, PostgresStore(url) as two:
        drivers = [Cached(model, one), Cached(model, two)]

        async def both() -> list[Response]:
            return await asyncio.gather(*(driver.complete(question(n)) for n in range(300) for driver in drivers))

        answers = bridge.run(both())
        held = len(one), bridge.run(two.seek(question(7).key("slow")))

    assert sorted(model.asked) == sorted(f"q{n}" for n in range(300))
    assert [answer.text for answer in answers] == [f"Q{n}" for n in range(300) for _ in drivers]
    assert held == (300, Response("Q7", 3, 1))


def test_an_error_leaves_the_question_to_the_other_driver(url: str) -> None:
    class Failing(Slow):
        async def complete(self, request: Request) -> Response:
            await super().complete(request)
            if len(self.asked) == 1:
                raise ModelError("no", model="slow", retryable=True)
            return Response("at last")

    model = Failing(0.1)
    with PostgresStore(url) as one, PostgresStore(url) as two:

        async def both() -> list[Response | BaseException]:
            asked = (Cached(model, store).complete(question(1)) for store in (one, two))
            return await asyncio.gather(*asked, return_exceptions=True)

        answers = bridge.run(both())

    assert sorted(str(answer)[:8] for answer in answers) == ["Response", "slow: no"]
    assert len(model.asked) == 2


def test_a_refusal_is_an_answer_for_all(url: str) -> None:
    class Refusing(Slow):
        async def complete(self, request: Request) -> Response:
            await super().complete(request)
            raise ModelError("filtered", model="slow", status=400, refused=True)

    model = Refusing(0)
    for _ in range(2):
        with PostgresStore(url) as store, pytest.raises(ModelError, match="slow: filtered"):
            bridge.run(Cached(model, store).complete(question(1)))

    assert len(model.asked) == 1


def test_a_driver_that_is_killed_leaves_no_question_locked(url: str) -> None:
    key = question(1).key("slow")
    told = f"""
from optimizer.models import bridge
from optimizer.models.stores.postgres import PostgresStore
print(bridge.run(PostgresStore({url!r}).seek({key!r})), flush=True)
input()
"""
    process = subprocess.Popen([sys.executable, "-c", told], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout and process.stdout.readline() == "None\n", "the question is that driver's to ask"
    killer = threading.Timer(0.5, process.kill)
    killer.start()
    model = Slow(0)
    with PostgresStore(url) as store:
        answer = bridge.run(asyncio.wait_for(Cached(model, store).complete(question(1)), 30))
    killer.join()

    assert (answer.text, process.wait()) == ("Q1", -9)
    process.communicate()


def test_who_is_cancelled_while_waiting_holds_nothing(url: str) -> None:
    with PostgresStore(url) as one, PostgresStore(url) as two:

        async def impatient() -> list[object]:
            asked = [asyncio.create_task(one.seek(question(n).key("slow"))) for n in range(50)]
            await asyncio.sleep(0)  # all are on their way to the server
            for task in asked:
                task.cancel()
            ended = await asyncio.gather(*asked, return_exceptions=True)
            assert {type(end) for end in ended} == {asyncio.CancelledError}
            return [await asyncio.wait_for(two.seek(question(n).key("slow")), 20) for n in range(50)]

        assert bridge.run(impatient()) == [None] * 50


def test_a_server_that_restarts_costs_time_only(postgres: Server, url: str) -> None:
    with PostgresStore(url) as store:
        bridge.run(store.keep("aa" * 32, "m", Response("one")))
        postgres.stop()
        later = threading.Timer(1.0, postgres.start)
        later.start()
        bridge.run(store.keep("bb" * 32, "m", Response("two")))
        later.join()
        assert (len(store), store.get("aa" * 32)) == (2, Response("one"))


def test_a_server_that_is_not_there_is_told_with_the_way_out() -> None:
    with pytest.raises(RunDirError, match=r"cannot be used .*start the server.*PGPASSWORD"):
        PostgresStore("postgresql://nobody@127.0.0.1:1/none")
