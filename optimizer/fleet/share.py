"""How a fleet's budget is divided: before anything is asked, so that it does not matter who is faster.

Every task gets what it cannot do without; what is left over is divided by what the tasks would take. When all are
through, what was not paid goes to those that ran out of budget or found no room, once, divided in the same way: what
was not used, and what several tasks had set aside for an answer that one of them paid for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from optimizer.config import Budget
from optimizer.fleet.paid import Amount, Bill


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


Wants = tuple[Want, Want, Want]  # calls, dollars, tokens


def budgets(limits: Budget, wants: Mapping[str, Wants]) -> dict[str, Budget | None]:
    """By task, from what each wants; None for those for which there is no room. Minutes hold for each task alone."""
    calls, dollars, tokens = (
        _divided(limit, [want[n] for want in wants.values()])
        for n, limit in enumerate((limits.calls, limits.dollars, limits.tokens))
    )
    return {
        name: None
        if any(limit is not None and one is None for limit, one in zip(_limits(limits), (c, d, t), strict=True))
        else Budget(calls=_whole(c), dollars=d or None, tokens=_whole(t), minutes=limits.minutes)
        for name, c, d, t in zip(wants, calls, dollars, tokens, strict=True)
    }


def second_helping(
    limits: Budget,
    wants: Mapping[str, Wants],
    first: Mapping[str, Budget | None],
    hungry: Sequence[str],
    so_far: Bill,
) -> dict[str, Budget]:
    """New budgets for those that are `hungry` and get more. `first`: what they had."""
    given: dict[str, list[float | None]] = {name: [] for name in hungry}
    spent = _amounts(so_far.paid)
    counted = {name: _amounts(so_far.counted[name]) for name in hungry}
    for n, limit in enumerate(_limits(limits)):
        if limit is None:
            for name in hungry:
                given[name].append(None)
            continue
        had = {name: _limits(one)[n] or 0.0 if (one := first[name]) else 0.0 for name in hungry}
        held = {name: counted[name][n] for name in hungry}
        left = max(0.0, limit - spent[n] - sum(max(0.0, had[name] - held[name]) for name in hungry))
        asks = [Want(0.0 if first[name] else wants[name][n].least, wants[name][n].most) for name in hungry]
        for name, more in zip(hungry, divide(left, asks), strict=True):
            given[name].append(-1.0 if more is None else max(had[name], held[name]) + more)
    made = {
        name: Budget(calls=_whole(c), dollars=d or None, tokens=_whole(t), minutes=limits.minutes)
        for name, (c, d, t) in given.items()
        if -1.0 not in (c, d, t)
    }
    return {name: budget for name, budget in made.items() if budget != first[name]}


def _amounts(amount: Amount) -> tuple[int, float, int]:
    return amount.calls, amount.dollars, amount.tokens


def _limits(budget: Budget) -> tuple[float | None, float | None, float | None]:
    return budget.calls, budget.dollars, budget.tokens


def _whole(amount: float | None) -> int | None:
    return None if amount is None else max(1, int(amount))


def _divided(total: float | None, wants: Sequence[Want]) -> list[float | None]:
    return [None] * len(wants) if total is None else divide(total, wants)
