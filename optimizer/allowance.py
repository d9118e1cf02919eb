"""What one target's search may still take: its share of the purse, less what the confirmation needs, and the time.

Time is the one thing that a replay cannot repeat. So the question at which time ran out is written down, and a run
that is started again stops at the same question, unless it has been given more minutes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from optimizer.models.meter import Purse

_NOTE_EVERY = 10.0  # seconds between two notes of how long the run has taken


class Clock:
    """Minutes used by a run, over all its sessions. `note` keeps the facts; `noted` are those of earlier sessions."""

    def __init__(
        self, minutes: float | None, noted: Mapping[str, Any], note: Callable[[Mapping[str, Any]], None]
    ) -> None:
        self._limit = None if minutes is None else 60 * minutes
        self._before = float(noted.get("seconds", 0.0))
        self._stops: dict[str, Any] = dict(noted.get("stops", {}))
        self._note = note
        self._start = self._noted_at = time.monotonic()

    @property
    def seconds(self) -> float:
        return self._before + time.monotonic() - self._start

    def out_of_time(self, target: str, question: int) -> str | None:
        """Why the search of `target` ends at its `question`-th question, if time is out."""
        if time.monotonic() - self._noted_at > _NOTE_EVERY:
            self.write_down()
        if self._limit is None:
            return None
        known = self._stops.get(target)
        if known and known["limit"] >= self._limit:
            stopped = question >= known["question"]
        elif stopped := self.seconds >= self._limit:
            self._stops[target] = {"question": question, "limit": self._limit}
            self.write_down()
        return f"the {self._limit / 60:g} minutes of the budget are used" if stopped else None

    def write_down(self) -> None:
        self._noted_at = time.monotonic()
        self._note({"seconds": round(self.seconds, 1), "stops": self._stops})


class Allowance:
    """Answers the search's question whether so many more calls can be paid for."""

    def __init__(self, purse: Purse, clock: Clock, target: str, *, targets_left: int, meetings: int) -> None:
        self._purse, self._clock, self._target = purse, clock, target
        self._left, self._meetings = targets_left, meetings
        self._questions = 0
        self._calls, self._dollars = purse.calls, purse.dollars
        self._limits = tuple(None if left is None else left / targets_left for left in purse.left())

    def __call__(self, calls: int) -> str | None:
        self._questions += 1
        if reason := self._clock.out_of_time(self._target, self._questions):
            return reason
        limit_calls, limit_dollars = self._limits
        needed = calls + self._meetings
        used, spent = self._purse.calls - self._calls, self._purse.dollars - self._dollars
        if limit_calls is not None and used + needed > limit_calls:
            return f"the calls of the budget are used ({used:,} by the search, {self._meetings:,} kept to confirm)"
        if limit_dollars is not None and spent + needed * self._dear() > limit_dollars:
            kept = self._meetings * self._dear()
            return f"the dollars of the budget are used (${spent:.4f} by the search, ${kept:.4f} kept to confirm)"
        return None

    def _dear(self) -> float:
        """Dollars to set aside for one call: the dearest that the target has charged so far."""
        return self._purse.dearest("target")
