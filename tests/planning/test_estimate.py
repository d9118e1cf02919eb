"""What a run will take is reckoned before anything is asked: by hand here, on round numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from optimizer.errors import ConfigError
from optimizer.planning.estimate import Estimate, Need
from optimizer.planning.least import least_minutes
from optimizer.planning.plan import plan
from optimizer.planning.sizes import Usage
from optimizer.space import SearchSpace
from optimizer.task import load_task
from search_spaces import DEMOS
from tests.walking import SEARCH, SOURCE, TARGET, walk, write_task

#: 796 bytes and at most 4 of "Number: " and a number: some 200 tokens.
LONG = {"user": "x" * 790 + "\n\nNumber: {{n}}", "reply": {"labels": ["even", "odd"]}}
CHEAP = {"input": 1.0, "output": 0.0}
SHOWN = SearchSpace((DEMOS,))
ALL_SHOWN, TOO_MANY = SearchSpace((DEMOS.among(24),)), SearchSpace((DEMOS.among(500),))


def expected(folder: Path, **sections: Any) -> Estimate:
    return plan(load_task(write_task(folder, **sections))).expected


def test_the_source_answers_all_examples_once_and_the_held_out_ones_twice(tmp_path: Path) -> None:
    """120 examples, 60 of them held out; 200 tokens at $1 a million."""
    found = expected(tmp_path, prompt=LONG, source=SOURCE | {"price": CHEAP}, target=TARGET | {"price": CHEAP})

    assert found.roles["source"].calls == 180
    assert found.roles["source"].dollars == pytest.approx(180 * 200e-6, rel=0.02)


def test_a_target_is_asked_by_search_looks_and_confirmation(tmp_path: Path) -> None:
    """6 trials of 8 calls; 24 training examples in the first of two rounds, and in every second one behind it; 60
    held-out examples twice. Nothing that the space offers makes prompts longer than their 204 tokens."""
    written = SEARCH | {"space": "tests.walking:WRITTEN"}
    cheap = {"source": SOURCE | {"price": CHEAP}, "target": TARGET | {"price": CHEAP}}
    found = expected(tmp_path, prompt=LONG, search=written, **cheap)

    assert found.roles["target"].calls == 6 * 8 + 24 + 12 + 120
    assert found.roles["target"].dollars == pytest.approx(204 * 204e-6, rel=0.02)
    assert found.roles["proposer"].calls == 2


def test_a_space_without_wordings_looks_at_no_training_examples(tmp_path: Path) -> None:
    assert expected(tmp_path).roles["target"].calls == 6 * 8 + 120
    assert expected(tmp_path / "b").roles["proposer"].calls == 0


def test_worked_examples_make_calls_dearer_and_fewer(tmp_path: Path) -> None:
    """Of 0, 2, 4, 8 examples the mean of those that show any is 14/3. An example is as long as the user's message with
    its reply: 200 + 11 + 8 tokens; a prompt is 6.01 times as long, and the race has 48 / 6.01 ** 0.4 = 23.4 calls."""
    cheap = {"source": SOURCE | {"price": CHEAP}, "target": TARGET | {"price": CHEAP}}
    found = expected(tmp_path, prompt=LONG, search=SEARCH | {"space": "tests.planning.test_estimate:SHOWN"}, **cheap)

    assert found.roles["target"].calls == pytest.approx(23.4 + 120, abs=1)
    tokens = 23.4 * 6.01 * 204 + 60 * 204 + 60 * 6.01 * 204
    assert found.roles["target"].dollars == pytest.approx(tokens * 1e-6, rel=0.02)


def test_no_more_worked_examples_are_reckoned_than_there_are_to_train_on(tmp_path: Path) -> None:
    """24 of the 120 examples are for training."""
    found = [
        expected(tmp_path / name, search=SEARCH | {"space": f"tests.planning.test_estimate:{name}"})
        for name in ("ALL_SHOWN", "TOO_MANY")
    ]

    assert found[0] == found[1]


def test_the_range_goes_from_the_first_round_alone_to_a_race_of_short_prompts(tmp_path: Path) -> None:
    """180 calls of the source. At least half of the race and the unchanged prompt's 60; at most 48 / 0.8 and 120."""
    found = expected(tmp_path)

    assert (found.low.calls, found.calls, found.high.calls) == (180 + 24 + 60, 180 + 48 + 120, 180 + 60 + 120)
    assert found.low.dollars < found.dollars < found.high.dollars
    assert found.low.tokens < found.total.tokens < found.high.tokens


def test_an_example_that_comes_twice_is_asked_once(tmp_path: Path) -> None:
    task = write_task(tmp_path)
    rows = (tmp_path / "data.jsonl").read_text().splitlines()
    (tmp_path / "data.jsonl").write_text("\n".join([*rows[:60], *rows[:60]]) + "\n")

    assert plan(load_task(task)).expected.roles["source"].calls == 90  # half of 180


