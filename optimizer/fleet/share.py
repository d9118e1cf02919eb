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
    """What a task takes at least, and what it would take; in calls, dollars or tokens."""

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
_Amounts = tuple[float | None, float | None, float | None]  # likewise


def budgets(limits: Budget, wants: Mapping[str, Wants]) -> dict[str, Budget | None]:
    """By task, from what each wants; None for those for which there is no room. Minutes hold for each task alone."""
    calls, dollars, tokens = (
        _divided(limit, [want[n] for want in wants.values()]) for n, limit in enumerate(_limits(limits))
    )
    return {
        name: _budget(limits, amounts)
        for name, amounts in zip(wants, zip(calls, dollars, tokens, strict=True), strict=True)
    }


def second_helping(
    limits: Budget,
    wants: Mapping[str, Wants],
    first: Mapping[str, Budget | None],
    hungry: Sequence[str],
    so_far: Bill,
) -> dict[str, Budget]:
    """New budgets for those that are `hungry` and get more. `first`: what they had."""
    given = list[list[float | None]]()
    spent = _amounts(so_far.paid)
    for n, limit in enumerate(_limits(limits)):
        used = [_amounts(so_far.counted[name])[n] for name in hungry]
        kept = [max(_limits(first[name] or Budget())[n] or 0.0, one) for name, one in zip(hungry, used, strict=True)]
        unused = sum(one - gone for one, gone in zip(kept, used, strict=True))
        left = None if limit is None else max(0.0, limit - spent[n] - unused)
        asks = [Want(0.0 if first[name] else wants[name][n].least, wants[name][n].most) for name in hungry]
        more = _divided(left, asks)
        given.append([None if some is None else one + some for one, some in zip(kept, more, strict=True)])
    calls, dollars, tokens = given
    made = {
        name: _budget(limits, amounts)
        for name, amounts in zip(hungry, zip(calls, dollars, tokens, strict=True), strict=True)
    }
    return {name: budget for name, budget in made.items() if budget is not None and budget != first[name]}


def tighter(own: Budget, share: Budget) -> Budget:
    """A task's own limits hold beside its share."""
    least = {}
    for key in ("dollars", "calls", "tokens", "minutes"):
        given = [value for value in (getattr(own, key), getattr(share, key)) if value is not None]
        least[key] = min(given) if given else None
    return Budget(**least)


def _budget(limits: Budget, amounts: _Amounts) -> Budget | None:
    """None where there is a limit, and no room within it."""
    if any(limit is not None and one is None for limit, one in zip(_limits(limits), amounts, strict=True)):
        return None
    calls, dollars, tokens = amounts
    return Budget(calls=_whole(calls), dollars=dollars or None, tokens=_whole(tokens), minutes=limits.minutes)


def _amounts(amount: Amount) -> tuple[int, float, int]:
    return amount.calls, amount.dollars, amount.tokens


def _limits(budget: Budget) -> _Amounts:
    return budget.calls, budget.dollars, budget.tokens


def _whole(amount: float | None) -> int | None:
    return None if amount is None else max(1, int(amount))


def _divided(total: float | None, wants: Sequence[Want]) -> list[float | None]:
    return [None] * len(wants) if total is None else divide(total, wants)
