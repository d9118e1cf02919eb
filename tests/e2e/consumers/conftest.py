"""The environments in which the consumers of exports are installed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.tools.environments import needed, node_consumers, python_consumers


@pytest.fixture(scope="session")
def python() -> Path:
    return Path(needed("the Python consumers of the exports", str(python_consumers() or "")))


@pytest.fixture(scope="session")
def node() -> Path:
    return Path(needed("the Node consumers of the exports", str(node_consumers() or "")))
