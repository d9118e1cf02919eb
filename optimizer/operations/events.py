"""What a run says, as one JSON object a line, for collectors of logs."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime

from optimizer.progress import Progress
from optimizer.progress.console import Lines, harmless
from optimizer.redact import redact


class Events:
    """A watch; like plain lines it keeps quiet between two of the same stage. No secret, no control character."""

    def __init__(self, write: Callable[[str], None], run: str) -> None:
        self._write, self._run = write, run
        self._last = Progress("baseline")
        self._lines = Lines(lambda _line: self._emit(self._last))

    def __call__(self, progress: Progress) -> None:
        self._last = progress
        self._lines(progress)

    def __enter__(self) -> Events:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def _emit(self, progress: Progress) -> None:
        facts = {
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "level": "info",
            "event": "note" if progress.text else "progress",
            "run": self._run,
            "stage": progress.stage,
            "target": progress.target,
            "done": progress.done,
            "total": progress.total,
            "best": progress.best,
            "calls": progress.calls,
            "dollars": progress.dollars,
            "text": harmless(redact(progress.text), 4000),
        }
        self._write(json.dumps({key: value for key, value in facts.items() if value not in ("", None)}))
