"""Runs that several end-to-end tests look at, and the tools that they need."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.e2e import browser
from tests.e2e import postgres as pg
from tests.e2e.books import Books, served
from tests.e2e.runs import finished, small_task

FIGURES = pytest.StashKey[list[str]]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[FIGURES] = []


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """What was counted along the way, for whoever reads a log."""
    for line in config.stash.get(FIGURES, []):
        terminalreporter.write_line(line)


@pytest.fixture
def figure(pytestconfig: pytest.Config) -> Callable[[str], None]:
    return pytestconfig.stash[FIGURES].append


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


@dataclass(frozen=True)
class Finished:
    """A run that nothing disturbed."""

    task: Path
    folder: Path
    outcome: dict[str, Any]


@pytest.fixture(scope="session")
def direct(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """The small task on the offline models themselves."""
    folder = tmp_path_factory.mktemp("direct")
    task = small_task(folder)
    return Finished(task, folder / "run", finished(task, folder / "run"))


@pytest.fixture(scope="session")
def through_http(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Finished, Books]]:
    """The same task on the same models behind a server, through LiteLLM."""
    folder = tmp_path_factory.mktemp("http")
    with served() as books:
        task = small_task(folder, books.models)
        yield Finished(task, folder / "run", finished(task, folder / "run")), books


@pytest.fixture(scope="session")
def postgres() -> Iterator[pg.Server]:
    """A server for the tests of one process; each test makes a database of its own."""
    pytest.importorskip("psycopg", reason="psycopg is not installed")
    with pg.server(needed("PostgreSQL", pg.binaries())) as server:
        yield server
