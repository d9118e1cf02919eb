"""What a dimension's value changes about a variant: the functions that a `Choice` is made with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from optimizer.space.variant import Variant
from optimizer.tools import Toolset


def in_layout(name: str) -> Callable[[Variant, Any], Variant]:
    """Carry a value out as the layout's field `name`."""

    def put(variant: Variant, value: Any) -> Variant:
        layout = replace(variant.prompt.layout, **{name: value})
        return replace(variant, prompt=replace(variant.prompt, layout=layout))

    return put


def in_params(name: str, *, instead_of: Sequence[str] = ()) -> Callable[[Variant, Any], Variant]:
    """Carry a value out as the decoding parameter `name`; parameters that may not stand beside it go."""

    def put(variant: Variant, value: Any) -> Variant:
        others = {key: kept for key, kept in variant.prompt.params.items() if key not in instead_of}
        return replace(variant, prompt=replace(variant.prompt, params={**others, name: value}))

    return put


def in_reply_format(variant: Variant, value: Any) -> Variant:
    """Demand JSON ("json_object") or the contract's schema ("json_schema") by parameter; nothing for other replies."""
    wanted = variant.prompt.contract.demanded(value)
    return in_params("response_format")(variant, wanted) if wanted else variant


def in_tools(change: Callable[[Toolset, Any], Toolset]) -> Callable[[Variant, Any], Variant]:
    """Carry a value out on the tools that the prompt offers; nothing where it offers none."""

    def put(variant: Variant, value: Any) -> Variant:
        prompt = variant.prompt
        return replace(variant, prompt=replace(prompt, tools=change(prompt.tools, value))) if prompt.tools else variant

    return put


def in_demos(name: str) -> Callable[[Variant, Any], Variant]:
    """Carry a value out as the field `name` of the plan for worked examples."""

    def put(variant: Variant, value: Any) -> Variant:
        return replace(variant, demos=replace(variant.demos, **{name: value}))

    return put


def in_knobs(name: str) -> Callable[[Variant, Any], Variant]:
    """Carry a value out as the program's knob `name`, `<program>.<knob>`."""

    def put(variant: Variant, value: Any) -> Variant:
        return replace(variant, knobs={**variant.knobs, name: value})

    return put
