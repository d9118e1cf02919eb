"""Stages of an application beside the one that is migrated: retrieval, reranking, a call to another model.

A frozen stage is not run again: what it gave is in the data, and the source and every target are given the same. Stages
run one after the other, so that their seconds, tokens and dollars add up to those of the application.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

AMOUNTS = ("latency", "input_tokens", "output_tokens", "cost")
EVERYONE = ""  # in place of a model's name: the stage took the same with all of them

Amounts = Mapping[str, Mapping[str, float]]  # by example id, by name of the amount


@dataclass(frozen=True)
class Stage:
    """`output` is the column that holds what it gave. `amounts`: by model, what it took; lacking names were not
    recorded."""

    name: str
    frozen: bool
    output: str | None
    amounts: Mapping[str, Amounts]

    def of(self, model: str) -> Amounts:
        return self.amounts.get(model, self.amounts.get(EVERYONE, {}))
