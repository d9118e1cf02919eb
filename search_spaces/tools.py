"""Tools and response schemas: how they are described, in which order, whether one must be called or filled in."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from optimizer.space import Choice, Variant, in_layout, in_reply_format, in_tools
from optimizer.tools.variants import chosen, ordered, stated, worded

TOOL_TEXT = Choice("tool_text", ("as_is", "stated"), in_tools(stated))
TOOL_WORDING = Choice("tool_wording", ("as_is", "explicit", "gathered", "brief"), in_tools(worded))
TOOL_CHOICE = Choice("tool_choice", ("as_is", "auto", "required"), in_tools(chosen))
TOOL_ORDER = Choice("tool_order", ("as_is", "by_name", "reversed"), in_tools(ordered))


def _contract(variant: Variant, value: Any) -> Variant:
    """`native`: the schema goes to the API. `stated`: it stands in the text, and the API hears nothing of it."""
    prompt = variant.prompt
    if prompt.contract.kind != "json":
        return variant
    params = {name: kept for name, kept in prompt.params.items() if name != "response_format"}
    bare = replace(variant, prompt=replace(prompt, params=params))
    told = in_layout("reply")(bare, "shown") if value in ("stated", "both") else bare
    return in_reply_format(told, "json_schema") if value in ("native", "both") else told


CONTRACT = Choice("contract", ("as_is", "native", "stated", "both"), _contract)
