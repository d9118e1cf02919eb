"""Public data sets, where PROMPTPORT_DATA names a folder that has them; nothing of them is kept here.

Prompts are in the style of each data set's own: facility_support brings its system prompt along, banking77 its list of
intents, tatqa a table with the paragraphs around it.
"""

from __future__ import annotations

import csv
import json
import os
import random
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from optimizer.config import Settings
from optimizer.config.prompts import PromptSettings
from optimizer.prompt import Prompt
from optimizer.types import JSON, Example

TARGETS = {"banking77": "sim-beta", "facility_support": "sim-gamma", "tatqa": "sim-beta"}
Loaded = tuple[Settings, Prompt, Sequence[Example], Sequence[Example]]


def folder() -> Path | None:
    """Where the data sets are: PROMPTPORT_DATA, or the folder `tasks` in it."""
    named = os.environ.get("PROMPTPORT_DATA")
    return Path(named) / "tasks" if named and (Path(named) / "tasks").is_dir() else Path(named) if named else None


def names() -> list[str]:
    at = folder()
    return [name for name in TARGETS if at and (at / name).is_dir()]


@cache
def load(name: str) -> Loaded:
    """Settings, prompt, the rows to draw from, and the unseen ones (none: what is not drawn is unseen)."""
    at = folder()
    assert at, "PROMPTPORT_DATA names no folder"
    section, metrics, pool, spare = _READERS[name](at / name)
    settings = Settings.model_validate(
        {
            "name": name,
            "data": {"path": "rows.jsonl"},
            "prompt": section,
            "source": "offline/sim-alpha",
            "target": f"offline/{TARGETS[name]}",
            "metrics": metrics,
        }
    )
    return settings, PromptSettings(**section).build(), pool, spare


def write(name: str, at: Path, *, rows: int) -> dict[str, Any]:
    """A task file's content, and so many rows beside it, drawn at random."""
    settings, _, pool, _ = load(name)
    drawn = random.Random(name).sample(list(pool), min(rows, len(pool)))
    lines = (json.dumps({**e.inputs, "gold": e.expected}, ensure_ascii=False) for e in drawn)
    (at / "rows.jsonl").write_text("\n".join(lines) + "\n", "utf-8")
    stated = {"name", "prompt", "source", "metrics"}
    return settings.model_dump(mode="json", include=stated, exclude_unset=True) | {
        "data": {"path": "rows.jsonl", "expected": "gold"}
    }


Read = tuple[dict[str, Any], Any, list[Example], list[Example]]


def _banking77(at: Path) -> Read:
    labels = [_bare(label) for label in json.loads((at / "categories.json").read_text("utf-8"))]
    section = {
        "system": "You are the assistant of an online bank and route what customers ask to the right team. Read the "
        f"customer's question and answer with one of the following intents: {', '.join(labels)}",
        "user": "Question: {{text}}",
        "reply": {"labels": labels},
    }

    def rows(part: str) -> list[Example]:
        with (at / f"{part}.csv").open(encoding="utf-8", newline="") as file:
            found = [(row["text"].strip(), _bare(row["category"])) for row in csv.DictReader(file)]
        return [Example(f"{part}-{n}", {"text": text}, label) for n, (text, label) in enumerate(found)]

    spare = rows("test")
    random.Random(0).shuffle(spare)
    return section, "label_accuracy", rows("train"), spare


def _bare(label: str) -> str:
    """One of the intents ends with a question mark, which no reader of a list takes for part of a name."""
    return label.rstrip("?")


def _facility_support(at: Path) -> Read:
    data = json.loads((at / "dataset.json").read_text("utf-8"))
    answers = [json.loads(row["answer"]) for row in data]
    tags = sorted(answers[0]["categories"])
    schema = {
        "type": "object",
        "properties": {
            "urgency": {"type": "string", "enum": ["high", "medium", "low"]},
            "sentiment": {"type": "string", "enum": ["negative", "neutral", "positive"]},
            "categories": {"type": "object", "properties": {tag: {"type": "boolean"} for tag in tags}},
        },
        "required": ["urgency", "sentiment", "categories"],
    }
    section = {
        "system": (at / "facility_prompt_sys.txt").read_text("utf-8").strip(),
        "user": "{{input}}",
        "reply": {"schema": schema},
    }
    weights = {"urgency": 1.0, "sentiment": 1.0} | {f"categories.{tag}": 1 / len(tags) for tag in tags}
    metric = {"name": "json_fields", "fields": dict.fromkeys(weights, "label"), "weights": weights}
    texts = [str(row["fields"]["input"]) for row in data]
    rows = [
        Example(f"mail-{n}", {"input": text}, answer)
        for n, (text, answer) in enumerate(zip(texts, answers, strict=True))
    ]
    return section, metric, rows, []


def _tatqa(at: Path) -> Read:
    """The questions that one printed figure answers: arithmetic and free text are left out."""
    section = {
        "system": "You answer questions about financial reports. You get a table and paragraphs from one report and a "
        "question that a figure printed there answers. Mind the year that is asked for.\nAnswer in JSON:\n"
        "- figure: the figure as printed\n- unit: one of thousand, million, billion, percent, none",
        "user": "Report:\n{{report}}\n\nQuestion: {{question}}",
        "reply": {
            "schema": {
                "type": "object",
                "properties": {
                    "figure": {"type": "string", "description": "the figure as printed"},
                    "unit": {"type": "string", "enum": ["none", "thousand", "million", "billion", "percent"]},
                },
                "required": ["figure", "unit"],
            }
        },
    }
    metric = {
        "name": "json_fields",
        "fields": {"figure": {"compare": "numeric", "weight": 2}, "unit": "label"},
    }
    rows = []
    for article in json.loads((at / "tatqa_dataset_dev.json").read_text("utf-8")):
        report = _report(article)
        for asked in article["questions"]:
            if expected := _figure(asked):
                rows.append(Example(asked["uid"], {"report": report, "question": asked["question"]}, expected))
    random.Random(0).shuffle(rows)
    return section, metric, rows, []


def _report(article: Mapping[str, Any]) -> str:
    table = "\n".join(" | ".join(cell.strip() for cell in row) for row in article["table"]["table"])
    paragraphs = [f"[P{p['order']}] {p['text']}" for p in article["paragraphs"]]
    return "\n\n".join([f"[T1] {table}", *paragraphs])


def _figure(asked: Mapping[str, Any]) -> dict[str, JSON] | None:
    answer = asked["answer"]
    single = asked["answer_type"] == "span" and isinstance(answer, list) and len(answer) == 1
    if not single or not re.fullmatch(
        r"[-(]?[$€£]?\s?\(?[\d,.]+\)?\s?%?\)?(?: (?:million|billion|thousand))?", answer[0]
    ):
        return None
    return {"figure": answer[0], "unit": asked["scale"] or "none"}


_READERS: Mapping[str, Callable[[Path], Read]] = {
    "banking77": _banking77,
    "facility_support": _facility_support,
    "tatqa": _tatqa,
}
