"""Functions that a model may call: their definitions, as OpenAI's chat API writes them, and whether it must call one.

A definition is sent as it stands; what is checked is that a provider would take it. An answer's calls are held against
the parameters as far as the bundle's reader can (types, choices, required keys); see `schema.reduced`.

`toolset` is what a prompt offers. `definitions` says what a provider would take, where `schema` reads the parameters'
schemas; `described` puts tools into words, `variants` words and orders the same tools otherwise.
"""

from optimizer.tools.definitions import MODES
from optimizer.tools.toolset import Toolset

__all__ = ["MODES", "Toolset"]
