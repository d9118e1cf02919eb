"""Scores that were found elsewhere, by a judge, a framework or people, brought to 0 to 1."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from optimizer.config.comparison import ComparisonSettings, ScoreSettings, Side
from optimizer.data import Row
from optimizer.data.columns import Problems, as_text, pick
from optimizer.errors import ConfigError, DataError
from optimizer.types import Example

Marks = Mapping[str, Mapping[str, float]]  # by name of the score and example id


def named_scores(settings: ComparisonSettings, sides: Sequence[Side], at: Callable[..., str]) -> ComparisonSettings:
    """With a scale and a weight for every score that has columns. Raises ConfigError where sides differ in them."""
    known = [(side.model, settings.columns_of(side).scores) for side in sides]
    names = list(dict.fromkeys(name for _, scores in known for name in scores))
    for name in names:
        if lacking := [model for model, scores in known if name not in scores]:
            which = "scores" if names == ["score"] else f"scores called {name!r}"
            raise ConfigError(
                f"{at('source', 'score')}: {lacking[0]!r} has no column of {which}, but others have; name one for each "
                "side"
            )
    if stray := sorted(settings.scores.keys() - set(names)):
        told = f"known are {', '.join(names)}" if names else "name their columns in `score` of each side, or of columns"
        raise ConfigError(f"{at('scores')}: no side has a column for {stray[0]!r}; {told}")
    return settings.model_copy(update={"scores": {n: settings.scores.get(n, ScoreSettings()) for n in names}})


def without_scores(settings: ComparisonSettings, sides: Sequence[Side], rows: Sequence[Mapping[str, Row]]) -> set[str]:
    """The source's examples that have none of the scores on any side: nobody looked at them. Raises DataError where
    that is so of all."""
    if not settings.scores:
        return set()

    def empty(identity: str) -> bool:
        return not any(
            identity in found and as_text(pick(found[identity], column))
            for side, found in zip(sides, rows, strict=True)
            for column in settings.columns_of(side).scores.values()
        )

    found = {identity for identity in rows[0] if empty(identity)}
    if len(found) == len(rows[0]):
        raise DataError(f"score: no row has any; its columns are {', '.join(_columns(settings, sides))}")
    return found


def _columns(settings: ComparisonSettings, sides: Sequence[Side]) -> list[str]:
    return list(dict.fromkeys(c for side in sides for c in settings.columns_of(side).scores.values()))


def read_scores(
    settings: ComparisonSettings, side: Side, rows: Mapping[str, Row], examples: Sequence[Example]
) -> Marks | None:
    """Of the examples that have a row; None where the record holds no scores."""
    columns, problems = settings.columns_of(side).scores, Problems()
    found: dict[str, dict[str, float]] = {name: {} for name in columns}
    told: set[str] = set()  # of which scores it was said how another scale is written
    for example in (example for example in examples if example.id in rows):
        row = rows[example.id]
        for name, column in columns.items():
            scale, value = settings.scores[name], pick(row, column)
            number = _number(value)
            if not scale.low <= number <= scale.high:
                shown = as_text(value)[:40] or "nothing"
                way = _way(name) if shown != "nothing" and name not in told else ""
                told |= {name} if way else set()
                place = f"{row.place}, field {column!r}"
                problems.add(f"{place}: must be from {scale.low:g} to {scale.high:g}, found {shown}{way}")
            found[name][example.id] = (number - scale.low) / (scale.high - scale.low)
    problems.raise_any()
    return found or None


def _way(name: str) -> str:
    more = " (--scale 1 10)" if name == "score" else ""
    return f"; another scale is written scores: {{{name}: {{low: 1, high: 10}}}}{more}"


def _number(value: object) -> float:
    """NaN for what is no number."""
    try:
        return math.nan if isinstance(value, bool) else float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return math.nan
