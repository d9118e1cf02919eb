"""Peers, each in an environment of its own, run as a subprocess by a small driver.

An environment is made once, below the user's cache folder or the one that PROMPTPORT_PEERS names, from the pins in
`requirements/`.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import venv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.peers.gate import Gate
from benchmarks.peers.subjects import Subject
from optimizer.types import as_text

HERE = Path(__file__).parent
PATIENCE = 1800  # seconds for one optimisation
#: Method -> its environment and its driver.
PEERS: Mapping[str, tuple[str, str]] = {
    "miprov2": ("dspy", "with_dspy"),
    "gepa": ("dspy", "with_dspy"),
    "mlflow": ("mlflow", "with_mlflow"),
    "capo": ("promptolution", "with_promptolution"),
}


class NotThere(Exception):
    """The peer cannot be installed here."""


class Failed(Exception):
    """The peer broke off without a result."""


@dataclass(frozen=True)
class Visit:
    """`answers`: by row, what the peer's own code makes of the target's replies with its final prompt."""

    answers: Mapping[str, str]
    seconds: float
    note: str


def visit(method: str, subject: Subject, gate: Gate, seed: int) -> Visit:
    """Let a peer optimise, and answer the unseen rows."""
    package, driver = PEERS[method]
    python = _environment(package)
    with TemporaryDirectory() as folder:
        job, result = Path(folder) / "job.json", Path(folder) / "result.json"
        job.write_text(json.dumps(_job(method, subject, gate, seed)), "utf-8")
        done = subprocess.run(
            [str(python), str(HERE / "drivers" / f"{driver}.py"), str(job), str(result)],
            cwd=folder,
            env=_surroundings(folder),
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        if os.environ.get("PROMPTPORT_PEERS_LOG"):
            Path(os.environ["PROMPTPORT_PEERS_LOG"]).write_text(done.stdout + done.stderr, "utf-8")
        if done.returncode or not result.exists():
            raise Failed(f"{method}: {done.stderr[-2000:]}")
        found = json.loads(result.read_text("utf-8"))
    return Visit(found["answers"], found["seconds"], found["note"])


def _job(method: str, subject: Subject, gate: Gate, seed: int) -> dict[str, object]:
    prompt = subject.prompt
    return {
        "method": method,
        "seed": seed,
        "calls": gate.calls,
        "system": prompt.instructions.text,
        "user": prompt.question.text,
        "names": sorted(prompt.names),
        "reply": prompt.contract.to_dict() | {"told": prompt.contract.told()},
        "rows": [{"id": e.id, "inputs": dict(e.inputs), "expected": as_text(e.expected)} for e in subject.rows],
        "unseen": [{"id": e.id, "inputs": dict(e.inputs)} for e in subject.unseen],
        "urls": {role: gate.url(role) for role in ("target", "proposer", "exam")} | gate.desk,
        "models": {"target": subject.target, "proposer": subject.proposer},
    }


def _surroundings(folder: str) -> dict[str, str]:
    """Caches of a peer end with its run: nothing is carried over from seed to seed."""
    kept = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    return kept | {
        "HOME": folder,
        "DSPY_CACHEDIR": folder,
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "HF_HUB_OFFLINE": "1",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "DO_NOT_TRACK": "1",
    }


def _environment(package: str) -> Path:
    """The interpreter of the peer's environment, made if need be."""
    pins = HERE / "requirements" / f"{package}.txt"
    stamp = hashlib.sha256(pins.read_bytes()).hexdigest()[:12]
    base = Path(os.environ.get("PROMPTPORT_PEERS") or Path.home() / ".cache" / "promptport" / "peers")
    home = base / f"{package}-{stamp}"
    python = home / "bin" / "python"
    if not (home / "complete").exists():
        venv.create(home, with_pip=True, clear=True)
        command = [str(python), "-m", "pip", "install", "--quiet", "-r", str(pins)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise NotThere(f"pip cannot install {pins.name}: {done.stderr.strip().splitlines()[-1]}")
        (home / "complete").touch()
    return python
