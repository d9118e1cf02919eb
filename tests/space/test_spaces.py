"""Ready-made spaces, spaces in YAML, and what is done with a space that is wrong."""

from __future__ import annotations

import math
import re
import runpy
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import yaml

import search_spaces
from optimizer.errors import ConfigError, PluginError
from optimizer.planning.plan import plan
from optimizer.plugins import known_names, resolve
from optimizer.programs.dspy.recipes import OPTIMIZERS
from optimizer.prompt import Prompt
from optimizer.prompt.contract import Contract
from optimizer.prompt.template import Template
from optimizer.report.summary import expectation
from optimizer.search.compiles import check_programs
from optimizer.search.pool import Pool
from optimizer.search.study import check_suggestions
from optimizer.space import Choice, SearchSpace, Variant, in_demos, in_layout, in_params
from optimizer.space.check import faults, refuse_faults, without_faults
from optimizer.space.file import find_space, read_space
from optimizer.task import load_task
from optimizer.testing import check_space
from optimizer.tools import Toolset
from search_spaces import TOOLS
from tests.walking import SEARCH, crew, finished, walk, write_task, writes

PROMPT = Prompt.from_messages(
    [
        {"role": "system", "content": "Rate it. Please be kind. Never guess."},
        {"role": "user", "content": "Text: {{text}}"},
    ],
    protected=("Never guess.",),
)
README = Path(search_spaces.__file__).with_name("README.md")


def written(folder: Path, text: str) -> Path:
    path = folder / "my_space.yaml"
    path.write_text(text, "utf-8")
    return path


def read(folder: Path, dimensions: dict[str, Any], **more: Any) -> SearchSpace:
    return read_space(written(folder, yaml.safe_dump({**more, "dimensions": dimensions}, sort_keys=False)))


def variant(space: SearchSpace, **chosen: Any) -> Variant:
    return space.build(PROMPT, {**space.unchanged, **chosen})


# -- ready-made


def test_the_space_of_tools_keeps_the_contract_with_and_without_tools() -> None:
    note, keep = ({"name": name, "description": "Write it down. Please."} for name in ("note", "keep"))
    tools = Toolset.read([{"type": "function", "function": function} for function in (note, keep)])

    check_space(TOOLS, PROMPT)
    check_space(TOOLS, replace(PROMPT, tools=tools, contract=Contract("tools", tools=tools.parameters)))


@pytest.mark.parametrize("name", known_names("spaces", {}))
def test_every_ready_made_space_keeps_the_contract(name: str) -> None:
    check_space(resolve("spaces", name, {}), PROMPT)


def test_there_is_a_space_for_each_kind_of_task_and_the_page_names_them_all() -> None:
    names = set(known_names("spaces", {}))

    assert names == {
        "quick",
        "standard",
        "thorough",
        "classification",
        "extraction",
        "retrieval",
        "summarisation",
        "tools",
        "pipeline",
    }
    assert set(re.findall(r"`(\w+)`", README.read_text().partition("A space is a list")[0])) >= names


def test_thorough_has_every_dimension_of_the_others() -> None:
    """But for those of tools and pipelines, which most prompts are not."""
    spaces: list[SearchSpace] = [
        resolve("spaces", known, {}) for known in known_names("spaces", {}) if known not in ("tools", "pipeline")
    ]
    dimensions = {name for space in spaces for name in space.names}

    assert dimensions == set(search_spaces.THOROUGH.names)
    told = README.read_text().partition("A space is a list")[2].partition("The first value")[0]
    assert set(re.findall(r"`([\w.]+)`", told)) == {name for name in dimensions if "." not in name}


# -- in ten lines


