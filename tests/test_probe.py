"""What would make a run useless is found before the source is paid for: targets that cannot be asked, judges likewise.

Most of it against the real offline server, with a gate before it that refuses, stumbles or keeps silent.
"""

from __future__ import annotations

import html
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from optimizer import probe
from optimizer.cli import main
from optimizer.config import Budget
from optimizer.errors import CreditExhausted, ModelError
from optimizer.offline.serving.server import running
from optimizer.pipeline import migrate
from optimizer.planning import estimate
from optimizer.planning.plan import plan
from optimizer.progress import Progress
from optimizer.results.rundir import RunDir
from optimizer.task import Task, load_task
from optimizer.types import Request
from tests.e2e.tools.runs import SOURCE, TARGET, different, hosted, small_task
from tests.hostile import Body, Gate, Hostile, gated
from tests.walking import SEARCH as WALKED
from tests.walking import TARGET as WALKER
from tests.walking import Script, crew, finished, parity, walk, wordy, write_task, writes

SILENCE = 6.0  # seconds, of a model that is given five
FEW = {"space": "standard", "trials": 4, "rounds": 1, "calls_per_trial": 4}


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments], catch_exceptions=False)


def task_at(folder: Path, url: str, *others: str, timeout: float = 60.0, **more: Any) -> Path:
    """Some tickets from sim-alpha to sim-beta, both behind `url`; `others`: further targets."""
    models = hosted(SOURCE, url), hosted(TARGET, url, timeout=timeout, params={"max_tokens": 200})
    rest = [hosted(name, url) for name in others]
    if others:
        more |= {"target": None, "targets": [models[1], *rest]}
    return small_task(folder, models, rows=48, search=FEW, **more)


def to_target(answer: Any, times: float = float("inf")) -> Hostile:
    """So many of the target's questions meet this; the source's and all others pass."""
    met: list[Body] = []

    def hostile(body: Body) -> Any:
        if body["model"] != "sim-beta" or len(met) >= times:
            return None
        met.append(body)
        return answer

    return hostile


def without_usage(answer: Body) -> Body:
    return {key: value for key, value in answer.items() if key != "usage"}


def impostor(answer: Body) -> Body:
    return answer | {"model": "sim-omega"}


# -- what ends a run before the source


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((401, "Incorrect API key provided"), "access denied (HTTP 401: Incorrect API key provided); check"),
        ((403, "not for this project"), "access denied (HTTP 403: "),
        ((404, "The deployment does not exist"), "not found (HTTP 404: The deployment does not exist)"),
        ((400, "Unsupported parameter: 'max_tokens'"), "HTTP 400: Unsupported parameter: 'max_tokens'"),
        (without_usage, "the answer came without token counts, so its cost is not known"),
    ],
    ids=["401", "403", "404", "400", "no usage"],
)
def test_a_target_that_cannot_be_asked_ends_the_run_before_the_source_is_asked(
    tmp_path: Path, answer: Any, said: str
) -> None:
    with gated(to_target(answer)) as gate:
        result = run("run", task_at(tmp_path, gate.url), "--run-dir", tmp_path / "run")

    assert result.exit_code == 3 and "Traceback" not in result.output
    assert result.stderr.startswith(f"error: openai/sim-beta: {said}") and result.stderr.count("\n") == 1
    assert "found by one question to each target, before the source is asked" in result.stderr
    assert gate.of("sim-alpha") == []
    assert len(gate.of("sim-beta")) == 1


def test_an_account_without_money_stops_with_its_own_code(tmp_path: Path) -> None:
    with gated(to_target((402, "no credit left"))) as gate:
        result = run("run", task_at(tmp_path, gate.url), "--run-dir", tmp_path / "run")

    assert result.exit_code == CreditExhausted.exit_code == 5
    assert gate.of("sim-alpha") == []


def test_a_model_that_the_server_does_not_know_is_found_for_one_call(tmp_path: Path) -> None:
    """The offline server's own refusal, with nothing before it."""
    with running() as server:
        unknown = hosted(TARGET, server.url) | {"model": "openai/sim-beta-2"}
        task = small_task(tmp_path, (hosted(SOURCE, server.url), unknown), rows=48, search=FEW)
        result = run("run", task, "--run-dir", tmp_path / "run")
        stats = server.stats()

    assert result.exit_code == 3 and "not found (HTTP 404: The model `sim-beta-2` does not exist" in result.stderr
    assert (stats["requests"], stats["answered"]) == (1, 0)


