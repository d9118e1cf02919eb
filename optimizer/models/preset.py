"""Decoding parameters that go with every request of a role."""

from __future__ import annotations

from dataclasses import replace

from optimizer.models.model import Model, identity
from optimizer.types import Params, Request, Response


class Preset:
    """Adds `params` to the requests of `model`; a request's own go before them.

    Stands outside the store, so that a question is known by all the parameters that it is asked with.
    """

    def __init__(self, model: Model, params: Params) -> None:
        self.name = model.name
        self.identity = identity(model)
        self._model = model
        self._params = dict(params)

    async def complete(self, request: Request) -> Response:
        return await self._model.complete(replace(request, params={**self._params, **request.params}))
