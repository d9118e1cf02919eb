"""What a role took, added up as its answers come; and what all took together."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import astuple, dataclass

from optimizer.models.money.tries import Lost
from optimizer.types import Response

PICO = 10**12  # sums of whole picodollars do not depend on the order in which answers come


@dataclass(frozen=True)
class Spend:
    """What one role took: calls answered, tokens, dollars.

    `retries`: tries that failed before an answer came, billed or not. `wasted`: tries that may be billed although
    nothing came of them, with the most that they can have cost. A try can be both; what is wasted counts as spent.
    """

    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    dollars: float = 0.0
    wasted: int = 0
    wasted_dollars: float = 0.0
    retries: int = 0


def together(spends: Iterable[Spend]) -> Spend:
    """By all roles."""
    return Spend(*map(sum, zip(*map(astuple, spends), strict=True)))


class Book:
    """One role's sums."""

    def __init__(self) -> None:
        self.calls = self.read = self.wrote = self.pico = self.retries = 0
        self.dearest: dict[str, int] = {}  # by model: several may play one role
        self.wasted = self.wasted_pico = self.wasted_tokens = 0

    def add(self, response: Response, model: str = "") -> None:
        pico = round(response.cost * PICO)
        self.calls += 1
        self.read += response.input_tokens
        self.wrote += response.output_tokens
        self.pico += pico
        self.retries += response.retries
        self.dearest[model] = max(self.dearest.get(model, 0), pico)

    def waste(self, lost: Lost) -> None:
        self.wasted += lost.times
        self.wasted_pico += lost.times * lost.cost.pico
        self.wasted_tokens += lost.times * lost.cost.tokens

    @property
    def spend(self) -> Spend:
        wasted = self.wasted, self.wasted_pico / PICO
        return Spend(self.calls, self.read, self.wrote, self.pico / PICO, *wasted, self.retries)
