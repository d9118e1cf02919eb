"""A run through a server that fails in six ways, what is decided, asked and wasted."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

from optimizer.offline.serving.server import KINDS, Faults
from tests.e2e.tools.books import served
from tests.e2e.tools.runs import Finished, decided, finished, small_task

SHARE = float(os.environ.get("PROMPTPORT_SOAK", "0.02"))  # of each kind; 0.05 for the full soak, of some minutes
BILLED = ("hang", "drop", "truncate", "impostor")


def test_a_soak_in_faults_of_six_kinds_decides_as_if_there_were_none_and_knows_what_it_wasted(
    direct: Finished, tmp_path: Path, figure: Callable[[str], None]
) -> None:
    faults = Faults(**dict.fromkeys(KINDS, SHARE), seed=11, retry_after=0.05)
    with served(faults) as books:
        source, target = ({**model, "timeout": 4.0} for model in books.models)
        outcome = finished(small_task(tmp_path, (source, target)), tmp_path / "run")
        stats = books.stats()
        answered = books.answered.copy()
    met, injected = stats["faults"], sum(stats["faults"].values())
    extra = stats["requests"] - stats["answered"] - injected
    figure(
        f"soak: {stats['requests']} requests met {met}; {stats['answered']} answered, {outcome['wasted']} reported as "
        f"wasted, {extra} requests beyond answers and faults"
    )

    assert all(met.values()), "every kind was met"
    assert decided(Finished(tmp_path, tmp_path / "run", outcome)) == decided(direct)
    assert (outcome["calls"], outcome["dollars"]) == (direct.outcome["calls"], direct.outcome["dollars"])
    assert {key: count for key, count in answered.items() if count > 1} == {}
    assert sum(met[kind] for kind in BILLED) <= outcome["wasted"] <= sum(met[kind] for kind in BILLED) + 0.15 * injected
    assert extra <= 0.15 * injected
    told = json.loads((tmp_path / "run" / "manifest.json").read_text("utf-8"))["run"]["spend"]
    assert sum(role["wasted"] for role in told.values()) == outcome["wasted"]
