"""DSPy without chatter, cache and look-ups: a compile of ours writes to no terminal and no disk.

DSPy prints, logs and draws progress bars from several threads, so swapping the standard streams for a while would
swallow what others write. Instead the few places that write are taught to be silent within a compile of ours.
"""

from __future__ import annotations

import builtins
import logging
import os
import sys
from functools import cache
from types import SimpleNamespace
from typing import Any
from weakref import WeakSet

from optimizer.programs.dspy.engine import Engine


@cache
def hush() -> None:
    """Before the first use of DSPy; a second call does nothing."""
    import dspy
    import gepa.core.engine
    import optuna
    import tqdm  # type: ignore[import-untyped]

    class Bar(tqdm.tqdm):  # type: ignore[misc]
        _instances = _Bars()

        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **{**options, "disable": _ours() or options.get("disable", False)})

    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # DSPy would look models up on the network
    if "cache" not in vars(dspy):  # a cache that the user has made stays theirs
        dspy.configure_cache(enable_disk_cache=False, enable_memory_cache=False)
    for name, module in list(sys.modules.items()):
        if name.startswith(("dspy.teleprompt", "dspy.propose", "dspy.utils", "dspy.evaluate")) and module:
            module.__dict__.setdefault("print", _print)
            if vars(module).get("tqdm") is tqdm:
                module.tqdm = SimpleNamespace(tqdm=Bar)  # type: ignore[attr-defined]
    gepa.core.engine.tqdm = Bar
    optuna.logging.get_verbosity()  # sets its handler up, if nothing has yet
    for library in ("dspy", "optuna"):  # Optuna reports a compile that Ctrl-C ends with a traceback
        for handler in logging.getLogger(library).handlers:
            handler.addFilter(lambda _: not _ours())


class _Bars(WeakSet[Any]):
    """DSPy empties the list of bars before each evaluation, maybe while another thread's bar is about to leave it."""

    def remove(self, item: Any) -> None:
        self.discard(item)


def _ours() -> bool:
    """Whether this thread works for a compile of ours: then the model in force is one of ours."""
    import dspy

    return isinstance(getattr(dspy.settings.lm, "engine", None), Engine)


def _print(*args: Any, **options: Any) -> None:
    if not _ours():
        builtins.print(*args, **options)  # noqa: T201 - other users of DSPy keep their output
