"""The summary of a fleet, as a page for people and as JSON for programs; every value is escaped on its way in."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from optimizer.fleet.ledger import Entry
from optimizer.fleet.paid import Bill
from optimizer.fleet.settings import FleetSettings
from optimizer.report.html.templating import render
from optimizer.results.rundir import write_whole


def write_summary(settings: FleetSettings, ended: Mapping[str, Entry], paid: Bill, folder: Path) -> None:
    """`fleet.json` and `fleet.html`."""
    facts = summary(settings, ended, paid)
    write_whole(folder / "fleet.json", json.dumps(facts, indent=1) + "\n")
    write_whole(folder / "fleet.html", as_page(facts))


def summary(settings: FleetSettings, ended: Mapping[str, Entry], paid: Bill) -> dict[str, Any]:
    """Tasks in order; nothing in it is a time of day. An answer that several tasks share is in each one's figures, and
    once in the fleet's. `wasted` came to nothing and may be billed, at the most that it can have cost: it counts
    against the budget beside `calls` and `dollars`."""
    done = {name: entry for name, entry in ended.items() if entry.outcome}  # also where a target was left out
    verdicts = Counter(target["verdict"] for entry in done.values() for target in entry.outcome["targets"])
    return {
        "name": settings.name,
        "tasks": len(ended),
        "done": sum(not entry.error for entry in ended.values()),
        "verdicts": {name: verdicts[name] for name in ("migrate", "inconclusive", "stay")},
        "calls": paid.answers.calls,
        "dollars": paid.answers.dollars,
        "shared": {"calls": paid.shared.calls, "dollars": paid.shared.dollars},
        "wasted": {"calls": paid.wasted.calls, "dollars": paid.wasted.dollars},
        "budget": settings.budget.model_dump(),
        "failed": [
            {"task": name, "kind": entry.kind, "error": entry.error} for name, entry in ended.items() if entry.error
        ],
        "results": [
            {
                "task": name,
                "verdict": entry.outcome["verdict"],
                "recommended": entry.outcome["recommended"],
                "calls": entry.calls,
                "dollars": entry.dollars,
                "starved": entry.starved,
                "report": f"{entry.run_dir}/report.html",
                "targets": entry.outcome["targets"],
            }
            for name, entry in done.items()
        ],
    }


def as_page(facts: Mapping[str, Any]) -> str:
    return render("fleet/page.html", fleet=facts)
