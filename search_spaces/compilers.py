"""The program: the plain prompt, or one whose instructions and examples a DSPy optimizer compiled.

A compile is bought once; what it brings competes under every layout and reply form of the space.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from optimizer.space import Choice, Variant


def _put(variant: Variant, value: Any) -> Variant:
    return replace(variant, program=value)


FEW_SHOT = Choice("program", ("plain", "labeled_few_shot", "bootstrap_few_shot"), _put)
PROGRAMS = Choice("program", ("plain", "labeled_few_shot", "bootstrap_few_shot", "miprov2", "gepa"), _put)
