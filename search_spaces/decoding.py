"""Decoding parameters. `None` leaves what the prompt and the model's settings say."""

from __future__ import annotations

from optimizer.space import Choice, in_params

TEMPERATURE = Choice("temperature", (None, 0.0, 0.5), in_params("temperature"))