def test_a_name_that_is_mended_goes_on_in_the_same_directory(tmp_path: Path) -> None:
    with gated() as gate:
        task = task_at(tmp_path, gate.url)
        right = task.read_text("utf-8")
        task.write_text(right.replace("openai/sim-beta", "openai/sim-bet"), "utf-8")
        wrong = run("run", task, "--run-dir", tmp_path / "run")
        task.write_text(right, "utf-8")
        mended = run("run", task, "--run-dir", tmp_path / "run")

    assert (wrong.exit_code, mended.exit_code) == (3, 0), mended.output
    assert RunDir.read(tmp_path / "run").migration().targets[0].model == "openai/sim-beta"


def test_a_directory_with_an_answer_that_may_be_billed_stays_that_task_s(tmp_path: Path) -> None:
    with gated(to_target(without_usage)) as gate:
        task = task_at(tmp_path, gate.url)
        lost = run("run", task, "--run-dir", tmp_path / "run")
        text = task.read_text("utf-8").replace("openai/sim-beta", "openai/sim-gamma")
        task.write_text(text, "utf-8")
        other = run("run", task, "--run-dir", tmp_path / "run")

    assert (lost.exit_code, other.exit_code) == (3, 2)
    assert "holds a run of another task" in other.stderr


# -- what does not


def lasting(gate: Gate, folder: Path, timeout: float = 60.0) -> tuple[list[str], Any]:
    """What a run tells, and what came of it."""
    told: list[Progress] = []
    found = migrate(load_task(task_at(folder, gate.url, timeout=timeout)), folder / "run", watch=told.append)
    return [progress.text for progress in told], found


@pytest.mark.parametrize("answer", [(429, "slow down"), (500, "oops"), (503, "overloaded"), SILENCE, impostor])
def test_what_may_pass_is_told_and_stops_nobody(tmp_path: Path, answer: Any) -> None:
    """Two tries are all that the first question gets; when its turn comes it is asked again, and answered."""
    with gated(to_target(answer, times=2)) as gate:
        told, found = lasting(gate, tmp_path, timeout=5.0 if answer == SILENCE else 60.0)

    noted = [text for text in told if "no answer to the first question, the run goes on: openai/sim-beta: " in text]
    assert len(noted) == 1
    assert found.targets[0].decision.comparison.n == 24 and not found.left_out
    assert [body["model"] for body in gate.asked[:3]] == ["sim-beta", "sim-beta", "sim-alpha"]


def test_a_stumble_between_two_tries_is_not_even_told(tmp_path: Path) -> None:
    with gated(to_target((429, "slow down"), times=1)) as gate:
        told, found = lasting(gate, tmp_path)

    assert not [text for text in told if "first question" in text]
    assert found.targets[0].decision.comparison.n == 24


def test_a_reply_that_breaks_the_contract_stops_nobody(tmp_path: Path) -> None:
    result = finished(tmp_path, crew(target=wordy))[0].targets[0]

    assert result.confirmation.unchanged and result.confirmation.unchanged.valid == 0.0
    assert result.decision.verdict.value == "migrate"


def test_a_declined_question_stops_nobody(tmp_path: Path) -> None:
    def prudish(request: Request) -> str:
        if not any("nothing else" in message.content for message in request.messages):
            raise ModelError("declined by the content filter", model="test/target", refused=True)
        return wordy(request)

    assert finished(tmp_path, crew(target=prudish))[0].targets[0].confirmation.winner.valid == 1.0


# -- what it costs


def unprobed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "is_probed", lambda _section: False)


