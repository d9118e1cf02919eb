"""The earlier turns of a conversation, as a row holds them: OpenAI's messages, or the JSON text of them.

What a message has beside role and text (a name, annotations, an empty `tool_calls`) is no part of what is asked again
and is left out; what cannot be asked again (calls of tools, pictures, a system message) is an error.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from optimizer.types import JSON, Example


def read_turns(value: Any) -> list[JSON]:
    """The turns as `{role, content}`; none for a row that begins a conversation. Raises ValueError."""
    if isinstance(value, str) and value.strip():
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            raise ValueError(f"must be a list of turns or its JSON, found {value[:60]!r}") from None
    if value is None or value == "":
        return []
    if not isinstance(value, list):
        raise ValueError(f"must be a list of turns, found {json.dumps(value)[:60]}")
    return [_turn(turn, number) for number, turn in enumerate(value, 1)]


def _turn(turn: Any, number: int) -> JSON:
    found = turn if isinstance(turn, dict) else {}
    role, content = found.get("role"), found.get("content")
    if isinstance(content, list) and all(isinstance(part, dict) and part.get("type") == "text" for part in content):
        content = "".join(str(part.get("text", "")) for part in content)
    if role == "system":
        raise ValueError(f"turn {number} is a system message: it belongs in the prompt; leave it out of the turns")
    if role not in ("user", "assistant") or not isinstance(content, str) or found.get("tool_calls"):
        shown = json.dumps(turn, ensure_ascii=False)[:80]
        raise ValueError(f"turn {number} must be {{role: user or assistant, content: a text}}, found {shown}")
    return {"role": role, "content": content}


def overlapping(examples: Sequence[Example], variable: str) -> Iterator[str]:
    """Rows of one conversation know each other's answers: they belong on one side of the split."""
    if any(example.group is not None for example in examples):
        return
    begun = Counter(beginning for example in examples if (beginning := _beginning(example, variable)))
    if alike := sum(count for count in begun.values() if count > 1):
        yield (
            f"{alike} of {len(examples)} rows are turns of conversations that begin alike; if these are the same "
            "conversations, name a column with their ids in data.group: else what is held out was seen before"
        )


def _beginning(example: Example, variable: str) -> str:
    """The first question and its answer; "" for a row that begins a conversation."""
    turns: Any = example.inputs[variable]
    return json.dumps(turns[:2]) if turns else ""
