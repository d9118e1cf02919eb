"""The call store and the model around it: nothing answered is asked twice, and a damaged file says so."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from optimizer.errors import ModelError, RunDirError
from optimizer.models import bridge
from optimizer.models.money.prices import Price
from optimizer.models.scripted import ScriptedModel
from optimizer.models.stores.cache import Cached, CallStore
from optimizer.types import Message, Request, Response


def question(text: str = "hi", **options: object) -> Request:
    return Request((Message("user", text),), **options)  # type: ignore[arg-type]


def ask(model: Cached, *requests: Request) -> list[Response | BaseException]:
    async def together() -> list[Response | BaseException]:
        return await asyncio.gather(*map(model.complete, requests), return_exceptions=True)

    return bridge.run(together())


def test_a_store_that_was_closed_under_those_who_ask_is_not_called_damaged(tmp_path: Path) -> None:
    """As when a fleet is stopped: who believed it damaged would move it away, and pay for all answers again."""
    with CallStore(tmp_path / "calls.sqlite") as store:
        store.put("a" * 64, "m", Response("yes"))

    for use in (lambda: store.get("a" * 64), lambda: store.put("b" * 64, "m", Response("no")), store.__len__):
        with pytest.raises(RunDirError, match="closed, as the run was stopped; its answers are kept"):
            use()


def test_a_question_is_asked_once_over_two_runs(tmp_path: Path) -> None:
    model = ScriptedModel(lambda request: request.messages[0].content.upper())
    with CallStore(tmp_path / "calls.sqlite") as store:
        first = ask(Cached(model, store), question("a"))
    with CallStore(tmp_path / "calls.sqlite") as store:
        second = ask(Cached(model, store), question("a"))
    assert first == second
    assert model.calls == 1


def test_every_field_of_an_answer_comes_back(tmp_path: Path) -> None:
    answer = Response("ä\ud800\x00", 1, 2, 0.1 + 0.2, 1 / 3, "who", "length", 4, 5, 6)
    with CallStore(tmp_path / "calls.sqlite") as store:
        store.put("aa", "m", answer)
        assert store.get("aa") == answer
        assert store.get("bb") is None
        assert len(store) == 1


def test_the_first_answer_stays(tmp_path: Path) -> None:
    with CallStore(tmp_path / "calls.sqlite") as store:
        store.put("aa", "m", Response("one"))
        store.put("aa", "m", Response("two"))
        assert store.get("aa") == Response("one")


def test_draws_of_one_question_are_apart(tmp_path: Path) -> None:
    model = ScriptedModel(lambda _: "x")
    with CallStore(tmp_path / "calls.sqlite") as store:
        ask(Cached(model, store), question(), question(sample=1), question(params={"temperature": 1}))
    assert model.calls == 3


def test_models_with_one_name_on_two_servers_are_apart(tmp_path: Path) -> None:
    here, there = ScriptedModel(lambda _: "here"), ScriptedModel(lambda _: "there")
    here.identity, there.identity = "server 1", "server 2"  # type: ignore[attr-defined]
    with CallStore(tmp_path / "calls.sqlite") as store:
        (one,), (two,) = ask(Cached(here, store), question()), ask(Cached(there, store), question())
    assert isinstance(one, Response)
    assert isinstance(two, Response)
    assert (one.text, two.text) == ("here", "there")


def test_identical_questions_in_flight_are_asked_once(tmp_path: Path) -> None:
    model = ScriptedModel(lambda _: "x", latency=0.05, wait=True)
    with CallStore(tmp_path / "calls.sqlite") as store:
        answers = ask(Cached(model, store), *[question()] * 20)
    assert model.calls == 1
    assert answers == [answers[0]] * 20


def test_identical_questions_in_flight_share_a_failure_which_is_not_kept(tmp_path: Path) -> None:
    def fail(_: Request) -> str:
        raise ModelError("down", model="m", retryable=True)

    model = ScriptedModel(fail, latency=0.05, wait=True)
    with CallStore(tmp_path / "calls.sqlite") as store:
        answers = ask(Cached(model, store), *[question()] * 5)
        assert model.calls == 1
        assert [str(answer) for answer in answers] == ["m: down"] * 5
        ask(Cached(model, store), question())
        assert model.calls == 2


def test_a_refusal_is_an_answer_that_is_kept(tmp_path: Path) -> None:
    def refuse(_: Request) -> str:
        raise ModelError("filtered", model="m", status=400, refused=True)

    model = ScriptedModel(refuse)
    with CallStore(tmp_path / "calls.sqlite") as store:
        first, second = (ask(Cached(model, store), question())[0] for _ in range(2))
    assert model.calls == 1
    assert isinstance(second, ModelError)
    assert str(first) == str(second) == "m: filtered"
    assert (second.refused, second.status, second.retryable) == (True, 400, False)


def test_when_the_one_who_asks_is_cancelled_another_asks_in_its_place(tmp_path: Path) -> None:
    model = ScriptedModel(lambda _: "x", latency=0.05, wait=True)

    async def cancel_the_first() -> list[Response]:
        with CallStore(tmp_path / "calls.sqlite") as store:
            cached = Cached(model, store)
            first, *others = [asyncio.create_task(cached.complete(question())) for _ in range(4)]
            await asyncio.sleep(0.01)
            first.cancel()
            answers = await asyncio.gather(*others)
            assert first.cancelled()
            return answers

    assert [answer.text for answer in bridge.run(cancel_the_first())] == ["x"] * 3
    assert model.calls == 2


def test_a_corrected_price_holds_for_stored_answers(tmp_path: Path) -> None:
    model = ScriptedModel(lambda _: "one two three", price=Price(1.0, 4.0))
    with CallStore(tmp_path / "calls.sqlite") as store:
        ask(Cached(model, store), question())
        (again,) = ask(Cached(model, store, Price(100.0, 1000.0)), question())
    assert isinstance(again, Response)
    assert again.cost == pytest.approx((1 * 100 + 3 * 1000) / 1e6)


def test_an_answer_survives_kill_9(tmp_path: Path) -> None:
    code = f"""
