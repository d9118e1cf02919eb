"""The purse: what is charged, what is set aside, and that no limit is ever passed."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace
from pathlib import Path

import pytest

from optimizer.errors import BudgetExceeded, ModelError
from optimizer.models import Model, bridge
from optimizer.models.model import identity
from optimizer.models.money.book import PICO, Spend
from optimizer.models.money.meter import Left, Metered, Purse, Tally
from optimizer.models.money.prices import Price
from optimizer.models.money.tries import Cost, Lost
from optimizer.models.scripted import ScriptedModel
from optimizer.models.stores.cache import Cached, CallStore
from optimizer.types import Message, Request, Response

DOLLAR = Price(input=0.0, output=1_000_000.0)  # a dollar a word


def question(text: str = "hi", **options: object) -> Request:
    return Request((Message("user", text),), **options)  # type: ignore[arg-type]


def ask(model: Model, *requests: Request) -> list[Response | BaseException]:
    async def together() -> list[Response | BaseException]:
        return await asyncio.gather(*map(model.complete, requests), return_exceptions=True)

    return bridge.run(together())


def words(count: int, **options: object) -> ScriptedModel:
    return ScriptedModel(lambda _: " ".join(["w"] * count), price=DOLLAR, **options)  # type: ignore[arg-type]


def test_calls_tokens_and_dollars_are_kept_by_role() -> None:
    purse = Purse()
    ask(Metered(words(2), purse, "source"), question("a"), question("b c"))
    ask(Metered(words(5), purse, "judge"), question("a"))
    # the same question to the same name is one question, whoever asks: the judge's is charged to nobody
    assert purse.spend == {"source": Spend(2, 3, 4, 4.0)}
    ask(Metered(words(5, name="other"), purse, "judge"), question("a"))
    assert purse.spend["judge"] == Spend(1, 1, 5, 5.0)
    assert (purse.calls, purse.dollars) == (3, 9.0)
    assert (purse.dearest("judge"), purse.dearest("source"), purse.dearest("nobody")) == (5.0, 2.0, 0.0)


def test_of_several_models_in_a_role_each_has_its_own_dearest_call() -> None:
    purse = Purse()
    ask(Metered(words(5, name="dear"), purse, "target"), question("a"))
    ask(Metered(words(2, name="cheap"), purse, "target"), question("a"), question("b"))
    assert [purse.dearest("target", name) for name in ("dear", "cheap", "nobody")] == [5.0, 2.0, 0.0]
    assert purse.dearest("target") == 5.0


def test_what_is_asked_ahead_counts_against_the_limits_and_is_booked_in_its_turn() -> None:
    """Of $10 and 3 calls, $4 and one call are used ahead: what may take $7 has no room, and one of $6 has."""
    purse, model = Purse(dollars=10.0, calls=3), words(4)
    first = Metered(model, purse, "target")
    with purse.ahead():
        ask(first, question("a"))

    assert (purse.calls, purse.dollars, purse.tokens, purse.spend) == (0, 0.0, 0, {})
    assert purse.left() == Left(3, 10.0), "those who plan with it plan as if it had not been asked"
    assert purse.dearest("target") == 0.0
    dear, fair = (Metered(words(1, name=f"{n}"), purse, "source", DOLLAR, max_tokens=n) for n in (7, 6))
    assert isinstance(ask(dear, question("b"))[0], BudgetExceeded)
    assert not isinstance(ask(fair, question("b"))[0], BaseException)
    ask(first, question("a"))
    assert purse.spend == {"source": Spend(1, 1, 1, 1.0), "target": Spend(1, 1, 4, 4.0)}
    assert purse.left() == Left(1, 5.0) and purse.earlier is None
    purse.come_due()
    assert purse.calls == 2, "once"
    assert not isinstance(ask(first, question("c"))[0], BudgetExceeded)
    assert isinstance(ask(first, question("d"))[0], BudgetExceeded), "three calls are three calls"


def test_what_was_asked_ahead_and_never_came_up_is_booked_in_the_end() -> None:
    purse = Purse(calls=5)
    with purse.ahead():
        ask(Metered(words(4), purse, "target"), question("a"))
    purse.come_due()
    purse.come_due()

    assert purse.spend == {"target": Spend(1, 1, 4, 4.0)} and purse.earlier is None
    assert (purse.left().calls, purse.dearest("target", words(4).name)) == (4, 4.0)


def test_tries_of_an_earlier_start_stay_with_a_question_that_is_asked_ahead() -> None:
    """One try at $2 and 5 tokens came to nothing when the run was killed."""
    request, model = question("a"), words(4)
    key = bytes.fromhex(request.key(identity(model)))
    purse = Purse(before={key: Lost("target", 1, Cost(2 * PICO, 5))})
    with purse.ahead():
        ask(Metered(model, purse, "target"), request)
        ask(Metered(model, purse, "target"), request)

    assert purse.earlier == Spend(calls=1, dollars=4.0, wasted=1, wasted_dollars=2.0)
    purse.come_due()
    assert purse.spend == {"target": Spend(1, 1, 4, 4.0, wasted=1, wasted_dollars=2.0)} and purse.earlier is None


def test_a_question_is_charged_once_a_run_and_again_in_another_run(tmp_path: Path) -> None:
    model = words(1)
    with CallStore(tmp_path / "calls.sqlite") as store:
        for _ in range(2):  # a run, and the same run started again
            purse = Purse()
            metered = Metered(Cached(model, store), purse, "target")
            ask(metered, question("a"))
            ask(metered, question("a"), question("b"))
            assert purse.spend == {"target": Spend(2, 2, 2, 2.0)}
    assert model.calls == 2


def test_a_failure_costs_nothing_and_a_refusal_is_a_call() -> None:
    def fail(request: Request) -> str:
        raise ModelError("no", model="m", refused=request.messages[0].content == "rude")

    purse = Purse()
    ask(Metered(ScriptedModel(fail), purse, "target"), question("kind"), question("rude"))
    assert purse.spend == {"target": Spend(calls=1)}


def test_sums_do_not_depend_on_the_order_of_the_answers() -> None:
    costs = [random.Random(7).random() / 1e4 for _ in range(2000)]
    totals = set()
    for seed in range(5):
        purse = Purse()
        for number in random.Random(seed).sample(range(2000), 2000):
            purse.charge("r", f"{number:04x}", Response("", cost=costs[number]))
        totals.add(purse.dollars)
    assert len(totals) == 1


def test_the_limit_of_calls_is_met_and_not_passed() -> None:
    purse, model = Purse(calls=3), words(1)
    answers = ask(Metered(model, purse, "target"), *[question(str(n)) for n in range(5)])
    assert model.calls == 3
    assert [isinstance(answer, BudgetExceeded) for answer in answers] == [False, False, False, True, True]
    assert str(answers[3]) == (
        "the budget of 3 calls has no room for the next call (at most $0.0000): $3.0000 spent in 3 calls; "
        "raise `budget`, or ask for less"
    )


def test_what_may_be_in_flight_is_bounded_by_its_worst_case() -> None:
    most = []

    class Watched(ScriptedModel):
        at_work = 0

        async def complete(self, request: Request) -> Response:
            self.at_work += 1
            most.append(self.at_work)
            try:
                return await super().complete(request)
            finally:
                self.at_work -= 1

    model = Watched(lambda _: "w", price=DOLLAR, latency=0.01, wait=True)
    metered = Metered(model, Purse(dollars=10.0), "target", DOLLAR, max_tokens=4)
    answers = ask(metered, *[question(str(n)) for n in range(7)])
    assert max(most) == 2  # two times at most four dollars fit into ten, three do not
    assert model.calls == 7  # those that waited were asked when the real cost was known
    assert not any(isinstance(answer, BaseException) for answer in answers)


def test_dollars_are_never_passed_whatever_the_limit() -> None:
    rng = random.Random(3)
    for _ in range(40):
        limit = rng.uniform(0.5, 30.0)
        model = ScriptedModel(lambda request: "w " * int(request.messages[0].content), price=DOLLAR)
        purse = Purse(dollars=limit)
        metered = Metered(model, purse, "target", DOLLAR, max_tokens=5)
        draws = [question(str(rng.randint(1, 5)), sample=n) for n in range(20)]
        answers = ask(metered, *draws)
        assert purse.dollars <= limit
        stopped = any(isinstance(answer, BudgetExceeded) for answer in answers)
        assert stopped == (purse.dollars < sum(int(d.messages[0].content) for d in draws))
        if stopped:
            assert limit - purse.dollars < 5  # and it stops no sooner than the worst case demands


def test_the_limit_that_a_request_states_is_its_worst_case() -> None:
    model = words(1)
    metered = Metered(model, Purse(dollars=3.0), "target", DOLLAR, max_tokens=100)
    (refused,) = ask(metered, question("a"))
    assert isinstance(refused, BudgetExceeded)
    assert "(at most $100.0000)" in str(refused)
    (answered,) = ask(metered, question("a", params={"max_tokens": 3}))
    assert isinstance(answered, Response)


def test_the_worst_case_of_the_input_is_a_token_a_byte() -> None:
    price = Price(input=1_000_000.0, output=0.0)
    metered = Metered(ScriptedModel(lambda _: "x", price=price), Purse(dollars=40.0), "target", price)
    (refused,) = ask(metered, question("äöü" * 2))  # 12 bytes, and 32 tokens for roles and separators
    assert isinstance(refused, BudgetExceeded)
    assert "(at most $44.0000)" in str(refused)


def test_what_is_held_back_is_not_spent_until_it_is_released() -> None:
    purse, model = Purse(dollars=10.0, calls=10), words(1)
    metered = Metered(model, purse, "target", DOLLAR, max_tokens=1)
    purse.keep(dollars=4.0, calls=7)
    answers = ask(metered, *[question(str(n)) for n in range(5)])
    assert model.calls == 3
    assert "7 calls and $4.0000 held back for later stages" in str(answers[-1])
    assert purse.left() == Left(0, 3.0)
    purse.keep()
    assert purse.left() == Left(7, 7.0)
    ask(metered, *[question(str(n)) for n in range(3, 10)])
    assert (purse.calls, purse.dollars) == (10, 10.0)


def test_a_purse_says_what_it_affords() -> None:
    purse = Purse(dollars=2.0, calls=5)
    assert purse.affords(calls=5, dollars=2.0)
    assert not purse.affords(calls=6)
    assert not purse.affords(dollars=2.01)
    assert Purse().affords(calls=10**9, dollars=1e9)
    assert Purse().left() == Left(None, None)


def test_the_same_question_in_flight_is_set_aside_once(tmp_path: Path) -> None:
    model = words(1, latency=0.02, wait=True)
    with CallStore(tmp_path / "calls.sqlite") as store:
        purse = Purse(calls=1)
        answers = ask(Metered(Cached(model, store), purse, "target"), *[question()] * 6)
    assert all(isinstance(answer, Response) for answer in answers)
    assert (model.calls, purse.calls) == (1, 1)


def test_a_cancelled_call_gives_back_what_was_set_aside() -> None:
    purse = Purse(calls=1)
    metered = Metered(words(1, latency=5.0, wait=True), purse, "target")

    async def cancel() -> None:
        task = asyncio.create_task(metered.complete(question()))
        await asyncio.sleep(0.01)
        assert purse.left().calls == 0
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    bridge.run(cancel())
    assert purse.left().calls == 1


DIME = Cost(PICO // 10, 40)  # the worst case of a call: ten cents, forty tokens


def tried(purse: Purse, *billed: bool, key: str = "aa") -> None:
    """A question is asked once for each of `billed`, and each try ends without an answer."""

    async def tries() -> None:
        async with purse.reserved(key, DIME):
            for whether in billed:
                await purse.begin("target", bytes.fromhex(key), DIME)
                purse.ended("target", bytes.fromhex(key), billed=whether)

    bridge.run(tries())


def test_a_try_that_came_to_nothing_and_may_be_billed_is_counted_at_its_worst_case() -> None:
    purse = Purse(calls=10, dollars=1.0, tokens=1000)
    tried(purse, True, True)
    assert purse.spend == {"target": Spend(0, 0, 0, 0.0, wasted=2, wasted_dollars=0.2)}
    assert purse.left() == Left(8, 0.8, 920)


def test_a_try_that_nobody_bills_takes_nothing() -> None:
    purse = Purse(calls=10, dollars=1.0, tokens=1000)
    tried(purse, False, False, False)
    assert (purse.spend, purse.left()) == ({}, Left(10, 1.0, 1000))


@pytest.mark.parametrize("limits", [{"calls": 2}, {"dollars": 0.29}, {"tokens": 119}])
def test_a_third_try_finds_no_room_where_two_that_may_be_billed_took_it(limits: dict[str, float]) -> None:
    purse = Purse(**limits)  # type: ignore[arg-type]
    with pytest.raises(BudgetExceeded, match="and 2 more that came to nothing and may be billed"):
        tried(purse, True, True, True)
    assert purse.spend["target"].wasted == 2


def test_a_refusal_says_the_limits_what_is_spent_what_came_to_nothing_and_what_is_held_back() -> None:
    purse = Purse(calls=1200, dollars=0.29, tokens=1000)
    purse.keep(calls=3, dollars=0.05, tokens=20)
    with pytest.raises(BudgetExceeded) as refused:
        tried(purse, True, True, True)
    assert str(refused.value) == (
        "the budget of 1,200 calls and $0.2900 and 1,000 tokens has no room for the next call (at most $0.1000 and 40 "
        "tokens): $0.0000 spent in 0 calls, and 2 more that came to nothing and may be billed, $0.2000 at the most, "
        "3 calls and $0.0500 and 20 tokens held back for later stages; raise `budget`, or ask for less"
    )


def test_a_try_that_is_late_does_not_go_out() -> None:
    purse = Purse()
    purse.late = lambda: "the 5 minutes are used"
    with pytest.raises(BudgetExceeded, match="the 5 minutes are used"):
        tried(purse, True)
    assert purse.spend == {}


def test_a_tally_adds_up_one_example() -> None:
    tally = Tally(ScriptedModel(lambda _: "a b", price=Price(1.0, 4.0), latency=0.5))
    ask(tally, question("x y z"), question("x"))
    assert (tally.calls, tally.input_tokens, tally.output_tokens, tally.latency) == (2, 4, 4, 1.0)
    assert tally.cost == pytest.approx((4 * 1 + 4 * 4) / 1e6)


class Saying:
    """Answers as it is told, one after the other."""

    name = "saying"

    def __init__(self, *answers: Response) -> None:
        self._answers = list(answers)

    async def complete(self, request: Request) -> Response:
        return self._answers.pop(0)


def test_what_each_prompt_of_a_program_took_is_told_apart_and_what_was_cut_off_is_counted() -> None:
    first, second, third = (Response("x", n, 10 * n, 100.0 * n, 1000.0 * n) for n in (1, 2, 4))
    tally = Tally(Saying(first, replace(second, finish="length"), third, replace(third, finish="length")))

    for part in ("find", "say", "find", ""):
        ask(tally, replace(question(), part=part))

    assert tally.parts == {
        "find": {"calls": 2, "input_tokens": 5, "output_tokens": 50, "cost": 500.0, "latency": 5000.0},
        "say": {"calls": 1, "input_tokens": 2, "output_tokens": 20, "cost": 200.0, "latency": 2000.0},
    }
    assert (tally.calls, tally.input_tokens, tally.cost, tally.cut) == (4, 11, 1100.0, 2)


def test_a_tally_numbers_its_draws() -> None:
    seen: list[int] = []

    def note(request: Request) -> str:
        seen.append(request.sample)
        return "noted"

    model = ScriptedModel(note)
    ask(Tally(model, sample=3), question())
    ask(Tally(model), question(sample=2))  # a program's own numbering stays
    assert seen == [3, 2]
