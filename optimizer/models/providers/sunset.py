"""Until when a model is there: the end dates in the table that LiteLLM carries.

Read from the file, as prices are: no model and no server is asked. The table is as old as the release that carries it,
and knows dates of a fifth of its models, so that it says nothing of a model means nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import Any

from optimizer.models.money.prices import rows_of, table
from optimizer.models.replies.names import same_model

_KEY = "deprecation_date"


def end_of(model: str) -> tuple[date, str] | None:
    """The day from which the model may no longer be there, and the name under which the table says so.

    A name without a date of its own stands for a dated snapshot: then the last end among its snapshots counts, where
    all of them have one.
    """
    found = next(iter(rows_of(model)), None)
    if found is None:
        return None
    name, row = found
    if day := _date(row):
        return day, name
    provider, ends = row.get("litellm_provider"), list[tuple[date, str]]()
    for other, facts in table().items():
        if other != name and facts.get("litellm_provider") == provider and _snapshot(name, other):
            ended = _date(facts)
            if ended is None:
                return None
            ends.append((ended, other))
    return max(ends, default=None)


def endings(models: Iterable[tuple[str, str]]) -> Iterator[str]:
    """A sentence on each model with a known end; `models` are pairs of a role ("source") and a model's name."""
    for role, model in models:
        if end := end_of(model):
            day, name = end
            way = (
                "see that the migration is done by then"
                if role == "source"
                else "take one that outlasts what it is for"
            )
            whose = "" if name.rpartition("/")[2] == model.rpartition("/")[2] else f" (as {name})"
            yield (
                f"{role} {model!r} has an end date: {day.isoformat()}{whose}, by the model table that LiteLLM carries; "
                f"{way}, and look at the provider's own notice"
            )


def _snapshot(name: str, other: str) -> bool:
    """Whether `other` is `name` with a date behind it, and not the other way round."""
    return other.startswith(name) and same_model(name, other)


def _date(row: Mapping[str, Any]) -> date | None:
    try:
        return date.fromisoformat(str(row.get(_KEY, "")))
    except ValueError:
        return None