def test_a_run_asks_what_it_would_ask_anyway_and_decides_alike(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with gated() as gate:
        task = task_at(tmp_path, gate.url)
        probed = migrate(load_task(task), tmp_path / "probed")
        asked, first = set(gate.passed), gate.asked[0]["model"]
        assert set(gate.passed.values()) == {1}, "nothing is asked twice"
        gate.passed.clear()
        unprobed(monkeypatch)
        plain = migrate(load_task(task), tmp_path / "plain")

    assert first == "sim-beta"
    assert asked == set(gate.passed)
    assert (probed.spend, probed.expected) == (plain.spend, plain.expected)
    assert list(probed.spend) == list(plain.spend), "and the source comes first in every table"
    assert not different(tmp_path / "probed", tmp_path / "plain")


BUDGETS: list[dict[str, float]] = [
    {"calls": 470},
    {"calls": 600},
    {"dollars": 0.11},
    {"dollars": 0.13},
]


@pytest.mark.parametrize("budget", BUDGETS, ids=str)
def test_under_a_budget_dear_and_cheap_targets_are_searched_as_far_as_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, budget: dict[str, float]
) -> None:
    dear = WALKER | {"model": "test/dear", "price": {"input": 10.0, "output": 40.0}}
    sections: dict[str, Any] = {
        "target": None,
        "targets": [WALKER, dear],
        "budget": budget,
        "search": WALKED | {"calls_per_trial": 50},
    }

    probed, folder = finished(tmp_path / "probed", crew(dear=wordy), **sections)
    unprobed(monkeypatch)
    plain, other = finished(tmp_path / "plain", crew(dear=wordy), **sections)

    stops = [target.search.stopped_by for target in probed.targets]
    assert any("budget" in stop for stop in stops)
    tried = [[trial.examples for trial in target.search.trials] for target in probed.targets]
    assert tried == [[trial.examples for trial in target.search.trials] for target in plain.targets]
    assert probed.spend == plain.spend
    assert not different(folder, other)


def test_the_probe_is_kept_and_not_repeated_when_the_run_goes_on(tmp_path: Path) -> None:
    seen: list[Request] = []

    def breaks(request: Request) -> str:
        seen.append(request)
        if len(seen) == 5:
            raise ConnectionResetError("pulled the plug")
        return parity(request)

    models = crew(source=breaks)
    task = write_task(tmp_path)
    with pytest.raises(ConnectionResetError):
        walk(task, tmp_path / "run", models)
    assert models.models["test/target"].calls == 1
    found = walk(task, tmp_path / "run", models)

    assert set(models.asked.values()) == {1}
    assert found.spent.calls == models.calls


PARITY = {"type": "object", "properties": {"is": {"enum": ["even", "odd"]}}, "required": ["is"]}
FIELDS: dict[str, Any] = {"prompt": {"user": "Number: {{n}}", "reply": {"kind": "json", "schema": PARITY}}}


def as_object(request: Request) -> str:
    return json.dumps({"is": parity(request)})


