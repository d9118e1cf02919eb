"""A held-out example as a regression test in another tool: the task's own metric on a reply that was made there.

Started anew for each reply, so it imports no more than metrics need."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from optimizer.metrics import METRICS, build_metric
from optimizer.prompt.contract import Contract
from optimizer.reader import calls
from optimizer.types import Example, Output, calls_as_text

_ASKING = {"judge", "preference", "ragas", "deepeval", "embedding_similarity"}
_SLACK = 1e-9  # of sums of weighted fields


def asks_nobody(metric: str) -> bool:
    """One's own metrics may ask, and must be importable where the test runs: they are left out."""
    return metric in METRICS and metric not in _ASKING


def _said(reply: Any, contract: Contract) -> str:
    """The reply's text as promptfoo hands it over: JSON may come parsed; calls of tools as a list or its JSON."""
    if contract.kind != "tools":
        return reply if isinstance(reply, str) else json.dumps(reply, ensure_ascii=False)
    try:
        return calls_as_text(calls(json.loads(reply) if isinstance(reply, str) else reply))
    except (ValueError, RecursionError):
        return str(reply)


def held_to(scoring: Path, reply: Any, identity: str) -> dict[str, Any]:
    """The score of a reply, which must not be below that of the reply on which the verdict rests."""
    known = json.loads(scoring.read_text("utf-8"))
    row, contract = known["examples"][identity], Contract.from_dict(known["reply"])
    metric = build_metric([SimpleNamespace(**spec) for spec in known["metrics"]], contract)
    read = contract.read(_said(reply, contract))
    output = Output(identity, read.text, read.value, read.status, read.error)
    example = Example(identity, row["inputs"], row["expected"])
    reference = Output(**row["reference"]) if row["reference"] else None
    found = metric(example, output, reference)
    return {
        "pass": found.value >= row["least"] - _SLACK,
        "score": found.value,
        "reason": found.feedback or f"{found.value:g}, where {row['least']:g} was scored",
    }
