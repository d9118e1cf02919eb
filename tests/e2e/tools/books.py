"""The books of an offline server, kept by the keys under which a run remembers its answers."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from optimizer.models.money.prices import Price
from optimizer.models.providers.litellm import LiteLLMModel
from optimizer.offline.serving.server import Faults, running
from optimizer.types import Request
from tests.e2e.tools.runs import SOURCE, TARGET, hosted

_NONE = Faults()
_LONGEST = 120.0  # seconds


class Books:
    """Which questions were answered whole, how often; to be waited on from the test."""

    def __init__(self) -> None:
        self.url = ""
        self.stats: Callable[[], dict[str, Any]] = dict
        self.answered: Counter[str] = Counter()
        self._grown = threading.Condition()

    @property
    def models(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """The task file's sections on source and target."""
        return hosted(SOURCE, self.url), hosted(TARGET, self.url)

    def note(self, name: str, question: Request) -> None:
        model = LiteLLMModel(name.replace("offline/", "openai/"), api_base=self.url, price=Price(0, 0))
        with self._grown:
            self.answered[question.key(model.identity)] += 1
            self._grown.notify_all()

    def wait(self, distinct: int, seconds: float) -> bool:
        """Until so many different questions are answered; False where that does not happen in time."""
        with self._grown:
            return self._grown.wait_for(lambda: len(self.answered) >= distinct, seconds)

    def settle(self) -> None:
        """Wait until the server has worked off what the dead had asked."""
        count = -1
        while count != (count := self.stats()["answered"]):
            time.sleep(0.1)


@contextmanager
def served(faults: Faults = _NONE) -> Iterator[Books]:
    books = Books()
    with running(faults=faults, heard=books.note) as server:
        books.url, books.stats = server.url, server.stats
        yield books


def stored(run_dir: Path) -> set[str]:
    """The questions in a run's store, read from a copy: opening the file itself would mend what a kill left."""
    if not (run_dir / "calls.sqlite").exists():
        return set()
    with tempfile.TemporaryDirectory() as folder:
        for path in run_dir.glob("calls.sqlite*"):
            shutil.copy(path, folder)
        return _keys(Path(folder) / "calls.sqlite")


def stored_now(run_dir: Path) -> int:
    """How many questions the store of a run that is going on holds."""
    return len(keys_now(run_dir))


def holds(folder: Path, process: subprocess.Popen[str], number: int) -> bool:
    """Wait until the store holds so many answers; False where the run ends before."""
    until = time.monotonic() + _LONGEST
    while time.monotonic() < until and process.poll() is None:
        if stored_now(folder) >= number:
            return True
        time.sleep(0.02)
    return False


def keys_now(run_dir: Path) -> set[str]:
    path = run_dir / "calls.sqlite"
    return _keys(path) if path.exists() else set()


def _keys(path: Path) -> set[str]:
    with closing(sqlite3.connect(path)) as database:
        made = database.execute("SELECT name FROM sqlite_master WHERE name = 'calls'").fetchone()
        return {key for (key,) in database.execute("SELECT key FROM calls")} if made else set()
