"""The gate before a server of its own: a model that is as it was, one that has drifted, one that is not there."""

from __future__ import annotations

import json
import re
import subprocess
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import yaml

from tests.e2e.tools.books import Books
from tests.e2e.tools.runs import COMMAND, Finished

_LONGEST = 120


@pytest.fixture(scope="module")
def serving() -> Iterator[str]:
    """`promptport serve` in a process of its own; its address."""
    process = subprocess.Popen([COMMAND, "serve", "--port", "0"], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout
        found = re.search(r"http://\S+", process.stdout.readline())
        assert found
        yield found[0]
    finally:
        process.terminate()
        process.communicate(timeout=_LONGEST)


@contextmanager
def drifted(url: str, asked: str, answering: str) -> Iterator[str]:
    """A server before the one at `url`, behind which another model answers under the name of the one that is asked."""

    class Proxy(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._pass_on(None)

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            body["model"] = answering if body["model"] == asked else body["model"]
            self._pass_on(json.dumps(body).encode())

        def _pass_on(self, body: bytes | None) -> None:
            sent = urllib.request.Request(  # noqa: S310
                url.removesuffix("/v1") + self.path, body, {"Content-Type": "application/json"}
            )
            with urllib.request.urlopen(sent) as answer:  # noqa: S310
                said = json.loads(answer.read())
                took = answer.headers.get("openai-processing-ms", "1")
            if said.get("model") == answering:
                said["model"] = asked
            data = json.dumps(said).encode()
            self.send_response(200)
            for name, value in (("Content-Type", "application/json"), ("Content-Length", str(len(data)))):
                self.send_header(name, value)
            self.send_header("openai-processing-ms", took)
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def task_at(url: str, finished: Finished, folder: Path) -> Path:
    """The run's task, with its target at another address."""
    task = yaml.safe_load(finished.task.read_text("utf-8"))
    task["target"]["api_base"] = url
    task["data"]["path"] = str(finished.task.parent / "data.jsonl")
    path = folder / "task.yaml"
    path.write_text(yaml.safe_dump(task), "utf-8")
    return path


def gated(finished: Finished, task: Path, *options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [COMMAND, "gate", finished.folder / "bundle", task, *map(str, options)],
        capture_output=True,
        text=True,
        check=False,
        timeout=_LONGEST,
    )


def stats(url: str) -> dict[str, Any]:
    with urllib.request.urlopen(url.removesuffix("/v1") + "/stats") as answer:  # noqa: S310
        found: dict[str, Any] = json.loads(answer.read())
        return found


def test_a_model_that_is_as_it_was_passes_and_is_really_asked(
    through_http: tuple[Finished, Books], serving: str, tmp_path: Path
) -> None:
    finished, _ = through_http
    before = stats(serving)["answered"]

    ended = gated(finished, task_at(serving, finished, tmp_path), "--json", "--junit", tmp_path / "j.xml")

    assert ended.returncode == 0, ended.stdout + ended.stderr
    found = json.loads(ended.stdout)
    assert (found["verdict"], found["calls"], found["model"]) == ("pass", found["examples"], "openai/sim-beta")
    assert stats(serving)["answered"] - before == found["examples"] > 40  # every one of them fresh
    root = ET.parse(tmp_path / "j.xml").getroot()  # noqa: S314
    assert not root.findall(".//failure") and not root.findall(".//error")


def test_a_model_that_has_drifted_fails(through_http: tuple[Finished, Books], serving: str, tmp_path: Path) -> None:
    """Another one answers under its name, as after a silent change at the provider."""
    finished, _ = through_http
    with drifted(serving, "sim-beta", "sim-delta") as url:
        ended = gated(finished, task_at(url, finished, tmp_path), "--json", "--junit", tmp_path / "j.xml")

    assert ended.returncode == 10, ended.stdout + ended.stderr
    found = json.loads(ended.stdout)
    states = {row["name"]: row["state"] for row in found["thresholds"]}
    assert found["verdict"] == "fail" and "broken" in states.values() and found["worse"]
    root = ET.parse(tmp_path / "j.xml").getroot()  # noqa: S314
    assert root.findall("testsuite[@name='thresholds']/testcase/failure")
    assert len(root.findall("testsuite[@name='examples']/testcase/failure")) == len(found["worse"])


def test_a_model_that_is_not_there_is_an_error_and_no_verdict(
    through_http: tuple[Finished, Books], tmp_path: Path
) -> None:
    finished, _ = through_http

    ended = gated(finished, task_at("http://127.0.0.1:9/v1", finished, tmp_path), "--junit", tmp_path / "j.xml")

    assert ended.returncode in (2, 3) and "http://127.0.0.1:9/v1/models cannot be reached" in ended.stderr
    assert "Traceback" not in ended.stderr and not ended.stdout and not (tmp_path / "j.xml").exists()