import os, signal
from pathlib import Path
from optimizer.models.stores.cache import CallStore
from optimizer.types import Response
CallStore(Path({str(tmp_path / "calls.sqlite")!r})).put("aa", "m", Response("kept"))
os.kill(os.getpid(), signal.SIGKILL)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -9
    with CallStore(tmp_path / "calls.sqlite") as store:
        assert store.get("aa") == Response("kept")


def test_two_runs_may_share_a_store(tmp_path: Path) -> None:
    with CallStore(tmp_path / "calls.sqlite") as one, CallStore(tmp_path / "calls.sqlite") as two:
        one.put("aa", "m", Response("x"))
        assert two.get("aa") == Response("x")


def test_neither_prompt_nor_key_is_in_the_file(tmp_path: Path) -> None:
    with CallStore(tmp_path / "calls.sqlite") as store:
        ask(Cached(ScriptedModel(lambda _: "answer"), store), question("canary-prompt"))
    written = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"answer" in written
    assert b"canary-prompt" not in written


def _garbage(path: Path) -> None:
    path.write_bytes(b"this is no database " * 100)


def _truncated(path: Path) -> None:
    with CallStore(path) as store:
        for number in range(200):
            store.put(f"{number:04}", "m", Response("x" * 500))
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])


def _half_a_page(path: Path) -> None:
    with CallStore(path) as store:
        store.put("aa", "m", Response("x"))
    path.write_bytes(path.read_bytes()[:2000])


def _of_another_program(path: Path) -> None:
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE bookmarks (url TEXT)")
    other.commit()
    other.close()


