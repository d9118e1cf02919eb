"""A gate in front of the offline models' server: it turns some callers away, keeps others waiting, and counts them."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from optimizer.offline.serving.server import running

Body = dict[str, Any]
#: What a request meets, by its body: a status with what is said, seconds of silence, or a change of the true answer.
Hostile = Callable[[Body], "tuple[int, str] | float | Callable[[Body], Body] | None"]


@dataclass
class Gate:
    """`asked`: the bodies that came, in order; those that the server behind it got are `passed`."""

    hostile: Hostile
    url: str = ""
    asked: list[Body] = field(default_factory=list)
    passed: Counter[str] = field(default_factory=Counter)

    def of(self, model: str) -> list[Body]:
        return [body for body in self.asked if body["model"] == model]


@contextmanager
def gated(hostile: Hostile = lambda _body: None) -> Iterator[Gate]:
    gate = Gate(hostile)
    with running() as server:
        door = ThreadingHTTPServer(("127.0.0.1", 0), _handler(gate, server.url))
        threading.Thread(target=door.serve_forever, daemon=True).start()
        try:
            gate.url = f"http://127.0.0.1:{door.server_address[1]}/v1"
            yield gate
        finally:
            door.shutdown()
            door.server_close()


def _handler(gate: Gate, behind: str) -> type[BaseHTTPRequestHandler]:
    host = behind.removeprefix("http://").removesuffix("/v1")

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._send(*self._behind(None))

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            gate.asked.append(body)
            met = gate.hostile(body)
            if isinstance(met, tuple):
                self._send(met[0], json.dumps({"error": {"message": met[1]}}).encode(), {})
            elif isinstance(met, float):
                time.sleep(met)
                self.close_connection = True
            else:
                gate.passed[json.dumps(body, sort_keys=True) + self.headers.get("x-promptport-sample", "")] += 1
                status, text, told = self._behind(json.dumps(body).encode())
                self._send(status, json.dumps(met(json.loads(text))).encode() if met else text, told)

        def _behind(self, body: bytes | None) -> tuple[int, bytes, Mapping[str, str]]:
            headers = {name: self.headers[name] for name in ("x-promptport-sample",) if name in self.headers}
            with closing(HTTPConnection(host, timeout=60)) as server:
                server.request(self.command, self.path, body, headers)
                answer = server.getresponse()
                told = {name: value for name, value in answer.headers.items() if name.startswith("openai")}
                return answer.status, answer.read(), told

        def _send(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
            self.send_response(status)
            for name, value in {**headers, "Content-Type": "application/json", "Content-Length": len(body)}.items():
                self.send_header(name, str(value))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    return Handler