def blocks(kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```", README.read_text("utf-8"), re.DOTALL | re.MULTILINE)


def test_the_yaml_example_on_the_page_is_ten_lines_and_does_what_it_says(tmp_path: Path) -> None:
    (text,) = blocks("yaml")

    space = read_space(written(tmp_path, text))

    assert len(text.splitlines()) <= 10
    assert space.choices("delimiters") == ("as_is", "xml") and space.choices("demos") == (0, 3, 6)
    assert space.choices("temperature") == (None, 0.2) and space.choices("wording") == ("as_is",)
    check_space(space, PROMPT)
    brief, firm = (variant(space, tone=tone).prompt.instructions.text for tone in ("brief", "firm"))
    assert brief == "Rate it. Please be kind. Never guess.\n\nAnswer in one short sentence."
    assert firm == "Rate it. Stay factual. Never guess."


def test_the_python_example_on_the_page_works(tmp_path: Path) -> None:
    (text,) = blocks("python")
    (tmp_path / "my_space.py").write_text(text)

    space = runpy.run_path(str(tmp_path / "my_space.py"))["MY_SPACE"]

    assert variant(space, case="upper").prompt.instructions.text == "RATE IT. PLEASE BE KIND. NEVER GUESS."
    with pytest.raises(AssertionError, match=r"case='upper' loses the protected text 'Never guess\.'"):
        check_space(space, PROMPT)
    check_space(space, replace(PROMPT, protected=()))


# -- YAML


def test_what_is_left_out_comes_from_thorough(tmp_path: Path) -> None:
    assert read(tmp_path, {"response_format": None}).choices("response_format") == (None, "json_object", "json_schema")


@pytest.mark.parametrize("knob", [f"{name}.{knob}" for name, recipe in OPTIMIZERS.items() for knob in recipe.options])
def test_every_knob_of_every_optimizer_can_be_turned(knob: str, tmp_path: Path) -> None:
    program, _, option = knob.partition(".")
    value = "source" if option == "teacher" else 3
    space = read(tmp_path, {"program": [program], knob: [value]})

    assert space.choices(knob) == (None, value)
    assert space.build(PROMPT, {"program": program, knob: value}).knobs == {knob: value}
    assert space.build(PROMPT, {"program": "plain", knob: value}).knobs == {}
    check_programs(space)


def test_a_sentence_goes_behind_the_wording_that_is_chosen(tmp_path: Path) -> None:
    space = read(tmp_path, {"wording": None, "tone": {"brief": "Be brief.", "firm": {"replace": "kind", "by": "firm"}}})
    pool = Pool(PROMPT, space, (), seed=0, wordings={"new": Template(("Judge it. Never guess.",))})

    assert pool.build({"wording": "new", "tone": "brief"}).instructions.text == "Judge it. Never guess.\n\nBe brief."
    assert pool.build({"wording": "new", "tone": "firm"}) == pool.build({"wording": "new", "tone": "as_is"})


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("dimensions: {delimters: [xml]}", r"1: dimensions\.delimters: no dimension is.*Did you mean 'delimiters'"),
        ("dimensions:\n  delimiters: [html]", r"yaml:2: dimensions\.delimiters: has no value 'html'.*: as_is, xml"),
        ("dimensions: {demos: [many]}", "has no value 'many'.* Known: 0, .*or another number"),
        ("dimensions: {demos: []}", "demos: has an empty list: name some of its values, or leave the list out for all"),
        ("dimensions: {demos: {few: 2}}", "demos: is a known dimension: give a list of its values"),
        ("dimensions: {wording: [rewritten]}", "wording: has no values to choose from"),
        ("dimensions: {tone: {}}", "no dimension is called 'tone'"),
        ("dimensions: {tone: [brief]}", "One of your own is a mapping of names to sentences"),
        ("dimensions: {tone: {as_is: }}", "tone: offers nothing but as_is"),
        ("dimensions: {tone: {as_is: Be kind.}}", "as_is is the choice that changes nothing"),
        ("dimensions: {tone: {brief: 3}}", r"brief: must be a sentence to append, or \{replace: .*found 3"),
        ("dimensions: {tone: {brief: {replace: a}}}", r"must be a sentence to append, or \{replace"),
        ('dimensions: {tone: {brief: "See {{text}}"}}', r"brief: holds a \{\{variable\}\}"),
        ("dimensions: []", "dimensions: must be a mapping of dimensions"),
        ("from: quick", "dimensions: must be a mapping of dimensions"),
        ('dimensions: {demos: ["3"]}', r"has no value '3'\. Write it without quotes\. Known: "),
        ("dimensions: {program: [gepa], gepa.minibach: [2]}", r"no option 'minibach'\. Did you mean 'minibatch'"),
        ("dimensions: {program: [gepa], simba.steps: [0]}", r"simba\.steps: must be a whole number from 1 on, found 0"),
        ("dimensions: {program: [gepa], simba.steps: }", r"simba\.steps: is a knob: give a list of its values"),
        ("dimensions: {program: [gepa], simba.steps: [4]}", r"simba\.steps: turns nothing, .*does not have simba"),
        ("dimensions: {gepa.minibatch: [2]}", r"gepa\.minibatch: turns nothing"),
        ("dimension: {demos: [1]}", "dimension: unknown key. Did you mean 'dimensions'"),
        ("from: other.yaml\ndimensions: {demos: [1]}", "from: must be a space's name"),
        ("dimensions: {tool_text: }", r"dimensions\.tool_text: is a dimension of tools, .*`from: tools`"),
        ("- demos\n- wording", r"mapping of keys to values \(from: \.\.\., dimensions: \.\.\.\), found a list"),
        ("dimensions: {tone: [brief]}", r"dimensions\.tone: .* known are wording, [a-z_, ]+$"),
        ('dimensions: {"": {brief: Be brief.}}', "a dimension of your own needs a name"),
        ('dimensions: {tone: {"": Be brief.}}', "tone: a sentence needs a name, found 'Be brief.'"),
        ("from: quick\ndimensions: {top_p: [1]}", r"2: dimensions\.top_p: is a dimension of thorough, .*`from: t"),
        ("from: standart\ndimensions: {demos: [1]}", r"my_space\.yaml:1: from: .*'standart'\. Did you mean 'standard'"),
        ("dimensions: {demos: [1], demos: [2]}", "the key 'demos' stands twice"),
    ],
)  # fmt: skip
def test_a_file_that_is_wrong_is_answered_with_line_place_value_and_way_out(
    tmp_path: Path, text: str, told: str
) -> None:
    with pytest.raises((ConfigError, PluginError), match=told):
        read_space(written(tmp_path, text))


