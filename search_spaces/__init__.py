"""Ready-made search spaces and their dimensions. A task names a space: `search: {space: standard}`. See README.md here.

A space of your own is a `SearchSpace` in any importable module, named as `my_module:MY_SPACE`, or a YAML file.
"""

from __future__ import annotations

from search_spaces.compilers import ALL_PROGRAMS, FEW_SHOT, KNOBS, PROGRAMS
from search_spaces.decoding import EFFORT, MAX_TOKENS, RESPONSE_FORMAT, TEMPERATURE, TOP_P
from search_spaces.demos import DEMO_CHOICE, DEMO_FORM, DEMO_ORDER, DEMOS
from search_spaces.instructions import WORDING
from search_spaces.layout import ADAPTER, DELIMITERS, PLACEMENT
from search_spaces.output import REASONING, REPLY, REPLY_AT
from search_spaces.ready import (
    CLASSIFICATION,
    EXTRACTION,
    PIPELINE,
    QUICK,
    RETRIEVAL,
    STANDARD,
    SUMMARISATION,
    THOROUGH,
    TOOLS,
)
from search_spaces.tools import CONTRACT, TOOL_CHOICE, TOOL_ORDER, TOOL_TEXT, TOOL_WORDING

__all__ = [
    "ADAPTER",
    "ALL_PROGRAMS",
    "CLASSIFICATION",
    "CONTRACT",
    "DELIMITERS",
    "DEMOS",
    "DEMO_CHOICE",
    "DEMO_FORM",
    "DEMO_ORDER",
    "EFFORT",
    "EXTRACTION",
    "FEW_SHOT",
    "KNOBS",
    "MAX_TOKENS",
    "PIPELINE",
    "PLACEMENT",
    "PROGRAMS",
    "QUICK",
    "REASONING",
    "REPLY",
    "REPLY_AT",
    "RESPONSE_FORMAT",
    "RETRIEVAL",
    "STANDARD",
    "SUMMARISATION",
    "TEMPERATURE",
    "THOROUGH",
    "TOOLS",
    "TOOL_CHOICE",
    "TOOL_ORDER",
    "TOOL_TEXT",
    "TOOL_WORDING",
    "TOP_P",
    "WORDING",
]
