"""A team's DSPy program is migrated as it is: each of its predictors is a prompt by its name."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from optimizer.errors import ConfigError, ModelError
from optimizer.evaluate import record
from optimizer.exporters.bundle.making import verify_bundle
from optimizer.planning.plan import plan
from optimizer.programs.dspy import OPTIMIZERS, compile_prompt
from optimizer.programs.dspy.opening import live, open_suite
from optimizer.programs.shipped import program_of
from optimizer.prompt.contract import Contract
from optimizer.prompt.suite import Part, Suite
from optimizer.prompt.template import Template
from optimizer.report import write_report
from optimizer.results.rundir import RunDir
from optimizer.search.compiles import compile_planned, fit_for, too_few
from optimizer.search.pool import Pool
from optimizer.space import Choice, SearchSpace
from optimizer.space.check import faults
from optimizer.space.parts import by_parts
from optimizer.task import load_task
from optimizer.types import Example, Request
from search_spaces import ADAPTER, ALL_PROGRAMS, DELIMITERS, DEMOS, KNOBS, PIPELINE, REPLY, TEMPERATURE, WORDING
from tests.programs.test_dspy import Follower, exact, numbers, right
from tests.search.test_compiles import brief
from tests.walking import SEARCH, crew, walk, write_task

LABELS = Contract("labels", ("even", "odd"))
BOOTSTRAP = Choice("program", ("plain", "bootstrap_few_shot"), ALL_PROGRAMS.put)
SPACE = SearchSpace((WORDING, DEMOS, BOOTSTRAP))


def opened(path: str = "tests.steps:Parity", folder: Path = Path(), **more: Any) -> Suite:
    facts: dict[str, Any] = {"protect": (), "state": None, "inputs": (), "output": None, "adapter": "chat"}
    return open_suite(path, folder, contract=LABELS, params={"max_tokens": 20}, **{**facts, **more})


def fields(request: Request) -> dict[str, str]:
    """What the last message of a DSPy request holds, by the names of the fields."""
    found = re.findall(r"\[\[ ## (\w+) ## \]\]\n(.*?)(?=\n\n|\Z)", request.messages[-1].content, re.DOTALL)
    return {name: text.strip() for name, text in found}


def answer(**told: str) -> str:
    return "".join(f"[[ ## {name} ## ]]\n{text}\n\n" for name, text in told.items()) + "[[ ## completed ## ]]"


def steps(request: Request) -> str:
    """Both predictors of the program, answering well where `Divide by two` is said to the first one."""
    asked, text = fields(request), request.messages[0].content
    number = int(asked["number"])
    if "remainder" in asked:
        said = {"0": "even", "1": "odd"}.get(asked["remainder"], "neither")
        return answer(reasoning="So it is.", parity=said)
    knows = "Divide by two" in text or len(request.messages) > 2
    return answer(remainder=str(number % 2) if knows or number % 3 == 0 else "1")


def wise(request: Request) -> str:
    asked = fields(request)
    return steps(request) if "remainder" in asked else answer(remainder=str(int(asked["number"]) % 2))


def writes(request: Request) -> str:
    """The target as the proposer: writes instructions where it is asked to."""
    if "<instructions>" in request.messages[-1].content:
        return "<instructions>Divide by two and say what is left.</instructions>"
    return steps(request)


# -- what it is


def test_each_predictor_is_a_part_by_its_name() -> None:
    suite = opened()

    assert [(part.name, part.instructions, part.inputs, part.outputs) for part in suite.parts] == [
        ("divide", "Say what is left of the number.", ("number",), ("remainder",)),
        ("name.predict", "Name it.", ("number", "remainder"), ("reasoning", "parity")),
    ]
    assert suite.names == {"number"}
    assert Suite.from_dict(json.loads(json.dumps(suite.to_dict()))) == suite
    assert suite.with_parts([replace(suite.parts[0], instructions="Other."), suite.parts[1]]).digest != suite.digest


@pytest.mark.parametrize("path", ["tests.steps:Parity", "tests.steps:parity", "tests.steps:ready"])
def test_a_class_a_function_and_a_module_are_opened_alike(path: str) -> None:
    assert opened(path).parts == opened().parts


def test_a_state_is_loaded_into_its_program(tmp_path: Path) -> None:
    from tests.steps import Parity

    program = Parity()
    program.divide.signature = program.divide.signature.with_instructions("Divide.")
    program.divide.demos = [{"augmented": True, "number": "4", "remainder": "0"}]
    program.save(tmp_path / "state.json")

    suite = opened(folder=tmp_path, state="state.json")

    assert suite.part("divide").instructions == "Divide."
    assert suite.part("divide").demos == ({"augmented": True, "number": "4", "remainder": "0"},)


def test_the_state_it_exports_is_what_dspy_loads(tmp_path: Path) -> None:
    from tests.steps import Parity

    suite = opened()
    demo: dict[str, Any] = {"augmented": True, "number": "8", "remainder": "0"}
    changed = suite.with_parts([replace(suite.parts[0], instructions="Divide {x}.", demos=(demo,)), suite.parts[1]])
    (tmp_path / "program.json").write_text(json.dumps(changed.state), "utf-8")

    program = Parity()
    program.load(tmp_path / "program.json")

    assert program.divide.signature.instructions == "Divide {x}."
    assert [dict(demo) for demo in program.divide.demos] == [demo]
    assert program.dump_state() == {key: value for key, value in changed.state.items() if key != "metadata"}


def test_a_single_predictor_is_a_program_too(tmp_path: Path) -> None:
    import dspy

    suite = opened("tests.steps:alone")
    (tmp_path / "program.json").write_text(json.dumps(suite.state), "utf-8")
    again = dspy.Predict("number -> parity")
    again.load(tmp_path / "program.json")

    assert [part.name for part in suite.parts] == ["self"]
    assert again.signature.instructions == "Say what the number is."


# -- rebuilt from a state alone


@pytest.fixture
def state(tmp_path: Path) -> Path:
    from tests.steps import Parity

    Parity().save(tmp_path / "state.json")
    return tmp_path


def test_a_state_alone_is_run_as_a_chain(state: Path) -> None:
    suite = opened("state.json", state)

    assert suite.parts == opened().parts and suite.names == {"number"}
    model = Follower("x/target", wise)
    outputs = record(program_of(suite), model, [Example("7", {"number": 7}), Example("8", {"number": 8})])
    assert [output.value for output in outputs] == ["odd", "even"]
    theirs = Follower("x/target", wise)
    record(program_of(opened()), theirs, [Example("7", {"number": 7})])
    assert [r.messages for r in theirs.seen] == [r.messages for r in model.seen if fields(r)["number"] == "7"]


def test_a_state_of_one_predictor_needs_no_module(tmp_path: Path) -> None:
    import dspy

    dspy.ChainOfThought("number, hint -> parity").save(tmp_path / "cot.json")
    dspy.Predict("number -> parity").save(tmp_path / "one.json")

    cot, one = opened("cot.json", tmp_path), opened("one.json", tmp_path)

    assert [(part.name, part.inputs, part.outputs) for part in cot.parts] == [
        ("predict", ("number", "hint"), ("reasoning", "parity")),
    ]
    model = Follower("x/target", lambda _: answer(reasoning="Look.", parity="odd"))
    example = [Example("3", {"number": "3", "hint": "divide"})]
    assert [record(program_of(suite), model, example)[0].value for suite in (cot, one)] == ["odd", "odd"]
    dspy.Predict("number -> parity").load_state(one.state)
    dspy.ChainOfThought("number, hint -> parity").load_state(cot.state)


def test_a_chain_is_given_what_no_predictor_answers(state: Path) -> None:
    saved = json.loads((state / "state.json").read_text())
    saved["name.predict"]["signature"]["fields"][0] = {"prefix": "Language:", "description": "to answer in"}
    (state / "state.json").write_text(json.dumps(saved))

    assert opened("state.json", state).names == {"number", "language"}


def test_models_in_a_state_are_left_behind(tmp_path: Path) -> None:
    from tests.steps import Parity

    Parity().save(tmp_path / "state.json")
    saved = json.loads((tmp_path / "state.json").read_text())
    saved["divide"]["lm"] = {"_dspy_lm_class": "os.system", "model": "openai/gpt", "api_base": "http://elsewhere"}
    (tmp_path / "state.json").write_text(json.dumps(saved))

    for suite in (opened("state.json", tmp_path), opened(folder=tmp_path, state="state.json")):
        assert "elsewhere" not in json.dumps(suite.to_dict()) and suite.state["divide"]["lm"] is None


def test_the_state_of_a_chain_loads_into_the_team_s_own_program(state: Path) -> None:
    from tests.steps import Parity

    suite = opened("state.json", state)
    part = replace(suite.parts[1], instructions="Name the parity.")
    program = Parity()
    program.load_state(suite.with_parts([suite.parts[0], part]).state)

    assert program.name.predict.signature.instructions == "Name the parity."


def test_a_state_that_does_not_say_how_its_predictors_are_joined_is_refused(state: Path) -> None:
    saved = json.loads((state / "state.json").read_text())
    saved["name.predict"]["signature"]["fields"][1] = {"prefix": "Rest:", "description": "what is left"}
    (state / "state.json").write_text(json.dumps(saved))

    with pytest.raises(ConfigError) as caught:
        opened("state.json", state)
    assert "'name.predict' asks for number, rest, 'divide' before it answers remainder" in str(caught.value)
    assert "name the program itself: `program: {dspy: my_module:my_program, state: state.json}`" in str(caught.value)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "state.json: not valid JSON"),
        ("[1]", "state.json must hold an object"),
        ('{"a": {"b": 1}}', "state.json is no JSON state of a DSPy program"),
        ('{"a": {"signature": {"instructions": "x", "fields": []}}}', "state.json is no JSON state of a DSPy program"),
        ("[" * 100_000, "state.json: not valid JSON"),
    ],
)
def test_files_that_are_no_state_are_explained(tmp_path: Path, content: str, said: str) -> None:
    (tmp_path / "state.json").write_text(content)

    with pytest.raises(ConfigError) as caught:
        opened("state.json", tmp_path)
    assert said in str(caught.value)


def test_pickles_are_never_read(tmp_path: Path) -> None:
    (tmp_path / "program.pkl").write_bytes(b"cos\nsystem\n(S'false'\ntR.")

    with pytest.raises(ConfigError, match=r"program.pkl is no JSON state, and pickles can run code"):
        opened("program.pkl", tmp_path)
    with pytest.raises(ConfigError, match=r"missing.json: no such file"):
        opened("missing.json", tmp_path)


@pytest.mark.parametrize(
    ("path", "more", "said"),
    [
        ("tests.steps:no_program", {}, "is int, no dspy.Module"),
        ("tests.steps:Part", {}, "no 'Part'"),
        ("tests.steps:Asynchronous", {}, "has no `forward`, which a run calls, without await"),
        ("tests.steps:Unready", {}, r"no table of remainders'\), at steps\.py:\d+; name a module"),
        ("tests.steps:Parity", {"inputs": ("row",)}, "an input cannot be called 'row'"),
    ],
)
def test_what_is_no_program_is_explained(path: str, more: dict[str, Any], said: str) -> None:
    with pytest.raises(Exception, match=said):
        opened(path, **more)


def test_opening_a_program_says_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """DSPy warns whoever so much as looks at a program's own `forward`."""
    from dspy.primitives import module

    with caplog.at_level("WARNING"):
        module.logger.addHandler(caplog.handler)
        opened()
        module.logger.removeHandler(caplog.handler)

    assert caplog.messages == []


