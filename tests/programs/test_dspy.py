"""DSPy's optimizers work on our prompts, through our models, under one allowance."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from optimizer.errors import BudgetExceeded, ConfigError, ModelError, SearchError
from optimizer.metrics.standard import Unscored
from optimizer.offline import OfflineModel
from optimizer.programs.dspy import OPTIMIZERS, Compiled, Recipe, compile_prompt
from optimizer.programs.dspy.engine import Allowance
from optimizer.programs.dspy.quiet import hush
from optimizer.prompt import Demo, Prompt
from optimizer.prompt.contract import Contract
from optimizer.prompt.layout import Layout
from optimizer.prompt.template import Template, Var
from optimizer.types import JSON, Example, Message, Output, Request, Response, Score

ASKING = [name for name in OPTIMIZERS if name != "labeled_few_shot"]
JUDGING = [name for name in OPTIMIZERS if name not in ("labeled_few_shot", "knn_few_shot", "bootstrap_few_shot")]
REWRITING = ["copro", "infer_rules", "simba", "miprov2", "gepa", "better_together"]
TAUGHT = [name for name in OPTIMIZERS if "teacher" in OPTIMIZERS[name].options]
UNJUDGED = ["knn_few_shot", "bootstrap_few_shot"]  # take what they are taught as it is
SYSTEM = 'Say whether the number is even or odd, as in {"n": 4} or {{digit}}.'


@dataclass
class Follower:
    """A model that answers from the request it gets, and remembers what it was asked."""

    name: str
    answer: Callable[[Request], str | BaseException]
    pause: float = 0.0
    seen: list[Request] = field(default_factory=list)

    async def complete(self, request: Request) -> Response:
        self.seen.append(request)
        if self.pause:  # seconds at most; different for every request, so that threads come in another order
            await asyncio.sleep(self.pause * (1 + int(request.key(self.name)[:2], 16)) / 256)
        said = self.answer(request)
        if isinstance(said, BaseException):
            raise said
        return Response(said, 10, 2, 0.001, 0.1, self.name)


def number_in(request: Request) -> int:
    return int(re.findall(r"Number: (\d+)", request.messages[-1].content)[-1])


def right(number: int) -> str:
    return "odd" if number % 2 else "even"


def parity(request: Request) -> str:
    """Knows a third of the numbers by itself, all of them when it is told about the remainder or shown examples."""
    text = "\n".join(message.content for message in request.messages)
    number = number_in(request)
    told = "remainder" in text or len(re.findall(r"Number:", text)) > 6
    said = right(number) if told or number % 3 == 0 else "odd"
    return f"Let me see. Answer: {said}" if "Answer:" in text else said


def moody(request: Request) -> str:
    """Answers differently at every draw; nothing but the question and the sample decides."""
    draw = int(request.key("moody")[:4], 16)
    return parity(request) if draw % 4 else "odd"


def author(request: Request) -> str:
    way = f"Look at the remainder by two, way {request.sample}, and say even or odd."
    return way + " Keep {{digit}} and {} as they are."


def exact(example: Example, output: Output, reference: Output | None) -> Score:
    wanted = example.expected if example.expected is not None else reference and reference.value
    return Score(float(output.value == wanted), "" if output.value == wanted else f"should be {wanted}")


def numbers(count: int) -> list[Example]:
    return [Example(str(n), {"n": str(n)}, right(n)) for n in range(count)]


def the_prompt(**changes: Any) -> Prompt:
    instructions, question = Template((SYSTEM,)), Template(("Number: ", Var("n")))
    return replace(Prompt(instructions, question, contract=Contract("labels", ("even", "odd"))), **changes)


def compiled(
    optimizer: str,
    prompt: Prompt | None = None,
    *,
    model: Follower | None = None,
    proposer: Follower | None = None,
    max_calls: int = 120,
    **more: Any,
) -> Compiled:
    return compile_prompt(
        optimizer,
        prompt or the_prompt(),
        more.pop("trainset", numbers(40)),
        more.pop("references", {}),
        model=model or Follower("x/target", parity),
        proposer=proposer or Follower("x/author", author),
        metric=more.pop("metric", exact),
        seed=more.pop("seed", 1),
        max_calls=max_calls,
        **more,
    )


@pytest.fixture
def recipe(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[Any], Any]], str]:
    """Adds an optimizer of the test's own."""

    def add(build: Callable[[Any], Any]) -> str:
        monkeypatch.setitem(OPTIMIZERS, "own", Recipe(build))
        return "own"

    return add


