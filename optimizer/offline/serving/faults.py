"""Which requests an offline server fails on purpose: chosen by seed, question and try, whatever order they come in."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, fields

from optimizer.errors import ConfigError


@dataclass(frozen=True)
class Faults:
    """Shares, from 0 to 1, of requests that meet each fault; chosen by `seed`, the question, and how often it came.

    `rate_limit`: 429 with Retry-After of `retry_after` seconds. `error`: 500. `hang`: no answer for `hang_seconds`.
    `drop`: the connection closes without an answer. `truncate`: half of the JSON. `impostor`: another model's name.
    """

    rate_limit: float = 0.0
    error: float = 0.0
    hang: float = 0.0
    drop: float = 0.0
    truncate: float = 0.0
    impostor: float = 0.0
    seed: int = 0
    retry_after: float = 1.0
    hang_seconds: float = 600.0

    def __post_init__(self) -> None:
        shares = [getattr(self, kind) for kind in KINDS]
        if min(shares) < 0 or sum(shares) > 1:
            told = ", ".join(f"{kind}={share:g}" for kind, share in zip(KINDS, shares, strict=True) if share)
            raise ConfigError(f"faults: shares must not be negative and together at most 1, found {told}")

    def of(self, question: str, number: int) -> str | None:
        """What the `number`-th request of a question meets."""
        digest = hashlib.sha256(f"{self.seed}/{question}/{number}".encode()).digest()
        roll = int.from_bytes(digest[:8], "big") / 2**64
        for kind in KINDS:
            roll -= getattr(self, kind)
            if roll < 0:
                return kind
        return None


KINDS = tuple(f.name for f in fields(Faults) if f.name not in ("seed", "retry_after", "hang_seconds"))
NO_FAULTS = Faults()
