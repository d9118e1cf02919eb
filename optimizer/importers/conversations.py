"""Recorded conversations of different lengths as calls of one prompt, with a place for what was said before.

What all of them begin with (worked examples as turns, say) is the prompt's own; what else was said before the last
question is each call's, in the variable `turns`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from optimizer.importers.values import Record
from optimizer.prompt.layout import Turn
from optimizer.prompt.template import Template, Var
from optimizer.types import JSON

TURNS = "turns"
PLACE = Turn("placeholder", Template((Var(TURNS),)))


def earlier(record: Record) -> list[JSON]:
    """What was said before the last question; the system message is no turn."""
    asked = [place for place, (role, _) in enumerate(record.said) if role == "user"]
    return _as_turns(record.said[: asked[-1]] if asked else ())


def differ(records: Sequence[Record]) -> bool:
    """Are there conversations among them, of more turns than others?"""
    return len({len(_turns(record)) for record in records if _is_talk(record)}) > 1


def shortened(records: Sequence[Record]) -> list[Record]:
    """What was said before the last question, but for what all begin with, moved from `said` to `before`."""
    shared = _shared([_turns(record)[:-1] for record in records if _is_talk(record)])
    return [_without(record, shared) if _is_talk(record) else record for record in records]


def _without(record: Record, shared: int) -> Record:
    own = _turns(record)
    system = [said for said in record.said if said[0] == "system"]
    return replace(record, said=(*system, *own[:shared], own[-1]), before=tuple(_as_turns(own[shared:-1])))


def _shared(said: list[list[tuple[str, str]]]) -> int:
    """How many turns all begin with: whole exchanges only, a question and its answer."""
    first, last = min(said), max(said)  # what these two share all others share
    same = next((n for n, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), min(len(first), len(last)))
    return same - same % 2


def _is_talk(record: Record) -> bool:
    """As a task can hold it: the system's message first, if there is one, and the user's last."""
    roles = [role for role, _ in record.said]
    return record.inputs is None and roles[-1:] == ["user"] and "system" not in roles[1:]


def _turns(record: Record) -> list[tuple[str, str]]:
    return [said for said in record.said if said[0] != "system"]


def _as_turns(said: Sequence[tuple[str, str]]) -> list[JSON]:
    return [{"role": role, "content": text} for role, text in said if role != "system"]
