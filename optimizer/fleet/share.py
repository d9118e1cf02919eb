"""How a fleet's budget is divided: before anything is asked, so that it does not matter who is faster.

Every task gets what it cannot do without; what is left over is divided by what the tasks would take. When all are
through, what was not used goes to those that ran out of budget, once, divided in the same way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from optimizer.config import Budget


@dataclass(frozen=True)
class Want:
    """What a task takes at least, and what it would take; in calls or in dollars."""

    least: float
    most: float


def divide(total: float, wants: Sequence[Want]) -> list[float | None]:
    """What each may spend; None for those, the last in order, whose least does not fit any more.

    >>> divide(100, [Want(10, 30), Want(20, 60)])
    [33.333333333333336, 66.66666666666667]
    """
    left, granted = total, list[bool]()
    for want in wants:
        granted.append(want.least <= left)
        left -= want.least if granted[-1] else 0
    whole = sum(want.most for want, yes in zip(wants, granted, strict=True) if yes) or 1.0
    return [want.least + left * want.most / whole if yes else None for want, yes in zip(wants, granted, strict=True)]


def budgets(limits: Budget, wants: Mapping[str, tuple[Want, Want]]) -> dict[str, Budget | None]:
    """By task, from what each wants in (calls, dollars). Minutes hold for each task alone."""
    calls = _divided(limits.calls, [want[0] for want in wants.values()])
    dollars = _divided(limits.dollars, [want[1] for want in wants.values()])
    return {
        name: None
        if (limits.calls is not None and c is None) or (limits.dollars is not None and d is None)
        else Budget(calls=None if c is None else max(1, int(c)), dollars=d or None, minutes=limits.minutes)
        for name, c, d in zip(wants, calls, dollars, strict=True)
    }


def _divided(total: float | None, wants: Sequence[Want]) -> list[float | None]:
    return [None] * len(wants) if total is None else divide(total, wants)
