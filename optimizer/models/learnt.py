"""How fast a server that states no limits can be asked, found out from its refusals (HTTP 429).

A limit is a bucket that fills at some rate, and refusals in a row say that it is empty. So what was let in between two
such moments, by the time between them, is that rate, however large the bucket is. We go on just below it, and faster
with every answer, at first hardly and then more: that finds a limit that was raised, and costs a few refusals in
hundreds of calls. A single refusal says nothing: some servers refuse at random, however fast they are asked.
"""

from __future__ import annotations

import math
from collections import deque

_BELOW = 0.97  # of what was found
_HALF = 0.5  # of what was let in before the first refusals, when the bucket was full
_ROW, _AMONG = 3, 12  # so many refusals are a limit; among so many calls they call for a pause
_MANY = 20  # calls let in between two such moments: enough for a rate to be believed as it is
_STEP, _FASTER, _FASTEST = 20, 0.001, 0.02
_FLOOR, _MEMORY = 0.5, 300.0  # of the best rate seen lately; seconds in which that is half forgotten
_LEAST = 0.1  # of the time between two such moments counts, however little was asked in it
_PAUSE = 0.5  # seconds without calls where refusals do not say how long; doubled while nothing is let in
_DOUBT, _FORGIVEN = 5, 100  # refusals before a stated limit is no longer believed; answers after which it is again


class Learnt:
    """The rate, in calls a second; infinite until a limit is met."""

    def __init__(self) -> None:
        self.rate = math.inf
        self._at = 0.0  # when the last turn was given
        self._began = math.inf  # the first call
        self._best, self._best_at = 0.0, 0.0
        self._cut_at = self._cut_before = -math.inf
        self._over: tuple[int, float] | None = None  # calls that set out between the last two refusals, and the time
        self._late = 0  # those of them that were refused
        self._number = 0
        self._numbers: deque[int] = deque([-_AMONG] * _ROW, _ROW)  # of the calls that were refused last
        self._idle, self._looked_at = 0.0, 0.0  # seconds since the limit was met last in which hardly anybody asked
        self._quiet, self._crowd = False, 0
        self._unlucky = 0  # calls refused since the limit was met last
        self._started = self._streak = self._answers = self._steps = self._doubts = self._trouble_free = 0
        self._bound = False  # did anybody have to wait for the rate?

    def asked_by(self, askers: int, now: float) -> None:
        """How many ask now: a server is not slow because hardly anybody asks it, as at the end of a batch."""
        if self._quiet:
            self._idle += now - self._looked_at
        self._crowd = max(self._crowd, askers)
        self._quiet, self._looked_at = askers < self._crowd / 2, now

    def wait(self, now: float) -> float:
        """Seconds until the next call."""
        if self._over:  # by now all refusals of that time are in
            self._reckon(*self._over, now)
        if self.rate == math.inf:
            return 0.0
        wait = self._at + 1 / self.rate - now
        self._bound = self._bound or wait > 0
        return max(0.0, wait)

    def started(self, now: float) -> int:
        """The call's number, for `refused`."""
        self._began = min(self._began, now)
        self._started += 1
        # A turn that came a little late is made up for; what was not used for longer is lost.
        self._at = now if self.rate == math.inf else max(self._at + 1 / self.rate, now - 0.1)
        self._number += 1
        return self._number

    def answered(self) -> None:
        self._streak = 0
        self._answers += 1
        self._trouble_free += 1
        if self._trouble_free >= _FORGIVEN:
            self._doubts = 0
        if self._bound and self._answers >= _STEP:
            self._answers, self._steps, self._bound = 0, self._steps + 1, False
            self.rate *= 1 + min(_FASTEST, _FASTER * self._steps**2)

    def refused(self, number: int, started: float, now: float, *, trusted: bool) -> float:
        """Seconds to keep away. `started`: when the refused call set out; `trusted`: the server states its limits."""
        self._doubts, self._trouble_free = self._doubts + 1, 0
        self._late += self._cut_at >= started > self._cut_before
        self._unlucky += started > self._cut_at
        self._numbers.append(number)
        if started <= self._cut_at or self._unlucky < _ROW:
            return 0.0  # it was under way when a limit was met, and tells nothing new; or it may be chance
        if not trusted or self._doubts > _DOUBT:
            span = now - max(self._cut_at, self._began)
            self._over = (self._started, max(span - self._idle, _LEAST * span))
        self._cut_before, self._cut_at, self._late = self._cut_at, now, self._unlucky
        self._idle, self._crowd = 0.0, 0
        self._started = self._unlucky = self._answers = self._steps = 0
        self._bound = False
        if number - self._numbers[0] > _AMONG:
            return 0.0
        pause: float = min(60.0, _PAUSE * 2**self._streak)
        self._streak = min(self._streak + 1, 10)
        return pause

    def _reckon(self, started: int, span: float, now: float) -> None:
        self._over = None
        let_in, first = started - self._late, self._cut_before == -math.inf
        if let_in <= 0 or span <= 0:
            self.rate = min(self.rate / 2, 1 / max(span, _PAUSE))
            return
        found = let_in / span
        if first:  # the bucket was full
            self.rate = _HALF * found
            return
        self._best *= 0.5 ** ((now - self._best_at) / _MEMORY)
        self._best_at = now
        if let_in >= _MANY:
            self._best = max(self._best, found)
        elif found > _HALF * self.rate and self.rate < math.inf:  # a short span tells little: it is averaged in
            found = min(self.rate, (let_in * found + _MANY * self.rate) / (let_in + _MANY))
        self.rate = max(_BELOW * found, _FLOOR * self._best)
        self._at = now
