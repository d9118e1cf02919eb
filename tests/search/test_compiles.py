"""Compiles are bought for what the search asks, under their limits, once; their parts join the pool."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from optimizer.config import Settings
from optimizer.config.sections import ProgramSettings
from optimizer.errors import ConfigError
from optimizer.habits import habits_of
from optimizer.models.stores.cache import Cached, CallStore
from optimizer.objective import Constraints, Objective, Unit
from optimizer.programs.dspy import OPTIMIZERS
from optimizer.search.brief import Brief, Cast, Effort, Ground, Scale
from optimizer.search.compiles import check_programs, compile_asked, compile_planned, extra_calls
from optimizer.search.crossover import crossings
from optimizer.search.loop import search
from optimizer.search.pool import Pool, program_key
from optimizer.space import Choice, SearchSpace, Value
from optimizer.space.parameters import Capabilities, fitted
from optimizer.testing import check_space
from optimizer.types import Output, Request
from search_spaces import ALL_PROGRAMS, DELIMITERS, DEMO_CHOICE, DEMOS, KNOBS, REPLY, WORDING
from search_spaces.compilers import knob
from tests.programs.test_dspy import Follower, author, exact, moody, number_in, numbers, parity, right, the_prompt

GEPA = Choice("program", ("plain", "gepa"), ALL_PROGRAMS.put)
BOOTSTRAP = Choice("program", ("plain", "bootstrap_few_shot"), ALL_PROGRAMS.put)
TURNED = knob("bootstrap_few_shot", "bootstrapped", 1, 2)


def brief(target: Follower | None = None, **effort: Any) -> Brief:
    rows = numbers(80)
    references = {row.id: Output(row.id, str(row.expected), row.expected, cost=1e-4, latency=0.1) for row in rows}
    return Brief(
        Ground(rows[:40], rows[40:], references, {row.id: str(row.expected) for row in rows}),
        Scale(exact, Objective(), Constraints(), Unit(1e-4, 0.1)),
        Cast(target or Follower("x/target", parity), Follower("x/author", author), habits_of("target")),
        Effort(**{"trials": 20, "rounds": 2, "calls_per_trial": 20, "compile_calls": 60, **effort}),
    )


def pool(*dimensions: Choice) -> Pool:
    return Pool(the_prompt(), SearchSpace(dimensions), (), 0)


def asked(into: Pool, given: Brief, number: int = 1, **params: Value) -> list[str]:
    whole = {**into.space.unchanged, **{name.replace("__", "."): value for name, value in params.items()}}
    return list(compile_asked(into, given, the_prompt, number, whole))


def planned(into: Pool, given: Brief) -> list[str]:
    return [note for number in (0, 1) for note in compile_planned(into, given, the_prompt(), number)]


# -- knobs


def test_every_optimizer_is_a_choice_and_every_knob_is_one_of_its_own() -> None:
    space = SearchSpace((WORDING, DEMOS, REPLY, ALL_PROGRAMS, *KNOBS))

    check_programs(space)
    check_space(space, the_prompt())
    assert ALL_PROGRAMS.choices == ("plain", *OPTIMIZERS)
    assert {choice.when for choice in KNOBS} == {("program", name) for name in OPTIMIZERS}
    assert not {
        (choice.name, value)
        for choice in KNOBS
        for value in choice.choices
        if value == OPTIMIZERS[choice.name.partition(".")[0]].options[choice.name.partition(".")[2]] is not None
    }, "the usual value stands as None already"


def test_the_page_names_every_optimizer_with_its_knobs() -> None:
    page = (Path(__file__).parents[2] / "optimizer/programs/README.md").read_text("utf-8")

    rows = dict(re.findall(r"^\| `(\w+)` \|.*\| ([^|]*) \|$", page, re.MULTILINE))
    assert set(rows) == set(OPTIMIZERS)
    for name, told in rows.items():
        for option in set(OPTIMIZERS[name].options) - {"bootstrapped", "labeled", "teacher"}:
            assert f"`{option}`" in told, (name, option)


def test_the_program_on_the_page_is_a_section_that_a_task_file_may_have() -> None:
    page = (Path(__file__).parents[2] / "optimizer/programs/README.md").read_text("utf-8")
    (shown,) = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)

    settings = Settings.model_validate(yaml.safe_load(shown))

    assert isinstance(settings.subject, ProgramSettings) and settings.metrics[0].name == "label_accuracy"


def test_knobs_of_other_programs_change_nothing() -> None:
    into = pool(BOOTSTRAP, TURNED, REPLY)
    plain = {**into.space.unchanged}

    assert into.build({**plain, TURNED.name: 2}).digest == into.build(plain).digest
    assert into.settled({**plain, TURNED.name: 2}) == plain


def test_a_knob_is_not_taken_for_a_choice_that_does_nothing() -> None:
    space, notes = fitted(SearchSpace((GEPA, knob("gepa", "minibatch", 4))), the_prompt(), Capabilities("x/target"))

    assert space.choices("gepa.minibatch") == (None, 4) and notes == ()


def test_crossings_do_not_try_what_does_not_count() -> None:
    space = SearchSpace((REPLY, BOOTSTRAP, TURNED))
    told = [({**space.unchanged, "reply": reply}, 0.1) for reply in REPLY.choices]

    found = crossings(space, told, 99)

    assert found and all(params[TURNED.name] is None for params in found if params["program"] == "plain")


def test_a_knob_that_the_search_asks_for_is_bought_once() -> None:
    into, given = pool(BOOTSTRAP, TURNED), brief()
    planned(into, given)

    first = asked(into, given, program="bootstrap_few_shot", bootstrap_few_shot__bootstrapped=2)
    again = asked(into, given, program="bootstrap_few_shot", bootstrap_few_shot__bootstrapped=2)

    assert first == ["bootstrap_few_shot(bootstrapped=2) compiled with 2 calls"] and again == []
    turned = into.build({"program": "bootstrap_few_shot", TURNED.name: 2})
    assert turned == into.programs["bootstrap_few_shot(bootstrapped=2)"] != into.programs["bootstrap_few_shot"]


def test_nothing_is_varied_before_anything_is_known_nor_where_the_optimizer_failed() -> None:
    into, given = pool(BOOTSTRAP, TURNED), brief()

    assert asked(into, given, program="bootstrap_few_shot", bootstrap_few_shot__bootstrapped=2) == []
    planned(into, given)
    assert asked(into, given, 0, program="bootstrap_few_shot", bootstrap_few_shot__bootstrapped=2) == []
    assert asked(into, given, program="plain", bootstrap_few_shot__bootstrapped=2) == []
    assert asked(into, given, program="bootstrap_few_shot") == []


def test_what_was_not_bought_is_built_with_the_usual_knobs() -> None:
    into = pool(BOOTSTRAP, TURNED)
    planned(into, brief())
    params: dict[str, Value] = {"program": "bootstrap_few_shot", TURNED.name: 2}

    assert into.settled(params) == {"program": "bootstrap_few_shot", TURNED.name: None}
    assert into.build(params) == into.programs["bootstrap_few_shot"]


def test_compiles_with_other_knobs_live_on_a_share_of_the_search() -> None:
    into, given = pool(GEPA, knob("gepa", "minibatch", 2, 4, 5)), brief(trials=10, calls_per_trial=24)
    planned(into, given)
    assert extra_calls(into.space, given.effort) == 120  # half of 240

    bought, second, refused, again = (
        asked(into, given, program="gepa", gepa__minibatch=batch) for batch in (2, 4, 5, 5)
    )

    turned = [calls for key, calls in into.bought.items() if key != "gepa"]
    assert len(bought) == len(second) == len(turned) - 1 == 1 and sum(turned) <= 120
    assert refused == [
        "gepa(minibatch=5) not bought, nor any other program with knobs turned: one may take 60 calls, and of the 120 "
        f"for such programs {sum(turned)} are used"
    ]
    assert again == []
    assert extra_calls(SearchSpace((GEPA,)), given.effort) == 0


def test_a_compile_that_fails_is_not_bought_again() -> None:
    into = pool(GEPA, knob("gepa", "minibatch", 4))
    planned(into, brief())
    lost = replace(brief(), cast=replace(brief().cast, proposer=Follower("x/author", lambda _: "")))
    lost = replace(lost, effort=replace(lost.effort, compile_calls=20))

    first = asked(into, lost, program="gepa", gepa__minibatch=4)

    assert first == [
        "gepa(minibatch=4) lost: gepa: needs 40 calls at least, but may make only 20; raise search.compile_calls"
    ]
    assert asked(into, lost, program="gepa", gepa__minibatch=4) == []
    assert into.bought["gepa(minibatch=4)"] == 20


def test_an_empty_purse_loses_the_compile_not_the_search() -> None:
    into, given = pool(BOOTSTRAP, TURNED), brief()
    planned(into, given)
    poor = replace(given, afford=lambda _: "the calls are used")

    notes = asked(into, poor, program="bootstrap_few_shot", bootstrap_few_shot__bootstrapped=2)

    assert notes == ["bootstrap_few_shot(bootstrapped=2) not bought: the calls are used"]


def test_a_search_turns_the_knobs_of_what_does_well() -> None:
    def follows(request: Request) -> str:
        """Right where it is shown at least three examples."""
        text = "\n".join(message.content for message in request.messages)
        return right(number_in(request)) if text.count("Number: ") > 3 else "odd"

    space = SearchSpace((DELIMITERS, BOOTSTRAP, TURNED))
    given = brief(Follower("x/target", follows), rounds=3)

    result = search(the_prompt(), space, given)

    turned = [trial for trial in result.trials if trial.params[TURNED.name] is not None]
    assert result.winner.program == "bootstrap_few_shot"
    assert turned and all(trial.round > 1 and trial.program == "bootstrap_few_shot" for trial in turned)
    assert any(note.startswith("bootstrap_few_shot(bootstrapped=") for note in result.notes)
    assert {trial.program for trial in result.trials} == {"plain", "bootstrap_few_shot"}  # no setting is a name


@pytest.mark.parametrize(
    ("space", "said"),
    [
        ((Choice("program", ("plain", "mipro"), ALL_PROGRAMS.put),), "is called 'mipro'. Did you mean 'miprov2'"),
        ((Choice("program", ("plain", "grpo"), ALL_PROGRAMS.put),), "it tunes the model's weights"),
        ((GEPA, knob("gepa", "minibatches", 2)), "gepa has no option 'minibatches'. Did you mean 'minibatch'"),
        ((GEPA, knob("gepa", "minibatch", "many")), "gepa.minibatch: must be a whole number from 1 on, found 'many'"),
    ],
)
def test_a_space_with_an_unknown_optimizer_or_knob_is_refused(space: tuple[Choice, ...], said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        check_programs(SearchSpace(space))
    assert said in str(caught.value)


def test_keys_name_the_knobs_in_one_order() -> None:
    assert program_key("gepa", {}) == "gepa"
    assert program_key("copro", {"copro.depth": 3, "copro.breadth": 6}) == "copro(breadth=6, depth=3)"


# -- parts


def test_compiled_instructions_become_a_wording_of_the_plain_prompt() -> None:
    into = pool(WORDING, GEPA)
    planned(into, brief())

    written = into.programs["gepa"].instructions
    assert into.wordings == {"from_gepa": written} and written != the_prompt().instructions
    assert into.offered().choices("wording") == ("as_is", "from_gepa")
    assert into.build({"wording": "from_gepa", "program": "plain"}).instructions == written


def test_compiled_examples_become_a_choice_of_the_plain_prompt() -> None:
    into = pool(DEMOS, DEMO_CHOICE, BOOTSTRAP)
    planned(into, brief())

    compiled = into.programs["bootstrap_few_shot"].demos
    assert into.offered().choices("demo_choice")[-1] == "from_bootstrap_few_shot"
    for count in (0, 2, 8):
        params = {"demos": count, "demo_choice": "from_bootstrap_few_shot", "program": "plain"}
        assert into.build(params).demos == compiled[:count]


def test_what_a_compile_leaves_as_it_was_joins_nothing() -> None:
    labeled = Choice("program", ("plain", "labeled_few_shot"), ALL_PROGRAMS.put)
    into = pool(WORDING, DEMOS, labeled)
    planned(into, brief())
    again = pool(WORDING, DEMOS, GEPA)
    shown = into.programs["labeled_few_shot"].demos[:2]
    list(compile_planned(again, brief(), replace(the_prompt(), demos=shown), 1))

    assert (into.wordings, list(into.sets)) == ({}, ["from_labeled_few_shot"])
    assert (list(again.wordings), again.sets) == (["from_gepa"], {})


# -- going on


def breaking(nth: int, script: Callable[[Request], str]) -> Callable[[Request], str | BaseException]:
    count: Iterator[int] = iter(range(10_000))
    return lambda request: ConnectionResetError("pulled the plug") if next(count) == nth else script(request)


def keys(*models: Follower) -> list[str]:
    return [request.key(model.name) for model in models for request in model.seen]


@pytest.mark.parametrize("name", [name for name in OPTIMIZERS if OPTIMIZERS[name].least])
def test_a_compile_that_was_killed_asks_nothing_twice_and_ends_alike(name: str, tmp_path: Path) -> None:
    one = SearchSpace((Choice("program", ("plain", name), ALL_PROGRAMS.put),))

    def compiled(store: CallStore, nth: int = -1) -> tuple[Mapping[str, Any], list[str]]:
        into = Pool(the_prompt(), one, (), 0)
        target, writer = Follower("x/target", breaking(nth, moody)), Follower("x/author", author)
        given = brief(compile_calls=120)
        given = replace(given, cast=replace(given.cast, target=Cached(target, store), proposer=Cached(writer, store)))
        with suppress(ConnectionResetError):
            planned(into, given)
        answered = keys(target, writer)
        return into.programs, answered[:-1] if nth >= 0 else answered

    with CallStore(tmp_path / "whole") as store:
        whole, once = compiled(store)
    with CallStore(tmp_path / "cut") as store:
        nothing, _ = compiled(store, nth=min(3, len(once) - 1))
        answered = len(store)
        found, rest = compiled(store)

    assert not nothing and found == whole
    assert len(rest) == len(once) - answered and 0 < answered < len(once)
