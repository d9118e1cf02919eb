"""How far it grows: memory, the call store, workers, fleets: `python -m benchmarks.scale [WHAT ...]`.

Every figure is taken in a process of its own. Parts: memory, store, postgres, workers, fleet; all of them take an hour.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.scaling.table import as_markdown

RESULTS = Path(__file__).parent / "results"
MIB = 1024  # getrusage counts in KiB on Linux


def memory(examples: int) -> dict[str, Any]:
    """A whole run over so many examples, towards models that answer at once: the memory is the engine's alone."""
    from benchmarks.scaling import plain
    from optimizer.pipeline import migrate
    from optimizer.task import load_task

    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        task = load_task(plain.write_task(Path(folder), examples))
        seen: dict[str, float] = {"read": _peak()}

        def watch(progress: Any) -> None:
            seen[progress.stage] = _peak()

        migration = migrate(task, Path(folder) / "run", watch=watch, connect=plain.connected)
        seen["written"] = _peak()
        size = sum(path.stat().st_size for path in (Path(folder) / "run").rglob("*") if path.is_file())
    calls = sum(spent.calls for spent in migration.spend.values())
    return {
        "examples": examples,
        "calls": calls,
        "peak_mib": {stage: round(peak) for stage, peak in seen.items()},
        "seconds": round(time.monotonic() - began),
        "run_dir_mib": round(size / 2**20),
    }


def store(answers: int) -> dict[str, Any]:
    """A file of so many answers: how long until it is open, and how many look-ups a second it serves."""
    from optimizer.models import bridge
    from optimizer.models.stores.cache import CallStore
    from optimizer.types import Response

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "calls.sqlite"
        _fill(path, answers)
        size = path.stat().st_size
        began = time.perf_counter()
        with CallStore(path) as opened:
            seconds = time.perf_counter() - began
            wanted = [_key(n * 7919 % answers) for n in range(10_000)]
            rate = _rate(lambda: [opened.get(key) for key in wanted], len(wanted))
            each = _cpu(lambda: [opened.get(key) for key in wanted], len(wanted))
            missing = [_key(answers + n) for n in range(10_000)]
            misses = _rate(lambda: [opened.get(key) for key in missing], len(missing))

            async def sought() -> None:
                for key in wanted:
                    await opened.seek(key)

            within = _rate(lambda: bridge.run(sought()), len(wanted))
            fresh = iter(_key(-n) for n in range(1, 10**6))

            def put() -> None:
                for _ in range(1000):
                    opened.put(next(fresh), "m", Response("x"))

            puts = _rate(put, 1000)
    return {
        "answers": answers,
        "file_mib": round(size / 2**20),
        "open_ms": round(1000 * seconds, 2),
        "look_ups_per_s": round(rate),
        "look_up_cpu_us": round(1e6 * each, 1),
        "misses_per_s": round(misses),
        "through_the_loop_per_s": round(within),
        "puts_per_s": round(puts),
        "peak_mib": round(_peak()),
    }


def postgres(answers: int) -> dict[str, Any]:
    """The same on a PostgreSQL server on this machine; 256 look-ups at once, as a run has them."""
    import asyncio

    from optimizer.models import bridge
    from optimizer.models.stores.postgres import PostgresStore
    from optimizer.types import Response
    from tests.e2e.tools.postgres import binaries, server

    found = binaries()
    if found is None:
        return {"skipped": "PostgreSQL is not installed"}
    with server(found) as running:
        PostgresStore(running.url).close()
        text = json.dumps(vars(Response("an answer of usual length " * 8, 200, 60, 0.001, 0.5, "model")))
        running.run(
            "INSERT INTO promptport_calls SELECT encode(sha256(n::text::bytea), 'hex'), 'm', "  # noqa: S608
            f"'{text}', 0 FROM generate_series(0, {answers - 1}) n"
        )
        began = time.perf_counter()
        with PostgresStore(running.url) as opened:
            seconds = time.perf_counter() - began
            wanted = [_key(n * 7919 % answers) for n in range(20_000)]

            async def sought() -> None:
                for at in range(0, len(wanted), 256):
                    await asyncio.gather(*(opened.seek(key) for key in wanted[at : at + 256]))

            rate = _rate(lambda: bridge.run(sought()), len(wanted))
            fresh = iter(_key(-n) for n in range(1, 10**6))

            async def paid() -> None:
                for _ in range(8):
                    await asyncio.gather(*(_ask(opened, next(fresh), Response("x")) for _ in range(256)))

            puts = _rate(lambda: bridge.run(paid()), 8 * 256)
    return {
        "answers": answers,
        "open_ms": round(1000 * seconds, 2),
        "look_ups_per_s": round(rate),
        "claimed_and_kept_per_s": round(puts),
    }


async def _ask(opened: Any, key: str, answer: Any) -> None:
    assert await opened.seek(key) is None
    await opened.keep(key, "m", answer)


def _key(number: int) -> str:
    from hashlib import sha256

    return sha256(str(number).encode()).hexdigest()


def _fill(path: Path, answers: int) -> None:
    """Written at once, past the store: what it would write one by one."""
    import sqlite3

    from optimizer.models.stores.cache import CallStore, dumps
    from optimizer.types import Response

    CallStore(path).close()
    text = dumps(Response("an answer of usual length " * 8, 200, 60, 0.001, 0.5, "model"))
    database = sqlite3.connect(path)
    with database:
        database.executemany(
            "INSERT INTO calls VALUES (?, ?, ?, ?)", ((_key(n), "m", text, 0.0) for n in range(answers))
        )
    database.close()


def _rate(work: Callable[[], object], count: int) -> float:
    """The best of five: others on the machine only slow it down."""
    times = []
    for _ in range(5):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return count / min(times)


def _cpu(work: Callable[[], object], count: int) -> float:
    """Seconds of this process for one of them: what a busy machine does not change."""
    began = time.process_time()
    work()
    return (time.process_time() - began) / count


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / MIB


def workers(kind: str) -> dict[str, Any]:
    from benchmarks.scaling.workers import measured

    return measured(kind)


def fleet(tasks: int) -> dict[str, Any]:
    from benchmarks.scaling.batch import measured

    return measured(tasks)


PARTS: dict[str, tuple[Callable[[Any], dict[str, Any]], list[Any]]] = {
    "memory": (memory, [1_000, 10_000, 100_000]),
    "store": (store, [1_000_000]),
    "postgres": (postgres, [1_000_000]),
    "workers": (workers, ["dask", "ray"]),
    "fleet": (fleet, [100]),
}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description=__doc__)
    parser.add_argument("what", nargs="*", metavar="WHAT", help=", ".join(PARTS))
    parser.add_argument("--one", help=argparse.SUPPRESS)
    chosen = parser.parse_args(arguments)
    if chosen.one is not None:
        print(json.dumps(PARTS[chosen.what[0]][0](json.loads(chosen.one))))
        return
    path = RESULTS / "scale.json"
    found: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    for name in chosen.what or PARTS:
        found[name] = []
        for case in PARTS[name][1]:
            command = [sys.executable, "-m", "benchmarks.scale", name, "--one", json.dumps(case)]
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
            found[name].append(json.loads(done.stdout.splitlines()[-1]))
            print(name, json.dumps(found[name][-1]), file=sys.stderr, flush=True)
            path.write_text(json.dumps(found, indent=1) + "\n")
            (RESULTS / "scale.md").write_text(as_markdown(found), "utf-8")


if __name__ == "__main__":
    main()