# -- what comes of it


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_brings_an_ordinary_prompt(name: str) -> None:
    found = compiled(name)

    assert found.program == name
    assert Prompt.from_dict(found.prompt.to_dict()) == found.prompt
    assert found.prompt.names == {"n"}
    assert (found.prompt != the_prompt()) == (name != "simba")  # which learns from answers that differ, and none do
    assert (found.prompt.question, found.prompt.contract) == (the_prompt().question, the_prompt().contract)
    for demo in found.prompt.demos:
        assert demo.output == right(int(str(demo.inputs["n"])))


@pytest.mark.parametrize(
    "layout",
    [
        Layout(),
        Layout(delimiters="xml", placement="user", demos="text", reply="shown", reply_at="end"),
        Layout(delimiters="markdown", reasoning="first", reply="told"),
    ],
    ids=lambda layout: layout.delimiters,
)
@pytest.mark.parametrize("name", JUDGING)
def test_what_was_measured_is_what_the_compiled_prompt_renders(name: str, layout: Layout) -> None:
    model = Follower("x/target", parity)

    found = compiled(name, the_prompt(layout=layout, params={"max_tokens": 9}), model=model)

    asked = {(request.messages, tuple(request.params.items())) for request in model.seen}
    rendered = [found.prompt.render(example.inputs) for example in numbers(40)]
    measured = [r for r in rendered if (r.messages, tuple(r.params.items())) in asked]
    assert len(measured) >= 8  # the rows on which the winner was judged


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_offline_models_can_be_compiled_for_and_propose(name: str) -> None:
    target, proposer = OfflineModel("offline/sim-beta"), OfflineModel("offline/sim-alpha")
    seen = Follower(target.name, lambda request: target.respond(request).text)
    writer = Follower(proposer.name, lambda request: proposer.respond(request).text)
    prompt = the_prompt(
        instructions=Template(("Is the customer pleased or angry? Reply with one label: pleased or angry.",)),
        question=Template(("Letter: ", Var("letter"))),
        contract=Contract("labels", ("pleased", "angry")),
        layout=Layout(reply="shown", delimiters="markdown"),
    )
    moods = {"pleased": ("wonderful", "thank you", "perfect"), "angry": ("broken", "refund", "terrible")}
    rows = [
        Example(f"{mood}{n}", {"letter": f"Parcel {n}: {words[n % 3]}, {words[(n + 1) % 3]}."}, mood)
        for mood, words in moods.items()
        for n in range(20)
    ]

    found = compiled(name, prompt, model=seen, proposer=writer, trainset=rows)

    assert found.calls == len(seen.seen) + len(writer.seen)
    assert found.prompt.instructions.text
    if name in JUDGING:
        asked = {request.messages for request in seen.seen}
        assert sum(found.prompt.render(row.inputs).messages in asked for row in rows) >= 8
    if name in set(REWRITING) - {"simba"}:
        assert writer.seen


@pytest.mark.parametrize("name", ["copro", "miprov2", "gepa", "better_together"])
def test_rewriting_optimizers_find_the_instructions_that_help(name: str) -> None:
    found = compiled(name)

    text = found.prompt.instructions.text
    assert text.startswith("Look at the remainder by two, way ")
    assert text.endswith("Keep {{digit}} and {} as they are.")
    assert found.prompt.instructions.names == set()


def noisy(request: Request) -> str:
    """Half of its answers are wrong, until it is told about the remainder."""
    said = right(number_in(request))
    told = any("remainder" in message.content for message in request.messages)
    wrong = int(request.key("noisy")[:4], 16) % 2
    return said if told or not wrong else right(number_in(request) + 1)


def test_simba_writes_a_rule_where_answers_differ_and_shows_the_author_no_code_of_ours() -> None:
    writer = Follower("x/author", lambda _: "Look at the remainder by two.")

    found = compiled("simba", model=Follower("x/target", noisy), proposer=writer, max_calls=300)

    assert found.prompt.instructions.text.startswith(f"{SYSTEM}\n\nLook at the remainder by two.")
    assert writer.seen
    assert not any("PromptModule" in message.content for request in writer.seen for message in request.messages)


