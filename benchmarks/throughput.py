"""Calls a second and CPU time per call: raw aiohttp, LiteLLM alone, dspy.Evaluate and ours, in one run.

    python -m benchmarks.throughput --rounds 3

Each client runs in a process of its own against one server, in another process, that answers 20 ms after a question has
arrived. The server notes how long each exchange really took, by the kernel's time of arrival; that is what the latency
that we report is held against. Clients take turns, for `--rounds` rounds; the least CPU time and the highest rate of
each are shown, since others use the machine as well, and the middle of the rounds' ratios to dspy.Evaluate's rate and
to LiteLLM's CPU time. Writes results/throughput.md.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import fmean, median
from tempfile import TemporaryDirectory
from typing import Any, ClassVar

RESULTS = Path(__file__).parent / "results"
DELAY = 0.02
CALLS = {1: 150, 16: 1200, 64: 2000, 256: 3000}
CLIENTS = ("aiohttp", "litellm", "ours through litellm", "ours", "dspy")
TEXT = "[[ ## answer ## ]]\nyes\n\n[[ ## completed ## ]]"
SYSTEM = "Answer the question with yes or no, in the field `answer`."
BODY = {
    "id": "x",
    "object": "chat.completion",
    "created": 0,
    "model": "m",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": TEXT}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 40, "completion_tokens": 20, "total_tokens": 60},
}


# -- the server


class Waiter(asyncio.Protocol):
    """Answers `DELAY` seconds after a question has arrived; `/took` tells how long that really took, and forgets."""

    took: ClassVar[list[float]] = []

    def __init__(self, arrivals: Any) -> None:
        self._arrivals = arrivals
        self._read = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._read += data
        head, found, body = self._read.partition(b"\r\n\r\n")
        length = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
        if not found or (length and len(body) < int(length[0].split(b":")[1])):
            return
        self._read = b""
        if head.startswith(b"GET /took"):
            self._send(json.dumps(Waiter.took).encode())
            Waiter.took = []
            return
        asked = self._arrivals.received
        asyncio.get_running_loop().call_later(asked + DELAY - time.time(), self._answer, asked)

    def _answer(self, asked: float) -> None:
        Waiter.took.append(time.time() - asked)
        self._send(json.dumps(BODY).encode())

    def _send(self, body: bytes) -> None:
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
        self._transport.write(head + body)


async def serve() -> None:
    from optimizer.models.transport import stamped

    loop, listener = asyncio.get_running_loop(), socket.create_server(("127.0.0.1", 0), backlog=1024)
    listener.setblocking(False)
    print(listener.getsockname()[1], flush=True)
    while True:
        connection, _ = await loop.sock_accept(listener)
        known = stamped(socket.AF_INET, socket.SOCK_STREAM, 0, fileno=connection.detach())
        known.setblocking(False)
        known.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await loop.connect_accepted_socket(lambda s=known: Waiter(s), known)  # type: ignore[misc]


@contextmanager
def serving() -> Iterator[str]:
    process = subprocess.Popen([sys.executable, "-m", __spec__.name, "serve"], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout
        yield f"http://127.0.0.1:{int(process.stdout.readline())}/v1"
    finally:
        process.kill()
        process.wait()


# -- the clients: each makes so many calls with so many in flight, and returns the latencies that it reports

Client = Callable[[str, int, int], Sequence[float]]


def question(number: int) -> str:
    return f"Is {number} even?"


def all_of_them(
    ask: Callable[[int], Awaitable[float]], calls: int, flying: int
) -> Callable[[], Awaitable[list[float]]]:
    async def work() -> list[float]:
        left = iter(range(calls))

        async def one() -> list[float]:
            return [await ask(number) for number in left]

        return [seconds for found in await asyncio.gather(*(one() for _ in range(flying))) for seconds in found]

    return work


async def by_aiohttp(url: str, calls: int, flying: int) -> Measured:
    import aiohttp

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

        async def ask(number: int) -> float:
            began = time.perf_counter()
            messages = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": question(number)}]
            async with session.post(f"{url}/chat/completions", json={"model": "m", "messages": messages}) as response:
                body = await response.json()
            assert body["choices"][0]["message"]["content"]
            return time.perf_counter() - began

        return await measured_async(all_of_them(ask, flying, flying), all_of_them(ask, calls, flying), url)


async def by_litellm(url: str, calls: int, flying: int) -> Measured:
    import litellm

    async def ask(number: int) -> float:
        began = time.perf_counter()
        messages = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": question(number)}]
        found = await litellm.acompletion(
            model="openai/m", messages=messages, api_base=url, api_key="none", max_retries=0, num_retries=0
        )
        assert found.choices[0].message.content
        return time.perf_counter() - began

    return await measured_async(all_of_them(ask, flying, flying), all_of_them(ask, calls, flying), url)


def by_ours(url: str, calls: int, flying: int, *, straight: bool) -> Measured:
    """All wrappers as in a run, and scoring: what dspy.Evaluate does. `logprobs` is a parameter for which LiteLLM is
    asked; a call without such goes straight to the server."""
    from optimizer.config import ModelSettings
    from optimizer.connect import provider
    from optimizer.evaluate import record, score
    from optimizer.models.money.meter import Metered, Purse
    from optimizer.models.stores.cache import Cached, CallStore
    from optimizer.pricing import price_of
    from optimizer.programs.shipped import program_of
    from optimizer.prompt import Prompt
    from optimizer.types import Example, Output, Score

    section = ModelSettings.model_validate(
        {"model": "openai/m", "api_base": url, "price": {"input": 1, "output": 4}, "limits": {"concurrency": flying}}
    )
    turns = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": "{{question}}"}]
    program = program_of(Prompt.from_messages(turns, params={} if straight else {"logprobs": False}))

    def right(example: Example, output: Output, reference: Output | None) -> Score:  # noqa: ARG001
        return Score(float("yes" in output.text))

    with TemporaryDirectory() as folder, CallStore(Path(folder) / "calls.sqlite") as store:
        price = price_of(section)
        model = Metered(Cached(provider(section), store, price), Purse(dollars=1e6), "target", price)

        def ask(first: int, count: int) -> list[float]:
            examples = [Example(f"e{n}", {"question": question(n)}, "yes") for n in range(first, first + count)]
            outputs = record(program, model, examples)
            assert score(examples, outputs, {}, right).quality == 1.0
            return [output.latency for output in outputs]

        return measured(lambda: ask(0, flying + 1), lambda: ask(10**6, calls), url)


def by_dspy(url: str, calls: int, flying: int) -> Measured:
    import dspy

    dspy.configure_cache(enable_disk_cache=False, enable_memory_cache=False)
    lm = dspy.LM("openai/m", api_base=url, api_key="none", cache=False, num_retries=0)
    dspy.configure(lm=lm, adapter=dspy.ChatAdapter())
    program = dspy.Predict(dspy.Signature("question -> answer", SYSTEM))

    def ask(first: int, count: int) -> list[float]:
        rows = [
            dspy.Example(question=question(n), answer="yes").with_inputs("question")
            for n in range(first, first + count)
        ]
        right = dspy.Evaluate(
            devset=rows, metric=lambda e, p, *_: e.answer == p.answer, num_threads=flying, display_progress=False
        )
        assert right(program).score == 100.0
        return []

    return measured(lambda: ask(0, flying), lambda: ask(10**6, calls), url)


Measured = dict[str, float]


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _took(url: str) -> list[float]:
    with urllib.request.urlopen(url.removesuffix("/v1") + "/took") as answer:  # noqa: S310
        found: list[float] = json.loads(answer.read())
    return found


def _figures(begun: tuple[float, float], reported: Sequence[float], took: Sequence[float]) -> Measured:
    wall, cpu = time.perf_counter() - begun[0], _cpu() - begun[1]
    figures = {"rate": len(took) / wall, "cpu": 1000 * cpu / len(took), "took": fmean(took), "took50": median(took)}
    if reported:
        figures |= {"mean": fmean(reported), "median": median(reported)}
    return figures


def measured(warm: Callable[[], object], work: Callable[[], Sequence[float]], url: str) -> Measured:
    warm()
    _took(url)
    begun = (time.perf_counter(), _cpu())
    reported = work()
    figures = _figures(begun, reported, took := _took(url))
    assert len(took) == len(reported) or not reported
    return figures


async def measured_async(
    warm: Callable[[], Awaitable[object]], work: Callable[[], Awaitable[Sequence[float]]], url: str
) -> Measured:
    await warm()
    await asyncio.to_thread(_took, url)
    begun = (time.perf_counter(), _cpu())
    reported = await work()
    return _figures(begun, reported, await asyncio.to_thread(_took, url))


def client(name: str, url: str, calls: int, flying: int) -> Measured:
    if name == "aiohttp":
        return asyncio.run(by_aiohttp(url, calls, flying))
    if name == "litellm":
        return asyncio.run(by_litellm(url, calls, flying))
    if name == "dspy":
        return by_dspy(url, calls, flying)
    return by_ours(url, calls, flying, straight=name == "ours")


# -- the run


def run(name: str, url: str, flying: int, share: float) -> Measured:
    calls = max(flying, int(share * CALLS[flying]))
    command = [sys.executable, "-m", __spec__.name, "client", name, url, str(calls), str(flying)]
    quiet = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOG": "CRITICAL", "HF_HUB_OFFLINE": "1"}
    last = subprocess.run(
        command, capture_output=True, text=True, env={**os.environ, **quiet}, timeout=900, check=False
    )
    if last.returncode:
        raise RuntimeError(last.stderr[-2000:])
    found: Measured = json.loads(last.stdout.splitlines()[-1])
    return found


def table(found: dict[tuple[str, int], list[Measured]]) -> list[str]:
    lines = [
        "| in flight | client | calls a second | by dspy.Evaluate's | CPU ms a call | against LiteLLM alone | latency "
        "reported | the server took | error of the mean | error of the median |",
        "|---:|---|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for flying in CALLS:
        for name in CLIENTS:
            rounds = found[(name, flying)]
            rate, cpu = max(m["rate"] for m in rounds), min(m["cpu"] for m in rounds)
            alone = [m["cpu"] / a["cpu"] for m, a in zip(rounds, found[("litellm", flying)], strict=True)]
            ahead = median(m["rate"] / d["rate"] for m, d in zip(rounds, found[("dspy", flying)], strict=True))
            row = f"| {flying} | {name} | {rate:.0f} | {ahead:.2f} | {cpu:.2f} | {100 * (median(alone) - 1):+.0f} % |"
            if "mean" in rounds[0]:
                errors = [(m["mean"] / m["took"] - 1, m["median"] / m["took50"] - 1) for m in rounds]
                worst = [max((e[side] for e in errors), key=abs) for side in (0, 1)]
                mean, took = fmean(m["mean"] for m in rounds), fmean(m["took"] for m in rounds)
                row += f" {1000 * mean:.1f} ms | {1000 * took:.1f} ms |"
                row += "".join(f" {100 * error:+.1f} % |" for error in worst)
            else:
                row += " – | – | – | – |"
            lines.append(row)
    return lines


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--share", type=float, default=1.0, help="of the usual number of calls")
    chosen = parser.parse_args(arguments)
    found: dict[tuple[str, int], list[Measured]] = {(name, n): [] for n in CALLS for name in CLIENTS}
    with serving() as url:
        for turn in range(chosen.rounds):
            for (name, flying), figures in found.items():
                figures.append(run(name, url, flying, chosen.share))
                print(turn, name, flying, figures[-1], file=sys.stderr, flush=True)
    text = "# Throughput\n\n" + f"{chosen.rounds} rounds; errors are those of the worst round.\n\n"
    (RESULTS / "throughput.md").write_text(text + "\n".join(table(found)) + "\n", "utf-8")


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        asyncio.run(serve())
    elif sys.argv[1:2] == ["client"]:
        print(json.dumps(client(sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5]))))
    else:
        main()
