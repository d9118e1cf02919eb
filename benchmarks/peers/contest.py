"""One cell of the table after the other: a method optimises a task under one seed and one limit of target calls."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.peers import ours, visitors
from benchmarks.peers.gate import Book, Gate
from benchmarks.peers.subjects import Subject, subject
from benchmarks.peers.tables import Ledger, Row

METHODS = ("ours", *visitors.PEERS, "random", "unchanged")
WEIGHS_COST = ("ours", "random")  # the others know quality alone; their results are weighed as they are


@dataclass(frozen=True)
class Cell:
    """`calls`: of the target, at most; `weight`: of cost in the objective."""

    task: str
    method: str
    seed: int
    calls: int
    weight: float


def run(cells: Sequence[Cell], ledger: Ledger) -> None:
    """Cells that the ledger has are done. A peer that cannot be installed is left out, and said so once."""
    missing: dict[str, str] = {}
    done = ledger.keys()
    for number, cell in enumerate(cells, 1):
        if (cell.task, cell.method, cell.seed, cell.calls, cell.weight) in done or cell.method in missing:
            continue
        started = time.perf_counter()
        try:
            row = play(cell)
        except visitors.NotThere as reason:
            missing[cell.method] = str(reason)
            print(f"{cell.method} is left out: {reason}", file=sys.stderr, flush=True)
            continue
        except visitors.Failed as reason:
            print(f"{cell} failed: {reason}", file=sys.stderr, flush=True)
            continue
        ledger.add(row)
        told = f"[{number}/{len(cells)}] {cell.task} {cell.method} seed {cell.seed} calls {cell.calls}"
        spent = f"{row.target_calls} calls, {time.perf_counter() - started:.0f} s"
        print(f"{told} weight {cell.weight:g}: {row.quality:.4f} ({spent})", file=sys.stderr, flush=True)


def play(cell: Cell) -> Row:
    task = subject(cell.task, cell.seed)
    with Gate(task.score, cell.calls) as gate:
        started = time.perf_counter()
        if cell.method in visitors.PEERS:
            visit = visitors.visit(cell.method, task, gate, cell.seed)
            seconds, note = visit.seconds, visit.note
            scores = [task.score(example.id, visit.answers.get(example.id, "")).value for example in task.unseen]
            quality, dollars = Subject.mean(scores), gate.books["exam"].dollars / len(task.unseen)
        else:
            won = ours.METHODS[cell.method](task, gate, cell.seed, cell.weight)
            seconds, note = time.perf_counter() - started, won.note
            quality, dollars = task.exam(won.prompt)
    target, proposer = gate.books["target"], gate.books["proposer"]
    both = (target, proposer)
    return Row(
        task=cell.task,
        method=cell.method,
        seed=cell.seed,
        calls=cell.calls,
        weight=cell.weight,
        quality=round(quality, 5),
        cost=round(dollars / task.source_dollars, 5),
        target_calls=target.calls,
        refused=target.refused,
        proposer_calls=proposer.calls,
        source_calls=gate.books["source"].calls,
        exam_calls=gate.books["exam"].calls,
        input_tokens=_sum(both, "input_tokens"),
        output_tokens=_sum(both, "output_tokens"),
        dollars=round(target.dollars + proposer.dollars, 5),
        seconds=round(seconds, 1),
        note=note[:600],
    )


def _sum(books: Sequence[Book], name: str) -> int:
    return sum(int(getattr(book, name)) for book in books)