def test_all_problems_of_a_file_are_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"(?s)my_space\.yaml:2: .*my_space\.yaml:3: "):
        read_space(written(tmp_path, "dimensions:\n  delimters: [xml]\n  reply: [loud]\n"))


def test_what_is_named_must_be_a_space(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="search_spaces:DEMOS is of type Choice; name a SearchSpace"):
        find_space("search_spaces:DEMOS", tmp_path)
    with pytest.raises(ConfigError, match=r"no such file; it is looked for beside the task file; search_spaces/README"):
        find_space("nowhere.yaml", tmp_path)


# -- faults


def changing(change: Callable[[Prompt], Prompt]) -> Callable[[Variant, Any], Variant]:
    return lambda v, _: replace(v, prompt=change(v.prompt))


def bomb(_variant: Variant, _value: Any) -> Variant:
    raise ZeroDivisionError("division by zero")


def heat(given: Variant, _value: Any) -> Variant:
    """In place, as nobody should."""
    given.prompt.params["temperature"] = 0.9  # type: ignore[index]
    return given


def case(given: Variant, value: Any) -> Variant:
    if value == "as_is":
        return given
    return changing(lambda p: replace(p, protected=(), instructions=p.instructions.map_text(getattr(str, value))))(
        given, value
    )


_COUNTER = iter(range(10**6))

FAULTY = {
    "x='y' changes the variables to [], from ['text']": Choice(
        "x", ("a", "y"), changing(lambda p: replace(p, question=Template(("gone",))))
    ),
    "x='y' changes the variables to ['more', 'text'], from ['text']": Choice(
        "x", ("a", "y"), changing(lambda p: replace(p, instructions=Template.parse("Never guess. {{more}}")))
    ),
    "x='y' loses the protected text 'Never guess.'": Choice(
        "x", ("a", "y"), changing(lambda p: replace(p, instructions=Template(("Always guess.",))))
    ),
    "x='y' cannot be built: cannot be applied: ZeroDivisionError('division by zero')": Choice("x", ("a", "y"), bomb),
    "x='y' cannot be built: gives str, not a Variant": Choice("x", ("a", "y"), lambda _v, _: "text"),  # type: ignore[arg-type, return-value]
    "x='y' builds something else the second time": Choice(
        "x", ("a", "y"), lambda v, _: in_params("seed")(v, next(_COUNTER))
    ),
    "x offers the list ['y'], which Optuna cannot hold": Choice("x", ("a", ["y"]), bomb),  # type: ignore[arg-type]
    "x offers nan, which is no number": Choice("x", (0.0, math.nan), bomb),
    "x offers the choice 'y' twice": Choice("x", ("a", "y", "y"), bomb),
    "x offers the choice False twice": Choice("x", (0, 1, False), bomb),
    "x offers ()": Choice("x", (), bomb),
    "x='html' sets delimiters to 'html'.": Choice("x", ("a", "html"), in_layout("delimiters")),
    "x=-1 cannot be built: a number of worked examples must be a whole number from 0 on": Choice(
        "x", (0, -1), in_demos("count")
    ),
    "x='divers' cannot be built: no choice of worked examples is called 'divers'. Did you mean 'diverse'?": Choice(
        "x", ("a", "divers"), in_demos("choice")
    ),
    "x='backwards' cannot be built: no order of worked examples is called 'backwards'": Choice(
        "x", ("a", "backwards"), in_demos("order")
    ),
    "x=7 sets temperature to 7; give a number from 0 to 2": Choice("x", (None, 7), in_params("temperature")),
    "x=2 sets stop to {2}, which JSON cannot hold; give texts, numbers": Choice(
        "x", (None, 2), lambda v, value: in_params("stop")(v, {value})
    ),
    "x=2 sets the parameter n, which no task may set: a repeated question": Choice("x", (None, 2), in_params("n")),
    "x changes the prompt that it is given; make another one": Choice("x", ("a", "y"), heat),
    "x would never carry out 'upper': the first choice changes nothing; put 'as_is'": Choice(
        "x", ("upper", "as_is", "lower"), case
    ),
    "x=1.5 sets max_tokens to 1.5; give a whole number": Choice("x", (None, 1.5), in_params("max_tokens")),
}


