"""A target that is the source under another name: how often is it told to stay away?

    python -m benchmarks.same --runs 200

Whole runs (record, search, confirm, decide) of two models that answer alike: each is right on an example with the same
chance, whatever the prompt, and every answer is drawn anew. No candidate is truly better, no target truly worse; a
"stay" is a false alarm, and no more than 1 - confidence of all runs may end in one. So is a slice that is called worse:
examples come in two columns and in topics (found as clusters of inputs), and in at least the stated confidence of all
runs no slice may be called worse. Both standards are tried: gold answers, and agreement with the source's own (noisy)
answers. Writes results/same.md.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import logging
import re
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import product
from pathlib import Path
from statistics import fmean
from tempfile import TemporaryDirectory
from typing import NamedTuple

import yaml

from optimizer.config import ModelSettings
from optimizer.connect import connect
from optimizer.models import Model
from optimizer.models.providers.gateway import Labels
from optimizer.models.scripted import ScriptedModel
from optimizer.pipeline import migrate
from optimizer.pricing import price_of
from optimizer.results.migration import Migration
from optimizer.space import SearchSpace
from optimizer.task import load_task
from optimizer.types import Request
from search_spaces import DELIMITERS, REPLY, WORDING

FORMS = SearchSpace((WORDING, DELIMITERS, REPLY))
ROWS, LABELS = 240, ("red", "green", "blue")
COLUMNS = {"region": 5, "plan": 3}
TOPICS = ("bricks walls roofs tiles beams", "apples pears plums cherries figs", "sails masts ropes decks anchors")
SEARCH = {"space": "benchmarks.same:FORMS", "trials": 8, "rounds": 2, "calls_per_trial": 12}


class Ended(NamedTuple):
    """`sliced`: how many parts were looked at; `alarms`: how many of them were called worse."""

    verdict: str
    sliced: int
    alarms: int


def simulate(seed: int, *, gold: bool, draws: int = 1, rows: int = ROWS) -> Ended:
    """How one run ended in which target and source are the same."""
    decision = run(seed, gold=gold, draws=draws, rows=rows).targets[0].decision
    worse = [found for found in decision.slices if found.worse]
    return Ended(decision.verdict.value, len(decision.slices), len(worse))


def run(seed: int, *, gold: bool, draws: int = 1, rows: int = ROWS) -> Migration:
    with TemporaryDirectory() as folder:
        task = _task(Path(folder), seed, gold=gold, draws=draws, rows=rows)
        provider = partial(_provider, answer=partial(_answer, seed))
        return migrate(load_task(task), Path(folder) / "run", connect=partial(connect, provider=provider))


def _task(folder: Path, seed: int, *, gold: bool, draws: int, rows: int) -> Path:
    data = [
        {"n": n, "gold": _right(seed, n), "about": _about(seed, n)}
        | {name: f"{name}{int(_uniform(seed, name, n) * kinds)}" for name, kinds in COLUMNS.items()}
        for n in range(rows)
    ]
    (folder / "data.jsonl").write_text("".join(json.dumps(row) + "\n" for row in data), "utf-8")
    price = {"input": 1.0, "output": 4.0}
    task = {
        "name": "same",
        "data": {"path": "data.jsonl"} | ({"expected": "gold"} if gold else {}),
        "prompt": {
            "system": "What colour has the number?",
            "user": "Number: {{n}}\nFound among: {{about}}",
            "reply": {"labels": list(LABELS)},
        },
        "source": {"model": "test/source", "price": price},
        "target": {"model": "test/target", "price": price},
        "search": {**SEARCH, "seed": seed},
        "split": {"seed": seed},
        "objective": {"cost": 0.0},
        "slices": {"columns": list(COLUMNS)},
        "decision": {"draws": draws} if draws > 1 else {},
    }
    (folder / "task.yaml").write_text(yaml.safe_dump(task), "utf-8")
    return folder / "task.yaml"


def _provider(section: ModelSettings, _labels: Labels, *, answer: Callable[[str, Request], str]) -> Model:
    model = ScriptedModel(partial(answer, section.model), name=section.model, latency=0.1)
    model.price = price_of(section)
    return model


def _answer(seed: int, model: str, request: Request) -> str:
    """Right with a chance that the number decides; drawn anew for each model, prompt and sample."""
    text = request.messages[-1].content
    asked = re.findall(r"Number:\s*(?:<n>\s*)?(\d+)", text)
    if "{{n}}" in text or not asked:
        return "<instructions>Name the colour, and nothing else.</instructions>"
    number = int(asked[-1])
    right = _right(seed, number)
    ease = (1.0, 1.0, 0.9, 0.7, 0.5)[int(_uniform(seed, "ease", number) * 5)]
    if _uniform(seed, request.key(model)) < ease:
        return right
    others = [label for label in LABELS if label != right]
    return others[int(_uniform(seed, "wrong", request.key(model)) * 2)]


def _right(seed: int, number: int) -> str:
    return LABELS[int(_uniform(seed, "right", number) * 3)]


def _about(seed: int, number: int) -> str:
    words = TOPICS[int(_uniform(seed, "topic", number) * len(TOPICS))].split()
    return " ".join(words[int(_uniform(seed, "word", number, place) * len(words))] for place in range(4))


def _uniform(*key: object) -> float:
    return int.from_bytes(hashlib.sha256(repr(key).encode()).digest()[:8], "big") / 2**64


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--draws", type=int, nargs="+", default=[1, 3])
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--results", type=Path, default=Path(__file__).parent / "results")
    options = parser.parse_args(arguments)
    logging.disable(logging.WARNING)
    lines = [
        "# A target that is the source under another name",
        "",
        f"{options.runs} whole runs each, {ROWS // 2} held-out examples, margin 5 points at 95 %.",
        "",
        "| standard | draws | migrate | inconclusive | stay | slices looked at, mean | runs with a slice alarm |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    with ProcessPoolExecutor(options.workers) as pool:
        for draws, gold in product(options.draws, (True, False)):
            one = partial(simulate, gold=gold, draws=draws)
            ended = list(pool.map(one, range(options.runs), chunksize=10))
            found = Counter(end.verdict for end in ended)
            shares = (f"{found[verdict] / options.runs:.1%}" for verdict in ("migrate", "inconclusive", "stay"))
            sliced, alarms = fmean(end.sliced for end in ended), fmean(end.alarms > 0 for end in ended)
            told = " | ".join((*shares, f"{sliced:.1f}", f"{alarms:.1%}"))
            lines.append(f"| {'gold' if gold else 'agreement'} | {draws} | {told} |")
            print(lines[-1], flush=True)
    options.results.mkdir(exist_ok=True)
    (options.results / "same.md").write_text("\n".join(lines) + "\n", "utf-8")


if __name__ == "__main__":
    main()
