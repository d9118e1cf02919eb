"""The figures of growth as tables for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Rows = Sequence[Mapping[str, Any]]


def as_markdown(found: Mapping[str, Rows]) -> str:
    parts = {"memory": _memory, "store": _store, "postgres": _postgres, "workers": _workers, "fleet": _fleet}
    return "\n".join(line for name, part in parts.items() if found.get(name) for line in part(found[name])) + "\n"


def _table(title: str, heads: Sequence[str], rows: Iterator[Sequence[object]], *, texts: int = 0) -> Iterator[str]:
    """`texts`: so many columns hold words; the others are numbers, and stand to the right."""
    yield f"## {title}\n"
    yield f"| {' | '.join(heads)} |"
    yield "|" + "---|" * texts + "---:|" * (len(heads) - texts)
    yield from (f"| {' | '.join(map(str, row))} |" for row in rows)
    yield ""


def _memory(rows: Rows) -> Iterator[str]:
    heads = "examples", "calls", "peak MiB, data read", "all asked", "decided and written", "run folder, MiB", "seconds"
    stages = "read", "confirm", "written"
    cells = (
        (f"{r['examples']:,}", f"{r['calls']:,}", *(r["peak_mib"][s] for s in stages), r["run_dir_mib"], r["seconds"])
        for r in rows
    )
    return _table("Memory of a whole run", heads, cells)


def _store(rows: Rows) -> Iterator[str]:
    rates = "look-ups a second", "CPU µs each", "within a run", "new answers a second"
    cells = (
        (
            *(f"{r['answers']:,}", r["file_mib"], r["open_ms"], f"{r['look_ups_per_s']:,}", r["look_up_cpu_us"]),
            *(f"{r['through_the_loop_per_s']:,}", f"{r['puts_per_s']:,}"),
        )
        for r in rows
    )
    return _table("The call store in a file", ("answers", "file, MiB", "open, ms", *rates), cells)


def _postgres(rows: Rows) -> Iterator[str]:
    heads = "answers", "open, ms", "look-ups a second", "claimed, answered and kept, a second"
    cells = (
        (f"{r['answers']:,}", r["open_ms"], f"{r['look_ups_per_s']:,}", f"{r['claimed_and_kept_per_s']:,}")
        for r in rows
    )
    return _table("The call store on PostgreSQL, 256 questions at once", heads, cells)


def _workers(rows: Rows) -> Iterator[str]:
    first = rows[0]
    heads = "engine", "workers", "calls a second", "of the best possible", "of linear", "driver's CPU, ms a call"
    cells = (
        (
            *(engine["engine"], r["workers"], r["calls_per_s"], f"{r['of_the_best_possible']:.2f}"),
            *(f"{r['of_linear']:.2f}", r["driver_cpu_ms_a_call"]),
        )
        for engine in rows
        for r in engine["rows"]
    )
    title = f"Workers: calls of {first['latency_s']:g} s, {first['calls_each']} in flight at each"
    return _table(title, heads, cells, texts=1)


def _fleet(rows: Rows) -> Iterator[str]:
    ends = "failed on purpose", "decisions", "calls", "seconds", "started again, seconds"
    cells = (
        (
            *(f"{r['tasks']} × {r['targets']}", r["through"], len(r["failed"]), r["decisions"]),
            *(f"{r['calls']:,}", r["seconds"], r["seconds_started_again"]),
        )
        for r in rows
    )
    return _table("A fleet, end to end", ("tasks × targets", "through", *ends), cells, texts=1)