def _newer(path: Path) -> None:
    CallStore(path).close()
    newer = sqlite3.connect(path)
    newer.execute("PRAGMA user_version=7")
    newer.close()


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (_garbage, "is damaged (file is not a database). Move the file away"),
        (_truncated, "is damaged (database disk image is malformed). Move the file away"),
        (_half_a_page, "is damaged"),
        (_of_another_program, "of another program, not a call store; name another file"),
        (_newer, "written by a newer version (schema 7, this version reads 1); update promptport"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_and_left_alone(
    tmp_path: Path, damage: Callable[[Path], None], said: str
) -> None:
    path = tmp_path / "calls.sqlite"
    damage(path)
    before = path.read_bytes()
    with pytest.raises(RunDirError) as caught:
        CallStore(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert said in str(caught.value)
    assert path.read_bytes() == before


def test_a_garbled_row_is_refused_when_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "calls.sqlite"
    with CallStore(path) as store:
        store.put("aa", "m", Response("x"))
    raw = sqlite3.connect(path)
    raw.execute("UPDATE calls SET response = '{\"text\": '")
    raw.commit()
    raw.close()
    with CallStore(path) as store, pytest.raises(RunDirError, match="is damaged"):
        store.get("aa")


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(RunDirError, match=r"nowhere/calls.sqlite: the call store cannot be used"):
        CallStore(tmp_path / "nowhere" / "calls.sqlite")


def test_an_empty_file_becomes_a_store(tmp_path: Path) -> None:
    path = tmp_path / "calls.sqlite"
    path.touch()
    with CallStore(path) as store:
        assert len(store) == 0


def test_two_runs_may_make_the_file_at_the_same_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, asked = tmp_path / "calls.sqlite", CallStore._pragma
    others: list[CallStore] = []

    def meanwhile(store: CallStore, name: str) -> int:
        found = asked(store, name)
        if not others:
            monkeypatch.setattr(CallStore, "_pragma", asked)
            others.append(CallStore(path))
        return found

    monkeypatch.setattr(CallStore, "_pragma", meanwhile)

    with CallStore(path) as store, others[0] as other:
        other.put("aa", "m", Response("x"))
        assert store.get("aa") == Response("x")


def test_a_file_that_another_process_is_making_is_waited_for(tmp_path: Path) -> None:
    program = """
import sqlite3, sys, time
other = sqlite3.connect(sys.argv[1], isolation_level=None)
other.execute("BEGIN IMMEDIATE")
print("held", flush=True)
time.sleep(0.5)
other.execute("ROLLBACK")
"""
    command = [sys.executable, "-c", program, str(tmp_path / "calls.sqlite")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None and other.stdout.readline() == "held\n"
        with CallStore(tmp_path / "calls.sqlite") as store:
            store.put("key", "m", Response("kept"))
            assert len(store) == 1


def test_what_two_runs_in_one_process_ask_at_the_same_moment_is_asked_once(tmp_path: Path) -> None:
    """Two tasks of a fleet, say, or two roles that are played by one model."""
    model = ScriptedModel(lambda _: "x", latency=0.05, wait=True)

    async def both(store: CallStore) -> list[Response]:
        runs = [Cached(model, store), Cached(model, store)]
        return await asyncio.gather(*(run.complete(question(f"q{n}")) for n in range(20) for run in runs))

    with CallStore(tmp_path / "calls.sqlite") as store:
        answers = bridge.run(both(store))
    assert model.calls == 20
    assert {answer.text for answer in answers} == {"x"}


def test_where_one_run_fails_or_is_stopped_the_other_asks(tmp_path: Path) -> None:
    def fail(_: Request) -> str:
        raise ModelError("down", model="m", retryable=True)

    failing, sound = ScriptedModel(fail, latency=0.05, wait=True), ScriptedModel(lambda _: "x")
    slow = ScriptedModel(lambda _: "late", latency=60, wait=True)

    async def after(first: ScriptedModel, store: CallStore, text: str) -> Response:
        one = asyncio.create_task(Cached(first, store).complete(question(text)))
        await asyncio.sleep(0.01)
        two = asyncio.create_task(Cached(sound, store).complete(question(text)))
        await asyncio.sleep(0.01)
        if first is slow:
            one.cancel()
        await asyncio.gather(one, return_exceptions=True)
        return await two

    with CallStore(tmp_path / "calls.sqlite") as store:
        assert bridge.run(after(failing, store, "a")).text == "x"
        assert bridge.run(after(slow, store, "b")).text == "x"


_ASKING = """
import asyncio, sys
from pathlib import Path
from optimizer.models.scripted import ScriptedModel
from optimizer.models.stores.cache import Cached, CallStore
from optimizer.types import Message, Request

folder, order = Path(sys.argv[1]), int(sys.argv[2])

def answer(request):
    with (folder / "asked").open("a") as asked:
        asked.write(request.messages[0].content + "\\n")
    return "x"

async def main():
    with CallStore(folder / "calls.sqlite", shared=True) as store:
        model = Cached(ScriptedModel(answer, latency=0.05, wait=True), store)
        await asyncio.gather(*(model.complete(Request((Message("user", f"q{n}"),))) for n in range(40)[::order]))

asyncio.run(main())
"""


def test_what_processes_that_share_a_file_ask_at_the_same_moment_is_asked_once(tmp_path: Path) -> None:
    runs = [subprocess.Popen([sys.executable, "-c", _ASKING, tmp_path, str(order)]) for order in (1, -1, 1)]
    assert [run.wait(60) for run in runs] == [0, 0, 0]

    assert sorted((tmp_path / "asked").read_text().split()) == sorted(f"q{n}" for n in range(40))


_DYING = """
import asyncio, sys, time
from pathlib import Path
from optimizer.models.stores.cache import CallStore

store = CallStore(Path(sys.argv[1]), shared=True)
asyncio.run(store.seek("aa"))
print("asking", flush=True)
time.sleep(60)
"""


@contextmanager
def asked_elsewhere(path: Path) -> Iterator[tuple[subprocess.Popen[bytes], CallStore]]:
    """A process that asks the question "aa" until it is killed, and a store that shares its file."""
    command: list[str | Path] = [sys.executable, "-c", _DYING, path]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as dying, CallStore(path, shared=True) as store:
        try:
            assert dying.stdout and dying.stdout.readline() == b"asking\n"
            yield dying, store
        finally:
            dying.kill()


def test_a_process_that_dies_while_it_asks_leaves_the_question_to_another(tmp_path: Path) -> None:
    with asked_elsewhere(tmp_path / "calls.sqlite") as (dying, store):

        async def waited() -> bool:
            """Whether we were kept waiting for as long as the other was alive, and then had our turn."""
            turn = asyncio.create_task(store.seek("aa"))
            assert await store.seek("bb") is None, "another question is nobody's"
            done, _ = await asyncio.wait([turn], timeout=0.3)
            dying.kill()
            return not done and await turn is None

        assert bridge.run(waited())


def test_who_is_stopped_while_another_process_asks_leaves_nobody_waiting(tmp_path: Path) -> None:
    with asked_elsewhere(tmp_path / "calls.sqlite") as (_, store):

        async def stopped() -> Response | ModelError | None:
            first, second = asyncio.create_task(store.seek("aa")), asyncio.create_task(store.seek("aa"))
            await asyncio.wait([first, second], timeout=0.1)
            first.cancel()
            store.put("aa", "m", Response("from the other"))
            return await asyncio.wait_for(second, 30)

        assert bridge.run(stopped()) == Response("from the other")


def test_a_folder_that_is_not_there_is_named_for_a_shared_store_too(tmp_path: Path) -> None:
    with pytest.raises(RunDirError, match=r"gone/calls.sqlite: the call store cannot be used"):
        CallStore(tmp_path / "gone" / "calls.sqlite", shared=True)
