"""Which worked examples are shown, in what order; and those that are picked for each request."""

from __future__ import annotations

import random
from copy import deepcopy
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from sklearn.feature_extraction.text import TfidfVectorizer

from optimizer import reader
from optimizer.errors import ExportError
from optimizer.exporters.bundle.making import as_bundle, faithful
from optimizer.habits import habits_of
from optimizer.models.scripted import ScriptedModel
from optimizer.objective import Constraints, Objective, Unit
from optimizer.prompt import Demo, Prompt
from optimizer.prompt.contract import Contract
from optimizer.prompt.layout import Layout
from optimizer.prompt.picking import Picking, pooled
from optimizer.results.rundir import RunDir
from optimizer.search.brief import Brief, Cast, Ground, Scale
from optimizer.search.enrich import enrich
from optimizer.search.pool import Pool
from optimizer.space import Choice, DemoPlan, SearchSpace, Value
from optimizer.space.demos import Shot, choose
from optimizer.types import Example, Output, Request, Score
from search_spaces import DEMO_CHOICE, DEMO_ORDER, DEMOS, WORDING
from search_spaces.demos import EVERY_ORDER
from tests.conftest import Walked
from tests.exporters.test_bundle import STRANGE, in_production, scored, written
from tests.walking import SEARCH, crew, finished, parity, writes

TURNS = [{"role": "system", "content": "Rate it."}, {"role": "user", "content": "Text: {{text}}"}]
PROMPT = Prompt.from_messages(TURNS, contract=Contract("labels", ("fruit", "animal")))


def shot(text: str, label: str = "", name: str = "") -> Shot:
    return Shot(Example(name or text, {"text": text, "other column": 1}), label or "x", label)


def texts(plan: DemoPlan, shots: list[Shot], **more: Any) -> list[str]:
    return [str(demo.inputs["text"]) for demo in choose(plan, shots, 0, **more)]


FRUIT = ["red apple", "green apple tart", "red apple tart", "yellow banana"]
ANIMALS = ["blue whale", "whale song", "grey wolf"]
BOTH = [shot(text, "fruit") for text in FRUIT] + [shot(text, "animal") for text in ANIMALS]

# -- choices


def test_nearest_examples_are_the_typical_ones() -> None:
    """Apple, red and tart are each in two or more of the texts; every word of the others stands alone."""
    shots = [shot(text) for text in (*ANIMALS[:1], *FRUIT)]

    assert texts(DemoPlan(3, "nearest"), shots) == ["red apple tart", "red apple", "green apple tart"]


def test_the_hardest_are_those_that_the_target_got_wrong_the_worst_first() -> None:
    looked = {"red apple": 1.0, "whale song": 0.5, "grey wolf": 0.0}

    chosen = texts(DemoPlan(7, "hardest"), BOTH, looked=looked)

    assert chosen[:2] == ["grey wolf", "whale song"] and chosen[-1] == "red apple"


def test_where_nobody_looked_the_hardest_lie_nearest_to_another_label() -> None:
    odd = shot("red wolf", "animal")  # shares its words with one of each label

    clear = [shot("ripe plum", "fruit"), shot("blue whale", "animal"), shot("a blue whale", "animal")]

    chosen = texts(DemoPlan(2, "hardest"), [shot("red apple", "fruit"), *clear, odd])

    assert set(chosen) == {"red wolf", "red apple"}


def test_without_labels_the_long_ones_count_as_hard() -> None:
    assert texts(DemoPlan(1, "hardest"), [shot("a b"), shot("a b c d"), shot("a")]) == ["a b c d"]


@pytest.mark.parametrize("choice", ["nearest", "hardest", "diverse"])
def test_inputs_without_words_and_in_scripts_without_spaces_can_be_compared(choice: str) -> None:
    assert len(texts(DemoPlan(2, choice), [shot("?"), shot("!"), shot("")])) == 2
    chinese = [shot("我喜欢吃苹果", "a"), shot("苹果很好吃", "a"), shot("鲸鱼在海里", "b")]
    assert len(texts(DemoPlan(3, choice), chinese)) == 3


# -- orders


def test_orders_by_length_and_by_label() -> None:
    plan = DemoPlan(7, "short")

    by_length = texts(replace(plan, order="short_first"), BOTH)
    assert [len(text) for text in by_length] == sorted(map(len, by_length))
    assert texts(replace(plan, order="long_first"), BOTH)[0] == "green apple tart"
    alternating = choose(replace(plan, order="alternating"), BOTH, 0)
    labels = ["fruit" if demo.inputs["text"] in FRUIT else "animal" for demo in alternating]
    assert all(one != next_ for one, next_ in pairwise(labels))


# -- picked for each request

DEMOS_OF_BOTH = tuple(Demo(s.example.inputs, s.reply) for s in BOTH)
PICKING = replace(PROMPT, demos=DEMOS_OF_BOTH, picking=Picking(2))


def shown(prompt: Prompt, text: str) -> list[str]:
    request = prompt.render({"text": text})
    return [m.content.removeprefix("Text: ") for m in request.messages if m.role == "user"]