def test_where_the_order_depends_on_the_source_one_call_more_is_reckoned_and_capped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fields with choices, and no gold answers: by whose values the examples come in turn is not known yet."""
    task = load_task(write_task(tmp_path, gold=False, metrics="exact_match", **FIELDS))
    expected = plan(task).expected
    with monkeypatch.context() as patch:
        patch.setattr(estimate, "is_probed", lambda _section: False)
        known = plan(task).expected

    assert expected.roles["target"].calls == known.roles["target"].calls + 1
    assert expected.least.calls == known.least.calls + 1
    assert expected.needs[0].confirm.calls == known.needs[0].confirm.calls
    models, least = crew(source=as_object, target=as_object), expected.least.calls
    found = walk(with_budget(task, least), tmp_path / "run", models)
    assert found.targets[0].decision.comparison.n == 60
    assert found.spent.calls == models.calls <= least and set(models.asked.values()) == {1}


def with_budget(task: Task, calls: int) -> Task:
    return replace(task, settings=task.settings.model_copy(update={"budget": Budget(calls=calls)}))


@pytest.mark.parametrize("what", ["offline", "text"])
def test_an_offline_model_and_a_free_reply_are_reckoned_as_ever(
    tmp_path: Path, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    offline = {"target": "offline/sim-beta", **FIELDS}
    sections: dict[str, Any] = offline if what == "offline" else {"prompt": {"user": "Number: {{n}}"}}
    task = load_task(write_task(tmp_path, gold=False, metrics="exact_match", **sections))
    found = plan(task).expected
    monkeypatch.setattr(estimate, "is_probed", lambda _section: False)
    assert plan(task).expected == found


def test_an_offline_target_is_not_asked_before_the_source(tmp_path: Path) -> None:
    told: list[Progress] = []
    task = small_task(tmp_path, rows=24, search=FEW)
    migrate(load_task(task), tmp_path / "run", watch=told.append)

    assert next(progress for progress in told if progress.calls).stage == "baseline"
    first = json.loads((tmp_path / "run/tries.jsonl").read_text().splitlines()[0])
    assert first[:1] + first[2:3] == ["+", "source"]


# -- one of several targets


def test_of_several_targets_only_the_one_that_cannot_be_asked_is_left_out(tmp_path: Path) -> None:
    locked = [True]
    with gated(lambda body: (401, "no such key") if body["model"] == "sim-gamma" and locked else None) as gate:
        task = task_at(tmp_path, gate.url, "offline/sim-gamma")
        result = run("run", task, "--run-dir", tmp_path / "run", "--json")
        told = json.loads(result.stdout)
        first = RunDir.read(tmp_path / "run").migration()
        passed = len(gate.passed)
        locked.clear()
        again = run("run", task, "--run-dir", tmp_path / "run", "--require", "migrate")

    assert result.exit_code == 3
    assert result.stderr.splitlines()[-1].startswith(
        "error: openai/sim-gamma: left out: access denied (HTTP 401: no such key); check"
    )
    assert result.stderr.rstrip().endswith("mend that, and run the same command again")
    assert [target["model"] for target in told["targets"]] == ["openai/sim-beta"]
    assert list(told["left_out"]) == ["openai/sim-gamma"] and list(first.left_out) == ["openai/sim-gamma"]
    assert any(note.startswith("target left out: openai/sim-gamma: access denied") for note in told["notes"])
    page = (tmp_path / "run/report.html").read_text("utf-8")
    assert "openai/sim-beta" in page
    assert again.exit_code in (0, 10, 11), again.stderr
    both = RunDir.read(tmp_path / "run").migration()
    assert [target.model for target in both.targets] == ["openai/sim-beta", "openai/sim-gamma"] and not both.left_out
    assert both.targets[0].decision.comparison == first.targets[0].decision.comparison
    assert len(gate.passed) > passed and set(gate.passed.values()) == {1}, "nothing is asked twice"
    kept = sorted(path.name for path in (tmp_path / "run/bundle").iterdir() if path.is_dir())
    assert kept == ["openai_sim-beta", "openai_sim-gamma"]


def test_the_report_says_who_was_left_out_and_the_others_share_its_money(tmp_path: Path) -> None:
    def denied(_request: Request) -> str:
        raise ModelError("the key is not accepted", model="test/locked", status=401)

    models = crew(locked=denied)
    targets = [WALKER | {"model": "test/locked"}, WALKER]
    found, folder = finished(
        tmp_path,
        models,
        target=None,
        targets=targets,
        budget={"calls": 470},
        search=WALKED | {"calls_per_trial": 50},
    )

    assert [target.model for target in found.targets] == ["test/target"]
    assert found.left_out == {"test/locked": "the key is not accepted"}
    for name in ("report.html", "report.md", "report.json"):
        page = html.unescape((folder / name).read_text("utf-8"))
        assert "target left out: test/locked: the key is not accepted" in page
    assert RunDir.read(folder).migration() == found
    assert "all 2 targets together" in found.targets[0].decision.reason, "it was agreed for both"
    searched = sum(trial.examples for trial in found.targets[0].search.trials)
    assert searched > 470 - 180 - 2 * 124, "what the other one needed is not held back for it"


def test_where_no_target_can_be_asked_all_of_them_are_named(tmp_path: Path) -> None:
    def denied(name: str) -> Script:
        def answer(_request: Request) -> str:
            raise ModelError("the key is not accepted", model=f"test/{name}", status=401)

        return answer

    models = crew(target=denied("target"), other=denied("other"))
    with pytest.raises(ModelError) as caught:
        finished(tmp_path, models, target=None, targets=[WALKER, WALKER | {"model": "test/other"}])

    assert str(caught.value) == (
        "test/target: the key is not accepted; test/other: the key is not accepted "
        "(found by one question to each target, before the source is asked)"
    )
    assert models.calls == 0


def test_a_fleet_names_the_task_and_keeps_what_its_other_targets_gave(tmp_path: Path) -> None:
    locked = [True]
    with gated(lambda body: (401, "no such key") if body["model"] == "sim-gamma" and locked else None) as gate:
        task_at(tmp_path / "tasks/triage", gate.url, "offline/sim-gamma")
        first = run("fleet", tmp_path / "tasks", "--out", tmp_path / "out")
        facts = json.loads((tmp_path / "out/fleet.json").read_text())
        locked.clear()
        again = run("fleet", tmp_path / "tasks", "--out", tmp_path / "out")
        mended = json.loads((tmp_path / "out/fleet.json").read_text())

    assert (first.exit_code, again.exit_code) == (6, 0), again.output
    assert facts["failed"][0]["error"].startswith("openai/sim-gamma: left out: access denied")
    assert [target["model"] for target in facts["results"][0]["targets"]] == ["openai/sim-beta"]
    assert facts["done"] == 0 and mended["done"] == 1 and not mended["failed"]
    assert len(mended["results"][0]["targets"]) == 2


# -- the proposer

WRITER = {"model": "test/writer", "price": {"input": 1.0, "output": 4.0}, "params": {"max_tokens": 500}}
PROPOSED: dict[str, Any] = {"proposer": WRITER, "search": WALKED | {"space": "tests.walking:WRITTEN"}}


def ready(request: Request) -> bool:
    return "ready" in request.messages[-1].content


def to_writer(answer: Any, times: float = float("inf")) -> Hostile:
    """So many of the proposer's questions meet this."""
    met: list[Body] = []

    def hostile(body: Body) -> Any:
        if body["model"] != "sim-gamma" or len(met) >= times:
            return None
        met.append(body)
        return answer

    return hostile


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((401, "Incorrect API key provided"), "access denied (HTTP 401: Incorrect API key provided); check"),
        ((404, "The deployment does not exist"), "not found (HTTP 404: The deployment does not exist)"),
        ((400, "Unsupported parameter: 'top_k'"), "HTTP 400: Unsupported parameter: 'top_k'"),
        (without_usage, "the answer came without token counts, so its cost is not known"),
    ],
    ids=["401", "404", "400", "no usage"],
)
def test_a_proposer_that_cannot_be_asked_ends_the_run_before_the_source_is_asked_and_can_be_mended(
    tmp_path: Path, answer: Any, said: str
) -> None:
    with gated(to_writer(answer, times=1)) as gate:
        task = task_at(tmp_path, gate.url, proposer=hosted("offline/sim-gamma", gate.url))
        result = run("run", task, "--run-dir", tmp_path / "run")
        asked = [body["model"] for body in gate.asked]
        mended = run("run", task, "--run-dir", tmp_path / "run")

    assert result.exit_code == 3 and "Traceback" not in result.output
    assert result.stderr.startswith(f"error: openai/sim-gamma: {said}") and result.stderr.count("\n") == 1
    assert "(the proposer; found by one question to it, before the source is asked)" in result.stderr
    assert asked == ["sim-beta", "sim-gamma"]
    assert mended.exit_code == 0, mended.output


