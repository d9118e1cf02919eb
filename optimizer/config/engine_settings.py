"""The task file's sections on where a run is carried out and remembered; no answer depends on them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from optimizer.config.sections import Count, Section, Text, as_problem
from optimizer.models.stores.pgserver import is_address


def _refuse_password(value: str) -> str:
    with as_problem():
        is_address(value)
    return value


Store = Annotated[Text, AfterValidator(_refuse_password)]


class EngineSettings(Section):
    workers: Literal["local", "dask", "ray"] = Field(
        default="local", description="Who asks the models and scores: this process, or the workers of a cluster"
    )
    address: Annotated[Text, AfterValidator(_refuse_password)] | None = Field(
        default=None,
        description="Of the cluster: tcp://host:8786 for Dask, auto or ray://host:10001 for Ray; default: one on this "
        "machine, for this run",
    )
    number: Count | None = Field(default=None, description="Workers: of a cluster made here; of Ray, that ask")
    calls: Annotated[Count, Field(le=1024)] = Field(
        default=16, description="That one worker has in flight; Dask: threads of a worker made here"
    )

    @model_validator(mode="after")
    def _fits(self) -> EngineSettings:
        if self.workers == "local" and self.address:
            raise ValueError("address: belongs to a cluster; say which with `workers: dask` or `workers: ray`")
        return self
