"""The figures of growth as tables for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any


def as_markdown(found: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    parts = {"memory": _memory, "store": _store, "postgres": _postgres, "workers": _workers, "fleet": _fleet}
    return "\n".join(line for name, part in parts.items() if found.get(name) for line in part(found[name])) + "\n"


def _memory(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    yield "## Memory of a whole run\n"
    yield "| examples | calls | peak MiB, data read | all asked | decided and written | run folder, MiB | seconds |"
    yield "|---:|---:|---:|---:|---:|---:|---:|"
    for row in rows:
        peak = row["peak_mib"]
        yield (
            f"| {row['examples']:,} | {row['calls']:,} | {peak['read']} | {peak['confirm']} | {peak['written']} | "
            f"{row['run_dir_mib']} | {row['seconds']} |"
        )
    yield ""


def _store(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    yield "## The call store in a file\n"
    yield "| answers | file, MiB | open, ms | look-ups a second | CPU µs each | within a run | new answers a second |"
    yield "|---:|---:|---:|---:|---:|---:|---:|"
    for row in rows:
        yield (
            f"| {row['answers']:,} | {row['file_mib']} | {row['open_ms']} | {row['look_ups_per_s']:,} | "
            f"{row['look_up_cpu_us']} | {row['through_the_loop_per_s']:,} | {row['puts_per_s']:,} |"
        )
    yield ""


def _postgres(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    yield "## The call store on PostgreSQL, 256 questions at once\n"
    yield "| answers | open, ms | look-ups a second | claimed, answered and kept, a second |"
    yield "|---:|---:|---:|---:|"
    for row in rows:
        yield (
            f"| {row['answers']:,} | {row['open_ms']} | {row['look_ups_per_s']:,} | {row['claimed_and_kept_per_s']:,} |"
        )
    yield ""


def _workers(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    first = rows[0]
    yield f"## Workers: calls of {first['latency_s']:g} s, {first['calls_each']} in flight at each\n"
    yield "| engine | workers | calls a second | of the best possible | of linear | driver's CPU, ms a call |"
    yield "|---|---:|---:|---:|---:|---:|"
    for engine in rows:
        for row in engine["rows"]:
            yield (
                f"| {engine['engine']} | {row['workers']} | {row['calls_per_s']} | {row['of_the_best_possible']:.2f} | "
                f"{row['of_linear']:.2f} | {row['driver_cpu_ms_a_call']} |"
            )
    yield ""


def _fleet(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    yield "## A fleet, end to end\n"
    yield "| tasks × targets | through | failed on purpose | decisions | calls | seconds | started again, seconds |"
    yield "|---|---:|---:|---:|---:|---:|---:|"
    for row in rows:
        yield (
            f"| {row['tasks']} × {row['targets']} | {row['through']} | {len(row['failed'])} | {row['decisions']} | "
            f"{row['calls']:,} | {row['seconds']} | {row['seconds_started_again']} |"
        )
    yield ""
