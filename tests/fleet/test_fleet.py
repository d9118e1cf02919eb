"""A fleet: one budget, one store, one summary; whoever fails is named and stops nobody."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from optimizer.cli import main
from optimizer.config import Budget
from optimizer.errors import ConfigError, RunDirError
from optimizer.fleet import run_fleet
from optimizer.fleet.ledger import Entry
from optimizer.fleet.page import as_page, summary
from optimizer.fleet.paid import Amount, Bill, bill
from optimizer.fleet.settings import FleetSettings, tasks_below
from optimizer.fleet.share import Want, budgets, divide, second_helping
from optimizer.models.money.purse import paid_for
from optimizer.models.money.tries import Cost
from optimizer.models.stores.cache import CallStore
from tests.e2e.tools.runs import small_task

TARGETS = ["offline/sim-beta", "offline/sim-gamma"]
SMALL: dict[str, Any] = {"space": "quick", "trials": 3, "rounds": 1, "calls_per_trial": 3}


def fleet(folder: Path, count: int = 3, **settings: Any) -> Path:
    for n in range(count):
        small_task(folder / "team" / f"task{n}", rows=30 + 2 * n, search=SMALL)
    (folder / "fleet.yaml").write_text(yaml.safe_dump({"targets": TARGETS, "at_once": 2, **settings}))
    return folder


def written(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "runs/fleet/fleet.json").read_text())
    return found


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three tasks and two targets, through."""
    folder = fleet(tmp_path_factory.mktemp("fleet") / "f")
    run_fleet(folder)
    return folder


def test_every_task_meets_every_target_and_the_summary_says_how(whole: Path) -> None:
    found = written(whole)

    assert [(r["task"], [t["model"] for t in r["targets"]]) for r in found["results"]] == [
        (f"team/task{n}", TARGETS) for n in range(3)
    ]
    assert (found["tasks"], found["done"], found["failed"], sum(found["verdicts"].values())) == (3, 3, [], 6)
    assert found["calls"] + found["shared"]["calls"] == sum(result["calls"] for result in found["results"])
    assert found["shared"]["calls"] > 60, "the tasks have thirty rows in common, which two models answer"
    with CallStore(whole / "runs/fleet/calls.sqlite") as store:
        assert found["calls"] == len(store), "each answer that was paid for, once"
    page = (whole / "runs/fleet/fleet.html").read_text()
    for result in found["results"]:
        assert (whole / "runs/fleet" / result["report"]).exists() and result["report"] in page


def test_status_tells_of_every_task_of_a_fleet_by_its_folder_or_by_what_it_writes(whole: Path, tmp_path: Path) -> None:
    shutil.copytree(whole, tmp_path / "f")
    shutil.rmtree(tmp_path / "f/runs/fleet/tasks/team/task1")
    (tmp_path / "f/runs/fleet/tasks/team/task2/status.json").write_text("{no json")
    by_folder, by_output, through = (
        CliRunner().invoke(main, ["status", str(folder), *options])
        for folder, options in [
            (tmp_path / "f", []),
            (tmp_path / "f/runs/fleet", ["--json"]),
            (whole / "runs/fleet", ["--json"]),
        ]
    )

    told = by_folder.output.splitlines()
    assert told[0].split() == ["stopped", "1", "of", "3", "tasks", "are", "through"]
    assert told[2].startswith("team/task0  finished") and all(target in told[2] for target in TARGETS)
    assert told[3] == "team/task1  not begun"
    assert told[4].startswith("team/task2  damaged") and "status.json: cannot be read" in told[4]
    assert (json.loads(by_output.output)["total"], json.loads(by_output.output)["done"]) == (2, 1)
    found = json.loads(through.output)
    assert (found["state"], found["done"], found["calls"]) == (
        "finished",
        3,
        sum(result["calls"] for result in written(whole)["results"]),
    )


def test_calls_that_came_to_nothing_are_in_the_summary_on_the_page_and_in_what_is_printed(
    whole: Path, tmp_path: Path
) -> None:
    shutil.copytree(whole, tmp_path / "f")
    for name, pico in (("task0", 5_000_000_000), ("task2", 7_000_000_000)):
        with (tmp_path / "f/runs/fleet/tasks/team" / name / "tries.jsonl").open("a") as tries:
            tries.write(json.dumps(["+", name[-1] * 64, "target", pico, 7]) + "\n")

    done = CliRunner().invoke(main, ["fleet", str(tmp_path / "f")])
    found = written(tmp_path / "f")

    assert done.exit_code == 0 and "and 2 that came to nothing, which may be billed: $0.0120 at most" in done.output
    assert found["wasted"] == {"calls": 2, "dollars": 0.012}
    assert {key: found[key] for key in ("calls", "dollars")} == {
        key: written(whole)[key] for key in ("calls", "dollars")
    }
    assert "2 more calls came to nothing" in (tmp_path / "f/runs/fleet/fleet.html").read_text()
    assert written(whole)["wasted"] == {"calls": 0, "dollars": 0.0}


