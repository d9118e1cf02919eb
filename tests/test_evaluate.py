"""Programs over examples: outputs come in order, failures are data, outages are raised."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from optimizer.errors import BudgetExceeded, ConfigError, DataError, ModelError
from optimizer.evaluate import record, record_pairs, score
from optimizer.models.scripted import ScriptedModel
from optimizer.programs.prompted import PromptProgram
from optimizer.prompt import Prompt
from optimizer.prompt.contract import Contract
from optimizer.types import JSON, Example, Inputs, Output, Reply, Request, Response, Score, Status

PROMPT = Prompt.from_messages(
    [{"role": "user", "content": "Number: {{n}}"}], contract=Contract("labels", ("even", "odd"))
)
PROGRAM = PromptProgram(PROMPT)
EXAMPLES = [Example(f"e{n}", {"n": n}, "even" if n % 2 == 0 else "odd") for n in range(40)]


def number(request: Request) -> int:
    return int(request.messages[-1].content.removeprefix("Number: "))


def right(request: Request) -> str:
    return "even" if number(request) % 2 == 0 else "odd"


def failing(share: int, **what: Any) -> Callable[[Request], str]:
    """Every `share`-th number ends in an error."""

    def answer(request: Request) -> str:
        if number(request) % share == 0:
            raise ModelError(f"no {number(request)}", model="m", **what)
        return right(request)

    return answer


def agrees(example: Example, output: Output, reference: Output | None) -> Score:
    return Score(float(output.value == example.expected))


def test_outputs_come_in_the_order_of_the_examples_whatever_answers_first() -> None:
    class Backwards(ScriptedModel):
        async def complete(self, request: Request) -> Response:
            for _ in range(40 - number(request)):
                await asyncio.sleep(0)
            return await super().complete(request)

    outputs = record(PROGRAM, Backwards(right), EXAMPLES)

    assert [output.example_id for output in outputs] == [example.id for example in EXAMPLES]
    assert [output.value for output in outputs] == [example.expected for example in EXAMPLES]


def test_an_output_has_what_its_call_took() -> None:
    [output] = record(PROGRAM, ScriptedModel(right, latency=0.25), EXAMPLES[:1])

    assert (output.text, output.value, output.status, output.error) == ("even", "even", "ok", None)
    assert (output.latency, output.input_tokens, output.output_tokens, output.calls) == (0.25, 2, 1, 1)
    assert output.cost == pytest.approx((2 * 1.0 + 1 * 4.0) / 1e6)


def test_an_answer_that_was_cut_off_is_known_as_such_though_it_be_valid() -> None:
    class Cut(ScriptedModel):
        async def complete(self, request: Request) -> Response:
            finish = "length" if number(request) == 1 else "stop"
            return replace(await super().complete(request), finish=finish)

    outputs = record(PROGRAM, Cut(right), EXAMPLES[:3])

    assert [(output.status, output.cut) for output in outputs] == [("ok", 0), ("ok", 1), ("ok", 0)]


def test_a_program_of_several_calls_is_charged_for_all_of_them() -> None:
    class Twice:
        async def __call__(self, inputs: Inputs, model: Any) -> Reply:
            first = await model.complete(PROMPT.render(inputs))
            second = await model.complete(PROMPT.render(inputs))
            return Reply(first.text + second.text)

        def to_dict(self) -> dict[str, JSON]:
            return {}

    [output] = record(Twice(), ScriptedModel(right, latency=0.25), EXAMPLES[:1])

    assert (output.calls, output.latency, output.input_tokens) == (2, 0.5, 4)


def test_the_draw_is_part_of_the_question() -> None:
    samples: list[int] = []

    def hears(request: Request) -> str:
        samples.append(request.sample)
        return right(request)

    record(PROGRAM, ScriptedModel(hears), EXAMPLES[:2], sample=3)

    assert samples == [3, 3]


def test_no_examples_ask_nothing() -> None:
    assert record(PROGRAM, ScriptedModel(right), []) == ()


# -- failures


def test_a_reply_that_breaks_the_contract_is_invalid_with_its_reason() -> None:
    [output] = record(PROGRAM, ScriptedModel(lambda _: "neither"), EXAMPLES[:1])

    assert (output.status, output.value) == ("invalid", None)
    assert output.error is not None and "none of the labels" in output.error


def test_a_refusal_is_data_however_many_there_are() -> None:
    outputs = record(PROGRAM, ScriptedModel(failing(1, refused=True)), EXAMPLES)

    assert {output.status for output in outputs} == {"refused"}
    assert outputs[7].error == "m: no 7"


def test_an_example_without_an_answer_is_failed_not_wrong() -> None:
    outputs = record(PROGRAM, ScriptedModel(failing(10, retryable=True)), EXAMPLES)

    assert [output.example_id for output in outputs if output.status == "failed"] == ["e0", "e10", "e20", "e30"]
    assert all(output.calls == 0 for output in outputs if output.status == "failed")


def test_a_fifth_of_the_examples_may_fail_and_more_is_an_outage() -> None:
    assert record(PROGRAM, ScriptedModel(failing(5, retryable=True)), EXAMPLES)
    with pytest.raises(ModelError, match="m: no 0"):
        record(PROGRAM, ScriptedModel(failing(4, retryable=True)), EXAMPLES)


def test_two_failures_of_a_handful_are_no_outage_and_three_are() -> None:
    assert record(PROGRAM, ScriptedModel(failing(2, retryable=True)), EXAMPLES[:4])
    with pytest.raises(ModelError):
        record(PROGRAM, ScriptedModel(failing(2, retryable=True)), EXAMPLES[:5])


def test_one_example_that_fails_for_many_candidates_is_one_failure() -> None:
    pairs = [(PromptProgram(PROMPT), example) for example in EXAMPLES[:2] for _ in range(20)]

    outputs = record_pairs(pairs, ScriptedModel(failing(1, retryable=True)))

    assert {output.status for output in outputs} == {"failed"}


@pytest.mark.parametrize(
    "error", [ModelError("wrong key", model="m", status=401), BudgetExceeded("used"), KeyError("x")]
)
def test_what_is_no_fault_of_the_example_is_raised_as_it_is(error: Exception) -> None:
    def broken(request: Request) -> str:
        raise error

    with pytest.raises(type(error)) as raised:
        record(PROGRAM, ScriptedModel(broken), EXAMPLES)

    assert raised.value is error


def test_an_example_that_lacks_a_variable_is_raised_not_scored_zero() -> None:
    with pytest.raises(ConfigError, match="asks for"):
        record(PROGRAM, ScriptedModel(right), [Example("e", {"m": 1})])


def test_after_an_error_nothing_more_is_asked() -> None:
    def broken(request: Request) -> str:
        raise ModelError("wrong key", model="m", status=401)

    model = ScriptedModel(broken)
    with pytest.raises(ModelError):
        record(PROGRAM, model, EXAMPLES)
    asked = model.calls
    record(PROGRAM, ScriptedModel(right), EXAMPLES)

    assert model.calls == asked


# -- telling


def test_ticks_count_up_to_the_number_of_examples() -> None:
    ticks: list[int] = []

    record(PROGRAM, ScriptedModel(right), EXAMPLES, tick=ticks.append)

    assert ticks == list(range(1, 41))


def test_what_breaks_in_telling_breaks_the_recording_and_is_not_lost() -> None:
    def closed(done: int) -> None:
        raise BrokenPipeError(32, "Broken pipe")

    with pytest.raises(BrokenPipeError):
        record(PROGRAM, ScriptedModel(right), EXAMPLES, tick=closed)


def test_many_threads_may_record_at_once() -> None:
    found: list[tuple[Output, ...]] = []
    threads = [
        threading.Thread(target=lambda: found.append(record(PROGRAM, ScriptedModel(right), EXAMPLES))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(found) == 8 and len(set(found)) == 1


# -- scores


def test_scores_stand_in_the_order_of_the_outputs() -> None:
    outputs = record(PROGRAM, ScriptedModel(lambda request: "even"), EXAMPLES)

    evaluation = score(EXAMPLES, outputs, {}, agrees)

    assert [mark.value for mark in evaluation.scores] == [1.0, 0.0] * 20
    assert evaluation.outputs == outputs and evaluation.quality == 0.5


def test_only_a_good_answer_meets_the_metric() -> None:
    def strict(example: Example, output: Output, reference: Output | None) -> Score:
        assert output.status == "ok"
        return Score(1.0)

    statuses: tuple[Status, ...] = ("ok", "invalid", "refused", "failed")
    outputs = [Output(f"e{n}", "x", "x", status, "why") for n, status in enumerate(statuses)]

    marks = score(EXAMPLES[:4], outputs, {}, strict).scores

    assert [(mark.value, mark.feedback) for mark in marks] == [(1.0, ""), (0.0, "why"), (0.0, "why"), (0.0, "why")]


def test_the_metric_is_given_the_sources_answer_to_the_same_example() -> None:
    def same(example: Example, output: Output, reference: Output | None) -> Score:
        return Score(float(reference is not None and reference.value == output.value))

    outputs = record(PROGRAM, ScriptedModel(right), EXAMPLES[:3])
    references = {"e0": Output("e0", "even", "even"), "e1": Output("e1", "even", "even")}

    assert [mark.value for mark in score(EXAMPLES[:3], outputs, references, same).scores] == [1.0, 0.0, 0.0]


def test_several_processors_give_the_same_scores() -> None:
    outputs = record(PROGRAM, ScriptedModel(lambda request: "even"), EXAMPLES)

    assert score(EXAMPLES, outputs, {}, agrees, jobs=2) == score(EXAMPLES, outputs, {}, agrees)


def test_outputs_and_examples_of_different_number_are_an_error() -> None:
    with pytest.raises(ValueError, match="zip"):
        score(EXAMPLES, [], {}, agrees)


def test_a_metric_that_fails_ends_the_run_and_does_not_count_as_zero() -> None:
    def broken(example: Example, output: Output, reference: Output | None) -> Score:
        raise DataError("metric my:own, example e0: it failed")

    outputs = record(PROGRAM, ScriptedModel(right), EXAMPLES[:1])
    with pytest.raises(DataError, match="it failed"):
        score(EXAMPLES[:1], outputs, {}, broken)