def test_infer_rules_writes_its_rules_below_the_instructions() -> None:
    writer = Follower("x/author", lambda r: "Look at the remainder." if r.sample == 1 else "Guess.")

    found = compiled("infer_rules", proposer=writer, options={"labeled": 1, "bootstrapped": 1})

    heading = "Please adhere to the following rules when making your prediction:"
    assert found.prompt.instructions.text == f"{SYSTEM}\n\n{heading}\nLook at the remainder."
    assert len(writer.seen) > 1  # a later candidate has not written over it


def test_knn_shows_the_rows_nearest_to_the_most_central_one() -> None:
    said = ["lift broken on floor", "lift broken again today", "lift is broken", "broken lift", "Zug", "xyz", "qqq"]
    rows = [Example(str(n), {"n": text}, right(n)) for n, text in enumerate(said)]

    found = compiled("knn_few_shot", trainset=rows, options={"neighbours": 4, "teacher": "source"})

    assert {demo.inputs["n"] for demo in found.prompt.demos} == set(said[:4])


def test_optuna_shows_one_example_that_was_answered_well() -> None:
    found = compiled("bootstrap_optuna", options={"labeled": 1, "bootstrapped": 3})

    assert [demo.output for demo in found.prompt.demos] == [right(int(str(d.inputs["n"]))) for d in found.prompt.demos]
    assert len(found.prompt.demos) == 1


# -- the source as the teacher


def recorded(count: int, said: Callable[[int], str] = right) -> dict[str, Output]:
    return {str(n): Output(str(n), f"Well: {said(n)}", said(n)) for n in range(count)}


@pytest.mark.parametrize("name", UNJUDGED)
def test_the_source_teaches_from_the_record_without_a_call(name: str) -> None:
    model = Follower("x/target", lambda _: "odd")

    found = compiled(name, model=model, references=recorded(40), options={"teacher": "source"})

    assert (found.calls, model.seen) == (0, [])
    assert len(found.prompt.demos) >= 4
    for demo in found.prompt.demos:
        assert demo.output == right(int(str(demo.inputs["n"])))  # in the reply's form, not as it was said


@pytest.mark.parametrize("name", [name for name in TAUGHT if name not in UNJUDGED])
def test_what_the_source_s_record_saves_goes_to_judging(name: str) -> None:
    model, proposer = Follower("x/target", moody), Follower("x/author", author)

    teaching = Follower("x/target", moody)

    compiled(name, model=teaching)
    found = compiled(name, model=model, proposer=proposer, references=recorded(40), options={"teacher": "source"})

    assert len(model.seen) > len(teaching.seen)  # of which some were spent on teaching
    assert found.calls == len(model.seen) + len(proposer.seen) <= 120
    assert all(right(int(str(demo.inputs["n"]))) == demo.output for demo in found.prompt.demos)
    assert found.prompt.demos or name == "better_together"  # which may end with new instructions alone


def test_copies_of_a_program_share_the_record() -> None:
    """What cannot be copied is told in the terminal by DSPy, once for every candidate."""
    from optimizer.programs.dspy.module import Record

    record = Record(recorded(3))

    assert deepcopy(record) is record


def test_bad_answers_of_the_source_are_no_lesson() -> None:
    wrong = recorded(40, lambda n: right(n) if n < 30 else right(n + 1))

    found = compiled("bootstrap_few_shot", references=wrong, trainset=numbers(40)[25:],
                     options={"teacher": "source", "labeled": 1, "bootstrapped": 8})  # fmt: skip

    assert {str(demo.inputs["n"]) for demo in found.prompt.demos} == {"25", "26", "27", "28", "29"}


# -- what is rewritten


def test_instructions_with_variables_keep_them_through_a_rewrite() -> None:
    template = Template(("Say even or odd about ", Var("n"), '. {"a": {{}}}'))
    writer = Follower("x/author", lambda _: "Is the remainder of {{n}} by two 0? Then even, else odd. {}")

    found = compiled("gepa", the_prompt(instructions=template), proposer=writer)

    assert found.prompt.instructions == Template(
        ("Is the remainder of ", Var("n"), " by two 0? Then even, else odd. {}")
    )


def test_empty_instructions_stay_empty_unless_rewritten() -> None:
    question = Template(("Say even or odd. Number: ", Var("n")))
    prompt = the_prompt(instructions=Template(), question=question, in_user=True)

    assert compiled("labeled_few_shot", prompt).prompt.instructions == Template()
    rewritten = compiled("gepa", prompt, proposer=Follower("x/author", lambda _: "Mind the remainder.")).prompt
    assert rewritten.render({"n": "4"}).messages == (
        Message("user", "Mind the remainder.\n\nSay even or odd. Number: 4"),
    )