def test_a_compile_is_expected_at_what_it_mostly_takes_and_at_its_limit_at_most(tmp_path: Path) -> None:
    """The race is the shorter for the four worked examples that a compile is expected to bring: 48 calls at most."""
    plain = expected(tmp_path, search=SEARCH | {"space": "tests.walking:WRITTEN"})
    compiled = expected(tmp_path, search=SEARCH | {"space": "tests.walking:COMPILED"})

    more = compiled.roles["target"].calls - plain.roles["target"].calls
    assert 0.15 * 150 - 48 < more < 0.15 * 150
    assert compiled.high.calls - plain.high.calls == 150 + 10  # and ten questions to the proposer
    short = expected(tmp_path, search=SEARCH | {"space": "tests.walking:COMPILED", "compile_calls": 60})
    assert short.high.calls - plain.high.calls == 60 + 10


def test_the_least_is_baseline_confirmation_and_a_first_look(tmp_path: Path) -> None:
    found = expected(tmp_path)

    assert found.least.calls == 180 + 120 + 4
    assert [need.calls for need in found.needs] == [124]


def test_every_target_has_its_need(tmp_path: Path) -> None:
    dear = TARGET | {"model": "test/dear", "price": {"input": 10.0, "output": 40.0}}
    found = expected(tmp_path, target=None, targets=[TARGET, dear])

    cheap, costly = found.needs
    assert costly.answer.dollars == pytest.approx(10 * cheap.answer.dollars) and costly.worst == pytest.approx(
        10 * cheap.worst
    )
    assert found.least.calls == 180 + 2 * 124
    assert found.least.dollars == pytest.approx(found.roles["source"].dollars + cheap.dollars + costly.dollars)


def test_a_recorded_source_takes_nothing(tmp_path: Path) -> None:
    task = write_task(tmp_path, data={"path": "data.jsonl", "expected": "gold", "source": "gold"})

    found = plan(load_task(task)).expected
    assert found.roles["source"] == Usage(0, 0.0)
    assert found.least.calls == 124


def test_a_judge_is_asked_beside_every_answer_and_for_the_sources_held_out_ones(tmp_path: Path) -> None:
    judge = {"model": "test/judge", "price": {"input": 2.0, "output": 2.0}}
    found = expected(tmp_path, judge=judge, metrics=[{"name": "judge"}])

    [need] = found.needs
    assert need.answer.calls == 2
    again = 30  # answers that the judge is asked about twice
    assert need.confirm.calls == 2 * 120 + 2 * 60 + again
    assert found.roles["judge"].calls == 2 * 60 + again + found.roles["target"].calls + 24


def test_judges_and_draws_multiply_and_vectors_count(tmp_path: Path) -> None:
    price = {"input": 2.0, "output": 2.0}
    judges = [{"model": f"test/{name}", "price": price} for name in "ab"]
    found = expected(tmp_path / "a", judges=judges, metrics=[{"name": "judge", "samples": 3}, {"name": "preference"}])
    assert found.needs[0].answer.calls == 1 + 2 * (3 + 2)

    embedder = {"model": "openai/embed", "price": {"input": 1.0, "output": 0.0}}
    vectors = expected(tmp_path / "b", embedder=embedder, metrics="embedding_similarity")
    assert vectors.needs[0].answer.calls == 3
    assert vectors.roles["embedder"].calls == 2 * (vectors.roles["target"].calls + 24 + 2 * 60)


def test_a_judge_whom_no_metric_asks_takes_nothing(tmp_path: Path) -> None:
    found = expected(tmp_path, judge={"model": "test/judge", "price": {"input": 2.0, "output": 2.0}})

    assert "judge" not in found.roles and found.needs[0].answer.calls == 1


def test_what_one_call_may_take_at_worst_is_kept_apart(tmp_path: Path) -> None:
    """Without a stated limit an answer may have 4,096 tokens; with one it has no more than that."""
    price = {"input": 0.0, "output": 1000.0}
    found = expected(tmp_path, target={"model": "test/target", "price": price})
    limited = expected(tmp_path, target={"model": "test/target", "price": price, "params": {"max_tokens": 100}})

    assert limited.needs[0].worst == pytest.approx(0.1)
    assert found.needs[0].worst == pytest.approx(8 * 1e-3)  # the source's own limit is carried over


def test_texts_in_other_scripts_are_not_taken_for_short(tmp_path: Path) -> None:
    """A character of three bytes is three quarters of a token."""
    latin = expected(tmp_path / "a", prompt={**LONG, "user": "x" * 800 + "\n\nNumber: {{n}}"})
    kanji = expected(tmp_path / "b", prompt={**LONG, "user": "東" * 800 + "\n\nNumber: {{n}}"})

    assert kanji.roles["source"].dollars > 2 * latin.roles["source"].dollars


def test_a_need_adds_up() -> None:
    need = Need(Usage(10, 0.5), first=4, answer=Usage(2, 0.05), worst=0.2)

    assert need.calls == 18 and need.dollars == pytest.approx(1.1)