def test_a_task_that_fails_is_named_and_the_others_go_on(whole: Path, tmp_path: Path) -> None:
    shutil.copytree(whole / "team", tmp_path / "f/team")
    (tmp_path / "f/fleet.yaml").write_text((whole / "fleet.yaml").read_text())
    (tmp_path / "f/team/task1/data.jsonl").write_text("{no json\n")

    done = CliRunner().invoke(main, ["fleet", str(tmp_path / "f")])
    found = written(tmp_path / "f")

    assert done.exit_code == 6, done.output
    assert "failed   team/task1: " in done.output and "2 of 3 tasks are through" in done.output
    assert [(lost["task"], lost["kind"]) for lost in found["failed"]] == [("team/task1", "DataError")]
    assert [result["task"] for result in found["results"]] == ["team/task0", "team/task2"]


def test_a_fleet_started_again_runs_nothing_that_is_through(whole: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(whole, tmp_path / "f"))
    run = folder / "runs/fleet/tasks/team/task0/run.log"
    before, told = run.read_bytes(), list[str]()

    run_fleet(folder, told=told.append)

    assert run.read_bytes() == before
    assert written(folder) == written(whole)
    assert len(told) == 3


def test_two_fleets_cannot_share_a_folder_at_the_same_time(tmp_path: Path) -> None:
    folder, refused = fleet(tmp_path / "f", 2), list[str]()

    def second(_line: str) -> None:
        with pytest.raises(RunDirError) as caught:
            run_fleet(folder)
        refused.append(str(caught.value))

    ended = run_fleet(folder, told=second)

    out = folder / "runs/fleet"
    assert refused == [f"{out}: another fleet is writing here; wait for it, or choose another --out"] * 2
    assert [entry.error for entry in ended.values()] == ["", ""]
    run_fleet(folder)  # whoever is through has let go of it


def test_what_several_do_at_once_is_what_one_does_after_the_other(whole: Path, tmp_path: Path) -> None:
    shutil.copytree(whole / "team", tmp_path / "f/team")
    (tmp_path / "f/fleet.yaml").write_text(yaml.safe_dump({"targets": TARGETS, "at_once": 1}))
    run_fleet(tmp_path / "f")

    for n in range(3):
        name = f"runs/fleet/tasks/team/task{n}"
        for file in ("decision.json", "trials.jsonl", "confirmation.jsonl"):
            assert (tmp_path / "f" / name / file).read_bytes() == (whole / name / file).read_bytes()


def test_the_budget_holds_for_all_tasks_together(whole: Path, tmp_path: Path) -> None:
    without = written(whole)["calls"]
    folder = fleet(tmp_path / "f", budget={"calls": without - 60})
    run_fleet(folder)
    found = written(folder)

    assert found["calls"] <= without - 60
    assert {lost["kind"] for lost in found["failed"]} <= {"BudgetExceeded"}
    assert found["done"] >= 1


def test_tasks_for_which_there_is_no_money_are_named_and_ask_nothing(tmp_path: Path) -> None:
    folder = fleet(tmp_path / "f", budget={"calls": 260})
    run_fleet(folder)
    found = written(folder)

    assert found["calls"] <= 260
    assert {lost["kind"] for lost in found["failed"]} == {"BudgetExceeded"} and found["done"] >= 1
    assert not (folder / "runs/fleet/tasks/team/task2").exists()


TIGHT = 350  # calls: the tasks take 113, 120 and 127 at least, were each one alone


def test_a_fleet_is_checked_before_it_is_run_and_asks_nothing(whole: Path, tmp_path: Path) -> None:
    """A task with too little of its own, one that cannot be read, and one for which the budget has no room."""
    folder = fleet(tmp_path / "f", 4, budget={"calls": 300})
    (folder / "team/task1/data.jsonl").write_text("{no json\n")
    own = yaml.safe_load((folder / "team/task2/task.yaml").read_text()) | {"budget": {"calls": 30}}
    (folder / "team/task2/task.yaml").write_text(yaml.safe_dump(own))
    ended = CliRunner().invoke(main, ["check", str(folder)])
    rows = {line.split()[0]: line for line in ended.output.splitlines()[1:]}

    assert ended.exit_code == 6 and not (folder / "runs").exists()
    assert "error: " in rows["team/task1"] and "data.jsonl" in rows["team/task1"]
    assert "30 calls: less than it takes at least (127 calls, " in rows["team/task2"]
    assert "nothing, unless others leave something: the fleet's budget has no room for" in rows["team/task3"]
    run_fleet(folder)
    found = written(folder)
    assert [result["task"] for result in found["results"]] == ["team/task0", "team/task3"], "task2 left its share"
    assert {lost["task"] for lost in found["failed"]} == {"team/task1", "team/task2"}


