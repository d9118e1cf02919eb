"""One finished run, for the many tests that only look at what it left; and Control-C, which tests send."""

from __future__ import annotations

import shutil
import signal
from dataclasses import dataclass
from pathlib import Path

import pytest

from optimizer.results.migration import Migration
from tests.walking import SEARCH, crew, finished, writes

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # a shell that starts tests in the background has it ignored
    signal.signal(signal.SIGINT, signal.default_int_handler)


@dataclass(frozen=True)
class Walked:
    """`folder` holds task.yaml, data.jsonl and the run directory `run`. Many look at it: copy what you change."""

    migration: Migration
    folder: Path

    @property
    def run(self) -> Path:
        return self.folder / "run"

    def copy(self, to: Path) -> Path:
        """The run directory, to be changed."""
        return Path(shutil.copytree(self.run, to))


@pytest.fixture(scope="session")
def plain_run(tmp_path_factory: pytest.TempPathFactory) -> Walked:
    """The parity task, searched over layout and reply form."""
    folder = tmp_path_factory.mktemp("plain")
    return Walked(finished(folder)[0], folder)


@pytest.fixture(scope="session")
def compiled_run(tmp_path_factory: pytest.TempPathFactory) -> Walked:
    """The parity task, with proposals, and a compile by DSPy."""
    folder = tmp_path_factory.mktemp("compiled")
    search = SEARCH | {"space": "tests.walking:COMPILED"}
    return Walked(finished(folder, crew(target=writes), search=search)[0], folder)
