"""What goes out to workers and what comes back, without a cluster: the worker's functions are called right here."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from optimizer import __version__
from optimizer.cluster import opening, worker
from optimizer.cluster.ray import begin
from optimizer.cluster.remote import NotSent, Remote, lost
from optimizer.cluster.seats import Seats
from optimizer.config import ModelSettings, load_settings
from optimizer.config.engine_settings import EngineSettings
from optimizer.connect import bare, provider
from optimizer.errors import BudgetExceeded, ConfigError, ModelError
from optimizer.models import bridge, identity, transport
from optimizer.models.money.meter import Metered, Purse
from optimizer.models.money.prices import Price
from optimizer.models.money.tries import Counted
from optimizer.models.providers.gateway import NO_LABELS
from optimizer.models.stores.cache import Cached, CallStore
from optimizer.models.transport import Exchange
from optimizer.types import Message, Request, Response
from tests.walking import write_task

OFFLINE = ModelSettings(model="offline/sim-beta")
HOSTED = ModelSettings(model="openai/gpt-4o", api_key_env="PROMPTPORT_TEST_KEY")


class Here:
    """A cluster whose only worker is a thread of this process; notes every text that goes out."""

    def __init__(self, answer: Callable[..., str] | None = None) -> None:
        self.sent: list[str] = []
        self._answer = answer

    async def call(self, work: Callable[..., str], *texts: str) -> str:
        self.sent += texts
        return await asyncio.to_thread(self._answer or work, *texts)

    def versions(self) -> set[str]:
        return {__version__}

    def scoring(self) -> Mapping[str, Any]:
        return {"backend": "threading"}

    def close(self) -> None: ...


def question(text: str = "Is 7 odd?", **options: Any) -> Request:
    return Request((Message("system", "Say yes or no."), Message("user", text)), **options)


def facing(problem: Exception, monkeypatch: pytest.MonkeyPatch) -> Remote:
    """A model whose worker meets a problem."""

    class Broken:
        name = "m"

        async def complete(self, request: Request) -> Response:
            raise problem

    monkeypatch.setattr(worker, "_model", lambda *_: Broken())
    return Remote(Here(), OFFLINE)


def test_a_worker_answers_as_the_model_itself_does() -> None:
    request = question(params={"temperature": 0.5, "stop": ["\n"]}, sample=2)

    assert bridge.run(Remote(Here(), OFFLINE).complete(request)) == bridge.run(bare(OFFLINE).complete(request))


def test_what_is_remembered_does_not_depend_on_who_asked() -> None:
    for section in (OFFLINE, HOSTED):
        assert identity(Remote(Here(), section)) == identity(bare(section))


def test_every_part_of_a_request_arrives() -> None:
    parts: tuple[dict[str, Any], ...] = ({"type": "image_url", "image_url": {"url": "data:image/png;base64,AA"}},)
    tools = [{"type": "function", "function": {"name": "z", "parameters": {"b": 1, "a": 2}}}]
    plain = question("ä\ud800\x00 {{x}}", params={"a": [1, None, {"b": 0.1}], "tools": tools}, sample=3)
    request = replace(plain, messages=(*plain.messages, Message("user", "[image]", parts)))

    arrived = worker.read_request(worker.write_request(request))

    assert arrived == request and arrived.key("m") == request.key("m")


def test_what_a_server_says_of_its_limits_reaches_the_driver() -> None:
    told = {"status": 429, "left": True, "headers": {"x-ratelimit-limit-requests": "60"}}
    answer = {"error": {"kind": "ModelError", "text": "slow down", "status": 429, "retryable": True}, "exchange": told}

    async def asked() -> Exchange:
        with transport.observed() as exchange, suppress(ModelError):
            await Remote(Here(lambda *_: json.dumps(answer)), OFFLINE).complete(question())
        return exchange

    met = bridge.run(asked())
    assert {"status": met.status, "left": met.left, "headers": met.headers} == told


@pytest.mark.parametrize(
    "facts",
    [
        {"retryable": True, "status": 429, "retry_after": 1.5},
        {"refused": True, "status": 400},
        {"status": None},
    ],
)
def test_an_error_of_a_model_comes_back_whole(facts: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    problem = ModelError("it broke", model="offline/sim-beta", **facts)

    with pytest.raises(ModelError) as met:
        bridge.run(facing(problem, monkeypatch).complete(question()))

    assert (str(met.value), vars(met.value)) == (str(problem), vars(problem))


def test_a_key_that_a_worker_lacks_is_told_as_the_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PROMPTPORT_TEST_KEY", raising=False)

    with pytest.raises(ConfigError, match=r"on a worker: .*PROMPTPORT_TEST_KEY is not set"):
        bridge.run(Remote(Here(), HOSTED).complete(question()))


def test_before_a_run_a_worker_looks_for_every_key_but_that_of_a_recorded_source(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sections: dict[str, Any] = {
        "source": {"model": "openai/gpt-4o", "api_key_env": "PROMPTPORT_TEST_SOURCE"},
        "target": {"model": "openai/gpt-4o-mini", "api_key_env": "PROMPTPORT_TEST_TARGET"},
        "judge": {"model": "openai/gpt-4o-mini", "api_key_env": "PROMPTPORT_TEST_JUDGE"},
    }
    settings = load_settings(write_task(tmp_path, engine={"workers": "dask"}, **sections))
    monkeypatch.setattr(opening, "_opened", lambda _: Here())

    def missing(recorded: bool) -> str:
        with pytest.raises(ConfigError) as told, opening.providers(settings, recorded=recorded):
            pass
        return str(told.value)

    assert "on a worker: " in missing(recorded=False) and "PROMPTPORT_TEST_SOURCE" in missing(recorded=False)
    assert "PROMPTPORT_TEST_TARGET" in missing(recorded=True)
    monkeypatch.setenv("PROMPTPORT_TEST_TARGET", "x")
    assert "PROMPTPORT_TEST_JUDGE" in missing(recorded=True)
    monkeypatch.setenv("PROMPTPORT_TEST_JUDGE", "x")
    with opening.providers(settings, recorded=True):
        pass


def test_a_foreign_error_comes_back_in_words_without_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    remote = facing(RuntimeError("with sk-abcdefghij0123456789abcdef"), monkeypatch)

    with pytest.raises(ModelError, match=r"RuntimeError: with <hidden>") as met:
        bridge.run(remote.complete(question()))
    assert not met.value.retryable


def test_no_key_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROMPTPORT_TEST_KEY", "canary-" + "k" * 30)
    here = Here(lambda *_: '{"response": {"text": "yes"}, "exchange": {"status": 200, "left": true, "headers": {}}}')

    assert bridge.run(Remote(here, HOSTED).complete(question())).text == "yes"
    assert here.sent and not any("canary" in text for text in here.sent)


def test_a_call_whose_worker_was_lost_is_made_again() -> None:
    class Losing(Here):
        async def call(self, work: Callable[..., str], *texts: str) -> str:
            answer = await super().call(work, *texts)
            if len(self.sent) == len(texts):
                raise lost("KilledWorker")
            return answer

    here = Losing()
    model = provider(OFFLINE, asked=lambda section, labels: Remote(here, section, labels))

    assert bridge.run(model.complete(question())).model == "offline/sim-beta"
    assert len(here.sent) == 6  # three texts, twice


def test_the_limit_of_the_budget_holds_over_all_workers(tmp_path: Path) -> None:
    here, purse, price = Here(), Purse(calls=10), Price(1.0, 1.0)

    async def many(model: Metered) -> list[Response | BaseException]:
        asked = (model.complete(question(str(n))) for n in range(40))
        return await asyncio.gather(*asked, return_exceptions=True)

    with CallStore(tmp_path / "calls.sqlite") as store:
        answers = bridge.run(many(Metered(Cached(Remote(here, OFFLINE), store), purse, "target", price)))

    assert sum(isinstance(answer, Response) for answer in answers) == 10
    assert sum(isinstance(answer, BudgetExceeded) for answer in answers) == 30
    assert len(here.sent) == 3 * 10


# -- who makes a call


async def _next(seats: Seats) -> str:
    async with seats.taken() as address:
        return address


def test_a_call_goes_to_the_worker_with_the_most_room() -> None:
    async def three() -> list[str]:
        seats = Seats()
        await seats.now({"small": 1, "large": 4})
        async with seats.taken() as one, seats.taken() as two, seats.taken() as three:
            return [one, two, three]

    assert bridge.run(three()) == ["small", "large", "large"]


def test_a_call_waits_while_all_workers_are_full_and_goes_on_where_there_is_room_first() -> None:
    async def waiting() -> tuple[bool, str, str]:
        seats = Seats()
        await seats.now({"one": 1})
        async with seats.taken():
            second = asyncio.create_task(_next(seats))
            await asyncio.sleep(0.01)
            waited = not second.done()
        third = await _next(seats)
        return waited, await second, third

    assert bridge.run(waiting()) == (True, "one", "one")


def test_a_worker_that_has_gone_gets_no_call_and_a_new_one_does() -> None:
    async def moved() -> str:
        seats = Seats()
        await seats.now({})
        waiting = asyncio.create_task(_next(seats))
        await asyncio.sleep(0.01)
        await seats.now({"new": 2})
        return await waiting

    assert bridge.run(moved()) == "new"


def test_a_place_is_given_back_by_a_call_that_fails_or_is_cancelled() -> None:
    async def broken() -> list[str]:
        seats = Seats()
        await seats.now({"one": 1})
        with suppress(ValueError):
            async with seats.taken():
                raise ValueError
        held = asyncio.create_task(_held(seats))
        await asyncio.sleep(0.01)
        impatient = asyncio.create_task(_next(seats))
        await asyncio.sleep(0.01)
        impatient.cancel()
        held.cancel()
        await asyncio.gather(held, impatient, return_exceptions=True)
        return [await _next(seats) for _ in range(2)]

    async def _held(seats: Seats) -> None:
        async with seats.taken():
            await asyncio.sleep(60)

    assert bridge.run(broken()) == ["one", "one"]


def test_a_call_that_no_worker_took_is_not_billed_and_one_that_was_lost_may_be(tmp_path: Path) -> None:
    for problem, wasted in ((NotSent("nobody", model="cluster", retryable=True), 0), (lost("KilledWorker"), 1)):

        class Failing(Here):
            async def call(self, work: Callable[..., str], *texts: str) -> str:
                raise problem  # noqa: B023

        remote, purse = Remote(Failing(), OFFLINE), Purse()
        metered = Metered(Counted(remote), purse, "target", Price(1.0, 1.0))
        with pytest.raises(ModelError):
            bridge.run(metered.complete(question()))
        assert sum(spend.wasted for spend in purse.spend.values()) == wasted


def test_a_worker_runs_what_it_is_told_by_name_on_one_of_its_own_threads() -> None:
    from concurrent.futures import ThreadPoolExecutor
    from types import SimpleNamespace

    with ThreadPoolExecutor(1) as pool:
        here = SimpleNamespace(executors={"default": pool})
        section, labels = OFFLINE.model_dump_json(), worker.write_labels(NO_LABELS)
        told = bridge.run(worker.carried("ask", (section, labels, worker.write_request(question())), here))

    assert json.loads(told)["response"]["text"] == bridge.run(bare(OFFLINE).complete(question())).text


class Slow:
    """Ray on a machine so busy that a node does not start in time, so many times."""

    def __init__(self, times: int) -> None:
        self.times, self.inits, self.shutdowns = times, 0, 0

    def init(self, **_options: object) -> None:
        self.inits += 1
        if self.inits <= self.times:
            raise Exception("The current node timed out during startup.")

    def shutdown(self) -> None:
        self.shutdowns += 1


def test_a_node_of_ray_that_does_not_start_in_time_is_started_again() -> None:
    ray = Slow(times=2)

    begin(ray, EngineSettings(workers="ray"))

    assert (ray.inits, ray.shutdowns) == (3, 2)


@pytest.mark.parametrize(("address", "inits"), [(None, 3), ("ray://nobody:10001", 1)])
def test_ray_that_cannot_be_had_is_told_in_a_sentence(address: str | None, inits: int) -> None:
    ray = Slow(times=9)

    with pytest.raises(ConfigError, match=rf"^engine.address: {address or 'Ray on this machine'} cannot be used "):
        begin(ray, EngineSettings(workers="ray", address=address))

    assert ray.inits == inits
