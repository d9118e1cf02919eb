"""A whole migration behind a real LiteLLM proxy: virtual key, budget, rate limit, cache, fallbacks, guardrail."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from optimizer.config import ModelSettings
from optimizer.errors import ModelError
from optimizer.models import bridge
from optimizer.models.money.prices import Price
from optimizer.models.pacing.retry import Retrying
from optimizer.models.providers.clocks import Clock
from optimizer.models.providers.gateway import NO_LABELS, Labels
from optimizer.models.providers.litellm import LiteLLMModel
from optimizer.offline.serving.server import Faults
from optimizer.pricing import price_of
from optimizer.types import Message, Request, Response
from tests.e2e.gateway.environment import environment
from tests.e2e.gateway.servers import Proxy, postgres, proxy
from tests.e2e.tools.books import Books, served, stored
from tests.e2e.tools.runs import COMMAND, SOURCE, TARGET, Ended, Finished, finished, run, small_task

VARIABLE = "PROMPTPORT_E2E_GATEWAY"
SEARCH = {"space": "quick", "trials": 4, "rounds": 1, "calls_per_trial": 6}
METRICS = [
    {"name": "json_fields", "fields": {"urgency": "label", "sentiment": "label", "categories": "set"}},
    {"name": "judge", "rubric": "Would the help desk act on this triage?", "weight": 0.2},
]
#: The proxy's alias for each role, and who is behind it.
ROLES = {"desk-old": SOURCE, "desk-new": TARGET, "desk-writer": SOURCE, "desk-judge": SOURCE}
_WINDOW = 30  # requests that the key may make within three seconds


def _deployment(alias: str, model: str, url: str) -> dict[str, Any]:
    price = price_of(ModelSettings(model=model))
    params = {"model": model.replace("offline/", "openai/"), "api_base": url, "api_key": "none"}
    costs = {"input_cost_per_token": price.input / 1e6, "output_cost_per_token": price.output / 1e6}
    return {"model_name": alias, "litellm_params": {**params, **costs}}


def _config(url: str) -> dict[str, Any]:
    """Everything that a run must be guarded against is switched on: cache, fallbacks, retries, a guardrail."""
    blocked = [{"keyword": "forbidden-word", "action": "BLOCK"}]
    guardrail = {
        "guardrail": "litellm_content_filter",
        "mode": "pre_call",
        "default_on": True,
    }
    return {
        "model_list": [
            *(_deployment(alias, model, url) for alias, model in ROLES.items()),
            {
                "model_name": "broken",
                "litellm_params": {"model": "openai/sim-nobody", "api_base": url, "api_key": "none"},
            },
            _deployment("mixed", SOURCE, url),
            _deployment("mixed", TARGET, url),
        ],
        "router_settings": {"num_retries": 2, "fallbacks": [{"desk-new": ["desk-old"]}, {"broken": ["desk-old"]}]},
        "litellm_settings": {"cache": True, "cache_params": {"type": "local"}},
        "general_settings": {"proxy_batch_write_at": 1, "forward_client_headers_to_llm_api": True},
        "guardrails": [{"guardrail_name": "words", "litellm_params": {**guardrail, "blocked_words": blocked}}],
    }


@dataclass(frozen=True)
class Gateway:
    proxy: Proxy
    books: Books
    clock: Clock = "transport"

    def section(self, alias: str) -> dict[str, Any]:
        price = price_of(ModelSettings(model=ROLES[alias]))
        return {
            "model": f"openai/{alias}",
            "api_base": f"{self.proxy.url}/v1",
            "api_key_env": VARIABLE,
            "price": {"input": price.input, "output": price.output},
            "latency": "provider",
        }

    def task(self, folder: Path, **changes: Any) -> Path:
        roles = {"proposer": self.section("desk-writer"), "judge": self.section("desk-judge")}
        models = (self.section("desk-old"), self.section("desk-new"))
        sections = {"metrics": METRICS, "search": SEARCH, **roles, **changes}
        return small_task(folder, models, rows=60, gateway={"tags": ["team-blue"]}, **sections)

    def model(self, alias: str, key: str, monkeypatch: pytest.MonkeyPatch, labels: Labels = NO_LABELS) -> LiteLLMModel:
        monkeypatch.setenv(VARIABLE, key)
        url = f"{self.proxy.url}/v1"
        more: Any = {"price": Price(1, 2), "labels": labels, "latency": self.clock}
        return LiteLLMModel(f"openai/{alias}", api_base=url, api_key_env=VARIABLE, **more)


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    installed = environment()
    folder = tmp_path_factory.mktemp("gateway")
    faults = Faults(rate_limit=0.02, error=0.02, seed=3, retry_after=0.05)
    with postgres() as database, served(faults) as books:
        config = folder / "config.yaml"
        config.write_text(yaml.safe_dump(_config(books.url)), "utf-8")
        with proxy(installed, config, folder / "proxy.log", database) as one:
            yield Gateway(one, books)


@pytest.fixture(params=["transport", "first_token"])
def either(gateway: Gateway, request: pytest.FixtureRequest) -> Gateway:
    """What is guarded against holds for answers that are read whole and for those that are read as they come."""
    return replace(gateway, clock=request.param)


@dataclass(frozen=True)
class Story:
    """A run whose key had too little money, was tried again without more, and then with enough."""

    folder: Path
    key: str
    first: Ended
    again: Ended
    kept: set[str]
    kept_again: set[str]
    outcome: dict[str, Any]
    limited: int


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """The same task on the models themselves: nothing between."""
    folder = tmp_path_factory.mktemp("whole")
    task = small_task(folder, rows=60, metrics=METRICS, search=SEARCH, proposer=SOURCE, judge=SOURCE)
    return Finished(task, folder / "run", finished(task, folder / "run"))


@pytest.fixture(scope="module")
def story(gateway: Gateway, whole: Finished, tmp_path_factory: pytest.TempPathFactory) -> Story:
    folder = tmp_path_factory.mktemp("story")
    task, allowed = gateway.task(folder), [*ROLES]
    key = gateway.proxy.key(models=allowed, max_budget=0.7 * whole.outcome["dollars"], rpm_limit=20 * _WINDOW)
    variables = {VARIABLE: key}
    first = run(task, folder / "run", variables=variables)
    kept = stored(folder / "run")
    again = run(task, folder / "run", variables=variables)
    kept_again = stored(folder / "run")
    more = gateway.proxy.ask("/key/update", {"key": key, "max_budget": 100.0, "rpm_limit": _WINDOW})
    assert more.status == 200, more
    last = run(task, folder / "run", "--json", variables=variables)
    assert last.code == 0, last.err
    return Story(folder / "run", key, first, again, kept, kept_again, json.loads(last.out), _turned_down(gateway))


def test_an_empty_key_stops_the_run_with_a_code_of_its_own_and_says_how_to_go_on(story: Story) -> None:
    assert story.first.code == 5
    assert "the gateway's budget for this key is used up (HTTP 422: Budget has been exceeded!" in story.first.err
    assert story.first.err.rstrip().endswith("all answers so far are kept: run the same command again")
    assert "Traceback" not in story.first.err
    assert story.kept, "what was paid for is kept"


def test_a_key_that_is_still_empty_stops_the_run_again_and_loses_nothing(story: Story) -> None:
    assert story.again.code == 5
    assert "the gateway's budget for this key is used up" in story.again.err
    assert story.kept <= story.kept_again


def test_the_same_command_goes_on_when_the_budget_is_raised_and_ends_as_an_undisturbed_run(
    story: Story, gateway: Gateway, whole: Finished, figure: Callable[[str], None]
) -> None:
    answered = gateway.books.answered
    twice = sum(answered.values()) - len(answered)
    figure(
        f"gateway: stopped with {len(story.kept)} answers kept, ended with {story.outcome['calls']} calls; "
        f"{story.limited} answers of HTTP 429, {gateway.books.stats()['faults']}, {twice} answered twice"
    )
    decided = [json.loads((run / "decision.json").read_text("utf-8")) for run in (story.folder, whole.folder)]
    named = [(d["verdict"], d["targets"][0]["comparison"], d["targets"][0]["winner"]["trial"]) for d in decided]

    assert named[0] == named[1], "no fallback, no cached answer and no lost draw changed anything"
    assert story.outcome["calls"] == whole.outcome["calls"] + 1, "the proposer's alias is asked one word beforehand"
    met, alone = _spent(story.folder), _spent(whole.folder)
    asked, unasked = met.pop("proposer"), alone.pop("proposer")
    assert met == alone
    calls, *tokens, dollars = (one - other for one, other in zip(asked, unasked, strict=True))
    assert calls == 1
    assert dollars == pytest.approx(price_of(ModelSettings(model=SOURCE)).cost(*map(int, tokens)))
    assert story.kept < stored(story.folder)
    assert twice == 0, "what was on the wire when the money ran out is waited for, and kept"


def _spent(folder: Path) -> dict[str, tuple[float, ...]]:
    """Calls, tokens in and out, and dollars of each role."""
    spend = json.loads((folder / "report.json").read_text("utf-8"))["spend"]
    names = ("calls", "input_tokens", "output_tokens", "dollars")
    return {role: tuple(round(share[name], 6) for name in names) for role, share in spend.items()}


def test_limits_are_met_during_the_run_and_waited_for(story: Story, gateway: Gateway) -> None:
    assert story.limited > 0
    assert gateway.books.stats()["faults"]["rate_limit"] > 0


def test_the_keys_own_limit_is_waited_for(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two requests in three seconds: of five, three are turned down at first."""
    name, before = "desk-old", _turned_down(gateway)
    key = gateway.proxy.key(models=[name], rpm_limit=2)
    model = Retrying(gateway.model(name, key, monkeypatch), longest=4.0)  # the proxy says a minute, whatever its window

    async def together() -> list[Response]:
        asked = (Request((Message("user", f"Ticket {n} of five"),)) for n in range(5))
        return await asyncio.gather(*map(model.complete, asked))

    assert len(bridge.run(together())) == 5
    assert _turned_down(gateway) >= before + 3


