"""What a worker does. Texts come in and go out; the models, and their keys, are this machine's own."""

from __future__ import annotations

import asyncio
import json
from functools import cache, partial
from typing import Any

from optimizer import __version__
from optimizer.config import ModelSettings
from optimizer.connect import bare, hosted
from optimizer.errors import ModelError, OptimizerError
from optimizer.models import Model, bridge, transport
from optimizer.models.providers.gateway import Labels
from optimizer.models.transport import Exchange
from optimizer.redact import redact
from optimizer.types import Message, Request, Response


def version() -> str:
    return __version__


def ask(section: str, labels: str, question: str) -> str:
    """The answer of the model that the task file's `section` names, or the error that it met, as JSON; and what the
    server said of its limits, which the driver keeps to."""
    exchange = Exchange()
    try:
        response = bridge.run(_asked(_model(section, labels), read_request(question), exchange))
        told: dict[str, Any] = {"response": vars(response)}
    except OptimizerError as error:
        told = {"error": _facts(error)}
    except Exception as error:  # noqa: BLE001  a foreign error is told in words: its class may be unknown to the driver
        told = {"error": {"kind": "ModelError", "text": redact(f"{type(error).__name__}: {error}")}}
    headers = {name: value for name, value in exchange.headers.items() if "ratelimit" in name.lower()}
    return json.dumps({**told, "exchange": {"status": exchange.status, "left": exchange.left, "headers": headers}})


async def _asked(model: Model, request: Request, noted: Exchange) -> Response:
    with transport.observed() as exchange:
        try:
            return await model.complete(request)
        finally:
            noted.status, noted.headers, noted.left = exchange.status, exchange.headers, exchange.left


async def carried(work: str, texts: tuple[str, ...], dask_worker: Any) -> str:
    """One of these functions on a thread of a Dask worker, which has as many as it may have calls in flight."""
    loop = asyncio.get_running_loop()
    done: str = await loop.run_in_executor(dask_worker.executors["default"], partial(globals()[work], *texts))
    return done


def check(section: str, labels: str) -> str:
    """What has to be mended before this worker can ask the model, or ""."""
    try:
        bridge.run(hosted(ModelSettings.model_validate_json(section), _read_labels(labels)).check())
    except OptimizerError as error:
        return str(error)
    return ""


def write_request(request: Request) -> str:
    turns = [[turn.role, turn.content, [dict(part) for part in turn.parts]] for turn in request.messages]
    return json.dumps([turns, dict(request.params), request.sample])


def read_request(text: str) -> Request:
    turns, params, sample = json.loads(text)
    return Request(tuple(Message(role, content, tuple(parts)) for role, content, parts in turns), params, sample)


def write_labels(labels: Labels) -> str:
    return json.dumps([labels.tags, dict(labels.metadata), labels.litellm])


def _read_labels(text: str) -> Labels:
    tags, metadata, litellm = json.loads(text)
    return Labels(tuple(tags), metadata, litellm)


@cache
def _model(section: str, labels: str) -> Model:
    return bare(ModelSettings.model_validate_json(section), _read_labels(labels))


def _facts(error: OptimizerError) -> dict[str, Any]:
    if not isinstance(error, ModelError):
        return {"kind": type(error).__name__, "text": str(error)}
    facts = {name: value for name, value in vars(error).items() if name != "model"}
    return {"kind": type(error).__name__, "text": error.said, **facts}
