"""What a run says while it goes on. The engine reports facts; who watches decides how to show them.

`progress` is such a fact. `console` shows it in a terminal, `log` keeps it in run.log; status.json and spans are
`operations`.
"""

from optimizer.progress.progress import Progress, Stage, Watch, silent

__all__ = ["Progress", "Stage", "Watch", "silent"]
