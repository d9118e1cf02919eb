"""What a search may still take: its share of the purse, less what the confirmation needs, and the time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from optimizer.models.money.meter import Purse
from optimizer.planning.allowance import Allowance, Clock
from optimizer.planning.estimate import Need
from optimizer.planning.sizes import Usage
from optimizer.types import Response

NEED = Need(Usage(10, 0.1), first=4, answer=Usage(1, 0.01), worst=0.05)
_keys: Iterator[int] = iter(range(10**9))


def spend(purse: Purse, calls: int, each: float, role: str = "target", model: str = "t") -> None:
    for _ in range(calls):
        purse.charge(role, f"{next(_keys):064x}", Response("", cost=each), model)


def untimed() -> Clock:
    return Clock(None, {}, lambda _: None)


@dataclass
class Book:
    """Where a clock's notes go, and the time it reads."""

    facts: dict[str, Any] = field(default_factory=dict)
    time: float = 0.0

    def clock(self, minutes: float | None) -> Clock:
        return Clock(minutes, self.facts, self._note, lambda: self.time)

    def _note(self, facts: Mapping[str, Any]) -> None:
        self.facts = {**facts}


# -- calls and dollars


def test_without_limits_everything_is_allowed() -> None:
    allow = Allowance(Purse(), untimed(), "t", [NEED])

    assert allow(10**9) is None


def test_calls_are_allowed_down_to_what_the_confirmation_needs() -> None:
    purse = Purse(calls=40)
    allow = Allowance(purse, untimed(), "t", [NEED])

    assert allow(30) is None
    assert allow(31) == "the calls of the budget are used (0 by the search, 10 kept to confirm)"
    spend(purse, 26, 0.0)
    assert allow(4) is None
    assert allow(5) == "the calls of the budget are used (26 by the search, 10 kept to confirm)"


def test_dollars_are_allowed_down_to_the_confirmation_and_one_call_at_its_worst() -> None:
    """$1.00, of which 10 calls at $0.01 and $0.05 are kept, and $0.05 for the search: 80 calls at $0.01 are left."""
    purse = Purse(dollars=1.0)
    allow = Allowance(purse, untimed(), "t", [NEED])

    assert allow(79) is None
    assert allow(81) == "the dollars of the budget are used ($0.0000 by the search, $0.1500 kept to confirm)"


def test_what_is_kept_grows_with_the_dearest_call_of_the_target() -> None:
    """One call took $0.03, so 10 at $0.03 and twice $0.05 are kept; of $0.97, $0.57 are left: 19 calls at $0.03."""
    purse = Purse(dollars=1.0)
    allow = Allowance(purse, untimed(), "t", [NEED])
    spend(purse, 1, 0.03)

    assert allow(18) is None
    assert allow(20) == "the dollars of the budget are used ($0.0300 by the search, $0.3500 kept to confirm)"


def test_what_another_target_takes_for_a_call_is_no_measure_of_this_one() -> None:
    purse = Purse(dollars=1.03)
    spend(purse, 1, 0.03, model="dear")
    allow = Allowance(purse, untimed(), "t", [NEED])

    assert allow(79) is None and allow(81) is not None


def test_with_a_judge_an_answer_takes_two_calls_and_the_price_of_both() -> None:
    """100 calls and $10; 40 calls and $2.00 are kept, and twice $0.50 for one call at its worst."""
    need = Need(Usage(40, 2.0), first=4, answer=Usage(2, 0.1), worst=0.5)

    assert Allowance(Purse(calls=100), untimed(), "t", [need])(30) is None
    assert Allowance(Purse(calls=100), untimed(), "t", [need])(31) is not None
    purse = Purse(dollars=10.0)
    allow = Allowance(purse, untimed(), "t", [need])
    assert allow(69) is None and allow(71) is not None
    spend(purse, 1, 0.1)
    spend(purse, 1, 0.1, "judge")  # $0.20 an answer: $4.00 and $1.00 are kept, $4.80 are left
    assert allow(23) is None and allow(25) is not None


def test_what_the_source_took_before_is_not_the_searchs() -> None:
    purse = Purse(calls=100)
    spend(purse, 50, 0.0, "source")
    allow = Allowance(purse, untimed(), "t", [NEED])

    assert allow(40) is None
    assert (allow(41) or "").startswith("the calls of the budget are used (0 by the search")


def test_targets_share_what_is_left_beyond_their_needs() -> None:
    """100 calls; the targets need 14 and 24, the 62 beyond are halved: 14 + 31 for the first, 10 of them kept."""
    later = Need(Usage(20, 0.2), first=4, answer=Usage(1, 0.01), worst=0.05)
    purse = Purse(calls=100)
    first = Allowance(purse, untimed(), "one", [NEED, later])

    assert first(35) is None and first(36) is not None
    spend(purse, 45, 0.0)
    second = Allowance(purse, untimed(), "two", [later])
    assert second(35) is None and second(36) is not None


def test_a_dear_target_that_comes_later_keeps_its_money() -> None:
    """The targets need $0.24 and $0.90. Of the $0.01 that they leave over, the first gets half: 4 calls at $0.01."""
    cheap, dear = Need(Usage(10, 0.1), 4, Usage(1, 0.01), 0.05), Need(Usage(10, 0.5), 4, Usage(1, 0.05), 0.1)
    purse = Purse(dollars=1.15)
    allow = Allowance(purse, untimed(), "one", [cheap, dear])

    assert allow(4) is None
    assert allow(5) is not None