def test_each_request_shows_the_examples_most_like_its_inputs() -> None:
    assert shown(PICKING, "an old whale song") == ["whale song", "blue whale", "an old whale song"]
    assert shown(PICKING, "a yellow banana tart")[0] == "yellow banana"


def test_the_most_alike_stand_last_where_they_should() -> None:
    last = replace(PICKING, picking=Picking(2, best_last=True))

    assert shown(last, "an old whale song") == ["blue whale", "whale song", "an old whale song"]


def test_no_example_answers_itself() -> None:
    assert shown(PICKING, "Blue whale!")[0] == "whale song"


def test_examples_with_the_same_words_are_one_and_a_pool_of_one_is_none() -> None:
    twice = replace(PICKING, demos=(Demo({"text": "a b"}, "1"), Demo({"text": "B, a"}, "2")))

    assert shown(twice, "c") == ["c"]
    assert shown(replace(PICKING, demos=DEMOS_OF_BOTH[:3], picking=Picking(9)), "x")[2:] == ["x"]


def test_the_ranking_is_scikit_learn_s_tf_idf_cosine() -> None:
    draw = random.Random(5)
    vocabulary = [f"w{n}" for n in range(40)]
    lines = list({" ".join(draw.choices(vocabulary, k=draw.randint(3, 12))) for _ in range(60)})
    queries = [" ".join(draw.choices([*vocabulary, "unknown"], k=8)) for _ in range(40)]
    pool = pooled([(line, {"text": line}, "") for line in lines], ["text"], 10)
    assert pool is not None and pool["count"] == 10
    reference = TfidfVectorizer(binary=True, token_pattern=r"\w+")  # noqa: S106 - a regular expression
    vectors = reference.fit_transform(lines).toarray()

    for query in queries:
        likeness = dict(zip(lines, vectors @ reference.transform([query]).toarray()[0], strict=True))
        picked = [likeness[text] for key, text in reader.pick(pool, {"text": query}).items() if key.endswith("input")]
        assert picked == pytest.approx(sorted(likeness.values(), reverse=True)[:10], abs=1e-3)


@pytest.mark.parametrize(
    "layout",
    [Layout(), Layout("xml", "user", "text", "shown", "end", "first"), Layout("markdown", demos="text"), Layout("xml")],
)
@pytest.mark.parametrize("in_user", [False, True])
def test_picked_examples_are_laid_out_as_fixed_ones_are(layout: Layout, in_user: bool) -> None:
    turns = [{"role": "user", "content": "Rate it.\n\nText: {{text}}  \n"}] if in_user else TURNS
    prompt = replace(Prompt.from_messages(turns), layout=layout)
    whale, song, wolf = (Demo({"text": text}, "animal") for text in ANIMALS)
    picking = replace(prompt, demos=(whale, song, wolf), picking=Picking(2))

    assert picking.render({"text": "an old whale song"}) == replace(prompt, demos=(song, whale)).render(
        {"text": "an old whale song"}
    )


def test_a_prompt_that_picks_comes_back_from_json_and_has_its_own_digest() -> None:
    assert Prompt.from_dict(PICKING.to_dict()) == PICKING
    assert (
        len({PICKING.digest, replace(PICKING, picking=None).digest, replace(PICKING, picking=Picking(3)).digest}) == 3
    )
    assert PICKING.names == {"text"}


def test_the_pool_builds_it_from_the_space() -> None:
    space = SearchSpace((DEMOS, DEMO_CHOICE.among("per_request"), DEMO_ORDER))
    pool = Pool(PROMPT, space, BOTH, seed=0)
    params: dict[str, Value] = {"demos": 2, "demo_choice": "per_request", "demo_order": "reversed"}

    built = pool.build(params)

    assert (built.picking, len(built.demos)) == (Picking(2, best_last=True), len(BOTH))
    assert shown(built, "an old whale song") == ["blue whale", "whale song", "an old whale song"]
    assert pool.build({**params, "demos": 0}).picking is None


# -- in production


@pytest.mark.parametrize(
    "layout", [Layout(), Layout("xml", "user", "text", "shown", "end", "first"), Layout("markdown")]
)
def test_a_bundle_carries_the_pool_and_picks_exactly_what_was_scored(
    tmp_path: Path, plain_run: Walked, layout: Layout
) -> None:
    prompt = Prompt.from_messages(
        [{"role": "system", "content": "Look."}, {"role": "user", "content": "{{text}}\n{{tags}} {{n}}{{more}}\n"}],
        contract=Contract("json", schema={"type": "object"}),
    )
    draw = random.Random(3)
    names = ["Größe", "東京タワー", "{{text}}", "İstanbul", "wolf", "whale", "#1.input", "ß", "12.5", "<tag>", "é"]
    inputs: list[dict[str, Any]] = [
        {
            "text": " ".join(draw.choices(names, k=6)),
            "tags": draw.sample(names, 2),
            "n": n,
            "more": {"k": names[n % 11]},
        }
        for n in range(40)
    ]
    demos = tuple(Demo(row, f'{{"n": {row["n"]}}}') for row in inputs[:25])
    prompt = replace(prompt, layout=layout, demos=demos, picking=Picking(3))
    rows: list[Any] = [*inputs, *({name: row[name] for name in prompt.names} for row in STRANGE)]

    folder = written(plain_run, tmp_path / "bundle", prompt, rows)

    rendered = in_production(folder, rows)
    assert rendered == [scored(prompt, row) for row in rows]
    assert prompt.shown and len({str(reader.pick(prompt.shown, row)) for row in inputs}) > 10  # not always the same


