"""A space says what can be chosen; its first choices change nothing."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from optimizer.errors import ConfigError
from optimizer.objective import Evaluation
from optimizer.prompt import Prompt
from optimizer.prompt.contract import Contract
from optimizer.prompt.template import Template
from optimizer.search.journal import Study, write_study
from optimizer.search.pool import Pool
from optimizer.search.study import SAMPLERS, ask, check_names
from optimizer.search.trial import Trial
from optimizer.space import Choice, DemoPlan, SearchSpace, in_knobs, in_layout
from optimizer.space.check import faults
from optimizer.space.demos import Shot, choose, good_shots
from optimizer.testing import check_space
from optimizer.types import Example, Output, Score
from search_spaces import DELIMITERS, DEMOS, PROGRAMS, QUICK, REPLY, STANDARD, TEMPERATURE, WORDING
from search_spaces.compilers import knob

PROMPT = Prompt.from_messages(
    [{"role": "system", "content": "Rate it."}, {"role": "user", "content": "Text: {{text}}"}],
    contract=Contract("labels", ("good", "bad")),
)
TEXTS = ["red apple", "red apple pie", "blue whale", "green tree", "red rose", "whale song", "oak tree", "a"]
SHOTS = [
    Shot(Example(f"e{i}", {"text": t}), "good" if i % 2 else "bad", "good" if i % 2 else "bad")
    for i, t in enumerate(TEXTS)
]


@pytest.mark.parametrize("space", [QUICK, STANDARD])
def test_the_ready_made_spaces_keep_the_contract(space: SearchSpace) -> None:
    check_space(space, PROMPT)


def test_the_contract_check_finds_a_dimension_that_loses_the_input() -> None:
    broken = Choice(
        "x", ("as_is", "y"), lambda v, _: replace(v, prompt=replace(v.prompt, question=Template(("gone",))))
    )

    with pytest.raises(AssertionError, match="x='y' changes the variables"):
        check_space(SearchSpace((broken,)), PROMPT)


def test_a_space_of_ones_own_takes_few_lines() -> None:
    space = SearchSpace((DELIMITERS, Choice("tone", ("as_is", "none"), in_layout("reasoning"))))

    prompt = space.build(PROMPT, {"delimiters": "xml", "tone": "none"}).prompt

    assert (prompt.layout.delimiters, prompt.layout.reasoning) == ("xml", "none")


@pytest.mark.parametrize(
    ("odd", "problem"),
    [
        ({"when": "delimiters"}, r"case has when='delimiters'; give another dimension's name and a value"),
        ({"when": ("case", "upper")}, r"case has when=\('case', 'upper'\), which is itself"),
        ({"unless": ("case", "upper")}, "which is itself"),
        ({"when": ("delimiters", "html")}, "counts only where delimiters is 'html', which delimiters does not offer"),
        ({"when": ("delimeters", "xml")}, "no dimension is called 'delimeters'. Did you mean 'delimiters'?"),
        ({"unless": ("delimeters", "xml")}, "no dimension is called 'delimeters'. Did you mean 'delimiters'?"),
    ],
)
def test_a_condition_under_which_a_dimension_never_counts_is_a_fault(odd: dict[str, Any], problem: str) -> None:
    case = Choice("case", ("as_is", "none"), in_layout("reasoning"), **odd)

    with pytest.raises(AssertionError, match=problem):
        check_space(SearchSpace((DELIMITERS, case)), PROMPT)


def test_a_condition_on_a_wording_that_is_yet_to_be_written_or_on_an_absent_dimension_is_none() -> None:
    later = Choice("a", ("as_is", "none"), in_layout("reasoning"), when=("wording", "rewritten_1_1"))
    absent = Choice("b", ("as_is", "none"), in_layout("reasoning"), when=("program", "gepa"))

    check_space(SearchSpace((WORDING, later, absent)), PROMPT)


def test_a_knob_that_is_turned_for_every_program_is_a_fault() -> None:
    """It would be asked of optimizers that do not have it."""
    loose = Choice("gepa.minibatch", (None, 2), in_knobs("gepa.minibatch"))
    problem = r"gepa.minibatch=2 turns gepa.minibatch whatever the program is; add when=\('program', 'gepa'\)"

    for odd in (loose, replace(loose, when=("program", "miprov2"))):
        with pytest.raises(AssertionError, match=problem):
            check_space(SearchSpace((PROGRAMS, odd)), PROMPT)
    check_space(SearchSpace((PROGRAMS, knob("gepa", "minibatch", 2))), PROMPT)


def test_a_dimension_that_lacks_what_one_has_is_a_fault_that_names_it() -> None:
    class Bare:
        name = "bare"

    space = SearchSpace((DELIMITERS, Bare()))  # type: ignore[arg-type]

    assert "bare is a Bare without `choices`" in str(next(iter(faults(space, PROMPT))))


def test_what_is_no_dimension_is_refused_when_the_space_is_made() -> None:
    with pytest.raises(ConfigError, match="holds the str 'delimiters'; give dimensions"):
        SearchSpace((WORDING, "delimiters"))  # type: ignore[arg-type]


@pytest.mark.parametrize("dimensions", [(), (REPLY, REPLY)])
def test_an_empty_or_doubled_space_is_refused(dimensions: tuple[Choice, ...]) -> None:
    with pytest.raises(ConfigError, match="search space has"):
        SearchSpace(dimensions)


def test_a_preset_takes_only_what_the_space_has() -> None:
    space = SearchSpace((DELIMITERS, DEMOS))

    assert space.preset({"delimiters": "xml", "demos": 99, "placement": "user"}) == {"delimiters": "xml", "demos": 0}


def test_the_pool_offers_new_wordings_and_builds_them() -> None:
    pool = Pool(PROMPT, SearchSpace((WORDING, TEMPERATURE)), SHOTS, seed=0)
    pool.wordings["rewritten_1_1"] = Template(("Judge it.",))

    assert pool.offered().choices("wording") == ("as_is", "rewritten_1_1")
    built = pool.build({"wording": "rewritten_1_1", "temperature": 0.5})
    assert built.instructions.text == "Judge it." and built.params == {"temperature": 0.5}


def test_parameters_that_the_target_refuses_are_dropped() -> None:
    pool = Pool(PROMPT, SearchSpace((TEMPERATURE,)), SHOTS, seed=0, drop_params=("temperature",))

    assert pool.build({"temperature": 0.5}).params == {}


@pytest.mark.parametrize("choice", ["random", "diverse", "balanced", "short"])
def test_every_choice_of_examples_brings_as_many_as_asked_none_twice(choice: str) -> None:
    for count in (1, 3, 8, 50):
        demos = choose(DemoPlan(count, choice), SHOTS, seed=3)
        texts = [demo.inputs["text"] for demo in demos]
        assert len(texts) == len(set(texts)) == min(count, len(SHOTS))
        assert demos == choose(DemoPlan(count, choice), SHOTS, seed=3)


def test_balanced_examples_show_every_label_alike() -> None:
    demos = choose(DemoPlan(4, "balanced"), SHOTS, seed=0)

    assert sorted(demo.output for demo in demos) == ["bad", "bad", "good", "good"]


def test_diverse_examples_do_not_resemble_each_other() -> None:
    texts = {str(demo.inputs["text"]) for demo in choose(DemoPlan(3, "diverse"), SHOTS, seed=0)}

    assert not {"red apple", "red apple pie"} <= texts


def test_reversed_turns_the_order_round() -> None:
    straight, turned = (choose(DemoPlan(3, "short", order), SHOTS, 0) for order in ("as_chosen", "reversed"))

    assert straight == turned[::-1]


def test_an_unknown_choice_is_named() -> None:
    with pytest.raises(ConfigError, match=r"'balancd'\. Did you mean 'balanced'"):
        choose(DemoPlan(1, "balancd"), SHOTS, 0)


def test_only_good_answers_of_the_source_become_examples() -> None:
    train = [Example(f"e{i}", {"text": str(i)}) for i in range(30)]
    outputs = tuple(Output(e.id, "x", "good", "ok" if i < 25 else "invalid") for i, e in enumerate(train))
    evaluation = Evaluation(outputs, tuple(Score(float(i < 20)) for i in range(30)))

    shots = good_shots(train, evaluation, {}, PROMPT.contract)

    assert {shot.example.id for shot in shots} == {f"e{i}" for i in range(20)}


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_every_sampler_asks_repeatably_within_the_space(sampler: str) -> None:
    if sampler == "gp":
        pytest.importorskip("torch", reason="the extra `gp` is not installed")
    rng = random.Random(5)
    drawn = [{d.name: rng.choice(d.choices) for d in QUICK.dimensions} for _ in range(12)]  # GP starts with ten
    told = [(params, (rng.random(),)) for params in drawn]

    asked = [list(ask(QUICK, told, 5, sampler=sampler, seed=7)) for _ in range(2)]

    assert asked[0] == asked[1]
    assert all(params[d.name] in d.choices for params in asked[0] for d in QUICK.dimensions)


def test_a_sampler_that_cannot_be_opened_is_refused_before_anything_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("optimizer.search.study.find_spec", lambda _name: None)

    with pytest.raises(ConfigError, match=r"search\.sampler: gp needs PyTorch; pip install 'promptport\[gp\]'"):
        check_names("gp", "race")
    check_names("tpe", "race")


@pytest.mark.parametrize("objectives", [1, 2, 3])
@pytest.mark.parametrize("sampler", ["tpe", "nsgaii", "nsgaiii"])
def test_what_was_told_guides_what_is_asked_with_one_objective_or_several(sampler: str, objectives: int) -> None:
    """The more dimensions stand on `on`, the better by every objective; asked at random, three of six would."""
    space = SearchSpace(tuple(Choice(f"x{i}", ("off", "on"), lambda v, _: v) for i in range(6)))
    rng = random.Random(3)
    drawn = [{f"x{i}": rng.choice(("off", "on")) for i in range(6)} for _ in range(40)]
    told = [(params, (float(list(params.values()).count("on")),) * objectives) for params in drawn]

    asked = [params for seed in range(6) for params in ask(space, told, 10, sampler=sampler, seed=seed)]

    assert sum(list(params.values()).count("on") for params in asked) / len(asked) > 3.7


def test_an_unknown_sampler_is_named() -> None:
    with pytest.raises(ConfigError, match=r"'tpee'\. Did you mean 'tpe'"):
        check_names("tpee", "race")


def test_an_unknown_pruner_is_named() -> None:
    with pytest.raises(ConfigError, match=r"search.pruner: .*'wilcox'\. Did you mean 'wilcoxon'"):
        check_names("tpe", "wilcox")


def test_the_study_opens_with_optuna_itself(tmp_path: Path) -> None:
    import optuna
    from optuna.storages.journal import JournalFileBackend

    trials = [
        Trial(i, 1, {"demos": 2 * i, "reply": "told"}, "complete", PROMPT, value=i / 10, examples=9) for i in range(3)
    ]
    trials.append(Trial(3, 1, {"demos": 0, "reply": "as_is"}, "failed", PROMPT, note="never measured"))

    write_study(tmp_path / "study.journal", {"target": Study(trials)})

    journal = JournalFileBackend(str(tmp_path / "study.journal"))
    study = optuna.load_study(study_name="target", storage=optuna.storages.JournalStorage(journal))
    assert study.best_trial.params == {"demos": 4, "reply": "told"}
    assert [t.state.name for t in study.trials] == ["COMPLETE"] * 3 + ["FAIL"]
    assert study.trials[0].user_attrs["examples"] == 9
