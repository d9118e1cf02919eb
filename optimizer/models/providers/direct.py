"""The shortest way to a server that speaks OpenAI's protocol: one HTTP request, for those that need nothing of LiteLLM.

LiteLLM takes three to five milliseconds of a processor for each call, most of it for what such a server does not need:
the other providers' dialects. What comes back, and what is raised, has the shape of LiteLLM's.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from optimizer.models import transport
from optimizer.models.providers.clocks import OPENAI_LIKE

if TYPE_CHECKING:
    from aiohttp import ClientResponse

#: Parameters that LiteLLM would pass on as they are. With any other one the call takes the long way.
_PLAIN = frozenset(
    {
        "frequency_penalty",
        "logit_bias",
        "max_tokens",
        "presence_penalty",
        "response_format",
        "seed",
        "stop",
        "temperature",
        "top_p",
        "user",
    }
)
#: What `litellm.acompletion` is given beside parameters.
_OURS = frozenset(
    {
        "api_base",
        "api_key",
        "extra_headers",
        "max_retries",
        "messages",
        "model",
        "num_retries",
        "shared_session",
        "timeout",
        "_skip_mcp_handler",
    }
)
_NOBODY = 503  # where there was no answer at all: what LiteLLM would say of it
_REASONS = re.compile(r"(^|/)(o\d|gpt-5)", re.I)  # models whose parameters LiteLLM translates


class Answered(Exception):
    """An answer that is an error; the attributes are those that LiteLLM's errors have."""

    def __init__(self, status: int, message: str, body: Any) -> None:
        super().__init__(message)
        self.status_code, self.body = status, body
        error = body.get("error") if isinstance(body, dict) else None
        self.code, self.type = (error.get(name) if isinstance(error, dict) else None for name in ("code", "type"))


def suits(provider: str, arguments: Mapping[str, Any]) -> bool:
    """Is this a call that LiteLLM would only pass on?"""
    plain = provider in OPENAI_LIKE and "api_base" in arguments
    return plain and set(arguments) - _OURS <= _PLAIN and not _REASONS.search(str(arguments["model"]))


async def completion(**arguments: Any) -> Any:
    """Takes what `litellm.acompletion` takes. Raises Answered, and ValueError or TypeError for what is no answer."""
    async with asked(arguments, own(arguments)) as response:
        return read(await response.text(errors="replace"), response.status)


def own(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The request's body: the parameters, and what only some servers understand."""
    params = {name: value for name, value in arguments.items() if name not in _OURS and value is not None}
    extra = params.pop("extra_body", None) or {}
    name = str(arguments["model"]).partition("/")[2]
    return {**params, **extra, "model": name, "messages": arguments["messages"]}


@asynccontextmanager
async def asked(arguments: Mapping[str, Any], body: Mapping[str, Any]) -> AsyncIterator[ClientResponse]:
    """The server's answer while it comes. Raises Answered where there is none, or not all of it."""
    import aiohttp

    headers = {"Authorization": f"Bearer {arguments['api_key']}", **arguments.get("extra_headers", {})}
    url = f"{arguments['api_base']}/chat/completions"
    try:
        async with transport.session().post(url, json=body, headers=headers, timeout=None) as response:
            yield response
    except (aiohttp.ClientError, ConnectionError) as error:
        raise Answered(_NOBODY, str(error), None) from error


def read(text: str, status: int) -> Any:
    """A whole answer. Raises as `completion` does."""
    if status >= 300:
        raise _error(status, text)
    try:
        body = json.loads(text)
    except ValueError as error:  # a page to log in, say, or one for people
        begins = " ".join(text[:200].split())[:60]
        raise ValueError(f"{begins!r} is no JSON; see that api_base is right, as in http://HOST/v1") from error
    return shaped(body)


def _error(status: int, text: str) -> Answered:
    try:
        body = json.loads(text)
        error = body["error"]
        message = str(error["message"] if isinstance(error, dict) else error)
    except (ValueError, LookupError, TypeError):
        return Answered(status, text[:2000] or f"HTTP {status} without a word", None)
    return Answered(status, message, body)


def shaped(body: Any) -> Any:
    """With attributes in place of keys, down to what is read of an answer."""
    if not isinstance(body, dict):
        raise TypeError(f"an answer is an object, this is {type(body).__name__}")
    if isinstance(body.get("error"), dict) and not body.get("choices"):
        raise Answered(200, str(body["error"].get("message")), body)
    choices = [
        SimpleNamespace(
            message=SimpleNamespace(
                content=text_of(choice["message"].get("content")),
                refusal=choice["message"].get("refusal"),
                tool_calls=[_attributes(call) for call in choice["message"].get("tool_calls") or ()],
            ),
            finish_reason=choice.get("finish_reason"),
        )
        for choice in body.get("choices") or ()
    ]
    return SimpleNamespace(model=body.get("model"), choices=choices, usage=_attributes(body.get("usage")))


def text_of(content: Any) -> str:
    if isinstance(content, list):  # in parts
        return "".join(str(part.get("text") or "") for part in content if isinstance(part, dict))
    return str(content or "")


def _attributes(usage: Any) -> Any:
    if not isinstance(usage, dict):
        return None
    return SimpleNamespace(**{name: _attributes(v) if isinstance(v, dict) else v for name, v in usage.items()})
