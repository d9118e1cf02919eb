"""A model that is asked by workers."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from optimizer import errors
from optimizer.cluster import worker
from optimizer.config import ModelSettings
from optimizer.connect import bare
from optimizer.errors import ModelError, OptimizerError
from optimizer.models import identity, transport
from optimizer.models.providers.gateway import NO_LABELS, Labels
from optimizer.types import Request, Response


class Caller(Protocol):
    @property
    def call(self) -> Callable[..., Awaitable[str]]: ...


class Remote:
    """Has the name and the identity of the model itself: what is remembered does not depend on who asked."""

    def __init__(self, cluster: Caller, section: ModelSettings, labels: Labels = NO_LABELS) -> None:
        model = bare(section)
        self.name, self.identity = model.name, identity(model)
        self._cluster = cluster
        self._section, self._labels = section.model_dump_json(), worker.write_labels(labels)

    async def complete(self, request: Request) -> Response:
        with transport.observed() as exchange:
            exchange.left = True  # until the worker has said otherwise
            try:
                told = await self._cluster.call(worker.ask, self._section, self._labels, worker.write_request(request))
            except NotSent:
                exchange.left = False
                raise
            answer: dict[str, Any] = json.loads(told)
            met = answer["exchange"]
            exchange.status, exchange.headers, exchange.left = met["status"], met["headers"], met["left"]
            if facts := answer.get("error"):
                raise self._error(**facts)
        return Response(**answer["response"])

    def _error(self, kind: str, text: str, **facts: Any) -> OptimizerError:
        found: type[OptimizerError] = getattr(errors, kind)
        return found(text, model=self.name, **facts) if issubclass(found, ModelError) else found(f"on a worker: {text}")


class NotSent(ModelError):
    """No worker has taken the call."""


def lost(what: object) -> ModelError:
    """A worker went away with a call, or the way to it broke."""
    return ModelError(f"the worker was lost ({what})", model="cluster", retryable=True)
