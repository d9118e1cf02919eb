"""The triage example: its data can be learned from, cannot be guessed, and are what the generator writes."""

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

from optimizer.examples.triage import generate, reading
from optimizer.prompt.contract import Contract
from optimizer.prompt.template import Template

FOLDER = Path(generate.__file__).parent


@cache
def rows() -> list[dict[str, Any]]:
    return [json.loads(line) for line in (FOLDER / "data.jsonl").read_text(encoding="utf-8").splitlines()]


@cache
def task() -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((FOLDER / "task.yaml").read_text(encoding="utf-8"))
    return content


def allowed(field: str) -> list[str]:
    schema = task()["prompt"]["reply"]["schema"]["properties"][field]
    names: list[str] = schema.get("enum") or schema["items"]["enum"]
    return names


def shingles(text: str, size: int) -> frozenset[tuple[str, ...]]:
    words = re.findall(r"\w+", text.lower())
    return frozenset(zip(*(words[start:] for start in range(size)), strict=False))


def test_the_committed_data_are_what_the_generator_writes(tmp_path: Path) -> None:
    written = tmp_path / "data.jsonl"
    generate.write(written, generate.ROWS, generate.SEED)
    assert written.read_bytes() == (FOLDER / "data.jsonl").read_bytes()


def test_another_seed_gives_other_tickets() -> None:
    others = {row["ticket"] for row in generate.tickets(seed=generate.SEED + 1)}
    assert not others & {row["ticket"] for row in rows()}


def test_more_rows_than_texts_are_refused() -> None:
    with pytest.raises(ValueError, match="cannot be made of"):
        list(generate.tickets(rows=10_000))


def test_the_material_tells_at_least_150_situations_and_no_text_twice() -> None:
    texts = reading.texts()
    assert len({text.situation for text in texts}) >= 150
    assert len({text.words for text in texts}) == len(texts)


def test_gold_answers_keep_the_contract_of_the_task() -> None:
    contract = Contract(kind="json", schema=task()["prompt"]["reply"]["schema"])
    for row in rows():
        assert contract.read(json.dumps(row["expected"])).status == "ok", row["id"]
        categories = row["expected"]["categories"]
        assert 1 <= len(categories) <= 3, row["id"]
        assert len(set(categories)) == len(categories), row["id"]


def test_the_prompt_defines_every_name_and_fills_from_columns() -> None:
    system = task()["prompt"]["system"]
    for name in (*allowed("urgency"), *allowed("sentiment"), *allowed("categories")):
        assert re.search(rf"^- {name}: ", system, re.MULTILINE), name
    assert Template.parse(task()["prompt"]["user"]).names <= rows()[0].keys()
    assert not Template.parse(system).names


def test_ids_are_unique_and_tickets_complete() -> None:
    assert len({row["id"] for row in rows()}) == len(rows()) == generate.ROWS
    for row in rows():
        assert not re.search(r"[{}]|\[[@+]", row["ticket"]), row["id"]


def test_customers_are_many_and_of_varied_size() -> None:
    sizes = Counter(row["customer"] for row in rows())
    assert len(sizes) >= 60
    assert max(sizes.values()) <= 0.05 * len(rows())
    assert max(sizes.values()) >= 5 * min(sizes.values())


@pytest.mark.parametrize("field", ["urgency", "sentiment", "categories"])
def test_no_class_is_rarer_than_one_in_ten(field: str) -> None:
    answers = [row["expected"][field] for row in rows()]
    found = Counter(name for answer in answers for name in ([answer] if isinstance(answer, str) else answer))
    assert set(found) == set(allowed(field))
    assert min(found.values()) >= 0.1 * len(rows())


def test_urgency_and_sentiment_do_not_follow_from_each_other() -> None:
    pairs = Counter((row["expected"]["urgency"], row["expected"]["sentiment"]) for row in rows())
    assert len(pairs) == 9
    assert min(pairs.values()) >= 20


def test_no_two_tickets_are_near_duplicates() -> None:
    three = [shingles(row["ticket"], 3) for row in rows()]
    five = [shingles(row["ticket"], 5) for row in rows()]
    for left, right in combinations(range(len(rows())), 2):
        common = len(three[left] & three[right])
        if common < 10:
            continue
        assert common < 0.5 * len(three[left] | three[right]), (rows()[left]["id"], rows()[right]["id"])
        shared = len(five[left] & five[right])
        assert shared <= 0.6 * min(len(five[left]), len(five[right])), (rows()[left]["id"], rows()[right]["id"])


@pytest.mark.parametrize(("field", "fallback"), [("urgency", "medium"), ("sentiment", "neutral")])
def test_looking_for_the_label_in_the_text_does_not_solve_it(field: str, fallback: str) -> None:
    def guess(ticket: str) -> str:
        return next((name for name in allowed(field) if name in ticket.lower()), fallback)

    right = sum(guess(row["ticket"]) == row["expected"][field] for row in rows())
    assert right < 0.45 * len(rows())


def test_category_names_never_stand_in_a_ticket() -> None:
    for row in rows():
        assert not any(name in row["ticket"].lower() for name in allowed("categories")), row["id"]


def test_the_word_urgent_says_little_about_urgency() -> None:
    shouted = [row["expected"]["urgency"] for row in rows() if "urgent" in row["ticket"].lower()]
    assert len(shouted) >= 15
    assert shouted.count("high") < 0.6 * len(shouted)


def test_fresh_goods_held_up_on_their_way_are_never_medium() -> None:
    perishable = {
        customer.name for customer in reading.customers() if customer.perishable and customer.ships != ("all",)
    }
    for row in rows():
        if row["customer"] in perishable and "delivery_trouble" in row["expected"]["categories"]:
            assert row["expected"]["urgency"] != "medium", row["id"]


def test_the_answers_can_be_learned_from_the_text_but_not_perfectly() -> None:
    import numpy as np
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GroupShuffleSplit

    tickets = np.array([row["ticket"] for row in rows()])
    customers = [row["customer"] for row in rows()]
    train, test = next(GroupShuffleSplit(1, train_size=0.6, random_state=0).split(tickets, groups=customers))
    vectors = TfidfVectorizer()
    known, new = vectors.fit_transform(tickets[train]), vectors.transform(tickets[test])
    for field in ("urgency", "sentiment"):
        gold = np.array([row["expected"][field] for row in rows()])
        model = LogisticRegression(C=10, max_iter=500).fit(known, gold[train])
        assert 0.65 < float(np.mean(model.predict(new) == gold[test])) < 0.93, field
    has = np.array([[name in row["expected"]["categories"] for name in allowed("categories")] for row in rows()])
    models = [
        LogisticRegression(C=10, class_weight="balanced", max_iter=500).fit(known, column) for column in has[train].T
    ]
    chance = np.array([model.predict_proba(new)[:, 1] for model in models]).T
    said = (chance >= 0.4) | (chance == chance.max(axis=1, keepdims=True))
    f1 = 2 * (said & has[test]).sum(axis=1) / (said.sum(axis=1) + has[test].sum(axis=1))
    assert 0.65 < float(f1.mean()) < 0.93
