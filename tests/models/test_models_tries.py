"""The journal of tries, as a power cut, a full disk or a bad disk may leave it: nothing that was spent is forgotten."""

from __future__ import annotations

import asyncio
import errno
import gc
import os
import resource
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from optimizer.errors import BudgetExceeded, ModelError, RunDirError
from optimizer.models import bridge
from optimizer.models.money.journal import Journal, read_tries
from optimizer.models.money.meter import Metered, Purse
from optimizer.models.money.prices import Price
from optimizer.models.money.purse import paid_for
from optimizer.models.money.tries import Cost, Counted, Lost
from optimizer.models.scripted import ScriptedModel
from optimizer.models.stores.cache import Cached, CallStore
from optimizer.types import Message, Request, Response

A, B, C = ("a" * 64, "b" * 64, "c" * 64)
PRICE = Price(1.0, 1.0)


def begun(key: str, pico: int = 5, tokens: int = 7) -> str:
    return f'["+","{key}","target",{pico},{tokens}]\n'


def calls(text: str) -> dict[str, int]:
    return {key: lost.times for key, lost in read_tries(text).items()}


def spent_before(folder: Path) -> int:
    """Calls that a run in this folder holds for made, before its first question."""
    with CallStore(folder / "calls") as store, Journal(folder / "tries") as journal:
        return sum(lost.calls for lost in journal.before(lambda key: paid_for(store.get(key))).values())


def ask(folder: Path, numbers: range, **limits: int) -> tuple[list[Response | BaseException], int]:
    """One start of a run that asks these questions; what came of them, and how many calls the model saw."""
    model = ScriptedModel(lambda request: "yes", price=PRICE)

    async def together() -> list[Response | BaseException]:
        asked = (metered.complete(Request((Message("user", f"q{n}"),), {"max_tokens": 4})) for n in numbers)
        return await asyncio.gather(*asked, return_exceptions=True)

    with CallStore(folder / "calls") as store, Journal(folder / "tries") as journal:
        before = journal.before(lambda key: paid_for(store.get(key)))
        purse = Purse(**limits, journal=journal, before=before)
        metered = Metered(Cached(Counted(model), store), purse, "target", PRICE)
        return bridge.run(together()), model.calls


@pytest.mark.parametrize(
    "tail", ["", "\0" * 4096, '["+","', '["+","abc', '["-', "\x00\x00garbage", "\xff\xfe", "[" * 5000]
)
def test_a_tail_that_says_nothing_takes_nothing_away(tail: str) -> None:
    assert calls(begun(A) + begun(B) + tail) == {A: 1, B: 1}


def test_a_try_that_is_cut_off_behind_its_question_counts_at_the_most_that_any_took() -> None:
    found = read_tries(begun(A, 5, 7) + begun(B, 9, 3) + begun(C)[:-9])

    assert found[C] == Lost("", 1, Cost(9, 7))
    assert calls(begun(A) + begun(A)[:80]) == {A: 2}


@pytest.mark.parametrize(
    "line",
    [
        f'["*","{A}"]',  # a sign that is none is no end of a try
        f'["-","{A}"',
        '["-","not a question"]',
        f'["-",["{A}"]]',
        "{}",
        "null",
        "7",
    ],
)
def test_a_garbled_line_never_makes_a_try_undone(line: str) -> None:
    assert calls(begun(A) + line + "\n" + begun(B)) == {A: 1, B: 1}


@pytest.mark.parametrize("rest", ['"target","x",7]', '"target",-5,7]', "]", '"target",5]', "5,5,5]", '"target",5,7,9]'])
def test_a_try_whose_cost_is_garbled_counts_all_the_same(rest: str) -> None:
    assert calls(begun(B, 8, 8) + f'["+","{A}",{rest}\n') == {B: 1, A: 1}
    assert read_tries(begun(B, 8, 8) + f'["+","{A}",{rest}\n')[A].cost == Cost(8, 8)


