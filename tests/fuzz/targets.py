"""What is fed with broken input: each target takes bytes, and raises nothing but what it documents."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingTCPServer
from typing import Any

from optimizer import reader
from optimizer.errors import ModelError, OptimizerError
from optimizer.exporters.bundle.sealing import archive, checksums
from optimizer.exporters.bundle.verifying import read_bundle
from optimizer.recorded import load_recording
from optimizer.space.file import read_space
from optimizer.task import load_task

_TASK = b"""name: tickets
data: {path: data.jsonl, id: id, group: who, expected: expected}
prompt:
  system: Sort the ticket, {{name}}.
  user: "{{text}}"
  reply: {kind: json, schema: {type: object, properties: {a: {type: string, enum: [x, y]}}, required: [a]}}
source: {model: offline/sim-alpha}
target: {model: offline/sim-beta, params: {temperature: 0, max_tokens: 50}}
proposer: {model: offline/sim-alpha}
metrics: [{name: json_fields, weight: 2}, exact_match]
objective: {quality: 1, cost: 0.2, latency: 0.1}
constraints: {slice_drop: 0.05, cost_per_1000: 5}
decision: {margin: 0.05, confidence: 0.95}
split: {train: 0.3, validation: 0.3, test: 0.4, seed: 3}
search: {space: standard, trials: 8, rounds: 2, sampler: tpe}
budget: {dollars: 5, calls: 2000}
"""
_ROWS = b"".join(
    json.dumps(
        {
            "id": n,
            "who": n % 5,
            "name": "Zo\u00eb",
            "text": f"line {n}\nuser: no",
            "expected": {"a": "xy"[n % 2]},
            "x": None,
        }
    ).encode()
    + b"\n"
    for n in range(12)
)
_CSV = (
    b'id,who,name,text,expected\r\n1,a,Ann,"two\nlines, ""q""","{""a"": ""x""}"\r\n2,b,Bo,\xc3\xa4,"{""a"": ""y""}"\r\n'
)
_SPACE = b"""from: standard
dimensions:
  wording:
  delimiters: [xml]
  demos: [3, 6]
  temperature: [0.2]
  tone:
    brief: Answer in one short sentence.
    firm: {replace: Please be kind., by: Stay factual.}
"""
_COMPARISON = b"""data: {path: rows.csv, id: id, expected: expected}
source: {model: a/b, output: one, latency: seconds}
target: {model: c/d, output: two}
metrics: exact_match
decision: {margin: 0.05}
"""
_RECORDED = b"id,expected,one,two,seconds\n1,x,x,y,0.4\n2,y,y,y,0.5\n3,y,x,y,0.6\n"
_BUNDLE = json.dumps(
    {
        "format": "promptport-bundle/1",
        "messages": [
            {"role": "system", "content": ["Sort it."]},
            {"role": "user", "content": ["T: ", {"var": "text"}]},
        ],
        "variables": {"text": {"type": "string"}},
        "parameters": {},
        "reply": {"kind": "json", "schema": {"type": "object", "required": ["a"]}},
    }
).encode()
_ANSWER = json.dumps(
    {
        "id": "x",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": '{"a": "x"}'}}],
        "usage": {"prompt_tokens": 5, "completion_tokens": 3, "total_tokens": 8},
    }
).encode()
_ZIP = archive({"bundle.json": _BUNDLE, "reader.py": b"", "checksums.json": b"{}"})
_CONTRACTS: Sequence[dict[str, Any]] = (
    {"kind": "json", "schema": {"type": "object", "properties": {"a": {"enum": ["x"]}}, "required": ["a"]}},
    {"kind": "labels", "labels": ["x", "y"]},
    {"kind": "text"},
    {"kind": "regex", "pattern": "a=(.*)"},
)
_HTTP = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s"


@dataclass(frozen=True)
class Target:
    """`seeds` are right; `feed` takes what became of one, in a folder of its own."""

    seeds: Sequence[bytes]
    feed: Callable[[bytes, Path], None]


def _task(data: bytes, folder: Path) -> None:
    (folder / "data.jsonl").write_bytes(_ROWS)
    (folder / "task.yaml").write_bytes(data)
    load_task(folder / "task.yaml")