def test_a_program_that_cannot_be_opened_is_told_with_its_place_in_the_task_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"^task\.yaml:\d+: program\.dspy: tests\.steps:no_program is int"):
        load_task(program_task(tmp_path, dspy="tests.steps:no_program"))
    with pytest.raises(ConfigError, match=r"^task\.yaml:\d+: program: state\.pkl is no JSON state"):
        load_task(program_task(tmp_path, state="state.pkl"))


@pytest.mark.parametrize("adapter", ["chat", "json", "xml"])
def test_no_choice_of_the_space_of_pipelines_is_lost_to_a_program(adapter: str) -> None:
    suite = opened(adapter=adapter)
    space, notes = by_parts(PIPELINE, suite)

    assert [str(fault) for fault in faults(space, suite)] == [] and not notes


# -- run as it is


def test_a_program_that_changes_its_inputs_changes_nothing_in_the_run() -> None:
    example = Example("3", {"number": [3]})

    record(program_of(opened("tests.steps:Grasping")), Follower("x/t", lambda _: "odd"), [example])

    assert example.inputs == {"number": [3]}


def test_it_asks_the_target_for_every_predictor_and_answers_once() -> None:
    model = Follower("x/target", wise)

    output = record(program_of(opened()), model, [Example("3", {"number": 3})])[0]

    assert (output.text, output.value, output.calls, output.cost) == ("odd", "odd", 2, 0.002)
    assert [sorted(fields(request))[0] for request in model.seen] == ["number", "number"]
    assert all(request.params == {"max_tokens": 20} for request in model.seen)
    assert "Say what is left of the number." in model.seen[0].messages[0].content