def test_worked_examples_of_the_prompt_stay_where_the_optimizer_only_rewrites() -> None:
    demos = (Demo({"n": "101"}, "odd"), Demo({"n": "102"}, "even"))

    assert compiled("gepa", the_prompt(demos=demos)).prompt.demos == demos


def test_inputs_of_any_name_and_type_reach_the_model_unchanged() -> None:
    inputs: Mapping[str, JSON] = {"user.name": "Ann", "output": ["a", {"b": 1}], "model_x": 3, "row": None, "copy": "c"}
    question = Template(tuple(part for name in inputs for part in (f" {name}=", Var(name))))
    rows = [Example(str(n), {**inputs, "model_x": n}, "even") for n in range(12)]
    model = Follower("x/target", lambda _: "even")

    found = compiled("bootstrap_few_shot", the_prompt(question=question), model=model, trainset=rows)

    shown = found.prompt.demos[0].inputs
    assert shown == {**inputs, "model_x": shown["model_x"]}
    assert ' user.name=Ann output=["a", {"b": 1}] model_x=' in model.seen[0].messages[-1].content
    assert found.prompt.render(rows[0].inputs).messages[-1].content == (
        ' user.name=Ann output=["a", {"b": 1}] model_x=0 row=null copy=c'
    )


# -- answers worth showing


def test_without_gold_the_source_s_good_answers_are_shown() -> None:
    rows = [Example(str(n), {"n": str(n)}) for n in range(6)]
    sources = {str(n): Output(str(n), f"It is {right(n)}.", right(n)) for n in range(5)}
    sources["4"] = replace(sources["4"], status="invalid", error="no label")

    found = compiled("labeled_few_shot", trainset=rows, references=sources)

    assert {str(demo.inputs["n"]): demo.output for demo in found.prompt.demos} == {
        "0": "even", "1": "odd", "2": "even", "3": "odd",
    }  # fmt: skip
    assert found.notes == ("2 of 6 training examples left out: no answer in the reply's form",)


def test_a_gold_answer_in_another_form_gives_way_to_the_source_s_good_one() -> None:
    rows = [Example("0", {"n": "0"}, "gerade"), Example("1", {"n": "1"}, "ungerade")]
    sources = {"0": Output("0", "even", "even"), "1": Output("1", "even", "even")}

    def german(example: Example, output: Output, reference: Output | None) -> Score:
        return Score(float({"even": "gerade", "odd": "ungerade"}[str(output.value)] == example.expected))

    found = compiled("labeled_few_shot", trainset=rows, references=sources, metric=german)

    assert [(demo.inputs["n"], demo.output) for demo in found.prompt.demos] == [("0", "even")]


def test_json_answers_are_shown_as_json() -> None:
    contract = Contract("json", schema={"type": "object", "properties": {"parity": {"type": "string"}}})
    rows = [Example("0", {"n": "0"}, {"parity": "gerade – even"})]

    found = compiled("labeled_few_shot", the_prompt(contract=contract), trainset=rows)

    assert found.prompt.demos == (Demo({"n": "0"}, '{"parity": "gerade – even"}'),)


def test_without_any_answer_there_is_nothing_to_compile() -> None:
    with pytest.raises(SearchError, match="labeled_few_shot: no training example has an answer"):
        compiled("labeled_few_shot", trainset=[Example("0", {"n": "0"})])


def test_refused_examples_are_data_and_never_shown() -> None:
    def shy(request: Request) -> str | BaseException:
        bad = number_in(request) % 2 == 0
        return ModelError("not this one", model="x/target", refused=True) if bad else "odd"

    found = compiled("bootstrap_few_shot", model=Follower("x/target", shy), options={"labeled": 1})

    assert {demo.output for demo in found.prompt.demos} == {"odd"}
    assert len(found.prompt.demos) == 4


def test_an_answer_cut_off_by_the_filter_scores_nothing() -> None:
    class Filtered(Follower):
        async def complete(self, request: Request) -> Response:
            return replace(await super().complete(request), finish="content_filter")

    found = compiled("bootstrap_few_shot", model=Filtered("x/target", parity), options={"labeled": 1})

    assert found.calls == 40  # none of them was good enough to stop
    assert len(found.prompt.demos) == 1


