"""What every driver needs, with nothing but the standard library: its job, the scores, and where the results go.

A driver runs in the environment of its peer, where this project is not installed. It is called with the path of a job
(JSON) and the path of its result. The job has: `system` and `user` (the original prompt, {{name}} for inputs),
`names`, `rows` (id, inputs, expected) to learn from, `unseen` (id, inputs) to answer in the end, `calls`, `seed`,
`urls` (target, proposer, exam, score), `models` (target, proposer) and `reply` (the contract).
"""

from __future__ import annotations

import json
import re
import sys
import time
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

Job = dict[str, Any]


def scored(job: Job, row: str, text: str) -> tuple[float, str]:
    """Score from 0 to 1 of a reply to a row, and what is wrong with it; by the metric that judges in the end."""
    body = json.dumps({"id": row, "text": text}).encode()
    kind = {"Content-Type": "application/json"}
    request = urllib.request.Request(job["urls"]["score"], body, kind)  # noqa: S310 - the gate's address
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 - the gate's address
        found = json.load(answer)
    return float(found["score"]), str(found["feedback"])


def feedback(job: Job, row: str, text: str) -> tuple[float, str]:
    """The score and a text that a reflecting model can learn from: what was expected."""
    score, wrong = scored(job, row, text)
    expected = next(r["expected"] for r in job["rows"] if r["id"] == row)
    if score >= 1:
        return score, "The answer is correct."
    return score, f"The answer scored {score:.2f} of 1. {wrong}\nExpected answer: {expected}"


def left(job: Job) -> int:
    """The calls of the target that are left."""
    with urllib.request.urlopen(job["urls"]["left"], timeout=60) as answer:  # noqa: S310 - the gate's address
        return int(json.load(answer)["left"])


def filled(template: str, inputs: Mapping[str, Any]) -> str:
    """The template with its inputs."""
    return re.sub(r"\{\{\s*(\w+)\s*\}\}", lambda found: str(inputs[found[1]]), template)


def play(optimise: Callable[[Job], tuple[Callable[[Mapping[str, Any]], str], str]]) -> None:
    """Run `optimise`, which gives back a function that answers inputs with the final prompt, and a note.

    An answer that the peer's own code cannot make out is an empty one."""
    job = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    started = time.perf_counter()
    answer, note = optimise(job)
    seconds = time.perf_counter() - started
    answers, lost = {}, 0
    for row in job["unseen"]:
        try:
            answers[row["id"]] = answer(row["inputs"])
        except Exception as problem:  # noqa: BLE001 - whatever the peer raises, it has no answer
            answers[row["id"]], lost = "", lost + 1
            print(f"no answer: {problem}"[:300], file=sys.stderr)
    told = {"answers": answers, "seconds": seconds, "note": note + (f"; {lost} without an answer" if lost else "")}
    Path(sys.argv[2]).write_text(json.dumps(told), "utf-8")
