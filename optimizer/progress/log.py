"""run.log: what a run said, line by line, with the seconds since it was started; appended to at every start."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path

from optimizer.errors import RunDirError
from optimizer.progress.console import Lines, harmless
from optimizer.progress.progress import Progress, Watch
from optimizer.redact import redact


class RunLog:
    """A watch that also writes down what it is told. Holds no time of day, no secret and no control character."""

    def __init__(self, path: Path, watch: Watch) -> None:
        self._watch = watch
        self._lines = Lines(self._write)
        self._start = time.monotonic()
        try:
            self._file = path.open("a", encoding="utf-8", errors="replace", newline="\n", buffering=1)
        except OSError as error:
            raise RunDirError(f"{path}: cannot be written ({error.strerror}); choose another --run-dir") from error

    def __call__(self, progress: Progress) -> None:
        self._lines(progress)
        self._watch(progress)

    def __enter__(self) -> RunLog:
        self._write("started")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _trace: object) -> None:
        self._write("ended" if kind is None else f"broke off with {kind.__name__}: {error}")
        self._file.close()

    def _write(self, line: str) -> None:
        """A log that cannot grow any more does not end the run."""
        seconds = time.monotonic() - self._start
        with suppress(OSError):
            self._file.write(f"{seconds:8.1f} s  {harmless(redact(line), 4000)}\n")