def test_a_proposer_s_account_without_money_stops_with_its_own_code(tmp_path: Path) -> None:
    with gated(to_writer((402, "no credit left"))) as gate:
        task = task_at(tmp_path, gate.url, proposer=hosted("offline/sim-gamma", gate.url))
        result = run("run", task, "--run-dir", tmp_path / "run")

    assert result.exit_code == 5 and gate.of("sim-alpha") == []


def test_a_proposer_s_stumble_is_told_and_stops_nobody(tmp_path: Path) -> None:
    told: list[Progress] = []
    with gated(to_writer((503, "overloaded"), times=2)) as gate:
        task = task_at(tmp_path, gate.url, proposer=hosted("offline/sim-gamma", gate.url))
        found = migrate(load_task(task), tmp_path / "run", watch=told.append)

    (text,) = [progress.text for progress in told if "first question" in progress.text]
    assert text.startswith("no answer of the proposer to a first question, the run goes on: openai/sim-gamma: ")
    assert found.targets[0].decision.comparison.n == 24


def test_a_proposer_that_fails_later_loses_its_candidates_and_not_the_run(tmp_path: Path) -> None:
    def tired(request: Request) -> str:
        if ready(request):
            return "ready"
        raise ModelError("the key is not accepted any more", model="test/writer", status=401)

    found, _ = finished(tmp_path, crew(writer=tired), **PROPOSED)

    lost = [note for note in found.targets[0].search.notes if note.startswith("proposals lost: ")]
    assert lost == ["proposals lost: test/writer: the key is not accepted any more"] * 2
    assert found.targets[0].decision.comparison.n == 60 and found.spend["proposer"].calls == 1