def _turned_down(gateway: Gateway) -> int:
    return gateway.proxy.log.read_text("utf-8", "replace").count('/chat/completions HTTP/1.1" 429')


def test_run_role_and_the_tasks_own_tags_reach_the_gateways_books(story: Story, gateway: Gateway) -> None:
    query = 'SELECT DISTINCT jsonb_array_elements_text(request_tags) FROM "LiteLLM_SpendLogs"'
    wanted = {
        "promptport",
        "promptport-run:ticket-triage",
        "promptport-role:target",
        "promptport-role:judge",
        "team-blue",
    }
    until = time.monotonic() + 60
    while not wanted <= set(found := gateway.proxy.rows(query)) and time.monotonic() < until:
        time.sleep(1)

    assert wanted <= set(found)
    assert not any(story.key in tag for tag in found)


def _check(task: Path, key: str) -> subprocess.CompletedProcess[str]:
    variables = {**os.environ, VARIABLE: key}
    return subprocess.run([COMMAND, "check", task], capture_output=True, text=True, check=False, env=variables)


def test_check_tells_which_models_the_key_may_call(gateway: Gateway, tmp_path: Path) -> None:
    ended = _check(gateway.task(tmp_path), gateway.proxy.key(models=[*ROLES]))

    assert ended.returncode == 0, ended.stderr
    assert f"{VARIABLE} may call {', '.join(ROLES)}" in ended.stdout


