"""The limits that an offline server enforces as providers do: requests and tokens per minute, for each model."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from optimizer.errors import ConfigError


@dataclass(frozen=True)
class Quota:
    """None is no limit. `burst`: how many seconds' worth may be used at once.

    `tells`: "all" sends x-ratelimit-* with every answer and Retry-After with a 429; "wait" only the latter; "nothing"
    leaves a client to find out for itself.
    """

    rpm: float | None = None
    tpm: float | None = None
    burst: float = 10.0
    tells: Literal["all", "wait", "nothing"] = "all"

    def __post_init__(self) -> None:
        for name in ("rpm", "tpm", "burst"):
            value = getattr(self, name)
            if value is not None and not 0 < value < math.inf:
                raise ConfigError(f"quota: {name} must be above 0, found {value:g}")


NO_QUOTA = Quota()


class Till:
    """What one model's callers have left of a quota."""

    def __init__(self, quota: Quota, clock: Callable[[], float] = time.monotonic) -> None:
        limits = {"requests": quota.rpm, "tokens": quota.tpm}
        self._quota, self._clock, self._at = quota, clock, clock()
        self._limits = {kind: limit for kind, limit in limits.items() if limit}
        self._most = {kind: max(1.0, limit * quota.burst / 60) for kind, limit in self._limits.items()}
        self._left = dict(self._most)
        self.let_in = dict.fromkeys(self._limits, 0.0)  # requests, tokens: all that was booked

    def take(self, tokens: int) -> float:
        """Books a request of so many tokens; or books nothing, and tells after how many seconds there is room."""
        now = self._clock()
        for kind, limit in self._limits.items():
            self._left[kind] = min(self._most[kind], self._left[kind] + (now - self._at) * limit / 60)
        self._at = now
        wanted = {kind: 1.0 if kind == "requests" else min(float(tokens), self._most[kind]) for kind in self._limits}
        wait = max(((wanted[k] - self._left[k]) * 60 / limit for k, limit in self._limits.items()), default=0.0)
        if wait <= 1e-9:
            for kind, amount in wanted.items():
                self._left[kind] -= amount
                self.let_in[kind] += amount
        return max(0.0, wait)

    def headers(self, wait: float) -> dict[str, str]:
        told = {}
        if self._quota.tells == "all":
            for kind, limit in self._limits.items():
                full = (self._most[kind] - self._left[kind]) * 60 / limit
                told[f"x-ratelimit-limit-{kind}"] = f"{limit:g}"
                told[f"x-ratelimit-remaining-{kind}"] = str(max(0, int(self._left[kind])))
                told[f"x-ratelimit-reset-{kind}"] = f"{math.ceil(1000 * max(0.0, full))}ms"
        if wait and self._quota.tells != "nothing":
            told["Retry-After"] = str(math.ceil(wait))
            told["retry-after-ms"] = str(math.ceil(1000 * wait))
        return told