def test_the_answer_is_the_named_field_or_the_only_one_beside_the_reasoning() -> None:
    example = [Example("3", {"number": 3})]

    for output in (None, "parity"):
        assert record(program_of(opened(output=output)), Follower("x/t", wise), example)[0].value == "odd"
    with pytest.raises(ConfigError, match="the program answers with reasoning, parity, none is called 'answer'"):
        record(program_of(opened(output="answer")), Follower("x/t", wise), example)


def test_what_a_program_raises_is_its_failure_on_that_example_alone() -> None:
    model = Follower("x/target", lambda _: answer(parity="even"))
    suite = opened("tests.steps:Fickle")

    outputs = record(program_of(suite), model, [Example(str(n), {"number": n}) for n in range(4)])

    assert [output.status for output in outputs] == ["ok", "invalid", "ok", "invalid"]
    assert outputs[1].error == "the program failed: LookupError: odd"


def test_a_program_that_asks_nobody_is_found_out() -> None:
    with pytest.raises(ConfigError, match="it answers without a call to the model that it is given"):
        record(program_of(opened("tests.steps:Stubborn")), Follower("x/t", wise), [Example("3", {"number": 3})])


def test_a_refusal_and_an_outage_are_told_apart() -> None:
    def shy(request: Request) -> str | BaseException:
        number = int(fields(request)["number"])
        return ModelError("no", model="x/t", refused=True) if number == 1 else wise(request)

    rows = [Example(str(n), {"number": n}) for n in range(3)]

    assert [o.status for o in record(program_of(opened()), Follower("x/t", shy), rows)] == ["ok", "refused", "ok"]
    with pytest.raises(ModelError, match="wrong key"):
        record(program_of(opened()), Follower("x/t", lambda _: ModelError("wrong key", model="x/t")), rows)


