"""What one target's search may still take: its share of the purse, less what the confirmation needs, and the time.

Time is the one thing that a replay cannot repeat. So the run notes up to which question there was time, and at which
it ran out: started again, it goes as far as before, and stops where it stopped before unless it has been given more
minutes.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from optimizer.models.money.meter import Purse
from optimizer.planning.estimate import Need

_NOTE_EVERY = 10.0  # seconds between two notes of how long the run has taken


class Clock:
    """Minutes used by a run, over all its starts. `note` keeps the facts; `noted` are those of earlier starts."""

    def __init__(
        self,
        minutes: float | None,
        noted: Mapping[str, Any],
        note: Callable[[Mapping[str, Any]], None],
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limit = None if minutes is None else 60 * minutes
        self._before = float(noted.get("seconds", 0.0))
        self._stops: dict[str, Any] = dict(noted.get("stops", {}))
        self._passed: dict[str, int] = dict(noted.get("passed", {}))
        self._note = note
        self._now = now
        self._start = self._noted_at = now()

    @property
    def since(self) -> float:
        """Seconds of this start alone."""
        return self._now() - self._start

    @property
    def seconds(self) -> float:
        return self._before + self._now() - self._start

    def late(self) -> str | None:
        """Why nothing more may be asked, if all the time is used; stored answers may still be looked up."""
        if self._limit is None or self.seconds < self._limit:
            return None
        self.write_down()
        return f"the {self._limit / 60:g} minutes of the budget are used; raise `budget.minutes` and run again to go on"

    def out_of_time(self, target: str, question: int, kept: float = 0.0) -> str | None:
        """Why the search for `target` ends at its `question`-th question, if no more than `kept` seconds are left."""
        if self._limit is not None and self._stopped(target, question, self._limit, kept):
            return f"the time of the budget is used ({self._limit / 60:g} min)"
        self._passed[target] = max(question, self._passed.get(target, 0))
        if self._now() - self._noted_at > _NOTE_EVERY:
            self.write_down()
        return None

    def _stopped(self, target: str, question: int, limit: float, kept: float) -> bool:
        known = self._stops.get(target)
        if known and known["limit"] >= limit:
            return bool(question >= known["question"])
        if question <= self._passed.get(target, 0) or self.seconds + kept < limit:
            return False
        self._stops[target] = {"question": question, "limit": limit}
        self.write_down()
        return True

    def write_down(self) -> None:
        self._noted_at = self._now()
        self._note({"seconds": round(self.seconds, 1), "stops": self._stops, "passed": self._passed})

    def __enter__(self) -> Clock:
        return self

    def __exit__(self, *_: object) -> None:
        self.write_down()


class Allowance:
    """Tells the search whether it can pay for a number of further answers.

    `needs`: of this target and of those after it. These are held back in the purse itself, so that a proposer or a
    compile that turns out more expensive than it asked for cannot spend them; the targets share what is left beyond.
    """

    def __init__(self, purse: Purse, clock: Clock, target: str, needs: Sequence[Need]) -> None:
        self._purse, self._clock, self._target = purse, clock, target
        self._need, self._later = needs[0], needs[1:]
        self._questions = 0
        purse.keep()
        self._calls, self._dollars = purse.calls, purse.dollars
        left = purse.left()
        self._most_calls = _share(left.calls, [need.calls for need in needs])
        self._most_dollars = _share(left.dollars, [need.dollars for need in needs])
        self._tokens = purse.tokens
        self._most_tokens = _share(left.tokens, [self._tokens_of(need.calls) for need in needs])

    def __call__(self, calls: int) -> str | None:
        self._questions += 1
        need, overrun = self._need, self._overrun()
        if reason := self._clock.out_of_time(self._target, self._questions, need.confirm.calls * self._pace()):
            return reason
        kept_calls, kept = need.confirm.calls, need.confirm.dollars * overrun + need.worst
        kept_tokens = self._tokens_of(kept_calls)
        self._hold_back(kept_calls, kept, kept_tokens)
        used, spent = self._purse.calls - self._calls, self._purse.dollars - self._dollars
        if used + calls * need.answer.calls + kept_calls > self._most_calls:
            return f"the calls of the budget are used ({used:,} by the search, {kept_calls:,} kept to confirm)"
        if spent + calls * need.answer.dollars * overrun + need.worst + kept > self._most_dollars:
            return f"the dollars of the budget are used (${spent:.4f} by the search, ${kept:.4f} kept to confirm)"
        used_tokens = self._purse.tokens - self._tokens
        if used_tokens + self._tokens_of(calls * need.answer.calls) + kept_tokens > self._most_tokens:
            return f"the tokens of the budget are used ({kept_tokens:,} kept to confirm)"
        return None

    def left(self) -> float:
        """About how many more answers can be paid for; infinite if nothing is limited."""
        need, overrun = self._need, self._overrun()
        kept = need.confirm.dollars * overrun + 2 * need.worst
        calls = self._most_calls - (self._purse.calls - self._calls) - need.confirm.calls
        dollars = self._most_dollars - (self._purse.dollars - self._dollars) - kept
        each = need.answer.dollars * overrun
        return max(0.0, min(calls / need.answer.calls, dollars / each if each else math.inf))

    def release(self) -> None:
        """What was held back for this target's confirmation may be spent now."""
        self._hold_back(0, 0.0, 0)

    def _pace(self) -> float:
        """Seconds for each call so far in this start, many of which went out at the same time."""
        return self._clock.since / self._purse.calls if self._purse.calls else 0.0

    def _tokens_of(self, calls: int) -> int:
        """Tokens to expect of so many calls: half as many again as the mean so far, since prompts grow."""
        return math.ceil(1.5 * calls * self._purse.tokens / self._purse.calls) if self._purse.calls else 0

    def _overrun(self) -> float:
        """By what factor an answer may cost more than expected, judging by the dearest calls so far; 1 at least."""
        beside = max(self._purse.dearest("judge"), self._purse.dearest("embedder"))
        dearest = self._purse.dearest("target", self._target) + (self._need.answer.calls - 1) * beside
        return max(1.0, dearest / self._need.answer.dollars) if self._need.answer.dollars else 1.0

    def _hold_back(self, calls: int, dollars: float, tokens: int) -> None:
        calls += sum(need.calls for need in self._later)
        dollars += sum(need.dollars for need in self._later)
        tokens += self._tokens_of(sum(need.calls for need in self._later))
        self._purse.keep(calls=calls, dollars=dollars, tokens=tokens)


def _share(left: float | None, needs: Sequence[float]) -> float:
    """The first need, with an equal part of what all needs leave over; infinite without a limit."""
    return math.inf if left is None else needs[0] + (left - sum(needs)) / len(needs)
