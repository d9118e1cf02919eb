"""The plain program: render the prompt, ask once, read the reply under its contract."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from optimizer.models import Model
from optimizer.prompt import Prompt
from optimizer.prompt.contract import Contract
from optimizer.types import JSON, Inputs, Reply, Response


@dataclass(frozen=True)
class PromptProgram:
    prompt: Prompt

    async def __call__(self, inputs: Inputs, model: Model) -> Reply:
        return self.read(await model.complete(self.prompt.render(inputs)))

    def read(self, response: Response) -> Reply:
        """What a response says under the prompt's contract."""
        return read_response(self.prompt.reading, response)

    def to_dict(self) -> Mapping[str, JSON]:
        return {"kind": "prompt", "prompt": self.prompt.to_dict()}


def read_response(contract: Contract, response: Response) -> Reply:
    """What a response says under a contract; a reply that was cut off or filtered is told apart."""
    reply = contract.read(response.text, prose=response.finish != "tool_calls")
    if reply.error and response.finish == "length":
        return Reply(reply.text, None, f"{reply.error} (cut off at the token limit)", "invalid")
    if response.finish == "content_filter":
        return Reply(reply.text, None, "declined by the provider's content filter", "refused")
    return reply