def test_a_try_behind_a_stretch_of_zeros_is_read() -> None:
    assert calls(begun(A) + "\0" * 100 + begun(B)) == {A: 1, B: 1}


def test_ends_of_tries_that_are_more_than_their_beginnings_give_nothing_back(tmp_path: Path) -> None:
    (tmp_path / "tries").write_text(f'["-","{A}"]\n["-","{A}"]\n' + begun(B))

    with Journal(tmp_path / "tries") as journal:
        assert journal.before(lambda key: None) == {bytes.fromhex(B): Lost("target", 1, Cost(5, 7))}


def test_the_dearest_of_several_tries_is_what_each_counts() -> None:
    assert read_tries(begun(A, 9, 1) + begun(A, 2, 8))[A] == Lost("target", 2, Cost(9, 8))


@pytest.mark.parametrize("tail", [b"", b"\0" * 512, b'["+","' + b"a" * 30])
def test_what_is_written_behind_a_cut_is_read_back(tail: bytes, tmp_path: Path) -> None:
    (tmp_path / "tries").write_bytes(begun(A).encode() + tail)
    with Journal(tmp_path / "tries") as journal:
        bridge.run(journal.begin(bytes.fromhex(B), "target", Cost(5, 7)))

    assert calls((tmp_path / "tries").read_text()) == {A: 1, B: 1}


def test_an_empty_journal_is_one(tmp_path: Path) -> None:
    (tmp_path / "tries").touch()

    with Journal(tmp_path / "tries") as journal:
        assert journal.before(lambda key: None) == {}


def test_a_journal_cut_at_every_byte_forgets_no_try_whose_line_is_whole() -> None:
    whole = begun(A) + begun(B) + f'["-","{A}"]\n' + begun(C)
    for at in range(len(whole) + 1):
        least: set[str] = [set(), {A}, {B}, {B}, {B, C}][whole[:at].count("\n")]  # the third line gives A back
        assert {key for key, times in calls(whole[:at]).items() if times > 0} >= least, at


def test_a_request_goes_out_only_when_its_try_is_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is safe at the moment of a call is what had been synchronised by then."""
    safe, seen = [0], list[bool]()
    real = os.fdatasync

    def noted(file: int) -> None:
        size = os.fstat(file).st_size
        real(file)
        safe[0] = max(safe[0], size)

    monkeypatch.setattr(os, "fdatasync", noted)

    def answer(request: Request) -> str:
        on_disk = (tmp_path / "tries").read_bytes()[: safe[0]]
        seen.append(request.key("scripted").encode() in on_disk)
        return "yes"

    model = ScriptedModel(answer, name="scripted", price=PRICE)

    async def together() -> None:
        asked = (metered.complete(Request((Message("user", f"q{n}"),))) for n in range(50))
        await asyncio.gather(*asked)

    with Journal(tmp_path / "tries") as journal:
        metered = Metered(Counted(model), Purse(journal=journal), "target", PRICE)
        bridge.run(together())

    assert seen == [True] * 50


def test_a_try_that_is_cancelled_before_it_goes_out_is_taken_back(tmp_path: Path) -> None:
    async def impatient(journal: Journal) -> None:
        task = asyncio.create_task(journal.begin(bytes.fromhex(A), "target", Cost(5, 7)))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await journal.begin(bytes.fromhex(B), "target", Cost(5, 7))

    with Journal(tmp_path / "tries") as journal:
        bridge.run(impatient(journal))

    assert calls((tmp_path / "tries").read_text()) == {A: 0, B: 1}


def test_a_journal_that_is_closed_while_it_saves_complains_to_nobody_and_lets_nothing_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that fails closes it under the calls that are on their way."""
    saving, closed, complaints = threading.Event(), threading.Event(), list[object]()

    def slow(_file: int) -> None:
        saving.set()
        closed.wait(10)
        raise OSError(errno.EBADF, "Bad file descriptor")

    monkeypatch.setattr(os, "fdatasync", slow)

    async def fails() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, told: complaints.append(told))
        journal = Journal(tmp_path / "tries")
        task = asyncio.create_task(journal.begin(bytes.fromhex(A), "target", Cost(5, 7)))
        await asyncio.to_thread(saving.wait, 10)
        journal.close()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        closed.set()
        with pytest.raises(RunDirError, match="tries: closed, as the run was stopped"):
            await journal.begin(bytes.fromhex(B), "target", Cost(5, 7))
        await asyncio.sleep(0.1)
        del task, journal
        gc.collect()

    asyncio.run(fails())

    assert complaints == []
    assert calls((tmp_path / "tries").read_text()) == {A: 1}, "at its worst"


