"""Retries: which, how often, and after how long a pause."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from optimizer.errors import ModelError
from optimizer.models import bridge
from optimizer.models.money.meter import Metered, Purse
from optimizer.models.pacing.retry import Impatient, Retrying
from optimizer.models.scripted import ScriptedModel
from optimizer.models.stores.cache import Cached, CallStore
from optimizer.types import Message, Request, Response

QUESTION = Request((Message("user", "hi"),))


class Pauses(list[float]):
    async def __call__(self, seconds: float) -> None:
        self.append(seconds)


class Highest(random.Random):
    """Draws the upper end of every range, so that a test can name it."""

    def uniform(self, a: float, b: float) -> float:
        return b


def failing(*errors: ModelError | None) -> ScriptedModel:
    """Fails with each error in turn; answers where there is None, and from then on."""
    left = list(errors)

    def script(_: Request) -> str:
        if left and (error := left.pop(0)):
            raise error
        return "fine"

    return ScriptedModel(script)


def passing(**options: float) -> ModelError:
    return ModelError("busy", model="m", retryable=True, status=429, **options)  # type: ignore[arg-type]


def run(model: Retrying) -> Response:
    return bridge.run(model.complete(QUESTION))


def test_who_would_rather_go_without_gets_two_tries_and_everybody_else_as_many_as_ever() -> None:
    model = failing(*[passing()] * 4)
    patient = Retrying(model, sleep=Pauses())
    with pytest.raises(ModelError, match="busy"):
        bridge.run(Impatient(patient).complete(QUESTION))
    assert model.calls == 2
    assert run(patient).text == "fine"
    assert model.calls == 5
    with pytest.raises(ModelError, match="busy"):
        bridge.run(Impatient(Retrying(failing(passing()), attempts=1)).complete(QUESTION))
    assert (Impatient(patient).name, Impatient(patient).identity) == (patient.name, patient.identity)


def test_a_passing_failure_is_asked_again() -> None:
    model = failing(passing(), passing())
    patient = Retrying(model, sleep=Pauses())
    assert run(patient).text == "fine"
    assert model.calls == 3
    assert patient.retries == {"HTTP 429": 2}


def test_retries_are_counted_by_reason() -> None:
    dropped = ModelError("dropped", model="m", retryable=True)
    garbled = ModelError("garbled", model="m", retryable=True, status=200)
    patient = Retrying(failing(dropped, garbled, garbled, passing()), sleep=Pauses())
    run(patient)
    assert patient.retries == {"no answer": 1, "unusable answer": 2, "HTTP 429": 1}


def test_a_final_failure_is_not() -> None:
    model = failing(ModelError("no key", model="m", status=401))
    with pytest.raises(ModelError, match="no key"):
        run(Retrying(model, sleep=Pauses()))
    assert model.calls == 1


def test_the_last_failure_is_raised_after_all_attempts() -> None:
    model, pauses = failing(*[passing()] * 9), Pauses()
    with pytest.raises(ModelError, match="busy"):
        run(Retrying(model, 4, sleep=pauses))
    assert (model.calls, len(pauses)) == (4, 3)


def test_the_pause_doubles_up_to_the_longest() -> None:
    pauses = Pauses()
    with pytest.raises(ModelError):
        run(Retrying(failing(*[passing()] * 9), 6, base=0.5, longest=3.0, rng=Highest(), sleep=pauses))
    assert pauses == [0.5, 1.0, 2.0, 3.0, 3.0]


def test_pauses_are_drawn_from_the_whole_range() -> None:
    pauses = Pauses()
    with pytest.raises(ModelError):
        run(Retrying(failing(*[passing()] * 400), 400, base=8.0, longest=8.0, rng=random.Random(1), sleep=pauses))
    assert min(pauses) < 0.5
    assert max(pauses) > 7.5


def test_a_server_that_says_how_long_is_given_that_long_and_the_jitter() -> None:
    pauses = Pauses()
    run(Retrying(failing(passing(retry_after=7.0)), base=0.5, rng=Highest(), sleep=pauses))
    assert pauses == [7.5]


def test_a_server_that_asks_for_hours_is_asked_again_after_the_longest_pause() -> None:
    pauses = Pauses()
    run(Retrying(failing(passing(retry_after=9000.0)), longest=60.0, sleep=pauses))
    assert pauses == [60.0]


def test_an_answer_keeps_in_the_store_how_many_tries_it_took_and_the_spend_tells_it(tmp_path: Path) -> None:
    """So that a run which is replayed tells the same as the one that was cut off."""
    told = []
    with CallStore(tmp_path / "calls.sqlite") as store:
        for model in (failing(passing(), passing()), failing()):
            purse = Purse()
            bridge.run(Metered(Cached(Retrying(model, sleep=Pauses()), store), purse, "target").complete(QUESTION))
            told.append(purse.spend["target"])

    assert (told[0].calls, told[0].retries) == (1, 2)
    assert told[1] == told[0], "nobody was asked the second time"
