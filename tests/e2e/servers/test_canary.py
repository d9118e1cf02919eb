"""A key that looks like nothing in particular is quoted back by the server, and looked for in all that is written."""

from __future__ import annotations

import base64
import os
import subprocess
import threading
import zipfile
from asyncio import new_event_loop
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from aiohttp import web

from optimizer.offline.serving.server import application
from tests.e2e.tools.runs import COMMAND, SOURCE, TARGET, ended, hosted, run, small_task, started

KEY = "quiet-otter-93-lamplight"  # of no known shape, so that no pattern hides it
VARIABLE = "LODEMARK_TEAM_KEY"


@contextmanager
def quoting(right: str = KEY) -> Iterator[str]:
    """The offline models behind a door that wants the key; each ninth time it fails, and quotes every header."""
    asked = [0]

    @web.middleware
    async def door(request: web.Request, handler: object) -> web.StreamResponse:
        given = request.headers.get("Authorization", "")
        asked[0] += 1
        said = {
            "error": {"message": f"request with {given} and {dict(request.headers)} failed", "type": "server_error"}
        }
        if given != f"Bearer {right}":
            return web.json_response(said, status=401)
        if asked[0] % 9 == 0:
            return web.json_response(said, status=500, headers={"x-echo": given})
        return await handler(request)  # type: ignore[operator,no-any-return]

    app, _ = application()
    app.middlewares.append(door)
    loop, runner = new_event_loop(), web.AppRunner(app, shutdown_timeout=0.1)
    loop.run_until_complete(runner.setup())
    site = web.TCPSite(runner, "127.0.0.1", 0)
    loop.run_until_complete(site.start())
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}/v1"  # type: ignore[union-attr]
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.run_until_complete(runner.cleanup())
        loop.close()


def holds(data: bytes) -> bool:
    forms = (
        KEY.encode(),
        base64.b64encode(KEY.encode()).rstrip(b"="),
        KEY.encode("utf-16-le"),
        KEY.encode().hex().encode(),
    )
    return any(form in data for form in forms)


def leaks(folder: Path) -> list[str]:
    """Files below `folder`, and members of zips among them, that hold the key."""
    found = []
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        if holds(path.read_bytes()):
            found.append(str(path.relative_to(folder)))
        if path.suffix == ".zip":
            with zipfile.ZipFile(path) as packed:
                found += [f"{path.name}/{name}" for name in packed.namelist() if holds(packed.read(name))]
    return found


def task_of(folder: Path, url: str) -> Path:
    keyed = {"api_key_env": VARIABLE}
    return small_task(folder, (hosted(SOURCE, url, **keyed), hosted(TARGET, url, **keyed)))


def test_a_planted_key_is_in_nothing_that_a_migration_writes_or_says(tmp_path: Path) -> None:
    variables = {VARIABLE: KEY}
    with quoting() as url:
        task = task_of(tmp_path, url)
        with started(task, tmp_path / "run", "--log", "json", variables=variables) as process:
            command = Path(f"/proc/{process.pid}/cmdline")
            listed = command.read_bytes() if command.exists() else b""
            last = ended(process)
    assert last.code == 0, last.err
    said = [last.out, last.err]
    for line in (("report",), ("results",), ("export", "--as", "openai", "--allow-contract-change"), ("status",)):
        done = subprocess.run(
            [COMMAND, line[0], tmp_path / "run", *line[1:]],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, **variables},
            cwd=tmp_path,
        )
        said += [done.stdout, done.stderr]

    assert not holds(listed)
    assert not any(holds(text.encode()) for text in said)
    assert len(list((tmp_path / "run").rglob("*"))) > 10
    assert leaks(tmp_path) == []


@pytest.mark.parametrize("stage", ["at the door", "in the middle"])
def test_nor_where_the_key_is_turned_down(tmp_path: Path, stage: str) -> None:
    right = KEY if stage == "in the middle" else "another"
    with quoting(right) as url:
        task = task_of(tmp_path, url)
        options = ("--log", "json")
        if stage == "in the middle":  # the server itself is gone then, and the error is what LiteLLM makes of it
            task.write_text(task.read_text("utf-8").replace(url, url.replace("/v1", "/v2"), 1), "utf-8")
        last = run(task, tmp_path / "run", *options, variables={VARIABLE: KEY})

    assert last.code in (2, 3)
    assert "Traceback" not in last.err and not holds((last.out + last.err).encode())
    assert leaks(tmp_path) == []


def test_the_search_finds_what_it_looks_for(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_text(f"Authorization: Bearer {KEY}", "utf-8")
    with zipfile.ZipFile(tmp_path / "b.zip", "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("inside.txt", "x" * 1000 + KEY)

    assert leaks(tmp_path) == ["a.log", "b.zip/inside.txt"]
