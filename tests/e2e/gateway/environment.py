"""What a LiteLLM proxy needs, in an environment of its own: installed once, into the user's cache.

The proxy reaches its database through Prisma's client, whose native query engine cannot be had from a package registry.
The same release of the engine compiled to WebAssembly can: `engine.mjs` makes a server of it. So keys, budgets and
spend logs are LiteLLM's own, in a real PostgreSQL.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from filelock import FileLock

ENGINE = "393aa359c9ad4a4bb28630fb5613f9c281cde053"
PYTHON = ("litellm[proxy]==1.106.2", "prisma==0.15.0")
NODE = (
    f"@prisma/query-engine-wasm@5.17.0-31.{ENGINE}",
    "@prisma/adapter-pg@5.17.0",
    "@prisma/driver-adapter-utils@5.17.0",
    "pg@8.23.1",
    "graphql@16.15.0",
)
_LONGEST = 900  # seconds


def environment() -> Path:
    """The folder. Skips where it is missing: installing takes minutes, and wants PROMPTPORT_E2E=require or install."""
    if not shutil.which("node") or not shutil.which("npm"):
        _lacking("Node.js is not installed")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "promptport" / "gateway"
    digest = hashlib.sha256(json.dumps([PYTHON, NODE, sys.version_info[:2]]).encode()).hexdigest()[:12]
    folder, done = cache / digest, cache / f"{digest}.done"
    if not done.exists():
        if os.environ.get("PROMPTPORT_E2E") not in ("require", "install"):
            pytest.skip("LiteLLM's proxy is not installed; PROMPTPORT_E2E=install installs it")
        cache.mkdir(parents=True, exist_ok=True)
        with FileLock(cache / f"{digest}.lock"):
            if not done.exists():
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir()
                _install(folder)
                done.touch()
    _launcher(folder)
    return folder


def variables(folder: Path) -> dict[str, str]:
    """The proxy's and Prisma's surroundings, without the keys of model providers."""
    keyless = {name: value for name, value in os.environ.items() if not name.endswith("_API_KEY")}
    launcher = str(folder / "engine")
    return {
        **keyless,
        "PATH": f"{folder / 'venv/bin'}:{os.environ['PATH']}",
        "PRISMA_QUERY_ENGINE_BINARY": launcher,
        "PRISMA_SCHEMA_ENGINE_BINARY": launcher,
        "PRISMA_QUERY_ENGINE_LIBRARY": launcher,
        "PRISMA_BINARY_CACHE_DIR": str(folder / "prisma"),
        "PROMPTPORT_ENGINE": str(Path(__file__).with_name("engine.mjs")),
        "PROMPTPORT_ENGINE_HOME": str(folder / "node"),
        "DISABLE_SCHEMA_UPDATE": "true",
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "LITELLM_MODE": "PRODUCTION",
        "LITELLM_RATE_LIMIT_WINDOW_SIZE": "3",
    }


def migrations(folder: Path) -> str:
    """LiteLLM's tables, as SQL."""
    (extras,) = (folder / "venv").glob("lib/python3*/site-packages/litellm_proxy_extras/migrations")
    return "\n".join(path.read_text("utf-8") for path in sorted(extras.glob("*/migration.sql")))


def _install(folder: Path) -> None:
    _run([sys.executable, "-m", "venv", folder / "venv"])
    _run([folder / "venv/bin/python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *PYTHON])
    (folder / "node").mkdir()
    _launcher(folder)
    (folder / "node/package.json").write_text('{"name": "engine", "private": true}', "utf-8")
    quiet = ("--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts")
    _run(["npm", "install", "--prefix", folder / "node", *quiet, "--save-exact", *NODE])
    (schema,) = (folder / "venv").glob("lib/python3*/site-packages/litellm/proxy/schema.prisma")
    _run([folder / "venv/bin/prisma", "generate", "--schema", schema], variables(folder))


def _launcher(folder: Path) -> None:
    """What Prisma's client starts as the engine; written anew, since the engine lies beside this file."""
    text = f'#!/bin/sh\n[ "$1" = --version ] && echo "query-engine {ENGINE}" && exit 0\n'
    text += 'exec node --no-warnings "$PROMPTPORT_ENGINE" "$@"\n'
    launcher = folder / "engine"
    if not launcher.exists() or launcher.read_text() != text:
        launcher.write_text(text)
        launcher.chmod(0o755)


def _run(command: list[str | Path], env: dict[str, str] | None = None) -> None:
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_LONGEST, env=env)
    if ended.returncode:
        raise RuntimeError(f"{command[0]}: {ended.stderr[-2000:]}")


def _lacking(reason: str) -> None:
    if os.environ.get("PROMPTPORT_E2E") == "require":
        pytest.fail(f"{reason}, and PROMPTPORT_E2E=require")
    pytest.skip(reason)
