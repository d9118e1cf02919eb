"""A target whose refusal of a search's parameters costs a candidate, not the run."""

from __future__ import annotations

from optimizer.errors import CreditExhausted, ModelError
from optimizer.models.model import Model, identity
from optimizer.types import Params, Request, Response

_BAD_REQUEST = (400, 422)


class Tolerant:
    """If a request with other parameters than `safe` is turned down (HTTP 400, 422), it counts as refused.

    So a candidate whose parameters the target does not take scores nothing and loses, and the run goes on. A request
    with the `safe` parameters, those that the task agreed on, fails as ever: then the task is wrong.
    """

    def __init__(self, model: Model, safe: Params) -> None:
        self.name = model.name
        self.identity = identity(model)
        self._model = model
        self._safe = dict(safe)

    async def complete(self, request: Request) -> Response:
        try:
            return await self._model.complete(request)
        except CreditExhausted:  # some gateways say this with the status of a bad request
            raise
        except ModelError as problem:
            if problem.status not in _BAD_REQUEST or dict(request.params) == self._safe:
                raise
            raise ModelError(problem.said, model=problem.model, status=problem.status, refused=True) from problem
