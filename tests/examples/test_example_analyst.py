"""The analyst example: gold answers that can be argued, no giveaways, no near-duplicates, and work left to do."""

from __future__ import annotations

import json
import re
from collections import Counter
from functools import cache
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml

from optimizer.examples.analyst import generate
from optimizer.examples.analyst.world import Fact, World, companies, metrics
from optimizer.metrics import build_metric
from optimizer.prompt import Prompt
from optimizer.prompt.contract import Contract
from optimizer.task import load_task
from optimizer.types import Output

Row = dict[str, Any]
TASK: dict[str, Any] = yaml.safe_load(generate.DATA.with_name("task.yaml").read_text(encoding="utf-8"))
REPLY = Contract(kind="json", schema=TASK["prompt"]["reply"]["schema"])
FIGURE = re.compile(r"(?<![\w.])\d[\d,]*(?:\.\d+)?")
DATE = re.compile(r"\b(?:31 December )?(?:19|20)\d\d(?:/\d\d)?\b(?![,.]\d)")


@cache
def rows() -> tuple[Row, ...]:
    return tuple(json.loads(line) for line in generate.DATA.read_text(encoding="utf-8").splitlines())


@cache
def made() -> tuple[generate.Row, ...]:
    return tuple(generate.Generator(generate.SEED).rows())


def passages(row: Row) -> dict[str, str]:
    pieces = re.split(r"\n\n(?=\[P\d\] )", row["passages"])
    return {piece[1:3]: piece[5:] for piece in pieces}


def answer(row: Row) -> str:
    return passages(row)[row["expected"]["source"]]


def figures(text: str) -> list[float]:
    return [float(found.rstrip(",").replace(",", "")) for found in FIGURE.findall(text)]


def test_rows_are_complete_and_many() -> None:
    assert len(rows()) == 560
    assert len({row["id"] for row in rows()}) == 560
    assert len({row["company"] for row in rows()}) == 76
    assert all(list(row) == ["id", "company", "question", "passages", "expected"] for row in rows())
    assert all(list(row["expected"]) == ["figure", "unit", "source"] for row in rows())
    assert all(list(passages(row)) == [f"P{at}" for at in range(1, len(passages(row)) + 1)] for row in rows())
    assert {len(passages(row)) for row in rows()} == {4, 5, 6}


def test_the_committed_data_are_what_the_generator_writes(tmp_path: Path) -> None:
    again = tmp_path / "data.jsonl"
    generate.main(["--out", str(again)])
    assert again.read_bytes() == generate.DATA.read_bytes()


def test_another_seed_writes_other_rows() -> None:
    other = next(generate.Generator(generate.SEED + 1).rows()).to_dict(1)
    assert other["passages"] != rows()[0]["passages"]


def test_the_material_is_broad() -> None:
    asked = Counter(row.case.metric for row in made())
    assert len(asked) >= 80
    assert max(asked.values()) <= 25
    assert len(Counter(row.company.family for row in made())) == 17
    for key, metric in metrics().items():
        assert len(set(metric.state)) >= 4, key
        assert len(set(metric.ask)) >= 4, key


def test_every_kind_of_question_is_asked() -> None:
    kinds = Counter(row.case.kind for row in made())
    assert min(kinds.values()) >= 15
    assert set(kinds) == {"level", "earlier", "prior", "segment", "half", "change", "outlook", "restated"}


def test_each_row_has_a_distractor_about_the_same_figure() -> None:
    assert all(generate.CLOSE & set(row.kinds) for row in made())


def test_no_passage_names_another_company() -> None:
    shorts = {company.name: re.compile(rf"\b{re.escape(company.short)}\b") for company in companies()}
    for row in rows():
        text = f"{row['question']} {row['passages']}"
        assert [name for name, short in shorts.items() if short.search(text) and name != row["company"]] == []


def test_the_gold_figure_stands_in_its_passage_and_in_no_other() -> None:
    """With the half per cent that the metric allows, so that a wrong passage never scores by luck."""
    for row in rows():
        wanted = abs(float(row["expected"]["figure"]))
        hits = Counter(
            name
            for name, text in passages(row).items()
            for found in figures(text)
            if abs(found - wanted) <= 0.005 * wanted
        )
        assert hits == {row["expected"]["source"]: 1}, row["id"]
        assert not any(abs(found - wanted) <= 0.005 * wanted for found in figures(row["question"])), row["id"]


def test_gold_figures_are_printed_as_the_guidelines_say() -> None:
    golds = [row["expected"]["figure"] for row in rows()]
    assert all(re.fullmatch(r"-?\d+(?:\.\d+)?", gold) for gold in golds)
    for row, gold in zip(rows(), golds, strict=True):
        whole, _, decimals = gold.lstrip("-").partition(".")
        printed = f"{int(whole):,}" + (f".{decimals}" if decimals else "")
        assert printed in answer(row), row["id"]


def test_negative_figures_and_grouped_thousands_occur() -> None:
    golds = [row["expected"]["figure"] for row in rows()]
    assert sum(gold.startswith("-") for gold in golds) >= 20
    assert sum(float(gold) >= 1000 for gold in golds) >= 60


