"""Runs that several end-to-end tests look at, and the tools that they need."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.e2e.tools import browser
from tests.e2e.tools import postgres as pg
from tests.e2e.tools.books import Books, served
from tests.e2e.tools.environments import needed
from tests.e2e.tools.runs import Finished, finished, small_task

_FIGURES = pytest.StashKey[list[str]]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_FIGURES] = []


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """What was counted along the way, for whoever reads a log."""
    for line in config.stash.get(_FIGURES, []):
        terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def figure(pytestconfig: pytest.Config) -> Callable[[str], None]:
    return pytestconfig.stash[_FIGURES].append


@pytest.fixture(scope="session")
def chromium() -> str:
    return needed("chromium", browser.CHROMIUM)


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