def test_a_model_that_the_key_may_not_call_is_refused_before_the_run(gateway: Gateway, tmp_path: Path) -> None:
    ended = _check(
        gateway.task(tmp_path), gateway.proxy.key(models=["desk-old", "desk-newer", "desk-writer", "desk-judge"])
    )

    assert ended.returncode == 2
    assert "does not let this key call 'desk-new'. Did you mean 'desk-newer'? It may call desk-old" in ended.stderr


def _ask(model: LiteLLMModel, text: str) -> Response:
    return bridge.run(model.complete(Request((Message("user", text),))))


def _fails(model: LiteLLMModel, text: str) -> ModelError:
    with pytest.raises(ModelError) as caught:
        for _ in range(10):  # the provider's own faults pass
            try:
                _ask(model, text)
            except ModelError as error:
                if error.status not in (429, 500) or not error.retryable:
                    raise
                time.sleep(0.5)
    return caught.value


def _answers(model: LiteLLMModel, text: str) -> Response:
    for _ in range(10):
        try:
            return _ask(model, text)
        except ModelError as error:
            if error.status not in (429, 500):
                raise
            time.sleep(0.5)
    raise AssertionError("no answer")


def test_a_fallbacks_answer_is_never_taken_for_the_models(either: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    key = either.proxy.key(models=["broken", "desk-old"])

    error = _fails(either.model("broken", key, monkeypatch, Labels(litellm=False)), "a question of its own")

    assert "the gateway fell back to 'desk-old', though asked not to" in str(error)


def test_the_proxy_makes_no_fallback_when_it_is_told_not_to(either: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    key, before = either.proxy.key(models=["broken", "desk-old"]), either.books.stats()["answered"]

    with pytest.raises(ModelError) as caught:  # whatever the proxy says of a model that fails
        _ask(either.model("broken", key, monkeypatch), "another one")

    assert "fell back" not in str(caught.value)
    assert either.books.stats()["answered"] == before


def test_an_answer_from_the_gateways_cache_is_not_taken_for_an_answer(
    either: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    unguarded = either.model("desk-old", either.proxy.key(), monkeypatch, Labels(litellm=False))
    _answers(unguarded, "What is kept?")

    assert "answered from the gateway's response cache" in str(_fails(unguarded, "What is kept?"))


def test_the_cache_is_left_aside_when_the_proxy_is_told_to(either: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    model = either.model("desk-old", either.proxy.key(), monkeypatch)
    before = either.books.stats()["answered"]
    for _ in range(3):
        _answers(model, "What is asked anew?")

    assert either.books.stats()["answered"] == before + 3


def test_an_alias_is_no_fallback_but_one_that_stands_for_two_models_is_found_out(
    either: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = either.proxy.key()
    alias = either.model("desk-new", key, monkeypatch)
    assert [_answers(alias, f"Question {n}").model for n in range(3)] == ["desk-new"] * 3

    mixed = either.model("mixed", key, monkeypatch)
    with pytest.raises(ModelError, match="the gateway's alias stands for several models") as caught:
        for n in range(60):  # two deployments, one after the other at random
            _answers(mixed, f"Question {n}")

    assert not caught.value.retryable


def test_a_guardrails_block_is_a_refusal_not_a_failure(either: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    error = _fails(either.model("desk-old", either.proxy.key(), monkeypatch), "Say the forbidden-word, please.")

    assert error.refused
    assert "declined by a guardrail" in str(error)
