"""How fast a server that states no limits can be asked, found out from its refusals (HTTP 429).

Refusals in a row say that what was allowed is used up. From then on one call at a time is tried until one is let in
again. What was let in between two such moments, by the time between them, is the rate that the server allows, be it a
bucket that fills or a count for each minute: at both moments it had as good as nothing left, or everything. Only the
first time a bucket was full and is empty now; then the share that was refused at the end gives a first guess.

We go on just below what was found, and faster with every answer, at first hardly and then more: that finds a limit
that was raised, and costs a few refusals in hundreds of calls. A single refusal says nothing: some servers refuse at
random, however fast they are asked. Where slowing down did not help, time and again, we no longer slow down for it:
then only many more refusals than there were are a limit.
"""

from __future__ import annotations

import math
from collections import deque

_BELOW = 0.95  # of what was found
_GUESS = (0.25, 0.7)  # of the rate at which the first refusals were met, at least and at most
_ROW, _AMONG = 3, 12  # so many refusals are a limit; among so many calls they call for a pause
_MANY = 20  # calls let in between two such moments: enough for a rate to be believed as it is
_UNIT = (5, 30)  # answers in a step, after a guess and after a rate that is well known
_EDGE, _GAIN, _FASTEST = 10, 0.04, 1.1  # after so many steps so much faster, and then by the fourth power
_FLOOR, _MEMORY = 0.5, 300.0  # of the best rate seen lately; seconds in which that is half forgotten
_SPAN = 10.0  # seconds, at least, in which a rate must have been let in to be the best: a full bucket lets in more
_LEAST = 0.1  # of the time between two such moments counts, however little was asked in it
_PAUSE, _PAUSES, _LONGEST = 0.5, 8.0, 60.0  # seconds without calls where refusals do not say how long; doubled
_SEEN = 4.0  # seconds at most, else twice what refusals take, after which a call that was sent to see was let in
_DROUGHT = (1.2, 0.2)  # seconds, and part of the time: a server that lets nobody in for so long counts by the minute
_RECENT = (1.0, 5.0)  # seconds that tell how fast it was asked at the end, where a dozen did so, and at most
_WASTED = 1.1  # so much faster must it be asked at the end than on average before that is told to be too little
_LET_IN = 0.5  # of what was asked for: less than that is a limit that has fallen
_GROWN = 1.1  # so much faster than was found: a refusal then says that this was too fast
_VAIN, _ENOUGH = 6, 60  # times that slowing down did not help, and calls in them: then refusals come by chance
_WINDOWS, _SIGMAS = (24, 120), 4.0  # calls, of which so many more than by chance are a limit: standard deviations
_CALM = 300  # answers after which nothing is refused by chance any more
_DOUBT, _FORGIVEN = 5, 100  # refusals before a stated limit is no longer believed; answers after which it is again


