"""Texts as vectors, through the same door as every call: a request whose reply is a vector, packed as text.

So embeddings are remembered, counted, paid from the one purse and repeatable like answers. `local/NAME` is a static
model on this machine (model2vec: a folder, or a name on the hub); any other name goes to LiteLLM.
"""

from __future__ import annotations

import asyncio
import base64
import json
import struct
import time
from typing import Any

from optimizer.errors import ConfigError, ModelError
from optimizer.models import transport
from optimizer.models.model import Model
from optimizer.models.money.prices import Price, known_price
from optimizer.models.providers.access import Access
from optimizer.models.providers.library import library
from optimizer.models.replies.usage import UNCOUNTED, of_characters, read_alone
from optimizer.types import Message, Request, Response

LOCAL_PREFIX = "local/"
_KIND = {"kind": "embedding"}  # keeps a text that is embedded apart from one that is asked


def asked(text: str) -> Request:
    """The request for a text's vector."""
    return Request((Message("user", text),), _KIND)


def pack(vector: list[float]) -> str:
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()


def unpack(text: str) -> list[float]:
    """Raises ValueError for what is no packed vector."""
    raw = base64.b64decode(text, validate=True)
    if not raw or len(raw) % 4:
        raise ValueError("no vector")
    return list(struct.unpack(f"<{len(raw) // 4}f", raw))


class LiteLLMEmbedder:
    """An embedding model by its LiteLLM name; `api_base`, `api_key_env` and `price` as for models that answer.

    An answer without token counts is an error where tokens cost money; else they are estimated.
    """

    def __init__(
        self,
        name: str,
        *,
        api_base: str | None = None,
        api_key_env: str | None = None,
        price: Price | None = None,
        params: dict[str, Any] | None = None,
        timeout: float = 60.0,
    ) -> None:
        self.name = name
        self.price = known_price(name, price, modes=("embedding",))
        self._api_base = api_base.rstrip("/") if api_base else None
        self._params = dict(params or {})
        self._timeout = timeout
        self._access = Access(name, name.partition("/")[0] if "/" in name else "", self._api_base, api_key_env)

    @property
    def identity(self) -> str:
        return json.dumps(["embedding", self.name, self._api_base, self._params], sort_keys=True)

    async def check(self) -> None:
        await self._access.check({})

    async def complete(self, request: Request) -> Response:
        key, text = self._access.key(), request.messages[-1].content
        arguments: dict[str, Any] = {
            **self._params,
            "model": self.name,
            "input": [text or " "],
            "timeout": self._timeout,
            "max_retries": 0,
            "num_retries": 0,
            "shared_session": transport.session(),
        }
        if self._api_base:
            arguments |= {"api_base": self._api_base, "api_key": key or "none"}
        elif key:
            arguments["api_key"] = key
        opened = await library()
        started = time.perf_counter()
        with transport.observed() as exchange, self._access.translated(exchange):
            async with asyncio.timeout(self._timeout):
                raw = await opened.aembedding(**arguments)
        wall = time.perf_counter() - started
        return self._response(raw, text, wall if exchange.seconds is None else exchange.seconds)

    def _response(self, raw: Any, text: str, seconds: float) -> Response:
        rows = raw.data or []
        found = rows[0]["embedding"] if rows else None
        if not isinstance(found, list) or not found or not all(isinstance(x, int | float) for x in found):
            raise ModelError("the answer holds no vector", model=self.name, status=200, retryable=True)
        read = read_alone(getattr(raw, "usage", None))
        if not read and text.strip() and self.price.by_tokens:
            raise ModelError(UNCOUNTED, model=self.name)
        read = read or of_characters(len(text))
        return Response(pack(found), read, 0, self.price.cost(read, 0), seconds, self.name)


class LocalEmbedder:
    """A static embedding model on this machine. Free; needs promptport[local]."""

    price = Price(0.0, 0.0)

    def __init__(self, name: str) -> None:
        self.name = name
        try:
            from model2vec import StaticModel

            self._model: Any = StaticModel.from_pretrained(name.removeprefix(LOCAL_PREFIX))
        except ImportError as error:
            raise ConfigError(
                f"embedder {name!r} needs model2vec ({error}); pip install 'promptport[local]'"
            ) from error
        except Exception as error:
            reason = str(error).strip().partition("\n")[0][:200]
            raise ConfigError(
                f"embedder {name!r} cannot be loaded ({reason}); name a model2vec folder, or one on the hub"
            ) from error

    async def complete(self, request: Request) -> Response:
        text = request.messages[-1].content
        started = time.perf_counter()
        vector = await asyncio.to_thread(self._encode, text)
        return Response(pack(vector), of_characters(len(text)), 0, 0.0, time.perf_counter() - started, self.name)

    def _encode(self, text: str) -> list[float]:
        found: list[float] = self._model.encode([text])[0].tolist()
        return found


def embedder(name: str, **settings: Any) -> Model:
    """`settings`: see LiteLLMEmbedder; a model on this machine has none."""
    return LocalEmbedder(name) if name.startswith(LOCAL_PREFIX) else LiteLLMEmbedder(name, **settings)
