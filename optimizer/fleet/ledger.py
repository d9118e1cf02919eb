"""What a fleet knows of its tasks so far, on disk after every one of them: what is done is not done again."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from optimizer.errors import RunDirError
from optimizer.fleet.paid import Amount, Bill
from optimizer.results.rundir import write_whole

FORMAT = 1


@dataclass(frozen=True)
class Entry:
    """How a task ended. `error`: why it did not. `starved`: it would have gone on with a larger budget.

    `agreed` is a digest of all that the outcome depends on, the task's share of the budget among it.
    """

    agreed: str
    run_dir: str
    error: str = ""
    kind: str = ""
    starved: bool = False
    calls: int = 0
    dollars: float = 0.0
    seconds: float = 0.0
    outcome: Mapping[str, Any] = field(default_factory=dict)


class Ledger:
    """Entries by task and pass. A damaged file is no ledger: the tasks are walked again, over remembered answers."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._entries: dict[str, Entry] = {}
        self._between: dict[str, Any] = {}
        try:
            found = json.loads(path.read_text("utf-8"))
            if found["format"] == FORMAT:
                self._entries = {name: Entry(**facts) for name, facts in found["entries"].items()}
                self._between = dict(found.get("between", {}))
        except FileNotFoundError:
            pass
        except OSError as error:
            raise RunDirError(f"{path}: cannot be read ({error.strerror}); mend it, or delete it") from error
        except (ValueError, LookupError, TypeError, AttributeError):
            self._entries, self._between = {}, {}

    def known(self, name: str, part: int, agreed: str) -> Entry | None:
        """What became of the task in a pass, if that was on the same terms; failures are tried again."""
        entry = self._entries.get(f"{name} #{part}")
        return entry if entry and entry.agreed == agreed and not entry.error else None

    def note(self, name: str, part: int, entry: Entry) -> None:
        with self._lock:
            self._entries[f"{name} #{part}"] = entry
            self._write()

    def between(self, agreed: str, reckoned: Callable[[], Bill]) -> Bill:
        """What had been paid when the first pass ended in the way that `agreed` is a digest of: reckoned once, for what
        is asked later must not change what each task was given."""
        if self._between.get("agreed") != agreed:
            found = reckoned()
            self._between = {"agreed": agreed, **asdict(found)}
            self._write()
            return found
        amounts = {name: Amount(*self._between[name]) for name in ("answers", "shared", "wasted")}
        return Bill(counted={name: Amount(*one) for name, one in self._between["counted"].items()}, **amounts)

    def _write(self) -> None:
        entries = {key: asdict(one) for key, one in sorted(self._entries.items())}
        told = {"format": FORMAT, "entries": entries, "between": self._between}
        write_whole(self._path, json.dumps(told, indent=1) + "\n")
