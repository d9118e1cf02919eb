"""Whether a reply keeps its contract, whatever it says."""

from __future__ import annotations

from dataclasses import dataclass

from optimizer.types import Example, Output, Score


@dataclass(frozen=True)
class Valid:
    def __call__(self, example: Example, output: Output, reference: Output | None) -> Score:
        del example, reference
        return Score(1.0) if output.status == "ok" else Score(0.0, output.error or output.status)


def valid() -> Valid:
    """1 for a reply that keeps its contract, else 0."""
    return Valid()
