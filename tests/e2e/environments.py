"""Environments of their own for the tools that read our exports: installed once, into the user's cache."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

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
_LONGEST = 600  # seconds


def python_consumers() -> Path | None:
    """A Python that has them; None where they are not installed and may not be."""
    return _made("python", PYTHON, _python, Path("bin/python"))


def node_consumers() -> Path | None:
    """A folder with `node_modules`; None where Node is not there, or they are not installed and may not be."""
    if not shutil.which("node") or not shutil.which("npm"):
        return None
    found = _made("node", NODE, _node, Path("node_modules/promptfoo"))
    return found.parent.parent if found else None


def _made(kind: str, wanted: tuple[str, ...], install: Callable[[Path], None], proof: Path) -> Path | None:
    """Installing takes a minute and the network, so it wants PROMPTPORT_E2E=require (or install)."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "promptport" / "consumers"
    digest = hashlib.sha256(json.dumps([wanted, sys.version_info[:2]]).encode()).hexdigest()[:12]
    folder, done = cache / f"{kind}-{digest}", cache / f"{kind}-{digest}.done"
    if not done.exists():
        if os.environ.get("PROMPTPORT_E2E") not in ("require", "install"):
            return None
        cache.mkdir(parents=True, exist_ok=True)
        with FileLock(cache / f"{kind}-{digest}.lock"):
            if not done.exists():
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir()
                install(folder)
                done.touch()
    return folder / proof


def _python(folder: Path) -> None:
    _run([sys.executable, "-m", "venv", folder])
    _run([folder / "bin/python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *PYTHON])


def _node(folder: Path) -> None:
    (folder / "package.json").write_text('{"name": "consumers", "private": true}', "utf-8")
    quiet = ("--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts", "--omit=optional")
    _run(["npm", "install", "--prefix", folder, *quiet, "--save-exact", *NODE])


def _run(command: list[str | Path]) -> None:
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_LONGEST)
    if ended.returncode:
        raise RuntimeError(f"{command[0]}: {ended.stderr[-2000:]}")
