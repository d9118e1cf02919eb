"""By which clock a call is timed, and of whom the time to the first token can be had."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

Clock = Literal["transport", "first_token", "provider"]

#: What each of them reads.
CLOCKS: Mapping[Clock, str] = {
    "transport": "until the whole reply came",
    "first_token": "until the first token of the reply came",
    "provider": "that the provider says",
}

#: Providers whose protocol is OpenAI's, where an `api_base` is given: their replies are read here as they come.
OPENAI_LIKE = ("openai", "hosted_vllm")
