"""What another library's metric asks of models, asked of ours instead."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from optimizer.errors import ConfigError, OptimizerError
from optimizer.metrics.standard import Unscored
from optimizer.models import Model
from optimizer.models.providers.embedding import asked, unpack
from optimizer.prompt.contract import Contract
from optimizer.types import Message, Request

_JSON = Contract("json")
_TRIES = 2


@dataclass
class Door:
    """What a library asks of a model goes through here. `trouble` keeps errors, which a library may hide."""

    judge: Model
    embedder: Model | None = None
    trouble: list[Exception] = field(default_factory=list)

    async def text(self, prompt: str, sample: int = 0) -> str:
        if self.trouble:  # libraries retry what cannot be mended
            raise self.trouble[0]
        try:
            return (await self.judge.complete(Request((Message("user", prompt),), sample=sample))).text
        except OptimizerError as error:
            self.trouble.append(error)
            raise

    async def read(self, prompt: str, schema: Any) -> Any:
        """The reply as an object of the library's own (a pydantic model)."""
        form = json.dumps(schema.model_json_schema(), ensure_ascii=False)
        asking = f"{prompt}\n\nReply with one JSON object of this JSON schema and nothing else:\n{form}"
        problem = "no JSON"
        for sample in range(_TRIES):
            reply = _JSON.read(await self.text(asking, sample))
            try:
                return schema.model_validate(reply.value)
            except ValueError as error:  # pydantic's ValidationError is one
                problem = reply.error or str(error).partition("\n")[0]
        lost = Unscored(f"the judge {self.judge.name} gave no judgement: {problem}")
        self.trouble.append(lost)
        raise lost

    async def vector(self, text: str) -> list[float]:
        if self.embedder is None:
            lost = ConfigError("this metric needs vectors; name a model in the section `embedder:`")
            self.trouble.append(lost)
            raise lost
        return unpack((await self.embedder.complete(asked(text))).text)