# -- searched


def test_the_space_is_that_of_its_parts() -> None:
    space, notes = by_parts(SearchSpace((WORDING, DELIMITERS, DEMOS, REPLY, TEMPERATURE, BOOTSTRAP)), opened())

    assert space.names == (
        "wording.divide", "demos.divide", "wording.name.predict", "demos.name.predict", "temperature", "program",
    )  # fmt: skip
    assert notes == ("search space: delimiters, reply left out: DSPy lays out the messages of a program",)
    with pytest.raises(ConfigError, match="nothing of a program"):
        by_parts(SearchSpace((DELIMITERS,)), opened())


def test_under_a_compiled_program_the_choices_of_its_parts_are_idle_and_not_told() -> None:
    space, _ = by_parts(SearchSpace((WORDING, DEMOS, BOOTSTRAP)), opened())
    compiled = {**space.unchanged, "program": "bootstrap_few_shot"}

    other = {**compiled, "wording.divide": "divide/new", "demos.divide": "divide/set"}

    assert space.settled(other) == compiled
    assert space.settled({**other, "program": "plain"}) == {**other, "program": "plain"}


def test_wordings_and_examples_are_chosen_part_by_part() -> None:
    suite = opened()
    space, _ = by_parts(SPACE, suite)
    demo = {"number": "8", "remainder": "0"}
    pool = Pool(suite, space, (), 0, wordings={"divide/new": Template(("Divide.",))}, sets={"divide/set": (demo,)})

    assert pool.offered().choices("wording.divide") == ("as_is", "divide/new")
    assert pool.offered().choices("wording.name.predict") == ("as_is",)
    built = pool.build({**space.unchanged, "wording.divide": "divide/new", "demos.divide": "divide/set"})

    assert isinstance(built, Suite)
    assert built.parts == (replace(suite.parts[0], instructions="Divide.", demos=(demo,)), suite.parts[1])
    assert pool.build(space.unchanged) == suite
    with pytest.raises(ConfigError, match="no wording is called 'divide/gone'"):
        pool.build({**space.unchanged, "wording.divide": "divide/gone"})


