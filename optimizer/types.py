"""The values that flow through a run. All are frozen; none does I/O."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

JSON: TypeAlias = "bool | int | float | str | list[JSON] | dict[str, JSON] | None"
Inputs: TypeAlias = Mapping[str, JSON]
Params: TypeAlias = Mapping[str, JSON]
Role = Literal["system", "user", "assistant"]
#: What an answer takes: seconds, tokens, dollars. `Response` and `Output` have fields of these names.
AMOUNTS = ("latency", "input_tokens", "output_tokens", "cost")


@dataclass(frozen=True, slots=True)
class Example:
    """One row of the dataset. `expected` is the gold answer, where there is one; `group` keeps rows together."""

    id: str
    inputs: Inputs
    expected: JSON = None
    group: str | None = None


@dataclass(frozen=True)
class Message:
    """`parts`: what is sent instead of `content` where there is more than text (an image, a document), by OpenAI's
    schema; `content` is then the text with a placeholder for each of the rest."""

    role: Role
    content: str
    parts: tuple[Mapping[str, JSON], ...] = ()

    @property
    def sent(self) -> str | list[JSON]:
        return [dict(part) for part in self.parts] if self.parts else self.content

    @property
    def facts(self) -> list[JSON]:
        return [self.role, self.content, *([self.sent] if self.parts else [])]


@dataclass(frozen=True)
class Request:
    """What a model is asked. Equal questions to one model are one: asked and paid for once.

    `sample`: which draw of the same question; 0, 1, 2 ... are answered apart. `part`: which prompt of a program of
    several asks, for the books; it is no part of the question.
    """

    messages: tuple[Message, ...]
    params: Params = field(default_factory=dict)
    sample: int = 0
    part: str = ""

    @property
    def texts(self) -> list[str]:
        """All that the model reads: the messages, and the tools that it is offered."""
        tools = self.params.get("tools")
        return [message.content for message in self.messages] + ([json.dumps(tools)] if tools else [])

    @property
    def longest(self) -> int | None:
        """The most tokens that the answer may have, as the request itself states; None where it does not."""
        stated = (self.params.get(name) for name in ("max_tokens", "max_completion_tokens"))
        return max((limit for limit in stated if isinstance(limit, int)), default=None)

    def key(self, model: str) -> str:
        """The same for the same question to the same model, on every machine."""
        turns = [message.facts for message in self.messages]
        params = {name: json.dumps(value) if name == "tools" else value for name, value in self.params.items()}
        text = json.dumps([model, turns, params, self.sample], sort_keys=True)  # the order within tools counts
        return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class Response:
    """What a model answered, and what it took.

    `cost` in dollars, `latency` in seconds; `model` is who really answered; `finish` is the provider's
    reason to stop ("stop", "length", "content_filter"), or "tool_calls" where `text` is calls of tools in their
    canonical form. `cached_tokens` and `written_tokens` (read from and written to the provider's prompt cache) are
    part of `input_tokens`, `reasoning_tokens` of `output_tokens`. `retries`: tries that failed before this answer came.
    """

    text: str
    input_tokens: int = 0
    output_tokens: int = 0
    cost: float = 0.0
    latency: float = 0.0
    model: str = ""
    finish: str = "stop"
    cached_tokens: int = 0
    reasoning_tokens: int = 0
    written_tokens: int = 0
    retries: int = 0


def fresh(value: Any) -> Any:
    """JSON of one's own: what is done to it changes nothing elsewhere."""
    if isinstance(value, list):
        return [fresh(item) for item in value]
    return {key: fresh(item) for key, item in value.items()} if isinstance(value, dict) else value


def as_text(value: JSON) -> str:
    """As a prompt shows it: a text as it is, all else as JSON, keys in their order."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def calls_as_text(calls: Any) -> str:
    """Calls of tools in the one form by which answers are kept, compared and shown: equal calls, equal texts."""
    return json.dumps({"tool_calls": calls}, ensure_ascii=False, sort_keys=True)


Status = Literal["ok", "invalid", "refused", "failed"]


@dataclass(frozen=True)
class Reply:
    """What a program answers: the text that the application uses, its parsed value, or why there is none."""

    text: str
    value: JSON = None
    error: str | None = None
    status: Status = "ok"


@dataclass(frozen=True, slots=True)
class Output:
    """What a program made of one example.

    `status` is "ok", "invalid" (the reply breaks its contract), "refused" (the model or a filter declined)
    or "failed" (no answer was to be had); all but "ok" carry the reason in `error`. `cut`: of its calls, how many
    ended at the token limit. `parts`: of a program of several prompts, what each took of these amounts, by its name.
    """

    example_id: str
    text: str
    value: JSON = None
    status: Status = "ok"
    error: str | None = None
    cost: float = 0.0
    latency: float = 0.0
    input_tokens: int = 0
    output_tokens: int = 0
    calls: int = 0
    cut: int = 0
    parts: Mapping[str, Mapping[str, float]] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Score:
    """How good one output is, from 0 to 1, and why. `parts` are named sub-scores, for the report."""

    value: float
    feedback: str = ""
    parts: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not 0.0 <= self.value <= 1.0:  # NaN fails this too
            raise ValueError(f"a score must be between 0 and 1, got {self.value!r}")
        for name, part in self.parts.items():
            if not 0.0 <= part <= 1.0:
                raise ValueError(f"a part of a score must be between 0 and 1, got {name!r}: {part!r}")
