"""Form: how parts are set apart, where the instructions stand; of a program of several prompts, how DSPy words it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from optimizer.prompt.suite import Suite
from optimizer.space import Choice, Variant, in_layout

DELIMITERS = Choice("delimiters", ("as_is", "xml", "markdown"), in_layout("delimiters"))
PLACEMENT = Choice("placement", ("as_is", "system", "user"), in_layout("placement"))


def _adapter(variant: Variant, value: Any) -> Variant:
    suite = variant.prompt
    if not isinstance(suite, Suite):
        return variant
    return replace(variant, prompt=replace(suite, origin=replace(suite.origin, adapter=value)))


ADAPTER = Choice("adapter", ("as_is", "chat", "json", "xml"), _adapter)