def test_what_is_kept_is_held_back_in_the_purse_itself_until_the_confirmation() -> None:
    later = Need(Usage(20, 0.2), first=4, answer=Usage(1, 0.01), worst=0.05)
    purse = Purse(calls=100, dollars=2.0)
    allow = Allowance(purse, untimed(), "one", [NEED, later])

    allow(1)
    assert list(purse.left()[:2]) == pytest.approx([100 - 10 - 24, 2.0 - 0.15 - 0.34])
    allow.release()
    assert list(purse.left()[:2]) == pytest.approx([100 - 24, 2.0 - 0.34])


def tokens_spent(purse: Purse, calls: int, each: int) -> None:
    for _ in range(calls):
        purse.charge("target", f"{next(_keys):064x}", Response("", each, 0))


def test_targets_share_the_tokens_that_are_left_beyond_their_needs_and_keep_their_own_confirmation() -> None:
    """10 calls took 20 tokens each, so that 30 are reckoned for a call. Of 3,000 tokens 2,800 are left; the needs are
    14 and 24 calls, 420 and 720 tokens; half of the 1,660 beyond them goes to the first: 1,250, of which 300 are kept
    to confirm. That is 31 calls (930 tokens), not 32 (960)."""
    later = Need(Usage(20, 0.2), first=4, answer=Usage(1, 0.01), worst=0.05)
    purse = Purse(tokens=3000)
    tokens_spent(purse, 10, 20)
    allow = Allowance(purse, untimed(), "one", [NEED, later])

    assert allow(31) is None
    assert allow(32) == "the tokens of the budget are used (300 kept to confirm)"
    assert purse.left().tokens == 2800 - 300 - 720


# -- minutes


def test_time_runs_out_at_the_question_at_which_it_is_over() -> None:
    book = Book()
    clock = book.clock(2)

    assert clock.out_of_time("t", 1) is None
    book.time = 119.0
    assert clock.out_of_time("t", 2) is None
    book.time = 120.0
    assert clock.out_of_time("t", 3) == "the time of the budget is used (2 min)"


def test_a_stop_is_repeated_at_the_same_question_however_fast_the_replay_is() -> None:
    book = Book(time=0.0)
    first = book.clock(1)
    first.out_of_time("t", 1)
    book.time = 60.0
    assert first.out_of_time("t", 2)

    again = Book(book.facts).clock(1)
    assert again.out_of_time("t", 1) is None
    assert again.out_of_time("t", 2) == "the time of the budget is used (1 min)"


def test_a_search_that_had_time_has_it_again_however_slow_the_replay_is() -> None:
    book = Book()
    with book.clock(1) as clock:
        for question in range(1, 6):
            assert clock.out_of_time("t", question) is None

    slow = Book(book.facts)
    again = slow.clock(1)
    slow.time = 500.0
    assert [again.out_of_time("t", question) for question in range(1, 6)] == [None] * 5
    assert again.out_of_time("t", 6)


def test_a_replay_without_limit_keeps_a_later_limit_from_cutting_it() -> None:
    book = Book()
    with book.clock(None) as clock:
        clock.out_of_time("t", 1)
        clock.out_of_time("t", 2)
    book.time = 1e6
    later = book.clock(1)
    book.time = 2e6

    assert later.out_of_time("t", 2) is None


def test_more_minutes_lift_a_stop_and_fewer_do_not() -> None:
    book = Book()
    first = book.clock(1)
    book.time = 60.0
    assert first.out_of_time("t", 1)

    assert Book(book.facts).clock(0.5).out_of_time("t", 1)
    assert Book(book.facts).clock(2).out_of_time("t", 1) is None


def test_each_target_has_its_own_stop() -> None:
    book = Book()
    clock = book.clock(1)
    assert clock.out_of_time("one", 1) is None
    book.time = 60.0
    assert clock.out_of_time("two", 1)

    again = Book(book.facts).clock(1)
    assert again.out_of_time("one", 1) is None and again.out_of_time("two", 1)


def test_the_seconds_of_all_sessions_add_up() -> None:
    book = Book()
    with book.clock(1):
        book.time = 40.0
    assert book.facts["seconds"] == 40.0

    book.time = 1000.0
    second = book.clock(1)
    book.time = 1019.0
    assert second.out_of_time("t", 1) is None
    book.time = 1020.0
    assert second.out_of_time("t", 2)


def test_the_time_is_written_down_at_least_every_ten_seconds_and_when_something_breaks() -> None:
    book = Book()
    with pytest.raises(KeyboardInterrupt), book.clock(5) as clock:
        clock.out_of_time("t", 1)
        assert book.facts == {}
        book.time = 11.0
        clock.out_of_time("t", 2)
        assert book.facts["seconds"] == 11.0
        book.time = 12.0
        raise KeyboardInterrupt

    assert book.facts == {"seconds": 12.0, "stops": {}, "passed": {"t": 2}}


def test_out_of_time_comes_before_out_of_money() -> None:
    book = Book()
    clock = book.clock(1)
    allow = Allowance(Purse(calls=1), clock, "t", [NEED])
    book.time = 60.0

    assert allow(100) == "the time of the budget is used (1 min)"
