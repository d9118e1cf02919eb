"""How much of a provider's limit is used, and how many requests it refuses: ours, a plain LiteLLM loop, dspy.Evaluate.

    python -m benchmarks.limits --seconds 60 --rounds 3

The offline server enforces requests and tokens per minute as a bucket that holds ten seconds' worth. "stated": it says
so in x-ratelimit-* headers, as OpenAI does; "refused": it only sends Retry-After with HTTP 429; "silent": not even
that. It takes as long for an answer as the simulated model would. Every client has 32 calls in flight for as long as
the time lasts. The LiteLLM loop has `num_retries=5`, dspy.LM its own `num_retries=5`.
What may be used is the rate by the time plus the full bucket; what was let in counts as used, also where the time was
over before its answer came. Each row is measured `--rounds` times, clients side by side, and shown with the worst of
these and the middle one. Writes results/limits.md.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import os
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import product
from pathlib import Path
from statistics import median
from typing import Any

from optimizer.offline.serving.quota import Quota
from optimizer.offline.serving.server import running

RESULTS = Path(__file__).parent / "results"
FLYING = 32
QUOTAS = {
    "600 requests, stated": Quota(rpm=600),
    "30,000 tokens, stated": Quota(tpm=30_000),
    "600 requests, refused": Quota(rpm=600, tells="wait"),
    "600 requests, silent": Quota(rpm=600, tells="nothing"),
}
CLIENTS = ("ours", "litellm", "dspy")
TEXT = "Ticket {number}: my parcel was to come on Monday and is not here. Whom do I ask? " * 2


def by_ours(url: str, until: float) -> None:
    from optimizer.config import ModelSettings
    from optimizer.connect import provider
    from optimizer.errors import ModelError
    from optimizer.models import bridge
    from optimizer.types import Message, Request

    model = provider(ModelSettings.model_validate(_section(url)))

    async def one(asker: int) -> None:
        number = asker
        while time.time() < until:
            number += FLYING
            try:
                await model.complete(Request((Message("user", TEXT.format(number=number)),), {"max_tokens": 60}))
            except ModelError as error:
                print(error, file=sys.stderr)

    async def all_of_them() -> None:
        await asyncio.wait([asyncio.create_task(one(n)) for n in range(FLYING)], timeout=until - time.time())

    bridge.run(all_of_them())


def _section(url: str) -> dict[str, Any]:
    price, limits = {"input": 1, "output": 1}, {"concurrency": FLYING}
    return {"model": "openai/sim-alpha", "api_base": url, "price": price, "limits": limits}


def by_litellm(url: str, until: float) -> None:
    import litellm

    async def one(asker: int) -> None:
        number = asker
        while time.time() < until:
            number += FLYING
            messages = [{"role": "user", "content": TEXT.format(number=number)}]
            try:
                await litellm.acompletion(
                    model="openai/sim-alpha", messages=messages, api_base=url, api_key="x", num_retries=5, max_tokens=60
                )
            except litellm.exceptions.RateLimitError:
                continue

    async def all_of_them() -> None:
        await asyncio.wait([asyncio.create_task(one(n)) for n in range(FLYING)], timeout=until - time.time())

    asyncio.run(all_of_them())


def by_dspy(url: str, until: float) -> None:
    """An Evaluate of as many rows as can be answered at all, given up when the time is over."""
    import dspy

    dspy.configure_cache(enable_disk_cache=False, enable_memory_cache=False)
    lm = dspy.LM("openai/sim-alpha", api_base=url, api_key="x", cache=False, num_retries=5, max_tokens=60)
    dspy.configure(lm=lm, adapter=dspy.ChatAdapter())
    program = dspy.Predict(dspy.Signature("ticket -> answer", ""))
    rows = [dspy.Example(ticket=TEXT.format(number=n)).with_inputs("ticket") for n in range(20_000)]
    judge = dspy.Evaluate(
        devset=rows, metric=lambda *_: 1.0, num_threads=FLYING, display_progress=False, max_errors=10**6
    )
    threading.Thread(target=judge, args=(program,), daemon=True).start()
    time.sleep(max(0.0, until - time.time()))


def measure(name: str, quota: Quota, seconds: float) -> tuple[float, float, int]:
    """Share of the limit that was used, share of requests that were refused, answers."""
    with running(quota=quota, wait=True) as server:
        command = [sys.executable, "-m", __spec__.name, "--client", name, server.url, str(seconds)]
        quiet = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOG": "CRITICAL", "HF_HUB_OFFLINE": "1"}
        own = {**os.environ, **quiet}
        pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        with subprocess.Popen(command, env=own, text=True, **pipes) as process:
            assert process.stdout
            process.stdout.readline()  # its imports are done
            process.wait()
        with urllib.request.urlopen(server.url.removesuffix("/v1") + "/stats") as answer:  # noqa: S310
            stats = json.loads(answer.read())
    minutes, limits = (seconds + quota.burst) / 60, {"requests": quota.rpm, "tokens": quota.tpm}
    used = max(amount / ((limits[kind] or math.inf) * minutes) for kind, amount in stats["let_in"].items())
    return used, stats["over_quota"] / max(1, stats["requests"]), stats["billed"]["calls"]


def client(name: str, url: str, seconds: float) -> None:
    import dspy  # noqa: F401
    import litellm  # noqa: F401  not part of what is measured

    import optimizer.connect  # noqa: F401

    print("ready", flush=True)
    # Retries that sleep in the loop can neither be cancelled nor timed out.
    threading.Timer(seconds, lambda: os._exit(0)).start()
    {"ours": by_ours, "litellm": by_litellm, "dspy": by_dspy}[name](url, time.time() + seconds)
    os._exit(0)  # threads and calls that are left over are nobody's business


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--client", nargs=3, metavar=("NAME", "URL", "SECONDS"), help=argparse.SUPPRESS)
    chosen = parser.parse_args(arguments)
    if chosen.client:
        client(chosen.client[0], chosen.client[1], float(chosen.client[2]))
    lines = [
        "| limit per minute | client | used: least | middle | refused: most | middle | answers |",
        "|---|---|---:|---:|---:|---:|---:|",
    ]
    found: dict[tuple[str, str], list[tuple[float, float, int]]] = {
        (row, name): [] for row in QUOTAS for name in CLIENTS
    }
    for turn, (title, quota) in product(range(chosen.rounds), QUOTAS.items()):
        with ThreadPoolExecutor() as side_by_side:  # each against a server of its own
            figures = list(side_by_side.map(partial(measure, quota=quota, seconds=chosen.seconds), CLIENTS))
        for name, figure in zip(CLIENTS, figures, strict=True):
            found[title, name].append(figure)
            print(turn, title, name, *figure, file=sys.stderr, flush=True)
    for (title, name), rounds in found.items():
        used, refused, answers = zip(*rounds, strict=True)
        row = (
            f"{min(used):.1%} | {median(used):.1%} | {max(refused):.1%} | {median(refused):.1%} | {median(answers):.0f}"
        )
        lines.append(f"| {title} | {name} | {row} |")
    text = f"# Limits\n\n{chosen.rounds} rounds of {chosen.seconds:g} seconds each, {FLYING} calls in flight.\n\n"
    (RESULTS / "limits.md").write_text(text + "\n".join(lines) + "\n", "utf-8")


if __name__ == "__main__":
    main()
