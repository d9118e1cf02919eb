"""Move a prompt from one language model to another, and know whether it still works."""

__version__ = "0.1.0"
