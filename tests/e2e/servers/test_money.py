"""Budgets against a real server that keeps its own books: it never answers for more than was allowed."""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from optimizer.config import ModelSettings
from optimizer.connect import provider
from optimizer.errors import BudgetExceeded, ModelError
from optimizer.models import bridge
from optimizer.models.money.journal import Journal
from optimizer.models.money.meter import Metered, Purse
from optimizer.models.money.prices import Price
from optimizer.models.money.purse import paid_for
from optimizer.models.money.tries import Cost
from optimizer.models.stores.cache import Cached, CallStore
from optimizer.offline.serving.server import Faults, Server, running
from optimizer.types import Message, Request

BUDGETS = int(os.environ.get("PROMPTPORT_BUDGETS", "40"))
PRICE = Price(3.0, 15.0)
LONGEST = 40  # tokens of an answer
FAULTS = Faults(rate_limit=0.03, error=0.03, drop=0.03, truncate=0.03, impostor=0.03, seed=5, retry_after=0.01)


def billed(server: Server) -> tuple[int, int, float]:
    """Calls, tokens and dollars, by the server's books."""
    found = server.stats()["billed"]
    read, wrote = found["input_tokens"], found["output_tokens"]
    return found["calls"], read + wrote, PRICE.cost(read, wrote)


def ask(server: Server, purse: Purse, store: CallStore, number: int, questions: int) -> int:
    """All at once, by two roles that share the purse; how many the budget refused."""
    limits = {"concurrency": 8}
    section = {"model": "openai/sim-alpha", "api_base": server.url, "price": {"input": 3, "output": 15}, "timeout": 5}
    made = [provider(ModelSettings.model_validate(section | {"limits": limits})) for _ in range(2)]
    roles = [
        Metered(Cached(m, store, PRICE), purse, role, PRICE) for m, role in zip(made, ("source", "target"), strict=True)
    ]

    async def all_of_them() -> int:
        asked = (
            roles[n % 2].complete(Request((Message("user", f"{number}/{n}: say something"),), {"max_tokens": LONGEST}))
            for n in range(questions)
        )
        found = await asyncio.gather(*asked, return_exceptions=True)
        failed = [one for one in found if isinstance(one, BaseException)]
        assert all(isinstance(one, BudgetExceeded | ModelError) for one in failed)
        return sum(isinstance(one, BudgetExceeded) for one in found)

    return bridge.run(all_of_them())


def known_cost(store: CallStore, key: str) -> Cost | None:
    return paid_for(store.get(key))


@pytest.mark.parametrize("faulty", [False, True], ids=["whole", "faulty"])
def test_random_budgets_are_never_passed_by_a_cent_a_call_or_a_token(
    faulty: bool, figure: Callable[[str], None], tmp_path: Path
) -> None:
    dice, stopped, used = random.Random(8), 0, 0
    for number in range(BUDGETS // 2):
        with running(faults=FAULTS if faulty else Faults()) as server, TemporaryDirectory(dir=tmp_path) as folder:
            calls, tokens, dollars = dice.randint(1, 30), dice.randint(50, 2500), dice.uniform(0.0005, 0.02)
            limits = dice.choice([{"calls": calls}, {"tokens": tokens}, {"dollars": dollars}, None])
            limits = limits or {"calls": calls, "tokens": tokens, "dollars": dollars}
            refused = 0
            for life in range(2):  # the second start of the run knows what the first one wasted
                with CallStore(Path(folder) / "calls") as store, Journal(Path(folder) / "tries") as journal:
                    before = journal.before(partial(known_cost, store))
                    purse = Purse(**limits, journal=journal, before=before)
                    refused += ask(server, purse, store, number, 20 + life)
            made, read, spent = billed(server)
            assert made <= limits.get("calls", made), (limits, made)
            assert read <= limits.get("tokens", read), (limits, read)
            assert spent <= limits.get("dollars", spent), (limits, spent)
            stopped, used = stopped + bool(refused), used + made
    figure(f"{BUDGETS // 2} random budgets: {stopped} of them bound, {used} calls billed, none was passed")
    assert stopped > BUDGETS // 8
