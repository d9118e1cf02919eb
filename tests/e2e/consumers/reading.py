"""What is exported for a consumer, and what the consumer makes of it, by the example of the exporters' README."""

from __future__ import annotations

import json
import re
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from optimizer import exporters
from optimizer.exporters.registry import export, write_export
from optimizer.exporters.shipment import Shipment

README = (Path(exporters.__file__).parent / "README.md").read_text("utf-8")
INSIDE = Path(__file__).parent / "inside"  # what runs in the environment of a consumer

Rows = Sequence[Mapping[str, Any]]


def example(name: str) -> str:
    """The README's example for a consumer."""
    found = re.search(rf"<!-- runs: {name} -->\n```\w+\n(.*?)```", README, re.DOTALL)
    assert found, name
    return found[1]


def noted(form: str, consumer: str, made: str) -> bool:
    return re.search(rf"^\| {form} \| {consumer} \| {re.escape(made)} \|", README, re.MULTILINE) is not None


def consumed(command: Sequence[str | Path], folder: Path, name: str, rows: Rows) -> Any:
    """What a consumer makes of one export, by the README's example."""
    found = consumed_all(command, example(name), [(folder, rows)])
    return {**found, "messages": found["messages"][0]}


def consumed_all(command: Sequence[str | Path], code: str, cases: Sequence[tuple[Path, Rows]]) -> Any:
    asked = json.dumps({"code": code, "cases": [{"folder": str(folder), "rows": rows} for folder, rows in cases]})
    ended = subprocess.run(command, input=asked, capture_output=True, text=True, check=False, timeout=240)
    assert ended.returncode == 0, ended.stderr[-3000:]
    return json.loads(ended.stdout.strip("\n").split("\n")[-1])


def written(shipment: Shipment, form: str, folder: Path) -> Path:
    write_export(export(shipment, form), folder)
    return folder


def rows(shipment: Shipment) -> list[dict[str, Any]]:
    """As an application hands them over: text by text, and earlier turns as turns."""
    own = [shipment.prompt.history] if shipment.prompt.history else []
    return [{**shipment.texts(e.inputs), **{name: e.inputs[name] for name in own}} for e in shipment.examples]


def scored(shipment: Shipment) -> list[list[dict[str, Any]]]:
    return [shipment.scored(example.inputs) for example in shipment.examples]


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The files of a folder over HTTP."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()
