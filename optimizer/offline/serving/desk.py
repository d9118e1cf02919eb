"""The books of an offline server: what was asked, answered, billed, failed on purpose and refused."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from optimizer.offline.serving.faults import KINDS, Faults
from optimizer.offline.serving.quota import Quota, Till
from optimizer.types import Request, Response

Heard = Callable[[str, Request], None]


@dataclass
class Desk:
    """What one server remembers: its books, and what its callers have left of their quota."""

    wait: bool
    faults: Faults
    quota: Quota
    heard: Heard | None = None
    requests: Counter[str] = field(default_factory=Counter)
    answers: Counter[tuple[str, str]] = field(default_factory=Counter)
    came: Counter[tuple[str, str]] = field(default_factory=Counter)
    met: Counter[str] = field(default_factory=Counter)
    billed: Counter[tuple[str, str]] = field(default_factory=Counter)
    tills: dict[str, Till] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def next_fault(self, name: str, key: str) -> str | None:
        with self.lock:
            self.came[name, key] += 1
            fault = self.faults.of(f"{name}/{key}", self.came[name, key])
            if fault:
                self.met[fault] += 1
        return fault

    def bill(self, name: str, response: Response) -> None:
        """What a provider would charge for, whether or not the answer can be used."""
        with self.lock:
            amounts = {"calls": 1, "input_tokens": response.input_tokens, "output_tokens": response.output_tokens}
            self.billed.update({(name, kind): amount for kind, amount in amounts.items()})

    def answered(self, name: str, question: Request) -> None:
        """A whole, right answer is about to be sent."""
        with self.lock:
            self.answers[name, question.key(name)] += 1
        if self.heard:
            self.heard(name, question)

    def till(self, name: str) -> Till:
        return self.tills.setdefault(name, Till(self.quota))

    def stats(self) -> dict[str, Any]:
        """Counts since the start, in all and per model. `answered`: whole, correct answers that were sent; `billed`:
        with those that were cut or came from an impostor; `over_quota`: requests that met a limit; `let_in`: what was
        booked against each limit."""
        with self.lock:
            models = {name: self._counts(name) for name in sorted({*self.requests, *(m for m, _ in self.answers)})}
            faults = {kind: self.met[kind] for kind in KINDS}
            let_in = sum((Counter(till.let_in) for till in self.tills.values()), Counter[str]())
            met = {"faults": faults, "models": models, "over_quota": self.met["quota"], "let_in": dict(let_in)}
            return self._counts(None) | met

    def _counts(self, model: str | None) -> dict[str, Any]:
        asked = [count for name, count in self.requests.items() if model in (None, name)]
        times = [count for (name, _), count in self.answers.items() if model in (None, name)]
        return {
            "requests": sum(asked),
            "answered": sum(times),
            "distinct": len(times),
            "answered_twice": sum(1 for count in times if count > 1),
            "billed": {
                kind: sum(n for (name, k), n in self.billed.items() if k == kind and model in (None, name))
                for kind in ("calls", "input_tokens", "output_tokens")
            },
        }
