"""A small task whose answers are known, and scripted models to walk through it: shared by the tests of whole runs."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml

from optimizer.config import ModelSettings
from optimizer.connect import Roles, connect
from optimizer.models import Model
from optimizer.models.providers.gateway import Labels
from optimizer.models.scripted import ScriptedModel
from optimizer.pipeline import migrate
from optimizer.pricing import price_of
from optimizer.results.migration import Migration
from optimizer.space import Choice, SearchSpace
from optimizer.task import Task, load_task
from optimizer.types import Request
from search_spaces import DELIMITERS, PROGRAMS, REPLY, WORDING

FORMS = SearchSpace((DELIMITERS, REPLY))
WRITTEN = SearchSpace((WORDING, REPLY))
COMPILED = SearchSpace((WORDING, REPLY, Choice("program", ("plain", "bootstrap_few_shot"), PROGRAMS.put)))

PRICE = {"input": 1.0, "output": 4.0}
SOURCE: dict[str, Any] = {"model": "test/source", "price": PRICE, "params": {"max_tokens": 8}}
TARGET: dict[str, Any] = {"model": "test/target", "price": PRICE, "params": {"max_tokens": 8}}
SEARCH: dict[str, Any] = {
    "space": "tests.walking:FORMS",
    "trials": 6,
    "rounds": 2,
    "calls_per_trial": 8,
    "least_gain": 0.0,
}

Script = Callable[[Request], str]


def number(request: Request) -> int:
    return int(request.messages[-1].content.split("Number: ")[-1].split()[0])


def parity(request: Request) -> str:
    """Always right."""
    return "even" if number(request) % 2 == 0 else "odd"


def wordy(request: Request) -> str:
    """Knows the answer, but gives it alone only when told to."""
    told = any("nothing else" in message.content for message in request.messages)
    return parity(request) if told else f"Well, {number(request)} is {parity(request)}."


def hopeless(request: Request) -> str:
    return "odd" if number(request) % 3 else "even"


def writes(request: Request) -> str:
    """A proposer with one idea; asked as a target, `wordy`."""
    if "Number: " in request.messages[-1].content and "<failures>" not in request.messages[-1].content:
        return wordy(request)
    return "<instructions>Say whether it is even or odd: one word and nothing else.</instructions>"


def write_task(folder: Path, *, rows: int = 120, gold: bool = True, **sections: Any) -> Path:
    """A task file with its data in `folder`: is a number even or odd? `sections` stand in for those of the file."""
    folder.mkdir(parents=True, exist_ok=True)
    data = [{"n": n} | ({"gold": "even" if n % 2 == 0 else "odd"} if gold else {}) for n in range(rows)]
    (folder / "data.jsonl").write_text("".join(json.dumps(row) + "\n" for row in data), "utf-8")
    task = {
        "name": "parity",
        "data": {"path": "data.jsonl"} | ({"expected": "gold"} if gold else {}),
        "prompt": {
            "system": "Say what the number is.",
            "user": "Number: {{n}}",
            "reply": {"labels": ["even", "odd"]},
        },
        "source": SOURCE,
        "target": TARGET,
        "search": SEARCH,
        **sections,
    }
    path = folder / "task.yaml"
    path.write_text(yaml.safe_dump({key: value for key, value in task.items() if value is not None}), "utf-8")
    return path


class Crew:
    """The models of a run by name, each answering from a script; wired as in every run, but for their provider."""

    def __init__(self, scripts: Mapping[str, Script], latency: float = 0.1) -> None:
        self.asked: Counter[str] = Counter()  # how often each question really reached a model
        self.models = {
            name: ScriptedModel(self._counted(name, script), name=name, latency=latency)
            for name, script in scripts.items()
        }

    @property
    def calls(self) -> int:
        return self.asked.total()

    def connect(self, *context: Any) -> Roles:
        return connect(*context, provider=self._provider)

    def _provider(self, section: ModelSettings, _labels: Labels) -> Model:
        self.models[section.model].price = price_of(section)
        return self.models[section.model]

    def _counted(self, name: str, script: Script) -> Script:
        def answer(request: Request) -> str:
            text = script(request)
            self.asked[request.key(name)] += 1
            return text

        return answer


def crew(target: Script = wordy, source: Script = parity, **others: Script) -> Crew:
    """The usual two models; others by their names behind `test/`."""
    more = {f"test/{name}": script for name, script in others.items()}
    return Crew({"test/source": source, "test/target": target, **more})


def walk(task: Path | Task, run_dir: Path, models: Crew | None = None, **more: Any) -> Migration:
    """`migrate` with scripted models."""
    loaded = task if isinstance(task, Task) else load_task(task)
    return migrate(loaded, str(run_dir), connect=(models or crew()).connect, **more)


def finished(folder: Path, models: Crew | None = None, **sections: Any) -> tuple[Migration, Path]:
    """A run from its task file to its end; with the run directory."""
    return walk(write_task(folder, **sections), folder / "run", models), folder / "run"