@pytest.mark.parametrize("name", [name for name in OPTIMIZERS if name != "labeled_few_shot"])
def test_every_optimizer_compiles_a_program_under_its_limit(name: str) -> None:
    def author(request: Request) -> str:
        return f"Divide by two, way {request.sample}."

    model, proposer = Follower("x/target", steps), Follower("x/author", author)
    rows = [Example(e.id, {"number": e.id}, e.expected) for e in numbers(60)]

    found = compile_prompt(
        name, opened(), rows, {}, model=model, proposer=proposer, metric=exact, seed=1, max_calls=400
    )

    assert found.calls == len(model.seen) + len(proposer.seen) <= 400
    assert isinstance(found.prompt, Suite) and found.prompt.origin == opened().origin
    assert [part.name for part in found.prompt.parts] == ["divide", "name.predict"]
    for part in found.prompt.parts:
        for demo in part.demos:
            assert set(demo) >= {*part.inputs, *part.outputs}
    asked = {request.messages for request in model.seen}
    shipped = Follower("x/target", steps)
    record(program_of(found.prompt), shipped, [Example(row.id, row.inputs) for row in rows])
    if name not in ("knn_few_shot", "bootstrap_few_shot"):
        assert sum(request.messages in asked for request in shipped.seen) >= 8  # what was judged is what is shipped


def test_what_gepa_writes_for_the_weak_step_helps() -> None:
    author = Follower("x/author", lambda _: "Divide by two and say what is left.")
    rows = [Example(e.id, {"number": e.id}, e.expected) for e in numbers(60)]

    found = compile_prompt(
        "gepa", opened(), rows, {}, model=Follower("x/t", steps), proposer=author, metric=exact, seed=1, max_calls=300
    )

    assert isinstance(found.prompt, Suite)
    assert found.prompt.part("divide").instructions == "Divide by two and say what is left."
    values = [o.value for o in record(program_of(found.prompt), Follower("x/t", steps), rows)]
    assert values == [right(n) for n in range(60)]


def test_the_same_compile_on_one_thread_and_on_four() -> None:
    rows = [Example(e.id, {"number": e.id}, e.expected) for e in numbers(40)]

    def one(threads: int) -> Any:
        model = Follower("x/target", steps, pause=0.004)
        author = Follower("x/author", lambda r: f"Divide by two, way {r.sample}.")
        return compile_prompt(
            "miprov2", opened(), rows, {}, model=model, proposer=author, metric=exact, seed=1, max_calls=300,
            threads=threads,
        )  # fmt: skip

    assert one(1) == one(4)


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("labeled_few_shot", {}, "is no worked example of a program's predictors"),
        ("bootstrap_few_shot", {"teacher": "source"}, "the target must teach"),
        ("simba", {}, "may make only 100; raise search.compile_calls to 80"),
    ],
)
def test_what_cannot_be_compiled_for_a_program_is_said_before_the_first_call(
    name: str, options: dict[str, Any], said: str
) -> None:
    model = Follower("x/target", steps)
    rows = [Example(e.id, {"number": e.id}, e.expected) for e in numbers(40)]

    with pytest.raises(Exception, match=said):
        compile_prompt(
            name, opened(), rows, {}, model=model, proposer=model, metric=exact, seed=1, max_calls=100, options=options
        )
    assert not model.seen


def test_answers_that_dspy_cannot_read_and_asks_for_again_fit_in_the_limit() -> None:
    def mumbles(request: Request) -> str:
        """Forgets the form now and then, but keeps to JSON where it is asked for that."""
        told = steps(request) if "[[ ## number ## ]]" in request.messages[-1].content else ""
        return "Hm." if int(request.key("m")[:4], 16) % 8 == 0 else told

    model, author = Follower("x/target", mumbles), Follower("x/author", lambda r: f"Divide by two, way {r.sample}.")
    rows = [Example(e.id, {"number": e.id}, e.expected) for e in numbers(60)]

    found = compile_prompt(
        "miprov2", opened(), rows, {}, model=model, proposer=author, metric=exact, seed=1, max_calls=200
    )

    assert found.calls == len(model.seen) + len(author.seen) <= 200


