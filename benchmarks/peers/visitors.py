"""Peers, each in an environment of its own, run as a subprocess by a small driver."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from benchmarks.peers.gate import Gate
from benchmarks.peers.subjects import Subject

PEERS: Mapping[str, str] = {}


class NotThere(Exception):
    """The peer cannot be installed here."""


class Failed(Exception):
    """The peer broke off without a result."""


@dataclass(frozen=True)
class Visit:
    answers: Mapping[str, str]
    seconds: float
    note: str


def visit(method: str, subject: Subject, gate: Gate, seed: int) -> Visit:
    raise NotThere(method)
