"""The gate's result in words, and as one object."""

from __future__ import annotations

from typing import Any

from optimizer.gate.weighing import GateResult
from optimizer.models.money.book import Spend, together
from optimizer.results.records import plain

_SHOWN = 5


def as_text(result: GateResult) -> str:
    lines = [f"{result.bundle}: {result.verdict.upper()}, {result.model} on {result.examples}", f"  {result.reason}"]
    marks = {"met": "ok", "broken": "BROKEN", "open": "open"}
    lines += [f"  {marks[one.state]:7} {one.words}" for one in result.thresholds]
    worse = [case for case in result.cases if case.worse]
    if worse:
        lines.append(f"  {len(worse)} of {len(result.cases)} examples got worse or gave no valid answer:")
        lines += [f"    {case.id}: {case.status}. {case.words[:100]}".rstrip() for case in worse[:_SHOWN]]
    if result.decided != "migrate":
        lines.append(f"  note: the bundle's own decision was not to migrate, but {result.decided!r}")
    spent = together(result.spend.values())
    lines.append(f"  {spent.calls:,} calls, ${spent.dollars:.4f}{_wasted(spent)}; {_vouched(result)}")
    return "\n".join(lines)


def as_dict(result: GateResult) -> dict[str, Any]:
    """Cases that got worse only: the rest is as it was."""
    spent = together(result.spend.values())
    return {
        "verdict": result.verdict,
        "exit_code": result.exit_code,
        "reason": result.reason,
        "model": result.model,
        "decided": result.decided,
        "examples": len(result.cases),
        "thresholds": plain(result.thresholds),
        "worse": [plain(case) for case in result.cases if case.worse],
        "calls": spent.calls,
        "dollars": spent.dollars,
        "wasted": spent.wasted,
        "wasted_dollars": spent.wasted_dollars,
        "signed_by": result.signed_by or None,
    }


def _wasted(spent: Spend) -> str:
    """What came to nothing and may be billed; it counts against `--calls` and `--dollars`."""
    most = f"${spent.wasted_dollars:.4f} at most"
    return f", and {spent.wasted:,} calls that came to nothing, which may be billed: {most}" if spent.wasted else ""


def _vouched(result: GateResult) -> str:
    return f"bundle signed by {result.signed_by}" if result.signed_by else "the bundle is not signed"