@pytest.mark.parametrize(
    ("short", "enough"), [({"calls": 303}, {"calls": 304}), ({"dollars": 0.004}, {"dollars": 0.1})]
)
def test_a_budget_below_the_least_is_refused_and_one_at_it_is_not(
    tmp_path: Path, short: dict[str, float], enough: dict[str, float]
) -> None:
    with pytest.raises(ConfigError, match=r"is too small: baseline, confirmation and the least of a search take"):
        expected(tmp_path, budget=short)
    expected(tmp_path, budget=enough)


def test_a_budget_of_tokens_below_the_least_is_refused_with_what_it_takes(tmp_path: Path) -> None:
    """120 examples, 60 held out, a prompt of 200 tokens; a reply is taken for 1.3 x 1 + 10 = 11 tokens. The source
    answers 180 times; 120 confirm and 4 search at the mean of a plain and a doubled prompt, 311; at worst a call reads
    its bytes (at most 800 for the text, 48 for two roles) and writes 8, and a grown prompt is 200 longer."""
    task = load_task(write_task(tmp_path, prompt=LONG))
    tokens = plan(task).expected.least.tokens
    worst = 800 + 32 + 8
    reckoned = 180 * 211 + 124 * 311 + 2 * (worst + 200)

    assert tokens == pytest.approx(reckoned, rel=0.02)
    with pytest.raises(
        ConfigError, match=rf"^budget\.tokens: 500 is too small: .* take about {tokens:,} tokens; raise"
    ):
        expected(tmp_path / "short", prompt=LONG, budget={"tokens": 500})
    with pytest.raises(ConfigError, match=r"^budget\.tokens"):
        expected(tmp_path / "one", prompt=LONG, budget={"tokens": tokens - 1})
    expected(tmp_path / "enough", prompt=LONG, budget={"tokens": tokens})


def test_tokens_are_counted_whatever_they_cost(tmp_path: Path) -> None:
    free = {"price": {"input": 0.0, "output": 0.0}}

    with pytest.raises(ConfigError, match=r"^budget\.tokens: 1,000 is too small"):
        expected(tmp_path, source=SOURCE | free, target=TARGET | free, budget={"tokens": 1000})


def test_the_tokens_of_vectors_count_even_where_they_are_free(tmp_path: Path) -> None:
    """Two replies of 11 tokens for each of the 120 answers that confirm and the 4 that search."""
    plain = expected(tmp_path / "a")
    local = expected(tmp_path / "b", embedder="local/static", metrics="embedding_similarity")

    assert local.least.tokens - plain.least.tokens == (120 + 4) * 2 * 11
    assert local.least.dollars == plain.least.dollars


def test_a_run_with_the_least_of_tokens_comes_to_its_end_and_keeps_the_limit(tmp_path: Path) -> None:
    task = load_task(write_task(tmp_path))
    tokens = plan(task).expected.least.tokens
    migration = walk(write_task(tmp_path / "run", budget={"tokens": tokens}), tmp_path / "out")

    spent = sum(role.input_tokens + role.output_tokens for role in migration.spend.values())
    assert 0 < spent <= tokens
    assert migration.targets[0].confirmation is not None


@pytest.mark.parametrize(("minutes", "fits"), [(0.5, False), (1.9, False), (2.1, True)])
def test_minutes_that_the_stated_rate_cannot_keep_are_refused(tmp_path: Path, minutes: float, fits: bool) -> None:
    """180 calls of the source at 60 a minute take 3 minutes, of which one's may go at once; the target has no limit."""
    source = SOURCE | {"limits": {"rpm": 60}}
    if fits:
        expected(tmp_path, source=source, budget={"minutes": minutes})
        return
    with pytest.raises(
        ConfigError, match=r"^budget\.minutes: .* about 3 minutes \(test/source at 60 requests a minute"
    ):
        expected(tmp_path, source=source, budget={"minutes": minutes})


def test_roles_that_share_a_model_share_its_rate(tmp_path: Path) -> None:
    """180 + 124 calls at 100 a minute: 3.04 minutes."""
    same = SOURCE | {"limits": {"rpm": 100}}
    task = load_task(write_task(tmp_path, source=same, target=same))
    planned = plan(task)

    assert least_minutes(task, planned.parts, planned.expected)[0] == pytest.approx(3.04)


def test_a_programs_short_prompts_are_reckoned_with_what_dspy_writes_around_them(tmp_path: Path) -> None:
    """Held against the messages that DSPy's own adapter makes."""
    import dspy

    from optimizer.models.money.prices import tokens
    from optimizer.planning.sizes import size_of
    from tests.steps import alone

    program = {"dspy": "tests.steps:alone", "reply": {"labels": ["even", "odd"]}}
    data = {"path": "data.jsonl", "expected": "gold", "fields": {"number": "n"}}
    size = size_of(load_task(write_task(tmp_path, prompt=None, program=program, data=data)))
    messages = dspy.ChatAdapter().format(alone.signature, [], {"number": "50"})
    assert size.read == pytest.approx(sum(tokens(message["content"]) for message in messages), rel=0.15)
