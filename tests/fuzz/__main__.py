"""Fuzz for so many minutes: `python -m tests.fuzz --minutes 10`."""

from __future__ import annotations

import argparse
import hashlib
import sys
import tempfile
import time
import traceback
from pathlib import Path
from random import Random

from tests.fuzz.mutations import mutated
from tests.fuzz.targets import TARGETS, feed

SLOW = 5.0  # seconds of the processor for one input; more is a finding, too


def fuzz(name: str, seconds: float, seed: int, found: Path) -> tuple[int, int]:
    """Inputs tried and findings."""
    random, tried, findings = Random(f"{name}/{seed}"), 0, 0
    end = time.monotonic() + seconds
    with tempfile.TemporaryDirectory() as folder:
        while time.monotonic() < end:
            data, began = mutated(TARGETS[name].seeds, random), time.process_time()
            tried += 1
            try:
                feed(name, data, Path(folder))
                if time.process_time() - began > SLOW:
                    raise TimeoutError(f"{time.process_time() - began:.0f} seconds for one input")
            except Exception:
                findings += 1
                found.mkdir(parents=True, exist_ok=True)
                place = found / f"{name}-{hashlib.sha256(data).hexdigest()[:12]}"
                place.write_bytes(data)
                print(f"{place}:\n{traceback.format_exc(limit=-4)}", file=sys.stderr, flush=True)
    return tried, findings


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description="Broken files and answers.")
    parser.add_argument("targets", nargs="*", default=list(TARGETS), metavar="TARGET")
    parser.add_argument("--minutes", type=float, default=1.0, help="for each target")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--findings", type=Path, default=Path("runs/fuzz"))
    chosen = parser.parse_args()
    if unknown := set(chosen.targets) - set(TARGETS):
        parser.error(f"no target is called {sorted(unknown)[0]!r}; known: {', '.join(TARGETS)}")
    lost = 0
    for name in chosen.targets:
        tried, findings = fuzz(name, 60 * chosen.minutes, chosen.seed, chosen.findings)
        lost += findings
        print(f"{name}: {tried:,} inputs, {findings} findings", flush=True)
    sys.exit(1 if lost else 0)


if __name__ == "__main__":
    main()
