"""A task of any size whose models answer at once, with the right answer or nearly always."""

from __future__ import annotations

import json
import zlib
from pathlib import Path
from typing import Any

import yaml

from optimizer.config import ModelSettings
from optimizer.connect import Roles, connect
from optimizer.models import Model
from optimizer.models.providers.gateway import Labels
from optimizer.models.scripted import ScriptedModel
from optimizer.types import Request

_LABELS = ("billing", "access", "delivery", "other")
_PRICE = {"input": 1.0, "output": 4.0}
_WORDS = ("the", "parcel", "that", "was", "to", "come", "on", "Monday", "has", "not", "yet", "and", "nobody", "could")


def write_task(folder: Path, examples: int) -> Path:
    """Tickets of about 400 characters, with their labels."""
    with (folder / "data.jsonl").open("w", encoding="utf-8") as file:
        for n in range(examples):
            words = " ".join(_WORDS[(n * 31 + k * k) % len(_WORDS)] for k in range(80))
            row = {"id": f"T{n}", "ticket": f"Ticket {n}: {words}", "gold": _LABELS[zlib.crc32(b"%d" % n) % 4]}
            file.write(json.dumps(row) + "\n")
    task: dict[str, Any] = {
        "name": "grown",
        "data": {"path": "data.jsonl", "id": "id", "expected": "gold"},
        "prompt": {
            "system": "Classify the ticket as one of billing, access, delivery, other.",
            "user": "{{ticket}}",
            "reply": {"labels": list(_LABELS)},
        },
        "source": {"model": "plain/source", "price": _PRICE, "params": {"max_tokens": 8}},
        "target": {"model": "plain/target", "price": _PRICE, "params": {"max_tokens": 8}},
        "search": {"space": "quick", "trials": 24, "rounds": 2},
    }
    path = folder / "task.yaml"
    path.write_text(yaml.safe_dump(task, sort_keys=False))
    return path


def connected(settings: Any, store: Any, purse: Any) -> Roles:
    def provider(section: ModelSettings, _labels: Labels) -> Model:
        return ScriptedModel(_answer, name=section.model)

    return connect(settings, store, purse, provider=provider)


def _answer(request: Request) -> str:
    """Right for 95 of 100 tickets; which ones depends on the ticket alone."""
    number = request.messages[-1].content.partition("Ticket ")[2].partition(":")[0]
    if not number.isdigit():
        return "no idea"
    sure = zlib.crc32(b"x" + number.encode()) % 100 < 95
    return _LABELS[(zlib.crc32(number.encode()) + (0 if sure else 1)) % 4]
