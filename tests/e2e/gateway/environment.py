"""What a LiteLLM proxy needs, in an environment of its own: installed once, into the user's cache.

The proxy reaches its database through Prisma's client, whose native query engine cannot be had from a package registry.
The same release of the engine compiled to WebAssembly can: `engine.mjs` makes a server of it. So keys, budgets and
spend logs are LiteLLM's own, in a real PostgreSQL.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.e2e.tools.environments import cached, has_node, needed, node_with, python_with, run

ENGINE = "393aa359c9ad4a4bb28630fb5613f9c281cde053"
PYTHON = ("litellm[proxy]==1.106.2", "prisma==0.15.0")
NODE = (
    f"@prisma/query-engine-wasm@5.17.0-31.{ENGINE}",
    "@prisma/adapter-pg@5.17.0",
    "@prisma/driver-adapter-utils@5.17.0",
    "pg@8.23.1",
    "graphql@16.15.0",
)


def environment() -> Path:
    """The folder. Skips where it is missing; see `cached` for when it is made."""
    needed("Node.js", "node" if has_node() else None)
    folder = cached("gateway/", (PYTHON, NODE), _install)
    if not folder:
        pytest.skip("LiteLLM's proxy is not installed; PROMPTPORT_E2E=install installs it")
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
    python_with(PYTHON, folder / "venv")
    (folder / "node").mkdir()
    _launcher(folder)
    node_with(NODE, folder / "node")
    (schema,) = (folder / "venv").glob("lib/python3*/site-packages/litellm/proxy/schema.prisma")
    run([folder / "venv/bin/prisma", "generate", "--schema", schema], variables(folder))


def _launcher(folder: Path) -> None:
    """What Prisma's client starts as the engine; written anew, since the engine lies beside this file."""
    text = f'#!/bin/sh\n[ "$1" = --version ] && echo "query-engine {ENGINE}" && exit 0\n'
    text += 'exec node --no-warnings "$PROMPTPORT_ENGINE" "$@"\n'
    launcher = folder / "engine"
    if not launcher.exists() or launcher.read_text() != text:
        launcher.write_text(text)
        launcher.chmod(0o755)
