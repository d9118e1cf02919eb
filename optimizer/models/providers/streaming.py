"""A reply as it is written, for those who wait for its first word: OpenAI's protocol with `stream`.

LiteLLM reads streams too, but hides what must be known of an answer: it puts the name that was asked for in place of
the one that answered, counts tokens that the server did not, and ends a broken stream as if it were whole.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from optimizer.models import transport
from optimizer.models.providers import direct

_END = "[DONE]"


async def completion(**arguments: Any) -> Any:
    """What `direct.completion` returns, with `began`: seconds until the first of the text (or of the calls) was there.

    None where nothing came, or where the server sent the reply in one piece. Raises what `direct.completion` does;
    ValueError also for a stream that ends before the reply does.
    """
    body = {**direct.own(arguments), "stream": True, "stream_options": {"include_usage": True}}
    async with direct.asked(arguments, body) as response:
        if response.status >= 300 or "event-stream" not in response.content_type:
            return direct.read(await response.text(errors="replace"), response.status)
        reply = _Reply()
        async for event in _events(response.content.iter_any()):
            if reply.add(event) and reply.began is None:
                reply.began = transport.since_asked()
    return reply.whole()


async def _events(chunks: AsyncIterator[bytes]) -> AsyncIterator[Any]:
    """The objects behind `data:`; the protocol has each on a line of its own."""
    async for line in _lines(chunks):
        name, _, data = line.decode("utf-8", "replace").partition(":")
        if name == "data" and data.strip() != _END:
            yield json.loads(data)


async def _lines(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """However long: aiohttp's own reader of lines has a limit."""
    rest = b""
    async for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            yield line
    yield rest


@dataclass
class _Reply:
    """What has come of a reply so far."""

    told: dict[str, Any] = field(default_factory=dict)  # of the answer: its model and its usage
    texts: dict[str, str] = field(default_factory=lambda: {"content": "", "refusal": ""})
    calls: dict[int, dict[str, str]] = field(default_factory=dict)
    finish: str | None = None
    began: float | None = None

    def add(self, event: Any) -> bool:
        """Does this piece hold something that a user sees? Thoughts before the text are not."""
        if not isinstance(event, Mapping):
            raise TypeError(f"a piece of an answer is an object, this is {type(event).__name__}")
        if isinstance(event.get("error"), Mapping):
            raise direct.Answered(200, str(event["error"].get("message")), event)
        self.told |= {name: event[name] for name in ("model", "usage") if event.get(name)}
        seen = [self._choice(choice) for choice in event.get("choices") or () if not choice.get("index")]
        return any(seen)

    def _choice(self, choice: Mapping[str, Any]) -> bool:
        delta = choice.get("delta") or {}
        self.finish = choice.get("finish_reason") or self.finish
        said = {name: direct.text_of(delta.get(name)) for name in self.texts}
        self.texts = {name: self.texts[name] + more for name, more in said.items()}
        for place, call in enumerate(delta.get("tool_calls") or ()):
            known = self.calls.setdefault(call.get("index", place), {"name": "", "arguments": ""})
            for name, more in (call.get("function") or {}).items():
                if name in known:
                    known[name] += str(more or "")
        return any(said.values()) or bool(delta.get("tool_calls"))

    def whole(self) -> Any:
        if self.finish is None:
            raise ValueError(f"the stream ended before the reply did, after {len(self.texts['content']):,} characters")
        calls = [{"function": call} for _, call in sorted(self.calls.items())]
        message = {**self.texts, **({"tool_calls": calls} if calls else {})}
        answer = direct.shaped({**self.told, "choices": [{"message": message, "finish_reason": self.finish}]})
        answer.began = self.began
        return answer
