"""The task file's section on a LiteLLM proxy that stands before the models."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, field_validator

from optimizer.config.sections import Section, Text
from optimizer.redact import holds_secret, names_secret

Tag = Annotated[str, Field(pattern=r"^[^,\s]([^,\n]{0,98}[^,\s])?$")]


class GatewaySettings(Section):
    tags: tuple[Tag, ...] = Field(default=(), description="Sent with each request, for the proxy's cost reports")
    metadata: dict[Text, Text] = Field(default={}, description="The same, as keys and values; never a secret")
    litellm: bool | None = Field(
        default=None, description="Whether an `api_base` is a LiteLLM proxy; default: found out by asking it"
    )

    @field_validator("metadata")
    @classmethod
    def _no_secret(cls, metadata: dict[str, str]) -> dict[str, str]:
        for name, value in metadata.items():
            if name == "tags":
                raise ValueError("put tags under `tags`")
            if names_secret(name) or holds_secret(value):
                raise ValueError(f"{name!r} looks like a secret; what stands here is logged by the proxy")
        return metadata
