"""PostgreSQL and LiteLLM's proxy as processes that live as long as a block."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.gateway.environment import migrations, variables

MASTER = "sk-promptport-e2e-master"
_PATIENCE = 240.0  # seconds to start, on a very busy machine


@dataclass(frozen=True)
class Told:
    status: int
    headers: dict[str, str]
    body: Any


@dataclass(frozen=True)
class Proxy:
    url: str
    log: Path
    database: Path | None = None

    def ask(self, path: str, body: Any = None, key: str = MASTER) -> Told:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.url}{path}", data, headers)  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:  # noqa: S310
                return Told(answer.status, dict(answer.headers), json.loads(answer.read()))
        except urllib.error.HTTPError as refused:
            return Told(refused.code, dict(refused.headers), json.loads(refused.read()))

    def key(self, **limits: Any) -> str:
        """A new virtual key."""
        made = self.ask("/key/generate", limits)
        assert made.status == 200, made
        return str(made.body["key"])

    def rows(self, query: str) -> list[str]:
        assert self.database
        return _psql(self.database, query, "--tuples-only", "--no-align").split()


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@contextmanager
def postgres() -> Iterator[Path]:
    """The folder of its socket; the database is called litellm. Run by root, it runs as somebody else."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    program = found[-1].parent if found else Path(shutil.which("initdb") or "/").parent
    if not (program / "initdb").exists():
        if os.environ.get("PROMPTPORT_E2E") == "require":
            pytest.fail("PostgreSQL is not installed, and PROMPTPORT_E2E=require")
        pytest.skip("PostgreSQL is not installed")
    other: dict[str, Any] = {"user": "nobody", "group": "nogroup", "extra_groups": []} if os.geteuid() == 0 else {}
    folder = Path(tempfile.mkdtemp(prefix="promptport-pg-", dir="/tmp"))
    if other:
        shutil.chown(folder, "nobody", "nogroup")
    quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": folder, **other}
    setup: list[str | Path] = [program / "initdb", "-D", folder / "data", "-A", "trust", "-U", "litellm"]
    subprocess.run([*setup, "--no-sync", "--no-locale", "-E", "UTF8"], check=True, **quiet)
    options: list[str | Path] = ["-k", folder, "-c", "listen_addresses=", "-c", "fsync=off"]
    process = subprocess.Popen([program / "postgres", "-D", folder / "data", *options], **quiet)
    try:
        _wait(lambda: subprocess.run([program / "pg_isready", "-h", folder], check=False, **quiet).returncode == 0)
        _psql(folder, "CREATE DATABASE litellm", database="postgres")
        yield folder
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(60)
        shutil.rmtree(folder, ignore_errors=True)


def _psql(folder: Path, query: str, *options: str, database: str = "litellm") -> str:
    quiet: list[str | Path] = ["psql", "-q", "-v", "ON_ERROR_STOP=1", *options]
    command = [*quiet, "-h", folder, "-U", "litellm", database]
    return subprocess.run(command, input=query, capture_output=True, text=True, check=True).stdout


@contextmanager
def proxy(environment: Path, config: Path, log: Path, database: Path | None = None) -> Iterator[Proxy]:
    """LiteLLM's own command on a configuration file, on loopback."""
    port, env = free_port(), variables(environment) | {"LITELLM_MASTER_KEY": MASTER}
    if database:
        _psql(database, migrations(environment))
        env["DATABASE_URL"] = f"postgresql://litellm@localhost/litellm?host={database}"
    program: list[str | Path] = [environment / "venv/bin/litellm", "--config", config]
    command = [*program, "--host", "127.0.0.1", "--port", str(port)]
    with log.open("wb") as out:
        process = subprocess.Popen(command, cwd=config.parent, env=env, stdout=out, stderr=subprocess.STDOUT)
        try:
            served = Proxy(f"http://127.0.0.1:{port}", log, database)
            _wait(lambda: process.poll() is not None or _alive(served))
            assert process.poll() is None, log.read_text("utf-8", "replace")[-3000:]
            yield served
        finally:
            process.terminate()
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _alive(served: Proxy) -> bool:
    try:
        return served.ask("/health/liveliness").status == 200
    except OSError:
        return False


def _wait(ready: Any) -> None:
    until = time.monotonic() + _PATIENCE
    while not ready():
        assert time.monotonic() < until, "it does not start"
        time.sleep(0.2)
