"""Hosted models and OpenAI-compatible servers, through LiteLLM, but for what it would only pass on (see `direct`)."""

from __future__ import annotations

import asyncio
import copy
import json
import math
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from optimizer.errors import ModelError
from optimizer.models import transport
from optimizer.models.money.prices import Price, known_price
from optimizer.models.providers import direct, gateway, streaming
from optimizer.models.providers.access import Access
from optimizer.models.providers.clocks import Clock
from optimizer.models.providers.gateway import NO_LABELS, Answerer, Labels
from optimizer.models.providers.library import http_client, library, unlogged
from optimizer.models.providers.listing import Listing
from optimizer.models.providers.reserved import refuse
from optimizer.models.replies.answers import said
from optimizer.models.replies.usage import UNCOUNTED, estimated, stated
from optimizer.models.transport import Exchange
from optimizer.types import Params, Request, Response

#: Providers whose HTTP client LiteLLM takes as an argument; OpenAI-like ones take our session, the rest neither.
_TAKES_CLIENT = frozenset({"anthropic", "bedrock", "gemini", "vertex_ai"})


class LiteLLMModel:
    """One model by its LiteLLM name: `openai/...`, `anthropic/...`, `bedrock/...`, `hosted_vllm/...`.

    - `params` are sent with every request; a request's own params go before them.
    - `api_base` is an OpenAI-compatible server or a gateway. It gets the key in the variable `api_key_env` and no
      other: the provider's usual key never goes to somebody else's server.
    - `price`: None means the list price. An answer without token counts is an error where tokens cost money;
      elsewhere they are estimated at four characters a token, and `estimated` counts such answers.
    - `timeout` (seconds) is for the whole call, however slowly the answer trickles.
    - `latency`: "transport" is the time on the wire; "first_token" the part of it until the text begins, which only
      servers with OpenAI's protocol tell (see `streaming`); "provider" is what the server says that it took (the
      header `openai-processing-ms`), where it says so. Azure, SageMaker and the few other providers whose HTTP client
      cannot be ours are timed around the call, which on a busy machine adds the client's own work.
    - `answers_as`: by what names it may answer, if not by the one asked for (`*`: anything). Azure names deployments,
      not models, and is only checked against these. Of a LiteLLM proxy, which gets `labels`, see `gateway`.
    """

    def __init__(
        self,
        name: str,
        *,
        params: Params | None = None,
        api_base: str | None = None,
        api_key_env: str | None = None,
        price: Price | None = None,
        timeout: float = 120.0,
        latency: Clock = "transport",
        headers: Mapping[str, str] | None = None,
        labels: Labels = NO_LABELS,
        answers_as: str | Sequence[str] | None = None,
    ) -> None:
        refuse(name, params or {})
        self.name = name
        self.price = known_price(name, price)
        self.estimated = 0
        self._params = dict(params or {})
        self._api_base = api_base.rstrip("/") if api_base else None
        self._timeout = timeout
        self._latency = latency
        self._headers = dict(headers or {})
        self._labels = labels
        self._provider = name.partition("/")[0] if "/" in name else ""
        self._access = Access(name, self._provider, self._api_base, api_key_env)
        named = (answers_as,) if isinstance(answers_as, str) else tuple(answers_as or ())
        expected = named or (() if self._provider in ("azure", "azure_ai") else (name,))
        self._answerer = Answerer(name, expected, named=bool(named))
        self._client: tuple[Any, Any] = (None, None)  # the session and the HTTP client of LiteLLM's that uses it

    @property
    def identity(self) -> str:
        """What stored answers are kept under: two servers, or two settings, with one name do not mix."""
        apart = [self._latency] if self._latency == "first_token" else []  # their seconds mean something else
        return json.dumps([self.name, self._api_base, self._params, *apart], sort_keys=True)

    async def complete(self, request: Request) -> Response:
        key = self._access.key()
        refuse(self.name, request.params)
        arguments = self._arguments(request, key) | await self._wishes(request)
        ask = await self._way(arguments)
        with transport.observed() as exchange, unlogged():
            started = time.perf_counter()
            with self._access.translated(exchange, self._headers):
                async with asyncio.timeout(self._timeout):
                    raw = await ask(**arguments)
            wall = time.perf_counter() - started
        return self._response(raw, request, exchange, self._seconds(raw, exchange, wall))

    async def check(self, *, ask_provider: bool = False) -> Listing | None:
        """Asks nothing of the model: is the key there, does the server answer, with what list? Raises what to mend.

        A LiteLLM proxy lists what the key may call, of which this model must be one."""
        listing = await self._access.check(self._headers, ask_provider=ask_provider)
        if not (listing and self._api_base and await gateway.is_litellm(self._api_base, self._labels)):
            return listing
        self._access.may_call(listing)
        return replace(listing, gateway=True)

    async def _way(self, arguments: Mapping[str, Any]) -> Callable[..., Awaitable[Any]]:
        if self._latency == "first_token":
            return streaming.completion
        if direct.suits(self._provider, arguments):
            return direct.completion
        return (await library()).acompletion  # type: ignore[no-any-return]

    async def _wishes(self, request: Request) -> dict[str, Any]:
        """What only a LiteLLM proxy understands; LiteLLM itself would take it for its own settings."""
        elsewhere = self._provider in _TAKES_CLIENT or not self._api_base
        if elsewhere or not await gateway.is_litellm(str(self._api_base), self._labels):
            return {}
        own: Any = {**self._params, **request.params}.get("extra_body") or {}
        return {"extra_body": {**copy.deepcopy(own), **gateway.wishes(self._labels)}}

    def _arguments(self, request: Request, key: str) -> dict[str, Any]:
        headers = self._headers | ({"x-promptport-sample": str(request.sample)} if request.sample else {})
        # LiteLLM writes into what it is given (times into `metadata`), and these are the task's own.
        arguments: dict[str, Any] = {
            **copy.deepcopy({**self._params, **request.params}),
            "model": self.name,
            "messages": [{"role": turn.role, "content": turn.sent} for turn in request.messages],
            "timeout": self._timeout,
            "max_retries": 0,
            "num_retries": 0,
            "shared_session": transport.session(),
            # Else LiteLLM looks for tools in a gateway of its own, for which packages lack.
            **({"_skip_mcp_handler": True} if "tools" in request.params else {}),
        }
        if headers:
            arguments["extra_headers"] = headers
        if self._api_base:
            arguments |= {"api_base": self._api_base, "api_key": key or "none"}
        elif key:
            arguments["api_key"] = key
        if self._provider in _TAKES_CLIENT:
            arguments["client"] = self._http_client()
        return arguments

    def _http_client(self) -> Any:
        session = transport.session()
        if self._client[0] is not session:
            self._client = (session, http_client(self._timeout, session))
        return self._client[1]

    def _seconds(self, raw: Any, exchange: Exchange, wall: float) -> float:
        if (began := getattr(raw, "began", None)) is not None and self._latency == "first_token":
            return float(began)
        if self._latency == "provider":
            name = "openai-processing-ms"
            with suppress(KeyError, ValueError):
                told = exchange.headers.get(name) or exchange.headers[f"llm_provider-{name}"]  # by way of a proxy
                seconds = float(told) / 1000
                if 0 <= seconds < math.inf:
                    return seconds
        return wall if exchange.seconds is None else exchange.seconds

    def _response(self, raw: Any, request: Request, exchange: Exchange, latency: float) -> Response:
        answered = str(raw.model or "")
        self._answerer.check(answered, exchange.headers)
        if not raw.choices:
            raise ModelError("the answer has no choices in it", model=self.name, status=200, retryable=True)
        text, finish = said(raw.choices[0])
        usage = self._usage(raw, request, text)
        return Response(
            text=text,
            cost=self.price.cost(**usage),
            latency=latency,
            model=answered or self.name,
            finish=finish,
            **usage,
        )

    def _usage(self, raw: Any, request: Request, text: str) -> dict[str, int]:
        if usage := stated(getattr(raw, "usage", None), text):
            return usage
        if not self.price.by_tokens:
            self.estimated += 1
            return estimated(request, text)
        raise ModelError(UNCOUNTED, model=self.name)