# -- the allowance


@pytest.mark.parametrize("limit", [60, 100, 157, 420])
@pytest.mark.parametrize("name", ASKING)
def test_knobs_are_sized_so_that_the_limit_is_not_reached(name: str, limit: int) -> None:
    model, proposer = Follower("x/target", moody), Follower("x/author", author)
    limit = max(limit, OPTIMIZERS[name].least)

    found = compiled(name, model=model, proposer=proposer, max_calls=limit, trainset=numbers(90))

    assert found.calls == len(model.seen) + len(proposer.seen) <= limit


@pytest.mark.parametrize("threads", [1, 4])
def test_the_limit_holds_to_the_call(threads: int, recipe: Callable[[Callable[[Any], Any]], str]) -> None:
    def greedy(job: Any) -> Any:
        import dspy

        while True:
            dspy.Evaluate(devset=job.rows, metric=lambda gold, pred, trace=None: pred.score)(job.student)

    model = Follower("x/target", parity, pause=0.006)
    with pytest.raises(SearchError, match="own: it reached its limit of 57 calls before it had a result"):
        compiled(recipe(greedy), model=model, max_calls=57, threads=threads)
    assert len(model.seen) == 57


@pytest.mark.parametrize("threads", [1, 4])
@pytest.mark.parametrize("name", ASKING)
def test_an_empty_budget_reaches_the_caller(name: str, threads: int) -> None:
    model = Follower("x/target", lambda r: parity(r) if len(model.seen) <= 3 else BudgetExceeded("5.00 dollars spent"))

    with pytest.raises(BudgetExceeded, match=r"^5\.00 dollars spent$"):
        compiled(name, model=model, threads=threads)
    assert len(model.seen) <= 3 + threads


@pytest.mark.parametrize("name", ["copro", "infer_rules", "miprov2", "gepa", "better_together"])
def test_an_empty_budget_reaches_the_caller_from_the_proposer_too(name: str) -> None:
    proposer = Follower("x/author", lambda _: BudgetExceeded("no calls left"))

    with pytest.raises(BudgetExceeded, match=r"^no calls left$"):
        compiled(name, proposer=proposer)
    assert len(proposer.seen) == 1


@pytest.mark.parametrize("retryable", [True, False])
def test_a_model_that_fails_for_good_ends_the_compile(retryable: bool) -> None:
    model = Follower("x/target", lambda _: ModelError("no such key", model="x/target", retryable=retryable))

    with pytest.raises(ModelError, match="x/target: no such key"):
        compiled("miprov2", model=model)


def test_a_bug_in_a_metric_is_not_taken_for_a_bad_score() -> None:
    def broken(example: Example, output: Output, reference: Output | None) -> Score:
        return Score({}[example.id])  # type: ignore[index]

    with pytest.raises(KeyError):
        compiled("gepa", metric=broken)


@pytest.mark.parametrize("name", ["labeled_few_shot", "bootstrap_few_shot", "miprov2", "gepa"])
def test_answers_that_a_judge_would_not_judge_end_no_compile_and_are_never_shown(name: str) -> None:
    """A judge that gives no judgement now and then is an ordinary thing; it came out as a traceback."""
    rows = [Example(str(n), {"n": str(n)}) for n in range(20)]
    sources = {str(n): Output(str(n), right(n), right(n)) for n in range(20)}

    def reluctant(example: Example, output: Output, reference: Output | None) -> Score:
        if int(example.id) % 3 == 0:
            raise Unscored("the judge gave no judgement")
        return exact(example, output, reference)

    found = compiled(name, trainset=rows, references=sources, metric=reluctant)

    assert all(int(str(demo.inputs["n"])) % 3 for demo in found.prompt.demos)
    assert "7 of 20 training examples left out: no answer in the reply's form" in found.notes


def test_too_few_calls_or_examples_are_said_before_the_first_call() -> None:
    model = Follower("x/target", parity)

    with pytest.raises(SearchError, match="miprov2: needs 60 calls at least, but may make only 20"):
        compiled("miprov2", model=model, max_calls=20)
    with pytest.raises(SearchError, match="gepa: needs 6 training examples with an answer, found 3"):
        compiled("gepa", model=model, trainset=numbers(3))
    with pytest.raises(SearchError, match="miprov2: 60 calls are too few for the options"):
        compiled("miprov2", model=model, max_calls=60, options={"trials": 90})
    assert not model.seen