def test_what_a_program_cannot_use_is_not_offered() -> None:
    space, (note,) = fit_for(SearchSpace((WORDING, ALL_PROGRAMS, *KNOBS)), opened())

    assert "labeled_few_shot" not in space.choices("program") and "gepa" in space.choices("program")
    assert "gepa.minibatch" in space.names
    assert not [name for name in space.names if name.endswith((".teacher", ".labeled"))]
    assert note.startswith(
        "search space: labeled_few_shot, labeled_few_shot.labeled, knn_few_shot.teacher, bootstrap_few"
    )
    assert note.endswith(
        "left out: rows of data and the source's answers are no worked examples of a program's prompts"
    )
    assert fit_for(SPACE, opened().part("divide").as_prompt()) == (SPACE, ())


def test_a_program_that_needs_more_calls_than_a_compile_may_take_is_told_beforehand() -> None:
    """COPRO judges each of two prompts afresh in each of its two rounds: 40 answers of 6 calls, at 3 of 4 calls."""
    space = SearchSpace((WORDING, ALL_PROGRAMS.among("copro", "gepa")))

    assert list(too_few(space, opened(), 160)) == []
    assert list(too_few(space, opened(), 150)) == [
        "search space: program='copro' will be lost: it needs 320 calls at least for a program of 2 prompts, but may "
        "make only 300; raise search.compile_calls to 160"
    ]
    alone = opened().part("divide").as_prompt()
    assert list(too_few(space, alone, 39)) == [
        f"search space: program={name!r} will be lost: it needs 40 calls at least, but may make only 39; "
        "raise search.compile_calls"
        for name in ("copro", "gepa")
    ]


def test_protected_texts_stay_in_the_part_that_has_them() -> None:
    suite = opened(protect=("what is left",))
    rows = [Example(e.id, {"number": e.id}, e.expected) for e in numbers(60)]
    careless = Follower("x/a", lambda _: "Divide by two.")

    found = compile_prompt(
        "gepa", suite, rows, {}, model=Follower("x/t", steps), proposer=careless, metric=exact, seed=1, max_calls=300
    )

    assert isinstance(found.prompt, Suite) and found.prompt.part("divide") == suite.part("divide")
    assert found.notes[0].endswith("of its rewrites refused: it lost the protected text 'what is left'")
    space, _ = by_parts(SPACE, suite)
    pool = Pool(suite, space, (), 0, wordings={"divide/new": Template(("Divide.",))})
    with pytest.raises(ConfigError, match="lost the protected text"):
        pool.build({**space.unchanged, "wording.divide": "divide/new"})
    with pytest.raises(ConfigError, match=r"program\.protect: 'nowhere' does not stand in the program's instructions"):
        opened(protect=("nowhere",))


def test_a_model_that_the_team_has_set_is_not_asked() -> None:
    import dspy

    from tests.steps import ready

    class Wrong:
        def complete(self, request: Any) -> Any:
            raise AssertionError("asked")

    ready.set_lm(dspy.LM("x/theirs", engine=Wrong(), cache=False, num_retries=0))
    try:
        output = record(program_of(opened("tests.steps:ready")), Follower("x/t", wise), [Example("3", {"number": 3})])
    finally:
        ready.set_lm(None)

    assert output[0].value == "odd"


def test_parts_of_a_compiled_program_join_the_pool_by_name() -> None:
    suite = opened()
    space, _ = by_parts(SPACE, suite)
    pool, given = Pool(suite, space, (), 0), brief(Follower("x/target", steps))
    rows = [Example(e.id, {"number": e.id}, e.expected) for e in given.ground.train]

    list(compile_planned(pool, replace(given, ground=replace(given.ground, train=rows)), suite, 0))

    assert set(pool.sets) == {"divide/from_bootstrap_few_shot", "name.predict/from_bootstrap_few_shot"}
    assert "divide/from_bootstrap_few_shot" in pool.offered().choices("demos.divide")


# -- a whole run


def program_task(folder: Path, **more: Any) -> Path:
    return write_task(
        folder,
        prompt=None,
        data={"path": "data.jsonl", "expected": "gold", "fields": {"number": "n"}},
        program={"dspy": "tests.steps:Parity", "reply": {"labels": ["even", "odd"]}, **more},
        search=SEARCH | {"space": f"{__name__}:SPACE", "trials": 12, "calls_per_trial": 12},
    )