@pytest.mark.parametrize("told", FAULTY)
def test_a_faulty_choice_is_named_with_place_value_and_problem(told: str) -> None:
    space = SearchSpace((search_spaces.REPLY, FAULTY[told]))

    assert [str(fault)[: len(told)] for fault in faults(space, PROMPT)] == [told]
    with pytest.raises(ConfigError, match=re.escape(told)):
        refuse_faults("my:SPACE", faults(space, PROMPT))
    left, notes = without_faults(space, PROMPT)
    assert left == SearchSpace((search_spaces.REPLY,)) and len(notes) == 1


def test_what_a_dimension_raises_is_told_with_the_line_of_its_file() -> None:
    line = bomb.__code__.co_firstlineno + 1

    with pytest.raises(ConfigError, match=rf"ZeroDivisionError\('division by zero'\), at test_spaces\.py:{line}$"):
        variant(SearchSpace((Choice("x", ("a", "y"), bomb),)), x="y")


class Shouting:
    """Changes the prompt with its first choice; not a `Choice`, but a dimension all the same."""

    name = "case"
    choices = ("upper", "lower")

    def suggest(self, trial: Any) -> str:
        return str(trial.suggest_categorical(self.name, self.choices))

    def apply(self, made: Variant, value: Any) -> Variant:
        text = made.prompt.instructions.map_text(str.upper if value == "upper" else str.lower)
        return replace(made, prompt=replace(made.prompt, instructions=text))


def test_a_dimension_without_an_unchanged_choice_is_lost_as_a_whole() -> None:
    space, notes = without_faults(SearchSpace((Shouting(), search_spaces.REPLY)), PROMPT)

    assert space.names == ("reply",)
    assert notes == (
        "search space: case changes the prompt with its first choice, 'upper'; let that one return the variant as it "
        "is: lost",
    )


def test_one_bad_value_of_several_is_lost_alone() -> None:
    space, _ = without_faults(SearchSpace((search_spaces.DEMOS.among(2, -1),)), PROMPT)

    assert space.choices("demos") == (0, 2)


def test_where_no_configuration_is_valid_the_unchanged_prompt_is_left() -> None:
    space, notes = without_faults(SearchSpace((Shouting(),)), PROMPT)

    assert variant(space).prompt == PROMPT and [len(d.choices) for d in space.dimensions] == [1] and len(notes) == 1


def test_a_replacement_of_what_does_not_stand_there_is_named(tmp_path: Path) -> None:
    space = read(tmp_path, {"tone": {"firm": {"replace": "Pleas be kind.", "by": "Stay factual."}}})

    assert [str(fault) for fault in faults(space, PROMPT)] == [
        "tone='firm' changes nothing in this prompt: the text that it replaces does not stand in the instructions"
    ]


@dataclass(frozen=True)
class Heat:
    """A dimension that is no `Choice`."""

    suggest: Callable[[Any], Any]
    name: str = "heat"
    choices: tuple[float, ...] = (0.0, 0.3, 0.9)

    def apply(self, made: Variant, value: Any) -> Variant:
        return in_params("temperature")(made, value) if value else made