def test_the_shares_that_a_check_tells_add_up_to_the_budget(tmp_path: Path) -> None:
    folder = fleet(tmp_path / "f", budget={"calls": 900, "dollars": 3})
    ended = CliRunner().invoke(main, ["check", str(folder)])
    shares = [line.split("  ")[-1].split(", ") for line in ended.output.splitlines() if line.startswith("team/")]

    assert ended.exit_code == 0 and len(shares) == 3
    assert sum(float(dollars.removeprefix("$")) for dollars, _ in shares) == pytest.approx(3, abs=0.001)
    assert 897 <= sum(int(calls.removesuffix(" calls")) for _, calls in shares) <= 900


def test_what_tasks_share_is_paid_from_the_budget_once_and_the_rest_goes_further(tmp_path: Path) -> None:
    """There is room for two of three tasks until these have been through: they share answers, so that much is left. A
    fleet that is started again decides the same, and asks nothing more."""
    limit = TIGHT
    folder = fleet(tmp_path / "f", budget={"calls": limit})
    run_fleet(folder)
    found = written(folder)

    with CallStore(folder / "runs/fleet/calls.sqlite") as store:
        asked = len(store)
    assert found["calls"] == asked <= limit
    assert (found["failed"], found["done"]) == ([], 3)
    assert sum(result["calls"] for result in found["results"]) > limit, "more than they could have had for themselves"
    ledger = (folder / "runs/fleet/ledger.json").read_bytes()
    run_fleet(folder)
    assert (written(folder), (folder / "runs/fleet/ledger.json").read_bytes()) == (found, ledger)
    (folder / "runs/fleet/ledger.json").unlink()
    run_fleet(folder)
    with CallStore(folder / "runs/fleet/calls.sqlite") as store:
        assert len(store) == asked <= limit


def test_a_fleet_that_is_cut_off_in_its_second_pass_gives_each_what_it_had(tmp_path: Path) -> None:
    """The ledger forgets how the second pass ended, as if that had been under way."""
    folder = fleet(tmp_path / "f", budget={"calls": TIGHT})
    run_fleet(folder)
    path, found = folder / "runs/fleet/ledger.json", written(folder)
    facts = json.loads(path.read_text())
    assert any(name.endswith("#2") for name in facts["entries"])
    facts["entries"] = {name: entry for name, entry in facts["entries"].items() if name.endswith("#1")}
    path.write_text(json.dumps(facts))

    run_fleet(folder)

    assert written(folder) == found


def test_an_answer_is_billed_to_a_fleet_once_and_what_was_wasted_by_whom_it_was(tmp_path: Path) -> None:
    a, b, c = ("a" * 64, "b" * 64, "c" * 64)
    begun = '["+","{}","target",{},{}]\n'.format
    (tmp_path / "one").write_text(begun(a, 10, 5) + begun(b, 10, 5) + begun(b, 10, 5))  # b at the second try
    (tmp_path / "two").write_text(begun(a, 0, 0) + begun(c, 7, 3))  # c was lost
    answers = {a: Cost(4, 2), b: Cost(6, 3)}

    found = bill({name: tmp_path / name for name in ("one", "two", "three")}, answers.get)

    assert (found.answers, found.shared) == (Amount(2, 10, 5), Amount(1, 4, 2))
    assert (found.wasted, found.paid) == (Amount(2, 17, 8), Amount(4, 27, 13))
    assert found.counted == {"one": Amount(3, 20, 10), "two": Amount(2, 11, 5), "three": Amount()}


def test_the_second_helping_never_passes_the_limit() -> None:
    """Of 100 calls, 30 are paid; `a` has used 20 of its 25 and keeps the other 5; `c` found no room. 65 are left: 40
    that `c` cannot do without, and 25 by what they would take, 1 to 4."""
    want = Want(40, 40), Want(0, 0), Want(0, 0)
    wants = {"a": (Want(5, 10), *want[1:]), "b": want, "c": want}
    first = {"a": Budget(calls=25), "b": Budget(calls=75), "c": None}
    so_far = Bill(Amount(28), Amount(20), Amount(2), {"a": Amount(20), "b": Amount(30), "c": Amount(0)})

    given = second_helping(Budget(calls=100), wants, first, ["a", "c"], so_far)

    assert given == {"a": Budget(calls=30), "c": Budget(calls=60)}
    tight = second_helping(Budget(calls=70), wants, first, ["a", "c"], so_far)
    assert tight == {"a": Budget(calls=25 + 35)}, "c has no room in the 35 that are left"


