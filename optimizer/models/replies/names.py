"""Is the model that answered the model that was asked?"""

from __future__ import annotations

import re

_SNAPSHOT = re.compile(r"[-@:](latest|\d{4}-\d{2}-\d{2}|\d{2}-\d{4}|\d{8}|\d{6}|\d{4}|\d{3})$")


def same_model(asked: str, answered: str) -> bool:
    """True where the names differ only in the provider's prefix, in case, or in a dated snapshot on one side.

    `openai/gpt-4o` may answer as `gpt-4o-2024-08-06`, but not as `gpt-4o-mini`; and one date is not another date.
    """
    one, other = _parts(asked), _parts(answered)
    shorter = min(len(one), len(other))
    if one[-shorter:] == other[-shorter:]:
        return True
    plain_one, plain_other = _undated(one), _undated(other)
    if one != plain_one and other != plain_other and not (_floats(one) or _floats(other)):
        return False  # both carry a date, and the dates differ
    return plain_one[-shorter:] == plain_other[-shorter:]


def _parts(name: str) -> list[str]:
    return name.strip().lower().split("/")


def _undated(parts: list[str]) -> list[str]:
    return [*parts[:-1], _SNAPSHOT.sub("", parts[-1])]


def _floats(parts: list[str]) -> bool:
    return parts[-1].endswith("latest")