def test_gold_answers_fit_the_reply_that_the_task_demands() -> None:
    units = Counter(row["expected"]["unit"] for row in rows())
    assert set(units) == set(REPLY.schema["properties"]["unit"]["enum"])  # type: ignore[index]
    for row in rows():
        reply = REPLY.read(json.dumps(row["expected"]))
        assert (reply.status, reply.value) == ("ok", row["expected"])


def test_the_prompt_asks_for_the_columns_of_the_data() -> None:
    texts = [{"role": role, "content": TASK["prompt"][role]} for role in ("system", "user")]
    prompt = Prompt.from_messages(texts, contract=REPLY)
    assert prompt.names == {"question", "passages"}
    request = prompt.render({name: rows()[0][name] for name in prompt.names})
    assert rows()[0]["passages"] in request.messages[1].content
    assert "{{" not in request.messages[0].content


def test_the_task_file_is_read_and_a_gold_answer_scores_one() -> None:
    task = load_task(generate.DATA.with_name("task.yaml"))
    metric = build_metric(task.settings.metrics, task.prompt.contract)
    assert len(task.examples) == 560
    assert len({example.group for example in task.examples}) == 76
    for example in task.examples:
        gold = Output(example.id, json.dumps(example.expected), value=example.expected)
        assert metric(example, gold, None).value == 1.0
    first = task.examples[0]
    wrong = {**first.expected, "source": "P9"}  # type: ignore[dict-item]
    assert metric(first, Output(first.id, "", value=wrong), None).value == pytest.approx(3 / 4)


def test_no_two_rows_are_nearly_the_same() -> None:
    def shingles(row: Row) -> frozenset[tuple[str, ...]]:
        words = re.findall(r"[\w.%]+", f"{row['question']} {answer(row)}".lower())
        return frozenset(zip(words, words[1:], words[2:], strict=False))

    nearest = max(len(a & b) / len(a | b) for a, b in combinations([shingles(row) for row in rows()], 2))
    assert nearest < 0.6


def test_the_answer_stands_at_every_place_equally_often() -> None:
    for count in (4, 5, 6):
        places = Counter(row["expected"]["source"] for row in rows() if len(passages(row)) == count)
        assert len(places) == count
        assert max(places.values()) - min(places.values()) <= 1


def test_length_does_not_give_the_answer_away() -> None:
    """By chance, one passage in five would be the longest, and one the shortest."""
    lengths = [({name: len(text) for name, text in passages(row).items()}, row["expected"]["source"]) for row in rows()]
    longest = sum(max(sizes, key=sizes.__getitem__) == gold for sizes, gold in lengths) / len(rows())
    shortest = sum(min(sizes, key=sizes.__getitem__) == gold for sizes, gold in lengths) / len(rows())
    assert 0.10 < longest < 0.30
    assert 0.10 < shortest < 0.30


def test_the_most_similar_passage_is_often_but_not_always_right() -> None:
    from sklearn.feature_extraction.text import TfidfVectorizer

    texts = [passages(row) for row in rows()]
    vectors = TfidfVectorizer().fit([*(row["question"] for row in rows()), *(t for p in texts for t in p.values())])
    right = 0
    for row, choice in zip(rows(), texts, strict=True):
        nearness = (vectors.transform(choice.values()) @ vectors.transform([row["question"]]).T).toarray().ravel()
        right += list(choice)[int(nearness.argmax())] == row["expected"]["source"]
    assert 0.65 <= right / len(rows()) <= 0.85


def test_the_first_figure_of_the_right_passage_is_often_but_not_always_right() -> None:
    right = 0
    for row in rows():
        body = DATE.sub("", answer(row).partition(": ")[2])
        right += figures(body)[0] == abs(float(row["expected"]["figure"]))
    assert 0.60 <= right / len(rows()) <= 0.80


def test_many_questions_use_another_word_than_their_passage() -> None:
    other = 0
    for row in made():
        question, text = row.case.question.lower(), row.case.answer.text.lower()
        other += not any(name.lower() in question and name.lower() in text for name in metrics()[row.case.metric].names)
    assert other / len(made()) >= 0.25


@pytest.mark.parametrize("short", ["Brandtholm", "Rheintal Dosiertechnik", "Halbrook", "Oceano Bulk"])
def test_the_accounts_of_a_company_add_up(short: str) -> None:
    company = next(company for company in companies() if company.short == short)
    world = World(company, generate.SEED)

    def value(key: str, segment: str | None = None) -> float:
        found = world.value(Fact(key, company.year, segment))
        assert found is not None
        return found

    assert value("revenue") == company.revenue
    assert value("ebit") == pytest.approx(company.revenue * company.margin / 100, abs=0.51)
    assert value("ebitda") == pytest.approx(value("ebit") + value("depreciation"), abs=1.1)
    assert sum(value("revenue", name) for name in company.segments) == pytest.approx(value("revenue"), abs=1.6)
    assert sum(value("headcount", name) for name in company.segments) == pytest.approx(company.staff, abs=1.6)
    assert value("equity") == pytest.approx(value("total_assets") * value("equity_ratio") / 100, rel=0.005)
