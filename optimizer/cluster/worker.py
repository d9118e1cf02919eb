"""What a worker does. Texts come in and go out; the models, and their keys, are this machine's own."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from optimizer import __version__
from optimizer.config import ModelSettings
from optimizer.connect import bare, hosted
from optimizer.errors import ModelError, OptimizerError
from optimizer.models import Model, bridge
from optimizer.models.gateway import Labels
from optimizer.redact import redact
from optimizer.types import Message, Request


def version() -> str:
    return __version__


def ask(section: str, labels: str, question: str) -> str:
    """The answer of the model that the task file's `section` names, or the error that it met, as JSON."""
    try:
        response = bridge.run(_model(section, labels).complete(read_request(question)))
    except OptimizerError as error:
        return json.dumps({"error": _facts(error)})
    except Exception as error:  # noqa: BLE001  a foreign error is told in words: its class may be unknown to the driver
        return json.dumps({"error": {"kind": "ModelError", "text": redact(f"{type(error).__name__}: {error}")}})
    return json.dumps(vars(response))


def check(section: str, labels: str) -> str:
    """What has to be mended before this worker can ask the model, or ""."""
    try:
        bridge.run(hosted(ModelSettings.model_validate_json(section), _read_labels(labels)).check())
    except OptimizerError as error:
        return str(error)
    return ""


def write_request(request: Request) -> str:
    turns = [[turn.role, turn.content] for turn in request.messages]
    return json.dumps([turns, dict(request.params), request.sample])


def read_request(text: str) -> Request:
    turns, params, sample = json.loads(text)
    return Request(tuple(Message(role, content) for role, content in turns), params, sample)


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
    facts = {name: getattr(error, name) for name in ("retryable", "status", "retry_after", "refused")}
    return {"kind": type(error).__name__, "text": str(error).removeprefix(f"{error.model}: "), **facts}