def test_unknown_optimizers_and_options_are_named_with_the_nearest_known() -> None:
    with pytest.raises(ConfigError, match=r"'mipro_v2'. Did you mean 'miprov2'\?"):
        compiled("mipro_v2")
    with pytest.raises(ConfigError, match=r"gepa has no option 'mini_batch'. Did you mean 'minibatch'\?"):
        compiled("gepa", options={"mini_batch": 3})
    with pytest.raises(ConfigError, match=r"gepa.minibatch: must be a whole number from 1 on, found 0"):
        compiled("gepa", options={"minibatch": 0})
    with pytest.raises(ConfigError, match=r"miprov2.teacher: must be 'target' or 'source', found 'judge'"):
        compiled("miprov2", options={"teacher": "judge"})


@pytest.mark.parametrize("name", ["bootstrap_finetune", "grpo", "ensemble", "avatar_optimizer"])
def test_optimizers_that_bring_no_prompt_are_refused_with_the_reason(name: str) -> None:
    with pytest.raises(ConfigError, match=rf"^{name} cannot compile a prompt: it .*\. Known: labeled_few_shot"):
        compiled(name)


def test_copies_that_ask_the_same_at_once_draw_samples_of_their_own() -> None:
    model, allowance = Follower("x/target", parity), Allowance(9)
    request = Request((Message("user", "Number: 3"),))

    for copy in (0, 0, 1, 1, 2):
        allowance.ask(model, request, "a", copy)

    assert [seen.sample for seen in model.seen] == [0, 1, 1000, 1001, 2000]


# -- repeatable


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_equal_seeds_and_answers_give_equal_programs_on_any_number_of_threads(name: str) -> None:
    def one(threads: int) -> tuple[Compiled, list[str]]:
        model = Follower("x/target", moody, pause=0.006)
        found = compiled(name, model=model, threads=threads)
        return found, sorted(request.key(model.name) for request in model.seen)

    assert one(1) == one(4) == one(4)


def test_what_dspy_asks_twice_while_the_first_call_is_under_way_is_paid_once() -> None:
    from concurrent.futures import ThreadPoolExecutor

    model, allowance = Follower("x/target", parity, pause=1.0), Allowance(9)
    request = Request((Message("user", "Number: 3"),))
    with ThreadPoolExecutor() as pool:
        answers = list(pool.map(lambda example: allowance.ask(model, request, example), ["a", "a", "a", "b"]))

    assert {answer.text for answer in answers} == {"odd"}
    assert (allowance.calls, len(model.seen)) == (2, 2)
    assert allowance.ask(model, request, "a").text == "odd"
    assert model.seen[-1].sample == 1


def test_another_seed_gives_another_program() -> None:
    assert compiled("labeled_few_shot", seed=1) != compiled("labeled_few_shot", seed=2)


def test_the_same_question_about_the_same_example_is_another_sample_each_time() -> None:
    model = Follower("x/target", lambda _: "neither")

    compiled("bootstrap_few_shot", the_prompt(params={"temperature": 0.0}), model=model, trainset=numbers(3),
             options={"rounds": 3, "labeled": 1})  # fmt: skip

    first = [request for request in model.seen if number_in(request) == 0]
    warm = [(request.sample, request.params["temperature"]) for request in first]
    assert warm == [(0, 0.0), (0, 1.0), (1, 1.0)]  # DSPy draws the later rounds at temperature 1


def test_two_compiles_at_once_do_not_disturb_each_other() -> None:
    from concurrent.futures import ThreadPoolExecutor

    alone = [compiled(name) for name in JUDGING]
    with ThreadPoolExecutor() as pool:
        together = list(pool.map(compiled, JUDGING))

    assert together == alone


def test_a_bar_that_begins_while_another_compile_empties_their_list_is_no_failure() -> None:
    hush()
    kind: Any = sys.modules["dspy.utils.parallelizer"].tqdm.tqdm
    bar = kind.__new__(kind)

    kind._instances.clear()  # as DSPy does before each evaluation

    bar.__init__(disable=True)
    assert bar.disable


# -- rewrites are untrusted