# -- a power cut, as the two files may look after it


@pytest.mark.parametrize("share", [0.0, 0.3, 0.6, 0.9])
def test_answers_that_a_power_cut_took_from_the_store_are_counted_and_the_limit_holds(
    share: float, tmp_path: Path
) -> None:
    """SQLite's promise with a write-ahead log and `synchronous=NORMAL`: whole, but without its last answers."""
    before, after = tmp_path / "before", tmp_path / "after"
    before.mkdir()
    after.mkdir()
    with CallStore(before / "calls") as held:  # as long as it is open, the log is not taken into the file
        ask(before, range(20), calls=30)
        for path in before.iterdir():
            shutil.copy(path, after)
        assert len(held) == 20
    log = after / "calls-wal"
    os.truncate(log, int(share * log.stat().st_size))
    with CallStore(after / "calls") as store:
        left = len(store)

    assert left < 20
    assert spent_before(after) == 20, "what is in the store, and what is lost, is what was asked"
    answers, made = ask(after, range(40), calls=30)
    assert made == 10, "20 of the 30 calls went out before"
    assert sum(isinstance(answer, Response) for answer in answers) == left + 10
    assert all(isinstance(answer, Response | BudgetExceeded) for answer in answers)


def test_a_log_with_zeros_or_garbage_at_its_end_loses_what_is_behind_them_and_nothing_else(tmp_path: Path) -> None:
    for name, filler in (("zeros", b"\0"), ("garbage", b"\x5a")):
        before, after = tmp_path / name / "before", tmp_path / name / "after"
        before.mkdir(parents=True)
        after.mkdir()
        with CallStore(before / "calls"):
            ask(before, range(10))
            for path in before.iterdir():
                shutil.copy(path, after)
        log = after / "calls-wal"
        size = log.stat().st_size
        with log.open("r+b") as file:
            file.seek(size - 5000)
            file.write(filler * 5000)

        assert spent_before(after) == 10


def test_a_journal_that_is_gone_leaves_what_the_store_knows(tmp_path: Path) -> None:
    ask(tmp_path, range(8), calls=10)
    (tmp_path / "tries").write_bytes(b"")

    answers, made = ask(tmp_path, range(20), calls=10)

    assert made == 2
    assert sum(isinstance(answer, Response) for answer in answers) == 10


# -- a full disk, and folders that cannot be written