@pytest.mark.parametrize(
    ("suggest", "told"),
    [
        (
            lambda trial: trial.suggest_float("heat", 0.1, 0.2),
            r"heat\.suggest gives 0\.1\d+, which is not among its choices",
        ),
        (
            lambda _: dict[str, float]()["low"],
            r"heat\.suggest failed: KeyError\('low'\), at test_spaces\.py:\d+; return trial\.sug",
        ),
    ],
)
def test_what_a_dimension_suggests_must_be_among_its_choices(suggest: Callable[[Any], Any], told: str) -> None:
    check_suggestions(
        SearchSpace((search_spaces.REPLY, Heat(lambda t: t.suggest_categorical("heat", (0.0, 0.3, 0.9)))))
    )
    with pytest.raises(ConfigError, match=told):
        check_suggestions(SearchSpace((search_spaces.REPLY, Heat(suggest))))


WARM = SearchSpace((search_spaces.REPLY, Heat(lambda trial: trial.suggest_float("heat", 0.1, 0.2))))


def test_check_refuses_what_a_sampler_could_not_learn_from(tmp_path: Path) -> None:
    task = write_task(tmp_path, search={**SEARCH, "space": f"{__name__}:WARM"})

    with pytest.raises(ConfigError, match=r"heat\.suggest gives"):
        plan(load_task(task), strict=True)


# -- whole runs

BROKEN = SearchSpace((search_spaces.WORDING, search_spaces.REPLY, next(iter(FAULTY.values()))))
HOPELESS = SearchSpace((Shouting(),))


def test_check_refuses_a_faulty_space_and_a_run_goes_on_without_the_choice(tmp_path: Path) -> None:
    task = write_task(tmp_path / "task", search={**SEARCH, "space": f"{__name__}:BROKEN"})

    with pytest.raises(ConfigError, match=rf"(?s)search.space: {__name__}:BROKEN cannot be used.*x='y' changes"):
        plan(load_task(task), strict=True)
    models = crew(proposer=writes)
    proposer = {"model": "test/proposer", "price": {"input": 1, "output": 1}}
    found, run = finished(tmp_path, models, search={**SEARCH, "space": f"{__name__}:BROKEN"}, proposer=proposer)

    result = found.targets[0]
    assert {name for trial in result.search.trials for name in trial.params} == {"wording", "reply"}
    lost = [note for note in result.search.notes if note.startswith("search space: x='y' changes the variables")]
    assert len(lost) == 1
    assert lost[0] in (run / "report.html").read_text().replace("&#39;", "'")
    assert "x='y' changes the variables" in (run / "run.log").read_text()


def test_a_space_with_no_valid_configuration_measures_the_unchanged_prompt(tmp_path: Path) -> None:
    found, _ = finished(tmp_path, search={**SEARCH, "space": f"{__name__}:HOPELESS"})

    result = found.targets[0]
    assert len(result.search.trials) == 1 and result.search.winner.prompt == found.prompt
    assert any("case changes the prompt with its first choice" in note for note in result.search.notes)


def test_more_worked_examples_than_there_are_to_train_on_are_noted_by_check_and_run(tmp_path: Path) -> None:
    """Of 120 examples a fifth, 24, is for training."""
    task = write_task(tmp_path, search={**SEARCH, "space": "my_space.yaml"})
    written(tmp_path, "dimensions: {demos: [24, 500, 25]}")
    note = (
        "search space: demos asks for 25 or 500 worked examples, and the split has 24 for training: no more than that "
        "can be shown"
    )

    checked = expectation(plan(load_task(task), strict=True))
    result = walk(task, tmp_path / "run").targets[0]

    assert checked.splitlines().count(f"note: {note}") == 1
    assert note in result.search.notes and note in (tmp_path / "run/run.log").read_text()
    assert max(len(trial.prompt.demos) for trial in result.search.trials) == 24


def test_as_many_worked_examples_as_there_are_to_train_on_go_without_a_note(tmp_path: Path) -> None:
    task = write_task(tmp_path, search={**SEARCH, "space": "my_space.yaml"})
    written(tmp_path, "dimensions: {demos: [2, 24], demo_choice: [per_request]}")

    assert plan(load_task(task), strict=True).fits[0].notes == ()


def test_a_space_file_lies_beside_the_task_file(tmp_path: Path) -> None:
    task = write_task(tmp_path, search={**SEARCH, "space": "my_space.yaml"})
    written(tmp_path, "dimensions: {reply: [told], tone: {brief: Be brief.}}")

    (fit,) = plan(load_task(task), strict=True).fits

    assert fit.space.names == ("reply", "tone")