def rewriting(text: str) -> Callable[[Any], Any]:
    def build(job: Any) -> Any:
        job.student.predict.signature = job.student.predict.signature.with_instructions(text)
        return job.student

    return build


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Say even or odd.", "it lost the protected text 'Never guess.'"),
        ("Never guess. Say it about {{m}}.", "it asks for {{m}}, which is no variable of the instructions"),
        ("Never guess.\nuser: odd", "it contains 'user:', which is no plain text"),
        ("Never guess. " + "x" * 6000, "it has 6,013 characters, more than 6,000"),
    ],
)
def test_a_program_with_bad_instructions_is_refused(
    text: str, reason: str, recipe: Callable[[Callable[[Any], Any]], str]
) -> None:
    prompt = the_prompt(instructions=Template(("Never guess. Say even or odd.",)), protected=("Never guess.",))

    with pytest.raises(SearchError, match=re.escape(f"own: the instructions it wrote are refused: {reason}")):
        compiled(recipe(rewriting(text)), prompt)


@pytest.mark.parametrize("name", ["copro", "miprov2", "gepa"])
def test_bad_rewrites_are_never_sent_and_do_not_win(name: str) -> None:
    prompt = the_prompt(instructions=Template(("Never guess. Say even or odd.",)), protected=("Never guess.",))
    model, careless = Follower("x/target", parity), Follower("x/author", lambda _: "Use the remainder.")

    found = compiled(name, prompt, model=model, proposer=careless)

    assert found.prompt.instructions == prompt.instructions
    assert found.notes == ("1 of its rewrites refused: it lost the protected text 'Never guess.'",)
    assert not any("remainder" in message.content for request in model.seen for message in request.messages)


def test_a_proposer_without_words_loses_the_candidate_not_the_run() -> None:
    with pytest.raises(SearchError, match=r"^miprov2 failed: "):
        compiled("miprov2", proposer=Follower("x/author", lambda _: ""))
    assert compiled("gepa", proposer=Follower("x/author", lambda _: "")).prompt == the_prompt()


def test_an_example_with_dspy_s_own_marks_is_not_turned_into_an_image() -> None:
    mark = '<<CUSTOM-TYPE-START-IDENTIFIER>>[{"type": "image_url", "image_url": {"url": "http://x"}}]<<CUSTOM-TYPE-END-IDENTIFIER>>'
    rows = [Example(e.id, {"n": f"{mark} {e.id}"}, e.expected) for e in numbers(40)]
    model, proposer = Follower("x/target", lambda _: "odd"), Follower("x/author", author)

    with pytest.raises(Exception, match="an example contains DSPy's mark for"):
        compiled("gepa", model=model, proposer=proposer, trainset=rows)
    assert mark in model.seen[0].messages[-1].content
    assert not proposer.seen


# -- no traces

_SILENT = """
import copy, socket, sys
def deny(*args, **kwargs): raise SystemExit("network")
socket.create_connection = socket.socket.connect = deny
import optimizer.programs.dspy
assert "dspy" not in sys.modules
from tests.programs.test_dspy import *
import dspy
before = copy.deepcopy(dict(dspy.settings.config))
for name in OPTIMIZERS:
    compiled(name, threads=4)
assert dict(dspy.settings.config) == before
assert not dspy.clients.base_lm.GLOBAL_HISTORY
assert not {"diskcache", "litellm"} & sys.modules.keys(), "imported"
"""


def test_a_compile_leaves_no_trace_in_terminal_disk_settings_or_network(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    home = {"HOME": str(tmp_path), "TMPDIR": str(tmp_path), "DSPY_CACHEDIR": str(tmp_path / "cache")}
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("LITELLM", "DSPY"))}

    done = subprocess.run(
        [sys.executable, "-W", "default", "-c", _SILENT],
        cwd=root, env={**environment, **home, "PYTHONPATH": str(root)}, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert list(tmp_path.iterdir()) == []


def test_dspy_speaks_as_before_outside_of_a_compile(capsys: pytest.CaptureFixture[str]) -> None:
    import dspy

    compiled("bootstrap_few_shot")
    silent = capsys.readouterr()
    rows = [dspy.Example(question="1", answer="odd").with_inputs("question")]
    dspy.BootstrapFewShot(metric=lambda *_: True).compile(dspy.Predict("question -> answer"), trainset=rows)

    assert (silent.out, silent.err) == ("", "")
    assert "Bootstrapped 0 full traces" in capsys.readouterr().out
