"""The answers to be judged, two to an example, so that nobody can see which of them is the source's.

Which one is called A is decided by a keyed hash of the example's id. The key is the hash of the run's file of held-out
answers, with their costs and times: whoever has the run directory has it, and it is kept in no sheet.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterator
from dataclasses import dataclass

from optimizer.prompt.media import shown
from optimizer.results.migration import Migration, TargetResult
from optimizer.results.rundir import RunDir
from optimizer.types import Example, Output, as_text

_LETTERS = "bcdfghjkmnpqrstz"  # no digit and no vowel: no spreadsheet takes such a code for a number, a date or a word
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


@dataclass(frozen=True)
class Pair:
    """One example with both answers as people read them. `scores`: the run's own, of source and target."""

    code: str
    example: Example
    source: str
    target: str
    target_first: bool
    scores: tuple[float, float]

    @property
    def answers(self) -> tuple[str, str]:
        """A and B."""
        return (self.target, self.source) if self.target_first else (self.source, self.target)

    @property
    def input(self) -> str:
        """As a person reads it; of several variables, each under its name."""
        values = {name: _readable(shown(as_text(value))) for name, value in self.example.inputs.items()}
        if len(values) == 1:
            return next(iter(values.values()))
        return "\n\n".join(f"{name}:\n{value}" for name, value in values.items())


@dataclass(frozen=True)
class Blind:
    """The pairs of one target in the order of its sheet, which is random: whoever stops early has judged a random part.

    `equal`: examples with the same answer on both sides; `lost`: without an answer on one of them. `key` is the secret.
    """

    result: TargetResult
    key: str
    pairs: tuple[Pair, ...]
    equal: int
    lost: int


def blind(migration: Migration, key: str) -> tuple[Blind, ...]:
    """What people can judge of each target. `key`: the run's `secret`."""
    return tuple(_of(migration, result, key) for result in migration.targets)


def secret(run: RunDir) -> str:
    """The hash of the file of held-out answers, as the manifest has it: the same for every version that reads it."""
    return str(run.manifest()["files"]["confirmation.jsonl"])


def _of(migration: Migration, result: TargetResult, key: str) -> Blind:
    met = result.confirmation
    rows = list(zip(met.source.outputs, met.source.scores, met.winner.outputs, met.winner.scores, strict=True))
    answered = [row for row in rows if "failed" not in (row[0].status, row[2].status)]
    pairs: list[tuple[bytes, Pair]] = []
    for source, before, target, after in answered:
        if not _equal(source, target):
            mark = hmac.digest(
                key.encode(), f"{result.model}\0{source.example_id}".encode("utf-8", "replace"), "sha256"
            )
            example = migration.examples[source.example_id]
            ours, theirs = (_readable(shown(output.text)) or "(empty)" for output in (target, source))
            pair = Pair("".join(_code(mark[:5])), example, theirs, ours, bool(mark[5] & 1), (before.value, after.value))
            pairs.append((mark[6:], pair))
    ordered = tuple(pair for _, pair in sorted(pairs, key=lambda row: row[0]))
    return Blind(result, key, ordered, len(answered) - len(pairs), len(rows) - len(answered))


def sample(found: Blind, number: int | None) -> tuple[Pair, ...]:
    """So many of the pairs, from all over the range of what the run's metric says of them, in the sheet's order.

    Every k-th of the pairs that stand in the order of their difference in score: each has the same chance.
    """
    every = found.pairs
    if number is None or number >= len(every):
        return every
    ordered = sorted(range(len(every)), key=lambda place: (every[place].scores[1] - every[place].scores[0], place))
    start = int(found.key[:8], 16) / 16**8
    return tuple(
        every[place] for place in sorted(ordered[int((n + start) * len(every) / number)] for n in range(number))
    )


def _equal(source: Output, target: Output) -> bool:
    """The same text, or the same value in other white space or another order of keys."""
    if source.text.strip() == target.text.strip():
        return True
    both_ok = source.status == target.status == "ok"
    return both_ok and isinstance(source.value, dict | list) and source.value == target.value


def _readable(text: str) -> str:
    """Characters that no cell can hold are shown to be there; tabs, which spreadsheets swallow, are blanks."""
    return _CONTROL.sub("\ufffd", text.replace("\t", "    "))


def _code(data: bytes) -> Iterator[str]:
    for byte in data:
        yield from (_LETTERS[byte >> 4], _LETTERS[byte & 15])