def test_a_second_pass_that_finds_nothing_leaves_what_the_first_has_found(tmp_path: Path) -> None:
    """With little more to spend another way is tried, for which it is not enough."""
    folder = fleet(tmp_path / "f", budget={"calls": 260})
    ended = run_fleet(folder)

    facts = json.loads((folder / "runs/fleet/ledger.json").read_text())["entries"]
    assert all(facts[f"team/task{n} #2"]["error"] and not facts[f"team/task{n} #1"]["error"] for n in (0, 1))
    assert [entry.error == "" for entry in ended.values()] == [True, True, False]


def test_tokens_are_divided_as_calls_and_dollars_are() -> None:
    wants = {"a": (Want(1, 2), Want(0.1, 0.2), Want(100, 300)), "b": (Want(1, 2), Want(0.1, 0.2), Want(200, 600))}

    assert budgets(Budget(tokens=1000), wants) == {
        "a": Budget(tokens=100 + int(700 / 3)),
        "b": Budget(tokens=200 + int(700 * 2 / 3)),
    }
    assert budgets(Budget(tokens=250), wants)["b"] is None


def test_a_fleets_limit_of_tokens_holds(tmp_path: Path) -> None:
    folder = fleet(tmp_path / "f", count=2, budget={"tokens": 600_000})
    run_fleet(folder)

    journals = {name: folder / f"runs/fleet/tasks/team/{name}/tries.jsonl" for name in ("task0", "task1")}
    with CallStore(folder / "runs/fleet/calls.sqlite") as store:
        paid = bill(journals, lambda key: paid_for(store.get(key))).paid
    assert 0 < paid.tokens <= 600_000
    assert written(folder)["done"] == 2, "each takes 270,000 at least, were it alone"


def test_a_shared_budget_is_divided_by_need() -> None:
    assert divide(100, [Want(10, 30), Want(20, 60)]) == [10 + 70 / 3, 20 + 140 / 3]
    assert divide(25, [Want(10, 30), Want(20, 60), Want(15, 15)]) == [10, None, 15]
    assert divide(1000, [Want(1, 10), Want(1, 30)]) == [1 + 249.5, 1 + 748.5]


def test_a_task_without_room_in_either_limit_gets_nothing() -> None:
    tokens = Want(1, 1)
    wants = {"a": (Want(10, 20), Want(1.0, 2.0), tokens), "b": (Want(10, 20), Want(5.0, 6.0), tokens)}

    shared = budgets(Budget(calls=100, dollars=4.0), wants)

    assert shared["b"] is None
    assert shared["a"] == Budget(calls=50, dollars=4.0)


def test_task_files_that_runs_wrote_down_are_no_tasks(whole: Path) -> None:
    assert [path.relative_to(whole).as_posix() for path in tasks_below(whole)] == [
        f"team/task{n}/task.yaml" for n in range(3)
    ]


def test_a_folder_without_tasks_says_what_a_fleet_is(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"holds no task\.yaml; a fleet is a folder"):
        run_fleet(tmp_path)
    with pytest.raises(ConfigError, match="no such folder"):
        run_fleet(tmp_path / "none")


def test_a_misspelt_key_in_fleet_yaml_is_answered_with_the_nearest(tmp_path: Path) -> None:
    folder = fleet(tmp_path / "f", count=1, bugdet={"calls": 1})

    with pytest.raises(ConfigError, match=r"fleet\.yaml.*bugdet.*Did you mean 'budget'"):
        run_fleet(folder)


def test_what_tasks_and_models_say_is_text_on_the_page() -> None:
    evil = "<script>alert(1)</script>"
    target = {
        "model": evil,
        "verdict": "stay",
        "quality": {"source": 0.5, "migrated": 0.25},
        "difference": {"mean": -0.25, "low": -0.4, "high": -0.1, "n": 9},
        "cost_per_1000": None,
        "latency_p95": None,
    }
    outcome = {"verdict": "stay", "recommended": None, "targets": [target]}
    ended = {evil: Entry("", "tasks/x", outcome=outcome), "lost": Entry("", "tasks/y", error=evil, kind="DataError")}

    page = as_page(summary(FleetSettings(name=evil), ended, Bill(Amount(), Amount(), Amount(), {})))

    assert "<script" not in page
    assert page.count("&lt;script&gt;alert(1)&lt;/script&gt;") == 5  # title, heading, task, target, error
    assert "-40.0 to -10.0" in page
