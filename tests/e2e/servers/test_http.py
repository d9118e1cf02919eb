"""The same task through HTTP: on a server that answers, that stumbles, that is not there, that lets nobody in."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from optimizer.offline.serving.server import KINDS, Faults
from tests.e2e.tools.books import Books, served
from tests.e2e.tools.runs import SOURCE, TARGET, Ended, Finished, decided, finished, hosted, run, small_task

KEY = "sk-4711-nobody-lets-this-one-in"


def test_litellm_and_the_models_themselves_lead_to_the_same_decision(
    direct: Finished, through_http: tuple[Finished, Books]
) -> None:
    done, books = through_http

    assert decided(done) == decided(direct)
    assert (done.outcome["calls"], done.outcome["dollars"]) == (direct.outcome["calls"], direct.outcome["dollars"])
    assert books.stats()["answered"] == done.outcome["calls"], "what is charged is what the server answered"


def test_faults_of_six_kinds_change_neither_verdict_nor_winner_nor_spend(
    direct: Finished, tmp_path: Path, figure: Callable[[str], None]
) -> None:
    shares = dict.fromkeys(KINDS, 0.03) | {"hang": 0.01}
    with served(Faults(**shares, seed=1, retry_after=0.05)) as books:
        source, target = ({**model, "timeout": 3.0} for model in books.models)
        outcome = finished(small_task(tmp_path, (source, target)), tmp_path / "run")
        stats = books.stats()
    figure(f"{stats['requests']} requests met {stats['faults']}; {stats['answered']} answered")

    assert all(stats["faults"].values()), "every kind was met"
    assert decided(Finished(tmp_path, tmp_path / "run", outcome)) == decided(direct)
    assert (outcome["calls"], outcome["dollars"]) == (direct.outcome["calls"], direct.outcome["dollars"])


def refused(folder: Path, url: str, *, keyed: bool = False, **variables: str) -> Ended:
    """How a run ends that the server at `url` does not serve. `keyed`: the task names the variable with its key."""
    key = {"api_key_env": "PROMPTPORT_TEST_KEY"} if keyed else {}
    task = small_task(folder, (hosted(SOURCE, url, **key), hosted(TARGET, url, **key)))
    ended = run(task, folder / "run", variables=variables)
    assert "Traceback" not in ended.err
    return ended


def test_a_server_that_is_not_there_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with served() as books:
        url = books.url

    ended = refused(tmp_path, url)

    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith(f"error: openai/sim-alpha: the server {url}/models cannot be reached")
    assert ended.err.rstrip().endswith("start it, or correct `api_base`")
    assert not (tmp_path / "run").exists()


def test_a_missing_key_is_refused_by_the_name_of_its_variable(tmp_path: Path) -> None:
    with served() as books:
        ended = refused(tmp_path, books.url, keyed=True)

    assert (ended.code, ended.out) == (2, "")
    assert ended.err == (
        "error: model 'openai/sim-alpha': the environment variable PROMPTPORT_TEST_KEY is not set; export it\n"
    )
    assert not (tmp_path / "run").exists()


def test_a_key_that_the_server_denies_is_refused_before_anything_is_written_and_never_shown(tmp_path: Path) -> None:
    with denying(listed=401) as url:
        ended = refused(tmp_path, url, keyed=True, PROMPTPORT_TEST_KEY=KEY)

    assert (ended.code, ended.out) == (2, "")
    assert f"{url}/models denies access (HTTP 401); the key in PROMPTPORT_TEST_KEY is not accepted" in ended.err
    assert not (tmp_path / "run").exists()


def test_a_key_that_is_denied_at_the_first_question_ends_the_run_and_is_never_shown(tmp_path: Path) -> None:
    """Where a server lists no models, only the first question finds out."""
    with denying(listed=404) as url:
        ended = refused(tmp_path, url, keyed=True, PROMPTPORT_TEST_KEY=KEY)

    assert ended.code == 3
    assert "access denied (HTTP 401" in ended.err
    assert "check the environment variable PROMPTPORT_TEST_KEY" in ended.err
    written = [path.read_bytes() for path in (tmp_path / "run").rglob("*") if path.is_file()]
    assert not any(KEY.encode() in content for content in (ended.out.encode(), ended.err.encode(), *written))


@contextmanager
def denying(*, listed: int) -> Iterator[str]:
    """A server that lets nobody in and repeats the key that it was shown; `listed` is its answer to /models."""

    class Door(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._deny(listed)

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self._deny(401)

        def _deny(self, status: int) -> None:
            shown = self.headers.get("Authorization", "")
            body = json.dumps({"error": {"message": f"Incorrect API key provided: {shown}", "code": "invalid_api_key"}})
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Door) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/v1"
        server.shutdown()
        thread.join()
