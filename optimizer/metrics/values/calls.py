"""Calls of tools: are the right ones made, with the right arguments, in the right order?"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Literal, get_args

from optimizer import reader
from optimizer.errors import ConfigError, DataError, nearest
from optimizer.metrics.standard import Against, Compared, brief
from optimizer.metrics.values.structured import COMPARATORS, Comparator, Field, made_field
from optimizer.types import JSON, Output, Score

Order = Literal["any", "strict"]
Call = Mapping[str, Any]
_ABSENT = object()


def tool_call(
    *,
    name_weight: float = 0.5,
    arguments: Mapping[str, Any] | None = None,
    order: Order = "any",
    against: Against = "auto",
) -> Compared:
    """Whether the tools are called that should be, with the arguments that they should have.

    A call scores `name_weight` for the right tool, and the rest by the share of its arguments that are right: of all
    that either side names. The calls are paired so that the sum is greatest, with `order: strict` in the order in
    which they stand; the score is that sum divided by the number of calls on the side that has more, so a call too
    many costs as much as one too few. No call where none is right scores 1.

    `arguments` maps an argument ("date", or "book_room.date" for one tool) to a comparator of `json_fields`, or to
    {compare: ..., weight: ...}; the others must be equal, texts but for case and white space, 1 like 1.0.
    """
    if isinstance(name_weight, bool) or not isinstance(name_weight, int | float) or not 0 <= name_weight <= 1:
        raise ConfigError(f"metric 'tool_call': name_weight must be a number from 0 to 1, found {name_weight!r}")
    if order not in get_args(Order):
        raise ConfigError(
            f"metric 'tool_call': order must be any or strict, found {order!r}.{nearest(order, get_args(Order))}"
        )
    known = {name: made_field("tool_call", "arguments", name, spec) for name, spec in (arguments or {}).items()}
    return Compared(partial(_score, float(name_weight), known, order), against)


def _score(name_weight: float, known: Mapping[str, Field], order: Order, output: Output, answer: JSON) -> Score:
    right, made = _calls(answer), _calls_made(output)
    if right is None:
        raise DataError(f"the right answer must be a list of calls of tools, found {brief(answer)}")
    worth = [[_worth(name_weight, known, ours, want) for want in right] for ours in made]
    pairs = _paired(worth, order)
    count = max(len(right), len(made))
    value = math.fsum(worth[i][j] for i, j in pairs) / count if count else 1.0
    named = sum(made[i]["name"] == right[j]["name"] for i, j in pairs) / count if count else 1.0
    return Score(min(1.0, value), "; ".join(_told(known, made, right, pairs)), {"name": named})


def _calls(answer: JSON) -> list[dict[str, Any]] | None:
    """An answer in words under a schema is one without calls."""
    if isinstance(answer, dict) and not {"name", "function", "tool_calls"} & answer.keys():
        return []
    try:
        return reader.calls(answer)
    except ValueError:
        return None


def _calls_made(output: Output) -> list[dict[str, Any]]:
    return (_calls(output.value) if output.value is not None else None) or []


def _worth(name_weight: float, known: Mapping[str, Field], ours: Call, want: Call) -> float:
    if ours["name"] != want["name"]:
        return 0.0
    return name_weight + (1 - name_weight) * _arguments(known, ours, want)


def _arguments(known: Mapping[str, Field], ours: Call, want: Call) -> float:
    """The weighted share of the arguments that are right; 1 where neither side has any."""
    marks = [(field.weight, _mark(field, ours, want, name)) for name, field in _named(known, ours, want).items()]
    total = math.fsum(weight for weight, _ in marks)
    return math.fsum(weight * mark for weight, mark in marks) / total if marks else 1.0


def _named(known: Mapping[str, Field], ours: Call, want: Call) -> dict[str, Field]:
    tool = want["name"]
    names = [*_given(want), *(name for name in _given(ours) if name not in _given(want))]
    return {name: known.get(f"{tool}.{name}") or known.get(name) or Field(name, _equal) for name in names}


def _given(call: Call) -> Mapping[str, Any]:
    """Null says "nothing there", as a missing argument does."""
    given = call["arguments"] if isinstance(call["arguments"], dict) else {}
    return {name: value for name, value in given.items() if value is not None}


def _mark(field: Field, ours: Call, want: Call, name: str) -> float:
    mine, right = _given(ours).get(name, _ABSENT), _given(want).get(name, _ABSENT)
    return 0.0 if mine is _ABSENT or right is _ABSENT else field.compare(mine, right)


def _equal(ours: JSON, right: JSON) -> float:
    if isinstance(ours, str) and isinstance(right, str):
        return float(" ".join(ours.casefold().split()) == " ".join(right.casefold().split()))
    return _exact(ours, right)


_exact: Comparator = COMPARATORS["exact"]()


def _paired(worth: Sequence[Sequence[float]], order: Order) -> list[tuple[int, int]]:
    """(ours, right) such that the sum of what the pairs are worth is greatest, the earliest ones where several are."""
    if not worth or not worth[0]:
        return []
    if order == "strict":
        return _aligned(worth)
    from scipy.optimize import linear_sum_assignment

    rows, columns = linear_sum_assignment(worth, maximize=True)
    return [(int(i), int(j)) for i, j in zip(rows, columns, strict=True)]


def _aligned(worth: Sequence[Sequence[float]]) -> list[tuple[int, int]]:
    """The best alignment that crosses nowhere."""
    best = [[0.0] * (len(worth[0]) + 1) for _ in range(len(worth) + 1)]
    for i in range(len(worth) - 1, -1, -1):
        for j in range(len(worth[0]) - 1, -1, -1):
            best[i][j] = max(best[i + 1][j], best[i][j + 1], worth[i][j] + best[i + 1][j + 1])
    pairs, i, j = list[tuple[int, int]](), 0, 0
    while i < len(worth) and j < len(worth[0]):
        if best[i][j] == worth[i][j] + best[i + 1][j + 1]:
            pairs.append((i, j))
            i, j = i + 1, j + 1
        elif best[i][j] == best[i + 1][j]:
            i += 1
        else:
            j += 1
    return pairs


def _told(
    known: Mapping[str, Field], made: Sequence[Call], right: Sequence[Call], pairs: Sequence[tuple[int, int]]
) -> list[str]:
    """What is wrong, for whoever mends the prompt."""
    told, sure = list[str](), [(i, j) for i, j in pairs if made[i]["name"] == right[j]["name"]]
    for i, j in sure:
        for name, field in _named(known, made[i], right[j]).items():
            if _mark(field, made[i], right[j], name) < 1:
                told.append(f"{right[j]['name']}.{name}: {_difference(made[i], right[j], name)}")
    told += [f"{call['name']} is not called" for j, call in enumerate(right) if j not in {j for _, j in sure}]
    told += [
        f"{call['name']} is called, which is wrong" for i, call in enumerate(made) if i not in {i for i, _ in sure}
    ]
    return told


def _difference(ours: Call, want: Call, name: str) -> str:
    mine, right = _given(ours).get(name, _ABSENT), _given(want).get(name, _ABSENT)
    if mine is _ABSENT:
        return f"missing, expected {brief(right)}"
    return (
        f"must not be there, got {brief(mine)}" if right is _ABSENT else f"expected {brief(right)}, got {brief(mine)}"
    )
