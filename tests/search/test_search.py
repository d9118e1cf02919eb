"""The search finds what works, keeps what is as good, survives nonsense, and repeats itself exactly."""

from __future__ import annotations

import random
import zlib
from collections.abc import Callable
from dataclasses import replace

import pytest

from optimizer.errors import BudgetExceeded, ModelError
from optimizer.habits import habits_of
from optimizer.models.money.prices import Price
from optimizer.models.scripted import ScriptedModel
from optimizer.objective import Constraints, Objective, Unit
from optimizer.progress import Progress
from optimizer.prompt import Prompt
from optimizer.prompt.contract import Contract
from optimizer.search.brief import Brief, Cast, Effort, Ground, Scale
from optimizer.search.loop import search
from optimizer.search.study import PRUNERS
from optimizer.search.trial import SearchResult
from optimizer.space import SearchSpace
from optimizer.types import Example, Output, Request, Score
from search_spaces import DELIMITERS, DEMOS, PLACEMENT, PROGRAMS, REASONING, REPLY, WORDING
from tests.walking import number, wordy

LABELS = Contract("labels", ("even", "odd"))
PROMPT = Prompt.from_messages(
    [{"role": "system", "content": "Say what the number is."}, {"role": "user", "content": "Number: {{n}}"}],
    contract=LABELS,
)
SPACE = SearchSpace((WORDING, DELIMITERS, PLACEMENT, DEMOS, REPLY, REASONING))
EXAMPLES = [Example(f"e{n}", {"n": n}, "even" if n % 2 == 0 else "odd") for n in range(90)]
NONSENSE = ScriptedModel(lambda _: "I would rather not.", name="proposer")


def agree(example: Example, output: Output, reference: Output | None) -> Score:
    return Score(float(output.value == example.expected), f"expected {example.expected}, got {output.text[:40]}")


