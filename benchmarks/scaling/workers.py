"""How calls that wait are carried by 1, 2 and 4 workers of a cluster, against what they could carry at best.

A server answers after a fixed time. Each worker may have a few calls in flight, so that in that time no more than
workers times calls can be done: what is reached of it is the efficiency; growth is linear where it stays the same.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from aiohttp import web

from optimizer.cluster import open_cluster
from optimizer.cluster.remote import Remote
from optimizer.config import ModelSettings
from optimizer.config.engine_settings import EngineSettings
from optimizer.evaluate import record
from optimizer.models import bridge
from optimizer.programs.shipped import program_of
from optimizer.prompt import Prompt
from optimizer.types import Example, Message, Request

LATENCY = 2.0  # seconds
CALLS = 8  # in flight at each worker
ROUNDS = 12  # so many times all slots are filled
NUMBERS = (1, 2, 4)


@contextmanager
def slow_server() -> Iterator[tuple[str, list[int]]]:
    """Answers after LATENCY; yields its address, and the highest number of calls that were with it at once."""
    most, here = [0], [0]

    async def chat(request: web.Request) -> web.Response:
        body = await request.json()
        here[0] += 1
        most[0] = max(most[0], here[0])
        await asyncio.sleep(LATENCY)
        here[0] -= 1
        choice = {"index": 0, "message": {"role": "assistant", "content": "yes"}, "finish_reason": "stop"}
        usage = {"prompt_tokens": 10, "completion_tokens": 1, "total_tokens": 11}
        facts = {"id": "x", "object": "chat.completion", "created": 0, "model": body["model"]}
        return web.json_response({**facts, "choices": [choice], "usage": usage})

    app = web.Application()
    app.router.add_post("/v1/chat/completions", chat)
    runner, loop, port = web.AppRunner(app), asyncio.new_event_loop(), [0]

    async def opened() -> None:
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port[0] = site._server.sockets[0].getsockname()[1]  # type: ignore[union-attr]

    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    asyncio.run_coroutine_threadsafe(opened(), loop).result()
    try:
        yield f"http://127.0.0.1:{port[0]}/v1", most
    finally:
        asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()


def measured(kind: str) -> dict[str, Any]:
    rows = []
    with slow_server() as (url, most):
        for number in NUMBERS:
            most[0] = 0
            rows.append({"workers": number, **_one(kind, number, url), "at_once": most[0]})
    for row in rows:
        row["of_linear"] = round(row["calls_per_s"] / rows[0]["calls_per_s"] / row["workers"], 3)
    return {"engine": kind, "latency_s": LATENCY, "calls_each": CALLS, "rows": rows}


def _one(kind: str, number: int, url: str) -> dict[str, Any]:
    section = ModelSettings(model="openai/slow", api_base=url, price={"input": 0, "output": 0})  # type: ignore[arg-type]
    prompt = Prompt.from_messages([{"role": "user", "content": "Number {{n}}?"}])
    with open_cluster(EngineSettings(workers=kind, number=number, calls=CALLS)) as cluster:  # type: ignore[arg-type]
        model = Remote(cluster, section)
        _warm(model, number * CALLS)
        examples = [Example(str(n), {"n": n}) for n in range(ROUNDS * number * CALLS)]
        began, busy = time.perf_counter(), time.process_time()
        outputs = record(program_of(prompt), model, examples)
        seconds, busy = time.perf_counter() - began, time.process_time() - busy
    assert {output.text for output in outputs} == {"yes"}
    best = number * CALLS / LATENCY
    return {
        "calls": len(examples),
        "calls_per_s": round(len(examples) / seconds, 1),
        "of_the_best_possible": round(len(examples) / seconds / best, 3),
        "driver_cpu_ms_a_call": round(1000 * busy / len(examples), 2),
    }


def _warm(model: Remote, calls: int) -> None:
    """Every worker has opened its libraries and its connections before the clock runs."""

    async def all_of_them() -> None:
        for n in range(3):
            asked = (Request((Message("user", f"warm {n} {k}"),)) for k in range(calls))
            await asyncio.gather(*map(model.complete, asked))

    bridge.run(all_of_them())
