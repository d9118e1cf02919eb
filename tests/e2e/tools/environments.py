"""What tests need beside our own packages: tools, and environments that are installed once, into the user's cache."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest
from filelock import FileLock

PYTHON = (
    "langchain-core==1.7.2",
    "langfuse==5.0.4",
    "mlflow-skinny==3.17.2",
    "sqlalchemy>=2,<3",  # mlflow's local registry
    "alembic>=1.13,<2",
    "prompty==2.1.0",
    "jinja2>=3.1.6,<4",
    "dotpromptz==0.2.0",
    "botocore==1.44.5",
)
NODE = (
    "promptfoo@0.121.20",
    "dotprompt@1.1.2",
    f"@libsql/linux-{'arm64' if platform.machine() == 'aarch64' else 'x64'}-gnu@0.5.29",
)
_LONGEST = 900  # seconds
_PIP = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check")
_NPM = ("--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts", "--save-exact")


def needed(tool: str, found: str | None) -> str:
    """A tool that is missing skips what needs it, but where everything is required, as in continuous integration."""
    if found:
        return found
    if os.environ.get("PROMPTPORT_E2E") == "require":
        pytest.fail(f"{tool} is not installed, and PROMPTPORT_E2E=require")
    pytest.skip(f"{tool} is not installed")


def python_consumers() -> Path | None:
    """A Python that has them; None where they are not installed and may not be."""
    found = cached("consumers/python-", (PYTHON,), lambda folder: python_with(PYTHON, folder))
    return found and found / "bin/python"


def node_consumers() -> Path | None:
    """A folder with `node_modules`; None where Node is not there, or they are not installed and may not be."""
    if not has_node():
        return None
    return cached("consumers/node-", (NODE,), lambda folder: node_with(NODE, folder, "--omit=optional"))


def cached(name: str, wanted: Sequence[Sequence[str]], install: Callable[[Path], None]) -> Path | None:
    """The folder below the user's cache whose name begins with `name` and goes on with a digest of what is `wanted`.

    Where it is not there, it is made with `install`, which takes minutes and the network: only with PROMPTPORT_E2E set
    to require or install, else None. Raises RuntimeError where installing fails.
    """
    digest = hashlib.sha256(json.dumps([*wanted, sys.version_info[:2]]).encode()).hexdigest()[:12]
    place = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "promptport" / f"{name}{digest}"
    done = place.with_name(f"{place.name}.done")
    if not done.exists():
        if os.environ.get("PROMPTPORT_E2E") not in ("require", "install"):
            return None
        place.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(place.with_name(f"{place.name}.lock")):
            if not done.exists():
                shutil.rmtree(place, ignore_errors=True)
                place.mkdir()
                install(place)
                done.touch()
    return place


def has_node() -> bool:
    return all(map(shutil.which, ("node", "npm")))


def python_with(packages: Sequence[str], folder: Path) -> None:
    run([sys.executable, "-m", "venv", folder])
    run([folder / "bin/python", *_PIP, *packages])


def node_with(packages: Sequence[str], folder: Path, *flags: str) -> None:
    (folder / "package.json").write_text('{"name": "environment", "private": true}', "utf-8")
    run(["npm", "install", "--prefix", folder, *_NPM, *flags, *packages])


def run(command: Sequence[str | Path], env: Mapping[str, str] | None = None) -> None:
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_LONGEST, env=env)
    if ended.returncode:
        raise RuntimeError(f"{command[0]}: {ended.stderr[-2000:]}")