class Learnt:
    """The rate, in calls a second; infinite until a limit is met."""

    def __init__(self) -> None:
        self.rate = math.inf
        self._at = 0.0  # when the last turn was given
        self._since = math.inf  # when the first call was made, or the first that was let in again
        self._number = self._sent = self._lost = 0  # calls in all; since then; refused of these
        self._row: list[int] = []  # the numbers of the calls refused since then
        self._cut: tuple[float, int] | None = None  # when they were too many, and the last call's number by then
        self._tried: float | None = None  # when one was sent to see
        self._tries = 0
        self._delays: deque[float] = deque([0.0], 8)  # seconds that refusals took
        self._starts: deque[float] = deque(maxlen=1000)  # of the last calls
        self._last = 0.0  # the last pause: so uncertain it is when the server would have let one in
        self._asked = 0.0  # calls a second, just before the limit was met
        self._fresh = True  # was no limit met so far?
        self._known = 0.0  # calls that the rate was found from; a guess has none
        self._best, self._best_at = 0.0, 0.0
        self._unit, self._answers, self._steps = _UNIT[0], 0, 0
        self._bound = False  # did anybody have to wait for the rate?
        self._explained = False  # was the last refusal?
        self._doubts = self._trouble_free = 0
        self._found = 0.0  # the rate, as it was found
        self._vain = (0, 0, 0)  # times that slowing down did not help; calls in them; refused of these
        self._chance = 0.0  # the share that is refused however fast the server is asked
        self._idle, self._looked_at = 0.0, 0.0  # seconds in which hardly anybody asked
        self._quiet, self._crowd = False, 0

    def asked_by(self, askers: int, now: float) -> None:
        """How many ask now: a server is not slow because hardly anybody asks it, as at the end of a batch."""
        if self._quiet:
            self._idle += now - self._looked_at
        self._crowd = max(self._crowd, askers)
        self._quiet, self._looked_at = askers < self._crowd / 2, now

    def wait(self, now: float) -> float:
        """Seconds until the next call."""
        if self._cut and self._tried is not None:
            if (seen := self._tried + min(_SEEN, 2 * max(self._delays) + 0.01)) > now:
                return seen - now
            self._go_on(self._cut, self._tried)
        if self.rate == math.inf or self._cut:
            return 0.0
        wait = self._at + 1 / self.rate - now
        self._bound = self._bound or wait > 0
        return max(0.0, wait)

    def started(self, now: float) -> int:
        """The call's number, for `refused`."""
        self._since = min(self._since, now)
        self._sent += 1
        self._number += 1
        self._starts.append(now)
        if self._cut:
            self._tried = now
        # A turn that came a little late is made up for; what was not used for longer is lost.
        self._at = now if self.rate == math.inf else max(self._at + 1 / self.rate, now - 0.1)
        return self._number

    def answered(self, number: int) -> None:
        self._answers += number > self._number - self._sent
        self._trouble_free += 1
        if self._trouble_free >= _FORGIVEN:
            self._doubts = 0
        if self._trouble_free >= _CALM:
            self._chance = 0.0
        if self._bound and self._answers >= self._unit:
            self._answers, self._steps, self._bound = 0, self._steps + 1, False
            self.rate *= min(_FASTEST, _gain(self._steps) / _gain(self._steps - 1))

    def refused(self, number: int, started: float, now: float, *, told: float | None, explained: bool) -> float:
        """Seconds to keep away. `started`: when the refused call set out; `told`: for how long the server said to keep
        away; `explained`: what it states of its limits is reason enough."""
        self._doubts, self._trouble_free = self._doubts + 1, 0
        self._explained = explained and self._doubts <= _DOUBT
        self._delays.append(now - started)
        self._lost += number > self._number - self._sent
        if self._cut:
            if number <= self._cut[1]:
                self._row.append(number)
                return told or 0.0  # it was under way when the limit was met, and tells nothing new
            return self._pause(now - self._cut[0], told)
        self._row.append(number)
        if self._by_chance():
            return told or 0.0
        self._cut = (now, self._number)
        late = [start for start in self._starts if start > now - _RECENT[0]]
        if len(late) < _AMONG:
            late = [start for start in self._starts if start > now - _RECENT[1]][-_AMONG:] or [self._since]
        self._asked = len(late) / max(now - late[0], _RECENT[0] / 2)
        return self._pause(0.0, told) if number - min(self._row) <= _AMONG else told or 0.0

    def _by_chance(self) -> bool:
        if not self._chance:
            return len(self._row) < _ROW
        self._row = [number for number in self._row if number > self._number - max(_WINDOWS)]
        return not any(self._crowded(window) for window in _WINDOWS)

    def _crowded(self, window: int) -> bool:
        refused, usual = sum(number > self._number - window for number in self._row), window * self._chance
        return refused >= max(_ROW, usual + _SIGMAS * math.sqrt(usual * (1 - self._chance)))

    def _pause(self, closed: float, told: float | None) -> float:
        """Doubled each time that one was tried in vain, but what is missed by it stays a small part of the wait."""
        self._tried = None
        self._tries += 1
        if told:
            return max(told, 0.0 if closed else _PAUSE)
        self._last = min(_LONGEST, max(closed / 8, min(_PAUSES, _PAUSE * 2 ** (min(self._tries, 10) - 1))))
        return self._last

    def _go_on(self, cut: tuple[float, int], now: float) -> None:
        """A call that set out `now` was let in."""
        cut_at = cut[0]
        long = now - cut_at > max(_DROUGHT[0], _DROUGHT[1] * (now - self._since))
        if not self._explained:
            self._reckon(cut, now, long=long)
        self._since, self._sent, self._lost, self._row = now if long else cut_at, 1, 0, []
        self._cut, self._tried, self._tries = None, None, 0
        self._idle, self._crowd = 0.0, 0
        self._bound, self._last, self._fresh = False, 0.0, self.rate == math.inf

    def _in_vain(self, found: float) -> bool:
        """Was it refused once more at the very rate that had been found, though most was let in? Time and again?"""
        if self._chance or not self._known or self.rate > _GROWN * self._found or found < _LET_IN * self.rate:
            self._vain = (0, 0, 0)
            return False
        times, calls, lost = self._vain
        times, calls, lost = times + 1, calls + self._sent, lost + self._lost
        self._vain = times, calls, lost
        if times < _VAIN or calls < _ENOUGH:
            return False
        self._chance, self._vain = lost / calls, (0, 0, 0)
        self.rate, self._known, self._best = math.inf, 0.0, 0.0
        return True

    def _reckon(self, cut: tuple[float, int], now: float, *, long: bool) -> None:
        until = now - self._last / 2 if long else cut[0]
        let_in, span = max(1, self._sent - 1 - self._lost), max(until - self._since, 1e-3)
        at_end = self._at_end(cut)
        if self._fresh and not long:  # the bucket was full
            self._set(at_end, 0.0)
            return
        found = let_in / max(span - self._idle, _LEAST * span)
        if self._in_vain(found):
            return
        self._best *= 0.5 ** ((now - self._best_at) / _MEMORY)
        self._best_at = now
        if self._steps > _EDGE and at_end > _WASTED * found:  # much was not used, and is lost if the bucket is small
            self._set(at_end, _EDGE)
            return
        if let_in >= _MANY:
            self._best = max(self._best, found if span >= _SPAN else 0.0)
        elif self._known:  # a short span tells little: it is averaged in
            found = min(self.rate, (let_in * found + self._known * self.rate) / (let_in + self._known))
        sure = 2 * span / max(self._last, 1e-3) if long else let_in
        self._set(max(_BELOW * found, _FLOOR * self._best), min(let_in, sure))

    def _at_end(self, cut: tuple[float, int]) -> float:
        """Calls a second that were let in when nothing was left to use up: that is the rate, if not well measured."""
        first = min(self._row)
        refused, asked = len(self._row) - 1, max(cut[1] - first, 1)
        begun = self._starts[-min(len(self._starts), self._number - first + 1)]
        if (span := cut[0] - begun) > _RECENT[0] / 2:
            return _BELOW * max(1, asked - refused) / span
        return self._asked * max(_GUESS[0], _GUESS[1] * (1 - refused / asked))

    def _set(self, rate: float, known: float) -> None:
        """`known`: how many calls it was found from; 0 for a guess, from which it grows at once."""
        self.rate = self._found = rate
        self._known = min(_MANY, known)
        self._unit = min(_UNIT[1], max(_UNIT[0], int(known)))
        self._answers, self._steps = 0, 0 if known else 2 * _EDGE


def _gain(steps: int) -> float:
    """How much faster than at first after so many steps."""
    return 1 + _GAIN * (steps / _EDGE) ** 4
