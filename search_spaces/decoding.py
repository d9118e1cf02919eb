"""Decoding parameters. `None` leaves what the prompt and the model's settings say.

A target that does not take a parameter loses its dimension; see `optimizer/space/parameters.py`. Vendors advise to
change one of temperature and top_p, and some refuse both together, so each of them takes the other's place, and a
configuration that names both counts, and is told, as one with the temperature alone.
"""

from __future__ import annotations

from optimizer.space import Choice, in_params, in_reply_format

TOP_P = Choice("top_p", (None, 0.5, 0.9), in_params("top_p", instead_of=("temperature",)), when=("temperature", None))
TEMPERATURE = Choice(
    "temperature",
    (None, 0.0, 0.5),
    in_params("temperature", instead_of=("top_p",)),
    when=("reasoning_effort", None),
)
MAX_TOKENS = Choice(
    "max_tokens", (None, 256, 1024), in_params("max_tokens", instead_of=("max_completion_tokens", "max_output_tokens"))
)
# A model that thinks chooses its own sampling: temperature and top_p beside it are refused, or have no effect.
EFFORT = Choice(
    "reasoning_effort",
    (None, "low", "medium", "high"),
    in_params("reasoning_effort", instead_of=("temperature", "top_p")),
)
RESPONSE_FORMAT = Choice("response_format", (None, "json_object", "json_schema"), in_reply_format)
