"""Runs that several end-to-end tests look at, and the tools that they need."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from optimizer.offline.server import Server, running
from optimizer.types import Request
from tests.e2e import browser
from tests.e2e.runs import SOURCE, TARGET, finished, hosted, small_task


def needed(tool: str, found: str | None) -> str:
    """A tool that is missing skips what needs it, but where everything is required, as in continuous integration."""
    if found:
        return found
    if os.environ.get("PROMPTPORT_E2E") == "require":
        pytest.fail(f"{tool} is not installed, and PROMPTPORT_E2E=require")
    pytest.skip(f"{tool} is not installed")


@pytest.fixture(scope="session")
def chromium() -> str:
    return needed("chromium", browser.CHROMIUM)


@dataclass
class Listener:
    """The questions that a server has answered, by the key under which a run remembers them, in their order."""

    url: str = ""
    keys: list[str] = field(default_factory=list)
    distinct: set[str] = field(default_factory=set)
    changed: threading.Condition = field(default_factory=threading.Condition)

    def __call__(self, model: str, request: Request) -> None:
        from optimizer.models.litellm import LiteLLMModel

        key = request.key(LiteLLMModel(model.replace("offline/", "openai/"), api_base=self.url, price=FREE).identity)
        with self.changed:
            self.keys.append(key)
            self.distinct.add(key)
            self.changed.notify_all()