def brief(script: Callable[[Request], str], **changes: object) -> Brief:
    references = {e.id: Output(e.id, str(e.expected), e.expected, cost=1e-4, latency=0.1) for e in EXAMPLES}
    made = Brief(
        Ground(EXAMPLES[:30], EXAMPLES[30:], references, {e.id: str(e.expected) for e in EXAMPLES}),
        Scale(agree, Objective(), Constraints(), Unit(1e-4, 0.1)),
        Cast(ScriptedModel(script, name="target"), NONSENSE, habits_of("target")),
        Effort(trials=18, rounds=3, calls_per_trial=10, compile_calls=40),
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def facts(result: SearchResult) -> list[object]:
    return [(t.params, t.value, t.examples, t.prompt.digest, t.program) for t in result.trials]


def test_it_finds_the_one_thing_that_helps() -> None:
    result = search(PROMPT, SPACE, brief(wordy))

    assert result.winner.params["reply"] == "told"
    assert result.winner.quality == 1.0
    assert result.trials[0].params == SPACE.unchanged and result.trials[0].quality == 0.0


def test_no_quality_is_told_of_the_best_before_it_has_answered_what_a_trial_may_take() -> None:
    said: list[Progress] = []

    search(PROMPT, SPACE, brief(wordy, watch=said.append))

    told = [progress for progress in said if progress.total]
    assert told[0].best is None
    assert told[-1].best == 1.0


def test_the_same_seed_and_answers_give_the_same_search() -> None:
    assert facts(search(PROMPT, SPACE, brief(wordy))) == facts(search(PROMPT, SPACE, brief(wordy)))


def test_another_seed_looks_elsewhere() -> None:
    other = replace(brief(wordy), effort=Effort(trials=18, rounds=3, calls_per_trial=10, seed=1))

    assert facts(search(PROMPT, SPACE, brief(wordy))) != facts(search(PROMPT, SPACE, other))


def test_where_nothing_truly_differs_the_unchanged_prompt_is_kept() -> None:
    def guesses(request: Request) -> str:
        draw = random.Random(repr(request.messages))
        return draw.choice(["even", "odd"])

    result = search(PROMPT, SPACE, brief(guesses))

    assert result.best == 0
    assert any("unchanged" in note for note in result.notes)


def test_who_wants_any_gain_at_all_takes_the_best_by_chance() -> None:
    def guesses(request: Request) -> str:
        draw = random.Random(repr(request.messages))
        return draw.choice(["even", "odd"])

    result = search(PROMPT, SPACE, brief(guesses, effort=Effort(sure=0.5)))

    best = max(result.trials, key=lambda trial: trial.value or 0.0)
    assert result.best == best.number != 0


def test_a_proposer_that_answers_nonsense_loses_its_candidates_not_the_run() -> None:
    result = search(PROMPT, SPACE, brief(wordy))

    assert any(note.startswith("proposals lost") for note in result.notes)
    assert all(trial.params["wording"] == "as_is" for trial in result.trials)


def test_what_the_proposer_writes_takes_part() -> None:
    proposer = ScriptedModel(
        lambda _: "<instructions>Name the parity: one word and nothing else.</instructions>", name="proposer"
    )
    cast = replace(brief(wordy).cast, proposer=proposer)

    result = search(PROMPT, SearchSpace((WORDING,)), brief(wordy, cast=cast))

    assert result.winner.params["wording"] != "as_is"
    assert result.winner.quality == 1.0


def test_compiled_and_plain_candidates_compete_in_one_study() -> None:
    result = search(PROMPT, SearchSpace((REPLY, PROGRAMS)), brief(wordy))

    programs = {trial.program for trial in result.trials}
    assert "plain" in programs and "labeled_few_shot" in programs
    compiled = next(trial for trial in result.trials if trial.program == "labeled_few_shot")
    assert compiled.prompt.demos


def test_no_space_for_money_stops_it_and_says_why() -> None:
    asked: list[int] = []

    def afford(calls: int) -> str | None:
        asked.append(calls)
        return "the purse is empty" if len(asked) > 12 else None

    result = search(PROMPT, SPACE, brief(wordy, afford=afford))

    assert result.stopped_by == "the purse is empty"
    assert result.winner.examples > 0


def test_nothing_measured_is_an_error_not_a_default() -> None:
    with pytest.raises(BudgetExceeded, match="no candidate could be measured: no money at all"):
        search(PROMPT, SPACE, brief(wordy, afford=lambda _: "no money at all"))


def test_broken_constraints_keep_a_candidate_from_winning() -> None:
    scale = replace(brief(wordy).scale, constraints=Constraints(prompt_tokens=20))

    result = search(PROMPT, SPACE, brief(wordy, scale=scale))

    assert result.winner.input_tokens is not None and result.winner.input_tokens <= 20


def test_answers_that_cannot_be_had_teach_nothing() -> None:
    def flaky(request: Request) -> str:
        if number(request) % 10 == 3:
            raise ModelError("503", model="target", retryable=True)
        return wordy(request)

    result = search(PROMPT, SPACE, brief(flaky))

    assert result.winner.params["reply"] == "told" and result.winner.quality == 1.0


def test_an_outage_is_raised() -> None:
    def down(request: Request) -> str:
        raise ModelError("503 everywhere", model="target", retryable=True)

    with pytest.raises(ModelError, match="503 everywhere"):
        search(PROMPT, SearchSpace((DELIMITERS, REPLY)), brief(down))


def test_a_dear_prompt_pays_more_for_its_answers() -> None:
    """Eight worked examples make a short prompt many times dearer; the race is counted in unchanged prompts."""
    priced = replace(brief(wordy).cast, price=Price(1.0, 4.0))
    space = SearchSpace((REPLY, DEMOS))

    free, dear = search(PROMPT, space, brief(wordy)), search(PROMPT, space, brief(wordy, cast=priced))

    def shown(result: SearchResult) -> int:
        return sum(trial.examples for trial in result.trials if trial.params["demos"] == 8)

    assert 0 < shown(dear) < shown(free)


def test_a_search_with_little_left_ends_its_race_in_time() -> None:
    """With calls for a quarter of the plan most of them still go to the few best."""
    calls = [0]

    def afford(more: int) -> str | None:
        calls[0] += more
        return None if calls[0] <= 100 else "the calls are used"

    def unseen(request: Request) -> str:
        """Every form is about as good as its digest says."""
        skill = zlib.crc32(repr(request.messages[:-1]).encode()) % 10
        right = zlib.crc32(repr(request.messages).encode()) % 10 < skill
        return "even" if (number(request) % 2 == 0) == right else "odd"

    def share_of_the_best_two(**purse: object) -> float:
        calls[0] = 0
        effort = Effort(trials=20, rounds=1, calls_per_trial=20, least_gain=0.0)
        space = SearchSpace((DELIMITERS, PLACEMENT, REPLY, REASONING))
        result = search(PROMPT, space, brief(unseen, afford=afford, effort=effort, **purse))
        assert result.stopped_by == "the calls are used"
        seen = sorted((trial.examples for trial in result.trials), reverse=True)
        return sum(seen[:2]) / sum(seen)

    assert share_of_the_best_two(left=lambda: 100.0 - calls[0]) > 1.3 * share_of_the_best_two()


@pytest.mark.parametrize("pruner", [name for name in PRUNERS if name != "none"])
def test_with_any_pruner_most_trials_are_measured_and_some_are_cut(pruner: str) -> None:
    """18 trials of 60 examples each would be 1,080 calls; there are 144, of which one trial takes a twelfth at most."""
    result = search(PROMPT, SPACE, brief(wordy, effort=Effort(trials=18, rounds=3, calls_per_trial=8, pruner=pruner)))

    states = [trial.state for trial in result.trials]
    assert states.count("failed") <= len(states) // 2
    assert "pruned" in states
    assert max(trial.examples for trial in result.trials) == 12
    assert result.winner.params["reply"] == "told"


def test_a_pruner_of_optuna_can_take_the_place_of_the_race() -> None:
    effort = Effort(trials=12, rounds=2, calls_per_trial=30, pruner="wilcoxon")

    result = search(PROMPT, SPACE, brief(wordy, effort=effort))

    assert result.winner.quality == 1.0
    assert any(trial.state == "pruned" and 0 < trial.examples < 60 for trial in result.trials)


def test_a_search_that_promises_nothing_more_stops_and_says_so() -> None:
    everything = SearchSpace((REPLY,))
    effort = Effort(trials=3, rounds=1, calls_per_trial=50, least_gain=0.1)

    result = search(PROMPT, everything, brief(wordy, effort=effort))

    assert result.stopped_by == "more calls promised too little"
    assert any("not worth it" in note for note in result.notes)
    assert sum(trial.examples for trial in result.trials) < 3 * 50


def test_a_search_may_weigh_its_objectives_against_each_other() -> None:
    effort = Effort(trials=12, rounds=3, calls_per_trial=20, sampler="nsgaii", objectives=("quality", "cost"))

    found = [search(PROMPT, SPACE, brief(wordy, effort=effort)) for _ in range(2)]

    assert [trial.params for trial in found[0].trials] == [trial.params for trial in found[1].trials]
    assert found[0].winner.quality == 1.0
