"""The form of OpenAI-compatible bodies: what a request must look like, and how an answer is written."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from optimizer.errors import ConfigError
from optimizer.tools import Toolset
from optimizer.types import Message, Request, Response

_TRANSPORT = frozenset({"model", "messages", "stream", "user", "metadata", "stream_options", "extra_body"})
_ROLES: Mapping[str, Any] = {"system": "system", "developer": "system", "user": "user", "assistant": "assistant"}


class BadRequest(Exception):
    """The body of a request cannot be used."""


def read_body(text: str, sample: str) -> tuple[Request, dict[str, Any]]:
    """The request, and the body that it stood in; `sample` is the header's. Raises BadRequest."""
    try:
        body = json.loads(text)
    except ValueError as problem:
        raise BadRequest(f"the body is not JSON: {problem}") from problem
    if not isinstance(body, dict) or not isinstance(body.get("model"), str):
        raise BadRequest("the body must be an object with a `model`")
    if not isinstance(body.get("messages"), list) or not body["messages"]:
        raise BadRequest("`messages` must be a list with at least one message")
    if not sample.isdecimal():
        raise BadRequest(f"the header x-promptport-sample must be a whole number, got {sample!r}")
    messages = tuple(_message(number, turn) for number, turn in enumerate(body["messages"]))
    params = {name: value for name, value in body.items() if name not in _TRANSPORT and value is not None}
    try:
        Toolset.read(body["tools"], body.get("tool_choice")) if "tools" in body else None
    except ConfigError as problem:
        raise BadRequest(str(problem)) from problem
    return Request(messages, params, int(sample)), body


def _message(number: int, turn: Any) -> Message:
    role = _ROLES.get(str(turn.get("role"))) if isinstance(turn, dict) else None
    if role is None:
        raise BadRequest(f"`messages[{number}].role` must be one of {', '.join(_ROLES)}")
    content = turn.get("content")
    if isinstance(content, list):  # of content in parts only the text is read: these models see no images
        parts = [part if isinstance(part, dict) else {} for part in content]
        texts = [part.get("text") if part.get("type") == "text" else f"[{part.get('type')}]" for part in parts]
        if any(
            not isinstance(part.get("type"), str) or not isinstance(text, str)
            for part, text in zip(parts, texts, strict=True)
        ):
            raise BadRequest(f"`messages[{number}].content` must be text or parts with a `type`")
        media = any(part["type"] != "text" for part in parts)
        return Message(role, ("" if media else "\n").join(map(str, texts)), tuple(parts) if media else ())
    if not isinstance(content, str):
        raise BadRequest(f"`messages[{number}].content` must be text")
    return Message(role, content)


def payload(response: Response, model: str) -> str:
    """The answer in one piece."""
    message = {"role": "assistant", **_said(response)}
    choice = {"index": 0, "message": message, "finish_reason": response.finish, "logprobs": None}
    return json.dumps(_body(model, "chat.completion", [choice], _usage(response)))


def events(response: Response, model: str, options: Mapping[str, Any]) -> Iterator[str]:
    """The same word by word, as a stream has it; with its tokens where `options` (the request's) ask for them."""

    def event(delta: Mapping[str, Any], finish: str | None = None) -> str:
        choice = {"index": 0, "delta": delta, "finish_reason": finish, "logprobs": None}
        return _event(_body(model, "chat.completion.chunk", [choice]))

    yield event({"role": "assistant", "content": ""})
    if response.finish == "tool_calls":
        calls = enumerate(_said(response)["tool_calls"])
        yield from (event({"tool_calls": [{"index": number, **call}]}) for number, call in calls)
    else:
        yield from (event({"content": word}) for word in re.findall(r"\s*\S+\s*$|\s*\S+|\s+", response.text))
    yield event({}, response.finish)
    if options.get("include_usage"):
        yield _event(_body(model, "chat.completion.chunk", [], _usage(response)))
    yield "data: [DONE]\n\n"


def _event(body: Mapping[str, Any]) -> str:
    return f"data: {json.dumps(body)}\n\n"


def _body(model: str, kind: str, choices: list[Any], usage: Any = None) -> dict[str, Any]:
    told = {"id": "chatcmpl-simulated", "object": kind, "created": 0, "model": model, "choices": choices}
    return {**told, "usage": usage, "system_fingerprint": "simulated"}


def _usage(response: Response) -> dict[str, Any]:
    return {
        "prompt_tokens": response.input_tokens,
        "completion_tokens": response.output_tokens,
        "total_tokens": response.input_tokens + response.output_tokens,
        "prompt_tokens_details": {"cached_tokens": response.cached_tokens},
        "completion_tokens_details": {"reasoning_tokens": response.reasoning_tokens},
    }


def _said(response: Response) -> dict[str, Any]:
    if response.finish != "tool_calls":
        return {"content": response.text}
    calls = [
        {
            "id": f"call_{number}",
            "type": "function",
            "function": {"name": call["name"], "arguments": json.dumps(call["arguments"], ensure_ascii=False)},
        }
        for number, call in enumerate(json.loads(response.text)["tool_calls"])
    ]
    return {"content": None, "tool_calls": calls}
