"""What may be used now of a rate that is known: requests or tokens."""

from __future__ import annotations

from collections.abc import Callable

from optimizer.models.pacing.stated import Rest

_BURST = 1.0  # seconds' worth of the rate that may be used at once


class Bucket:
    """What may be used now: it fills at a rate, up to a second's worth; more only where the server says so."""

    def __init__(self, per_minute: float, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._at = clock()
        self._rate = per_minute / 60
        self._most = max(1.0, self._rate * _BURST)
        self._level = self._most

    def wait(self, amount: float) -> float:
        """Seconds until `amount` may be used; an amount larger than the bucket waits until that is full."""
        now = self._clock()
        filled = min(self._most, self._level + max(0.0, now - self._at) * self._rate)
        self._level, self._at = max(self._level, filled), max(self._at, now)
        return max(0.0, (min(amount, self._most) - self._level) / self._rate)

    def empty(self, until: float) -> None:
        """Nothing is left, and nothing comes in before."""
        self.wait(0)
        self._level, self._at = min(self._level, 0.0), max(self._at, until)

    def take(self, amount: float) -> None:
        self._level -= amount

    def set_rate(self, per_minute: float) -> None:
        if per_minute == self._rate * 60:
            return
        self.wait(0)
        self._rate = per_minute / 60
        self._most = max(1.0, self._rate * _BURST)
        self._level = min(self._level, self._most)

    def correct(self, amount: float) -> None:
        """Give back what was booked and not used, or book what was used beyond it (negative)."""
        self._level += amount

    def told(self, rest: Rest, since: float, one: float) -> None:
        """The server's own count. What was sent `since` is perhaps not in it yet, and others may use the same key.

        `one`: what a call takes; so much is always left, for the count may be old."""
        self._level = min(max(self._level, rest.remaining - since - one), rest.remaining + one)
