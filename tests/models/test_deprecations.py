"""Which models come to an end, by LiteLLM's table and by the lists of models that can be reached; and never a guess."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from optimizer.cli import main
from optimizer.models import bridge
from optimizer.models.money.prices import table
from optimizer.models.providers.listing import Listing, provider_listing, read_listing
from optimizer.models.providers.sunset import end_of, endings
from optimizer.offline.serving.server import running
from tests.walking import SEARCH, crew, walk, write_task

FREE = {"input": 0, "output": 0}
DATED = "gpt-4o-2024-05-13"


@contextmanager
def lists(
    body: bytes, status: int = 200, wait: float = 0.0, **headers: str
) -> Iterator[tuple[str, list[dict[str, str]]]]:
    """A provider that has this list; with the headers that it was asked with."""
    asked: list[dict[str, str]] = []
    gone = threading.Event()

    class Provider(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append({name.lower(): value for name, value in self.headers.items()})
            gone.wait(wait)
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Provider)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1/models", asked
    finally:
        gone.set()
        server.shutdown()
        thread.join()
        server.server_close()


# -- the table


def test_every_date_in_the_table_is_found_by_the_models_full_name() -> None:
    dated = {
        name: row["deprecation_date"]
        for name, row in table().items()
        if row.get("deprecation_date") and name != "sample_spec"
    }

    assert len(dated) > 500
    for name, day in dated.items():
        assert end_of(name) == (date.fromisoformat(day), name)


def test_a_providers_prefix_does_not_hide_the_date() -> None:
    day = date.fromisoformat(str(table()[DATED]["deprecation_date"]))

    assert end_of(f"openai/{DATED}") == (day, DATED)
    assert end_of(f"anthropic/{DATED}") is None  # another provider's model


def test_a_name_without_a_date_stands_for_its_snapshots() -> None:
    """Where all of them end, the last end counts; where one has none, nothing is known."""
    ends = {
        name: row.get("deprecation_date")
        for name, row in table().items()
        if name in {"o3-2025-04-16", "gpt-5-2025-08-07"} and row.get("litellm_provider") == "openai"
    }
    assert not table()["o3"].get("deprecation_date") and ends["o3-2025-04-16"]

    assert end_of("openai/o3") == (date.fromisoformat(str(ends["o3-2025-04-16"])), "o3-2025-04-16")
    [told] = endings([("source", "openai/o3")])
    assert told.startswith(f"source 'openai/o3' has an end date: {ends['o3-2025-04-16']} (as o3-2025-04-16), by the")


def test_of_models_that_nobody_knows_nothing_is_said() -> None:
    assert end_of("test/source") is None and end_of("openai/no-such-model") is None
    assert end_of("sample_spec") is None
    assert list(endings([("source", "hosted_vllm/my-own"), ("target", "offline/sim-alpha")])) == []


# -- lists of models


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ({"object": "list", "data": [{"id": "gpt-4o"}, {"id": "o3"}]}, {"gpt-4o", "o3"}),
        ({"models": [{"name": "models/gemini-2.5-flash"}]}, {"gemini-2.5-flash"}),
        ([{"id": "a"}, {"id": "b"}, {"no": "name"}, 7], {"a", "b"}),
    ],
)
def test_lists_in_the_forms_of_the_providers_are_read(body: Any, names: set[str]) -> None:
    found = read_listing(json.dumps(body).encode(), "here")

    assert found and set(found.ends) == names


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b"[" * 100_000, b"{}", b"[]", b'{"data": 7}', b'{"data": []}', b"7", b'{"data": [{"id": 7}]}'],
)
def test_what_is_no_list_says_nothing(body: bytes) -> None:
    assert read_listing(body, "here") is None
    assert read_listing(b'{"data": [{"id": "' + b"x" * 5_000_000 + b'"}]}', "here") is None


@pytest.mark.parametrize(
    ("model", "listed", "missing"),
    [
        ("openai/gpt-4o", "gpt-4o", False),
        ("openai/gpt-4o", "gpt-4o-2024-08-06", False),
        ("openai/gpt-4o", "gpt-4o-mini", True),
        ("openai/gpt-4o", "openai/gpt-4o", False),
        ("openai/gpt-4o", "openai/*", False),
        ("openai/gpt-4o", "*", False),
        ("openai/gpt-4o", "anthropic/*", True),
        ("openai/team-alias", "Team-Alias", False),
    ],
)
def test_a_model_that_a_list_lacks_is_said(model: str, listed: str, missing: bool) -> None:
    note = Listing("http://here/v1/models", {listed: None, "another": None}).note(model)

    assert bool(note) == missing
    assert not missing or note.startswith(f"'{model}' is not in the list of models at http://here/v1/models (2 names)")


def test_an_end_that_the_list_tells_is_said() -> None:
    rows = [{"id": "mistral-large-2411", "deprecation": "2026-12-01T12:00:00Z"}, {"id": "b", "deprecation": None}]
    found = read_listing(json.dumps({"data": rows}).encode(), "http://here")

    assert found
    assert found.note("mistral/mistral-large-2411").startswith(
        "'mistral/mistral-large-2411' has an end date: 2026-12-01,"
    )
    assert found.note("mistral/b") == ""


@pytest.mark.parametrize(
    ("provider", "header", "value"),
    [("openai", "authorization", "Bearer k"), ("anthropic", "x-api-key", "k"), ("gemini", "x-goog-api-key", "k")],
)
def test_the_providers_own_list_is_asked_for_with_its_key(
    provider: str, header: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("BASE_URL", "API_BASE"):
        monkeypatch.delenv(f"{provider.upper()}_{name}", raising=False)
    with lists(b'{"data": [{"id": "m"}]}') as (url, asked):
        found = bridge.run(provider_listing(provider, "k", {provider: url}))

    assert found and set(found.ends) == {"m"} and asked[0][header] == value


def test_a_key_never_goes_to_a_server_that_it_is_not_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_BASE", raising=False)
    with lists(b'{"data": [{"id": "m"}]}') as (url, asked):
        monkeypatch.setenv("OPENAI_BASE_URL", "https://gateway.example/v1")
        assert bridge.run(provider_listing("openai", "k", {"openai": url})) is None
        monkeypatch.delenv("OPENAI_BASE_URL")
        assert bridge.run(provider_listing("openai", "", {"openai": url})) is None
        assert bridge.run(provider_listing("nobody", "k", {"openai": url})) is None
        assert not asked
        with lists(b"", status=302, Location=url) as (elsewhere, _):
            assert bridge.run(provider_listing("openai", "k", {"openai": elsewhere})) is None
        assert not asked


def test_a_provider_that_is_away_denies_or_dawdles_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    monkeypatch.delenv("OPENAI_API_BASE", raising=False)
    assert bridge.run(provider_listing("openai", "k", {"openai": "http://127.0.0.1:9/v1/models"})) is None
    assert bridge.run(provider_listing("openai", "k", {"openai": "http://no.such.host.invalid/v1"})) is None
    with lists(b'{"data": [{"id": "m"}]}', status=401) as (url, _):
        assert bridge.run(provider_listing("openai", "k", {"openai": url})) is None
    with lists(b'{"data": [{"id": "m"}]}', wait=60) as (url, _):
        assert bridge.run(provider_listing("openai", "k", {"openai": url}, seconds=0.2)) is None


# -- check, and the run


def check(task: Path) -> Any:
    return CliRunner().invoke(main, ["check", str(task)])


def test_check_tells_the_end_of_source_target_and_judge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")  # so that no provider is asked
    day = table()[DATED]["deprecation_date"]
    models: dict[str, Any] = {"source": {"model": f"openai/{DATED}"}, "target": {"model": "openai/o3"}}

    found = check(write_task(tmp_path, **models, search=SEARCH))

    assert found.exit_code == 0, found.output
    assert f"note: source 'openai/{DATED}' has an end date: {day}, by the model table" in found.stdout
    assert "note: target 'openai/o3' has an end date: " in found.stdout


def test_check_says_that_a_server_does_not_list_the_model(tmp_path: Path) -> None:
    with running() as server:
        known = {"model": "openai/sim-alpha", "api_base": server.url, "price": FREE}
        gone = {"model": "openai/sim-gone", "api_base": server.url, "price": FREE}
        found = check(write_task(tmp_path, source=known, target=gone, search=SEARCH))

    assert found.exit_code == 0, found.output
    assert f"note: 'openai/sim-gone' is not in the list of models at {server.url}/models (4 names)" in found.stdout
    assert "sim-alpha' is not" not in found.stdout


def test_the_run_says_it_too_in_its_log_its_report_and_its_notes(tmp_path: Path) -> None:
    model = {"model": f"openai/{DATED}", "price": {"input": 1, "output": 4}, "params": {"max_tokens": 8}}
    models = crew()
    models.models[model["model"]] = models.models["test/source"]  # type: ignore[index]

    found = walk(write_task(tmp_path, source=model), tmp_path / "run", models)

    [note] = [note for note in found.notes if "has an end date" in note]
    assert note.startswith(f"source 'openai/{DATED}' has an end date: ")
    assert note in (tmp_path / "run" / "run.log").read_text("utf-8")
    assert "has an end date" in (tmp_path / "run" / "report.html").read_text("utf-8")


def test_the_dates_cost_no_import_of_litellm() -> None:
    code = (
        "import sys; from optimizer.models.providers.sunset import end_of\n"
        f"assert end_of('openai/{DATED}'); assert 'litellm' not in sys.modules and 'aiohttp' not in sys.modules"
    )

    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert ended.returncode == 0, ended.stderr
