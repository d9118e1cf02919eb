"""Form: how parts are set apart, where the instructions stand."""

from __future__ import annotations

from optimizer.space import Choice, in_layout

DELIMITERS = Choice("delimiters", ("as_is", "xml", "markdown"), in_layout("delimiters"))
PLACEMENT = Choice("placement", ("as_is", "system", "user"), in_layout("placement"))