@contextmanager
def no_file_beyond(size: int) -> Iterator[None]:
    """The disk is full for this process: what is written goes as far as there is room."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)


@pytest.mark.parametrize("room", [0, 1, 50, 85])
def test_a_try_that_finds_no_room_does_not_go_out_and_garbles_nothing(room: int, tmp_path: Path) -> None:
    with Journal(tmp_path / "tries") as journal:
        bridge.run(journal.begin(bytes.fromhex(A), "target", Cost(5, 7)))
        with (
            no_file_beyond((tmp_path / "tries").stat().st_size + room),
            pytest.raises(RunDirError, match=r"tries: cannot be written \(.+\); make room, and run the same"),
        ):
            bridge.run(journal.begin(bytes.fromhex(B), "target", Cost(5, 7)))
        bridge.run(journal.begin(bytes.fromhex(C), "target", Cost(5, 7)))  # there is room again

    found = calls((tmp_path / "tries").read_text())
    assert (found[A], found[C], found.get(B, 0) <= 1) == (1, 1, True)


def test_a_full_disk_stops_the_calls_before_they_are_made(tmp_path: Path) -> None:
    ask(tmp_path, range(3))
    os.truncate(tmp_path / "tries", 10**6)  # the store is far smaller, and has room
    with no_file_beyond(10**6):
        answers, made = ask(tmp_path, range(3, 6))

    assert made == 0
    assert {type(answer) for answer in answers} == {RunDirError}
    assert ask(tmp_path, range(6))[1] == 3


@pytest.mark.skipif(os.name != "posix" or shutil.which("bash") is None, reason="needs a folder without permission")
@pytest.mark.parametrize("opening", [partial(lambda path: Journal(path / "tries")), lambda path: CallStore(path / "c")])
def test_a_folder_that_is_read_only_is_named_with_the_way_out(
    opening: Callable[[Path], object], tmp_path: Path
) -> None:
    tmp_path.chmod(0o555)
    before = os.geteuid()
    if before == 0:
        os.seteuid(65534)
    try:
        with pytest.raises(RunDirError, match=r"cannot be (written|used)"):
            opening(tmp_path)
    finally:
        os.seteuid(before)
        tmp_path.chmod(0o755)


def test_kill_9_in_the_middle_of_many_calls_leaves_every_one_of_them_in_the_journal(tmp_path: Path) -> None:
    code = f"""
import asyncio, os, signal
from pathlib import Path
from optimizer.models import bridge
from optimizer.models.money.journal import Journal
from optimizer.models.money.tries import Cost
async def all_of_them(journal):
    keys = [f"{{n:064x}}" for n in range(64)]
    await asyncio.gather(*(journal.begin(bytes.fromhex(key), "target", Cost(1, 1)) for key in keys))
    os.kill(os.getpid(), signal.SIGKILL)
bridge.run(all_of_them(Journal(Path({str(tmp_path / "tries")!r}))))
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -9
    assert calls((tmp_path / "tries").read_text()) == {f"{n:064x}": 1 for n in range(64)}


def test_a_server_that_failed_gives_the_try_back_and_one_that_was_cut_off_does_not(tmp_path: Path) -> None:
    """A status says that nothing was billed; an unusable answer (HTTP 200) may be."""
    for name, status, expected in (("500", 500, 0), ("200", 200, 1)):

        def fail(_: Request, status: int = status) -> str:
            raise ModelError("no", model="m", status=status)

        with Journal(tmp_path / name) as journal:
            metered = Metered(Counted(ScriptedModel(fail)), Purse(journal=journal), "target", PRICE)
            with pytest.raises(ModelError):
                bridge.run(metered.complete(Request((Message("user", "q"),))))
        assert list(calls((tmp_path / name).read_text()).values()) == [expected]


@pytest.mark.parametrize(
    ("earlier", "cost", "told"),
    [
        (0.8, 0.5, ", and $0.8000 in 1 calls that only earlier starts of the run made"),
        (0.8, 1.5, ""),  # too dear by itself
        (0.0, 1.5, ""),
    ],
)
def test_a_refusal_names_what_earlier_starts_paid_where_it_is_for_that(earlier: float, cost: float, told: str) -> None:
    before = {bytes.fromhex(A): Lost("target", 0, Cost(0, 0), Cost(round(earlier * 10**12), 9))} if earlier else {}
    purse = Purse(dollars=1.0, before=before)

    async def ask_one() -> None:
        async with purse.reserved(B, Cost(round(cost * 10**12), 9)):
            pass

    with pytest.raises(BudgetExceeded) as refusal:
        asyncio.run(ask_one())

    assert str(refusal.value) == (
        f"the budget of $1.0000 has no room for the next call (at most ${cost:.4f}): $0.0000 spent in 0 calls{told}; "
        "raise `budget`, or ask for less"
    )