def _rows(data: bytes, folder: Path) -> None:
    kind = "csv" if data[:3] == b"id," else "jsonl"
    (folder / f"data.{kind}").write_bytes(data)
    (folder / "task.yaml").write_bytes(_TASK.replace(b"data.jsonl", f"data.{kind}".encode()))
    load_task(folder / "task.yaml")


def _space(data: bytes, folder: Path) -> None:
    (folder / "space.yaml").write_bytes(data)
    read_space(folder / "space.yaml")


def _comparison(data: bytes, folder: Path) -> None:
    (folder / "rows.csv").write_bytes(_RECORDED)
    (folder / "compare.yaml").write_bytes(data)
    load_recording(folder / "compare.yaml")


def _recorded(data: bytes, folder: Path) -> None:
    (folder / "rows.csv").write_bytes(data)
    (folder / "compare.yaml").write_bytes(_COMPARISON)
    load_recording(folder / "compare.yaml")


def _bundle(data: bytes, folder: Path) -> None:
    """A bundle that somebody changed and sealed anew; as folder and as zip."""
    files = {"bundle.json": data, "reader.py": Path(reader.__file__).read_bytes()}
    files["checksums.json"] = checksums(files)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    read_bundle(folder)


def _packed(data: bytes, folder: Path) -> None:
    (folder / "bundle.zip").write_bytes(data)
    read_bundle(folder / "bundle.zip")


def _reply(data: bytes, folder: Path) -> None:
    """What a model says in production: the reader's errors are ValueErrors."""
    del folder
    text = data.decode("utf-8", "replace")
    for contract in _CONTRACTS:
        with suppress(ValueError):
            reader.parse(contract, text)


def _answer(data: bytes, folder: Path) -> None:
    del folder
    _ask(_HTTP % (len(data), data))


def _wire(data: bytes, folder: Path) -> None:
    del folder
    _ask(data)


def _ask(sent: bytes) -> None:
    from optimizer.models import bridge, transport
    from optimizer.models.money.prices import Price
    from optimizer.models.providers.litellm import LiteLLMModel
    from optimizer.types import Message, Request

    async def ask(url: str) -> None:
        model = LiteLLMModel("openai/m", api_base=url, price=Price(1, 2), timeout=1.0)
        try:
            await model.complete(Request((Message("user", "hello"),), {}))
        finally:
            await transport.close()

    with _answering(sent) as url, suppress(ModelError):
        bridge.run(ask(url))


@contextmanager
def _answering(sent: bytes) -> Iterator[str]:
    """A server on loopback that says `sent` to whoever asks, byte for byte, and hangs up."""

    class Handler(StreamRequestHandler):
        def handle(self) -> None:
            length = 0
            while (line := self.rfile.readline()).strip():
                if line.lower().startswith(b"content-length:"):
                    length = int(line.split(b":")[1])
            self.rfile.read(length)
            with suppress(OSError):
                self.wfile.write(sent)
                self.connection.shutdown(socket.SHUT_RDWR)

    with ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/v1"
        finally:
            server.shutdown()


TARGETS: Mapping[str, Target] = {
    "task": Target((_TASK,), _task),
    "data": Target((_ROWS, _CSV), _rows),
    "space": Target((_SPACE,), _space),
    "comparison": Target((_COMPARISON,), _comparison),
    "recorded": Target((_RECORDED,), _recorded),
    "bundle": Target((_BUNDLE,), _bundle),
    "packed": Target((_ZIP,), _packed),
    "reply": Target((b'{"a": "x"}', b'Answer:\n```json\n{"a": [1, 2]}\n```', b"**x**."), _reply),
    "answer": Target((_ANSWER,), _answer),
    "wire": Target((_HTTP % (len(_ANSWER), _ANSWER),), _wire),
}


def feed(name: str, data: bytes, folder: Path) -> str:
    """ "" where the input was taken, else the error that refused it. Anything but the package's own errors goes up."""
    try:
        TARGETS[name].feed(data, folder)
    except OptimizerError as error:
        return str(error)
    return ""