def test_a_bundle_with_another_pool_is_never_written(plain_run: Walked) -> None:
    from tests.exporters.test_bundle import shipping

    migration = shipping(plain_run, PICKING, [{"text": "an old whale song"}])
    bundle = deepcopy(as_bundle(migration, migration.targets[0]))
    bundle["examples"]["pool"][4]["idf"]["whale"] = 0

    with pytest.raises(ExportError, match="example e0: the bundle would not render the messages that were scored"):
        faithful(bundle, PICKING, list(migration.examples.values()))


@pytest.mark.parametrize("syntax", ["mustache", "jinja2", "f-string", "handlebars", "dollar"])
def test_formats_of_plain_templates_refuse_it(syntax: Any) -> None:
    with pytest.raises(ExportError, match="picks its worked examples for each request"):
        "".join(turn.content.print(syntax) for turn in PICKING.messages)


# -- examples that a compiled program brought


@pytest.mark.parametrize(
    ("order", "numbers"),
    [
        ("as_chosen", [2, 10, 3333, 4]),
        ("reversed", [4, 3333, 10, 2]),
        ("short_first", [4, 2, 10, 3333]),
        ("long_first", [3333, 10, 2, 4]),
        ("alternating", [2, 3333, 4, 10]),
    ],
)
def test_a_set_of_examples_from_elsewhere_stands_in_every_order(order: str, numbers: list[int]) -> None:
    kind = {2: "even", 10: "even", 3333: "odd", 4: "?"}
    given = tuple(Demo({"n": n}, kind[n]) for n in kind)
    prompt = Prompt.from_messages([{"role": "user", "content": "Number: {{n}}"}])
    space = SearchSpace((DEMOS.among(4), DEMO_CHOICE, DEMO_ORDER.among(*EVERY_ORDER)))
    pool = Pool(prompt, space, (), seed=0, sets={"from_gepa": given})

    built = pool.build({"demos": 4, "demo_choice": "from_gepa", "demo_order": order})

    assert [demo.inputs["n"] for demo in built.demos] == numbers


# -- what the search has seen


def right(example: Example, output: Output, reference: Output | None) -> Score:
    return Score(float(output.value == example.expected))


def test_a_look_at_failures_is_remembered_for_the_hardest() -> None:
    train = [Example(f"e{n}", {"n": n}, "even" if n % 2 == 0 else "odd") for n in range(6)]
    prompt = Prompt.from_messages(
        [{"role": "user", "content": "Number: {{n}}"}], contract=Contract("labels", ("even", "odd"))
    )

    def target(request: Request) -> str:
        return parity(request) if request.messages[-1].content != "Number: 3" else "even"

    references = {e.id: Output(e.id, str(e.expected), e.expected) for e in train}
    brief = Brief(
        Ground(train, [], references, {}),
        Scale(right, Objective(), Constraints(), Unit(1.0, 1.0)),
        Cast(ScriptedModel(target, name="test/target"), ScriptedModel(writes, name="p"), habits_of("any")),
    )
    shots = [Shot(e, str(e.expected), str(e.expected)) for e in train]
    pool = Pool(prompt, SearchSpace((WORDING, DEMOS, DEMO_CHOICE.among("hardest"))), shots, seed=0)

    list(enrich(pool, brief, prompt, 0))

    assert pool.looked == {f"e{n}": float(n != 3) for n in range(6)}
    built = pool.build({"wording": "as_is", "demos": 2, "demo_choice": "hardest"})
    assert built.demos[0] == Demo({"n": 3}, "odd")


# -- a whole run

PICKED = SearchSpace(
    (Choice("shown", ("as_is", "picked"), lambda v, _: replace(v, demos=DemoPlan(2, "per_request", "reversed"))),)
)


def needs_examples(request: Request) -> str:
    return parity(request) if len(request.messages) > 3 else "hm"


def test_a_run_that_such_a_prompt_wins_ships_it_and_reads_it_back(tmp_path: Path) -> None:
    found, run = finished(tmp_path, crew(target=needs_examples), search={**SEARCH, "space": f"{__name__}:PICKED"})

    winner = found.targets[0].search.winner.prompt
    assert winner.picking == Picking(2, best_last=True) and len(winner.demos) > 10
    assert RunDir.read(run).migration().targets[0].search.winner.prompt == winner
    held_out = [found.examples[key].inputs for key in found.split["test"]]
    assert in_production(run / "bundle", held_out) == [scored(winner, inputs) for inputs in held_out]
    assert "{{#1.input}}" in (run / "report.html").read_text()