def test_the_proposer_s_first_question_is_reckoned_capped_and_asked_once(tmp_path: Path) -> None:
    task = load_task(write_task(tmp_path, **PROPOSED))
    expected, plain = plan(task).expected, plan(load_task(write_task(tmp_path / "own", search=PROPOSED["search"])))
    models = crew(writer=lambda request: "ready" if ready(request) else writes(request))

    assert expected.roles["proposer"].calls == 2 + 1
    assert expected.low.calls == plain.expected.low.calls + 1
    # The target's first question, asked by then, counts among the least as well as among what is spent.
    found = walk(with_budget(task, expected.least.calls + 2), tmp_path / "run", models)
    again = walk(with_budget(task, expected.least.calls + 2), tmp_path / "run", models)
    assert found.spent.calls == models.calls <= expected.least.calls + 2 and set(models.asked.values()) == {1}
    assert found.spend["proposer"].calls >= 1 and next(iter(found.spend)) == "source"
    assert again == found


def test_a_proposer_that_the_least_budget_has_no_room_for_is_not_tried_and_the_run_goes_on(tmp_path: Path) -> None:
    told: list[Progress] = []
    task = load_task(write_task(tmp_path, **PROPOSED))
    least = plan(task).expected.least.calls
    assert least == plan(load_task(write_task(tmp_path / "own", search=PROPOSED["search"]))).expected.least.calls

    found = walk(with_budget(task, least), tmp_path / "run", crew(writer=writes), watch=told.append)

    (text,) = [progress.text for progress in told if "not tried" in progress.text]
    assert text.startswith(
        f"the proposer is not tried beforehand: the budget of {least} calls has no room for the next"
    )
    assert found.targets[0].decision.comparison.n == 60 and "proposer" not in found.spend


@pytest.mark.parametrize(
    ("sections", "asked"),
    [
        ({}, True),
        ({"search": WALKED}, False),  # a space without wordings or programs that ask a proposer
        ({"proposer": None}, False),
        ({"proposer": "offline/sim-gamma"}, False),
        ({"proposer": WALKER | {"params": {}}}, False),  # who answers as a target
        ({"proposer": WALKER | {"params": {"reasoning_effort": "high"}}}, True),  # but not with parameters of its own
        ({"proposer": WALKER | {"api_base": "http://localhost:9/v1"}}, True),
    ],
)
def test_a_proposer_is_asked_apart_where_nothing_else_tells_that_it_can_be(
    tmp_path: Path, sections: dict[str, Any], asked: bool
) -> None:
    assert plan(load_task(write_task(tmp_path, **{**PROPOSED, **sections}))).expected.tries_writer is asked


def test_a_source_vouches_for_the_proposer_only_where_it_is_asked(tmp_path: Path) -> None:
    path = write_task(tmp_path, **{**PROPOSED, "proposer": {"model": "test/source", "price": WALKER["price"]}})
    assert not plan(load_task(path)).expected.tries_writer
    path.write_text(
        path.read_text("utf-8").replace("expected: gold", "expected: gold\n  source: {output: gold}"), "utf-8"
    )
    assert plan(load_task(path)).expected.tries_writer


# -- the judge

JUDGE = {"model": "test/judge", "price": {"input": 1, "output": 1}}
JUDGED: dict[str, Any] = {"metrics": {"name": "judge"}, "judge": JUDGE}


def rates(_request: Request) -> str:
    return '{"reason": "as it should be", "score": 9}'


def test_a_judge_that_cannot_be_asked_ends_the_run_on_the_first_answers(tmp_path: Path) -> None:
    def denied(_request: Request) -> str:
        raise ModelError("the key is not accepted", model="test/judge", status=401)

    models = crew(judge=denied)
    with pytest.raises(ModelError, match="test/judge: the key is not accepted"):
        finished(tmp_path, models, **JUDGED)

    assert models.models["test/source"].calls == 20, "of 120 examples"


def test_a_judge_that_is_silent_for_a_moment_stops_nobody_and_none_is_asked_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    silent = [True]

    def late(request: Request) -> str:
        if silent.pop() if silent else False:
            raise ModelError("no answer in time", model="test/judge", retryable=True)
        return rates(request)

    models = crew(judge=late)
    found, folder = finished(tmp_path / "tried", models, **JUDGED)
    assert set(models.asked.values()) == {1} and not silent
    monkeypatch.setattr("optimizer.pipeline.try_metric", lambda *_: None)
    plain, other = finished(tmp_path / "plain", crew(judge=rates), **JUDGED)

    assert found.spend == plain.spend
    assert not different(folder, other)
