"""Metrics: how good one output is. Each family has a file; the names are listed here."""

from __future__ import annotations

from typing import Protocol

from optimizer.types import Example, Output, Score

__all__ = ["Metric"]


class Metric(Protocol):
    """Scores one output, from 0 to 1.

    `reference` is what the source model answered; `example.expected` holds the gold answer, if there is one.
    """

    def __call__(self, example: Example, output: Output, reference: Output | None) -> Score: ...