def test_a_two_step_program_is_migrated_as_it_is(tmp_path: Path) -> None:
    from tests.steps import Parity

    run_dir = tmp_path / "run"
    models = crew(target=writes, source=wise)

    found = walk(program_task(tmp_path), run_dir, models)

    result = found.targets[0]
    winner = result.search.winner.prompt
    assert isinstance(winner, Suite)
    assert (result.confirmation.source.quality, result.confirmation.winner.quality) == (1.0, 1.0)
    assert result.confirmation.unchanged and result.confirmation.unchanged.quality < 0.8
    assert result.decision.verdict.value == "migrate"
    assert set(result.search.winner.params) >= {"wording.divide", "wording.name.predict", "program"}
    # the bundle carries each prompt by its name, and a state that the team's own program loads
    assert verify_bundle(run_dir / "bundle") == 6
    bundle = json.loads((run_dir / "bundle/bundle.json").read_text())
    assert bundle["prompts"]["divide"]["instructions"] == winner.part("divide").instructions
    program = Parity()
    program.load(run_dir / "bundle/program.json")
    assert [p.signature.instructions for _, p in program.named_predictors()] == [
        part.instructions for part in winner.parts
    ]
    # read back, and reported
    again = RunDir.read(run_dir).migration()
    assert again.targets[0].search == result.search and again.prompt == found.prompt
    write_report(again, tmp_path / "again.html")
    assert "divide: number -&gt; remainder" in (tmp_path / "again.html").read_text("utf-8")


def test_a_run_of_a_program_that_was_cut_off_asks_nothing_twice(tmp_path: Path) -> None:
    task = program_task(tmp_path)
    seen: list[Request] = []

    def breaks(request: Request) -> str:
        seen.append(request)
        if len(seen) == 90:
            raise ConnectionResetError("pulled the plug")
        return writes(request)

    whole = walk(task, tmp_path / "whole", crew(target=writes, source=wise))
    broken = crew(target=breaks, source=wise)
    with pytest.raises(ConnectionResetError):
        walk(task, tmp_path / "run", broken)
    rest = crew(target=writes, source=wise)
    found = walk(task, tmp_path / "run", rest)

    assert not set(broken.asked) & set(rest.asked)
    assert found.targets == whole.targets


def test_what_a_run_takes_is_reckoned_for_all_calls_of_an_answer(tmp_path: Path) -> None:
    planned = plan(load_task(program_task(tmp_path)))

    assert planned.expected.roles["source"].calls == 2 * (120 + 60)
    assert planned.expected.needs[0].answer.calls == 2


def test_a_task_has_either_a_prompt_or_a_program(tmp_path: Path) -> None:
    both = write_task(tmp_path / "both", program="tests.steps:Parity")
    none = write_task(tmp_path / "none", prompt=None)
    lost = program_task(tmp_path / "lost", dspy="tests.steps:Paritty")

    with pytest.raises(ConfigError, match="give either `prompt` or `program`, not both"):
        load_task(both)
    with pytest.raises(ConfigError, match="prompt: is missing; a DSPy program goes by `program` instead"):
        load_task(none)
    with pytest.raises(ConfigError, match=r"task.yaml:\d+: program: .*has no 'Paritty'. Did you mean 'Parity'\?"):
        load_task(lost)


def test_live_programs_are_never_changed_by_what_is_tried() -> None:
    suite = opened()
    before = live(suite).dump_state()

    compile_prompt(
        "gepa", suite, [Example(e.id, {"number": e.id}, e.expected) for e in numbers(40)], {},
        model=Follower("x/t", steps), proposer=Follower("x/a", lambda _: "Divide by two."), metric=exact, seed=1,
        max_calls=200,
    )  # fmt: skip

    assert live(suite).dump_state() == before


def test_a_part_as_a_prompt_shows_its_own_fields() -> None:
    part = Part("name", "Name it.", ("number", "rest"), ("parity",))

    assert [turn.content.text for turn in part.as_prompt().messages] == [
        "Name it.",
        "\nnumber: {{number}}\nrest: {{rest}}",
    ]


# -- how its messages are worded


def test_the_wording_of_its_messages_is_a_dimension() -> None:
    suite = opened()
    space, notes = by_parts(SearchSpace((WORDING, ADAPTER, DELIMITERS)), suite)
    built = space.build(suite, {**space.unchanged, "adapter": "json"}).prompt

    assert space.names == ("wording.divide", "wording.name.predict", "adapter")
    assert notes == ("search space: delimiters left out: DSPy lays out the messages of a program",)
    assert isinstance(built, Suite)
    assert (built.origin.adapter, built.parts) == ("json", suite.parts)
    assert built.digest != suite.digest
    assert space.build(suite, space.unchanged).prompt == suite
