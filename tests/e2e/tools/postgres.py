"""A PostgreSQL server of a test's own, run by an unprivileged user on a unix socket."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_FOLDERS = [*sorted(map(str, Path("/usr/lib/postgresql").glob("*/bin")), reverse=True), *os.get_exec_path()]
_PATIENCE = 60.0


def binaries() -> str | None:
    """The folder with the server's programs, or None where it is not installed."""
    return next(
        (folder for folder in _FOLDERS if all((Path(folder) / n).exists() for n in ("initdb", "postgres"))), None
    )


class Server:
    """`url` names an empty database; `stop` and `start` do what they say, with the data kept."""

    def __init__(self, folder: Path, programs: Path, login: dict[str, Any]) -> None:
        self._folder, self._programs, self._login = folder, programs, login
        self._process: subprocess.Popen[Any] | None = None
        self.url = f"postgresql://tester@/postgres?host={folder}"

    def start(self) -> None:
        options: list[Any] = [
            "-k",
            self._folder,
            "-c",
            "listen_addresses=",
            "-c",
            "max_connections=60",
            "-c",
            "shared_buffers=64MB",
        ]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._programs / "postgres", "-D", self._folder / "data", *options],
                stdout=subprocess.DEVNULL,
                stderr=log,
                cwd=self._folder,
                **self._login,
            )
        self._wait()

    def stop(self) -> None:
        if self._process:
            self._process.send_signal(2)  # fast shutdown: sessions are broken off
            self._process.wait(_PATIENCE)

    def run(self, statement: str) -> Any:
        """The first row of an answer, or None."""
        import psycopg

        with psycopg.connect(self.url, autocommit=True) as db:
            found = db.execute(statement.encode())
            return found.fetchone() if found.description else None

    def database(self, name: str) -> str:
        """The address of a new, empty database."""
        self.run(f"CREATE DATABASE {name}")
        return self.url.replace("/postgres?", f"/{name}?")

    def _wait(self) -> None:
        import psycopg

        until = time.monotonic() + _PATIENCE
        while True:
            try:
                self.run("SELECT 1")
                return
            except psycopg.OperationalError:
                assert time.monotonic() < until, (self._folder / "log").read_text()
                time.sleep(0.1)


@contextmanager
def server(programs: str) -> Iterator[Server]:
    """Not under pytest's folder: the path of a unix socket may have 107 characters at most."""
    folder = Path(tempfile.mkdtemp(prefix="pp-pg-"))
    login: dict[str, Any] = {"user": "postgres", "group": "postgres"} if os.geteuid() == 0 else {}
    try:
        if login:
            shutil.chown(folder, **login)
        subprocess.run(
            [Path(programs) / "initdb", "-D", folder / "data", "-U", "tester", "-A", "trust", "--no-sync"],
            check=True,
            capture_output=True,
            cwd=folder,
            **login,
        )
        made = Server(folder, Path(programs), login)
        made.start()
        try:
            yield made
        finally:
            made.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
