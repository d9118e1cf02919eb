"""The calls example: its data can be learned from, cannot be guessed, and are what the generator writes."""

from __future__ import annotations

import json
import random
import re
from collections import Counter, defaultdict
from functools import cache
from itertools import combinations, pairwise
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest
import yaml

from optimizer.examples.calls import generate
from optimizer.examples.calls.situations import OUTCOMES, VOICES, read_situations
from optimizer.prompt.contract import Contract
from optimizer.prompt.template import Template

FOLDER = Path(generate.__file__).parent
FIELDS = ("reason", "outcome", "follow_up")


@cache
def rows() -> list[dict[str, Any]]:
    return [json.loads(line) for line in generate.DATA.read_text(encoding="utf-8").splitlines()]


@cache
def task() -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((FOLDER / "task.yaml").read_text(encoding="utf-8"))
    return content


def words(text: str) -> list[str]:
    return re.findall(r"[a-z0-9]+", text.lower())


def said(transcript: str) -> list[str]:
    """The sentences of a call, without speakers, time stamps and notes."""
    turns = re.findall(r"^(?:\[[\d:]+\] )?(?:Agent|Customer): (.+)$", transcript, re.MULTILINE)
    return [sentence for turn in turns for sentence in re.split(r"(?<=[.?!]) ", turn)]


def rouge_l(candidate: str, reference: str) -> float:
    left, right = words(candidate), words(reference)
    row = [0] * (len(right) + 1)
    for word in left:
        above = row
        row = [0]
        for place, other in enumerate(right):
            row.append(above[place] + 1 if word == other else max(above[place + 1], row[place]))
    return 2 * row[-1] / (len(left) + len(right))


def best_extract(sentences: list[str], reference: str) -> float:
    """ROUGE-L of up to four sentences of the call, chosen greedily with the reference at hand."""
    chosen: set[int] = set()
    best = 0.0
    while len(chosen) < 4:
        scored = {
            n: rouge_l(" ".join(sentences[i] for i in sorted(chosen | {n})), reference) for n in range(len(sentences))
        }
        number = max(scored, key=lambda n: scored[n])
        if scored[number] <= best:
            break
        best = scored[number]
        chosen.add(number)
    return best


def learned(field: str, seed: int) -> float:
    """The share that TF-IDF and logistic regression get right, trained on six of ten sites and tested on the others."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from threadpoolctl import threadpool_limits

    sites = sorted({row["site"] for row in rows()})
    known = set(random.Random(seed).sample(sites, k=round(0.6 * len(sites))))
    train = [row for row in rows() if row["site"] in known]
    test = [row for row in rows() if row["site"] not in known]
    model = make_pipeline(
        TfidfVectorizer(sublinear_tf=True), LogisticRegression(C=100, max_iter=1000, class_weight="balanced")
    )
    with threadpool_limits(1):  # many threads on so small a thing only wait for each other
        model.fit([row["transcript"] for row in train], [row["expected"][field] for row in train])
    answers = model.predict([row["transcript"] for row in test])
    return fmean(answer == row["expected"][field] for answer, row in zip(answers, test, strict=True))


def test_the_committed_data_are_what_the_generator_writes(tmp_path: Path) -> None:
    generate.main(tmp_path / "data.jsonl")
    assert (tmp_path / "data.jsonl").read_bytes() == generate.DATA.read_bytes()


def test_another_seed_gives_other_calls() -> None:
    others = {row["transcript"] for row in generate.make_rows(generate.SEED + 1)}
    assert not others & {row["transcript"] for row in rows()}


def test_the_material_tells_over_a_hundred_situations_and_says_nothing_twice() -> None:
    situations = read_situations()
    assert len({situation.title for situation in situations}) >= 120
    openings = [opening.text for s in situations for opening in s.openings]
    endings = [ending.turns for s in situations for ending in s.endings]
    assert len(set(openings)) == len(openings) >= 360
    assert len(set(endings)) == len(endings) >= 360


def test_every_situation_has_three_voices_three_endings_and_two_questions() -> None:
    for situation in read_situations():
        assert len({opening.voice for opening in situation.openings}) == 3, situation.title
        assert {opening.voice for opening in situation.openings} <= set(VOICES), situation.title
        assert len(situation.endings) == 3, situation.title
        assert len(situation.asks) == 2, situation.title
        assert situation.finds, situation.title
        for ending in situation.endings:
            assert ending.follow_up in ("yes", "no"), situation.title
            assert len(ending.turns) % 2 == 1, f"{situation.title}: the agent has the last word"
            assert set(ending.unfit) <= set(VOICES), situation.title


def test_a_situation_is_cast_without_a_contradiction_and_three_calls_share_nothing() -> None:
    for situation in read_situations():
        cast = generate.castings(situation, random.Random(1))
        assert len(set(cast)) == 4
        assert len({opening for opening, _ in cast[:3]}) == len({ending for _, ending in cast[:3]}) == 3
        assert all(opening.voice not in ending.unfit for opening, ending in cast)


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("anrgy: Where is it? => It is missing.", "anrgy"),
        ("angry: Where is it?", "must have ` => ` once"),
        ("find: It was sold. => It was sold.", "not at all if it is a finding"),
        ("no colon", "no colon"),
    ],
)
def test_a_line_that_cannot_be_understood_is_named(tmp_path: Path, line: str, complaint: str) -> None:
    (tmp_path / "charges.txt").write_text(f"== lost bill\n{line}\n", encoding="utf-8")
    with pytest.raises(ValueError, match=re.escape(complaint)) as caught:
        read_situations(tmp_path)
    assert str(caught.value).startswith("charges.txt, 'lost bill': ")


def test_the_prompt_defines_every_label_and_fills_from_columns() -> None:
    prompt = task()["prompt"]
    for field in ("reason", "outcome"):
        for label in prompt["reply"]["schema"]["properties"][field]["enum"]:
            assert re.search(rf"^- {label}: ", prompt["system"], re.MULTILINE), label
    assert "follow_up is yes when" in prompt["system"]
    assert "It is no when" in prompt["system"]
    assert Template.parse(prompt["user"]).names == {"transcript", "queue"} <= rows()[0].keys()


def test_gold_answers_keep_the_contract_and_the_limit_of_the_prompt() -> None:
    contract = Contract(kind="json", schema=task()["prompt"]["reply"]["schema"])
    limit = re.search(r"At most (\d+) words", task()["prompt"]["system"])
    assert limit
    for row in rows():
        assert contract.read(json.dumps(row["expected"])).status == "ok", row["id"]
        assert 8 <= len(row["expected"]["summary"].split()) <= int(limit[1]), row["id"]


def test_ids_are_unique_and_sites_are_many_and_of_different_sizes() -> None:
    assert len({row["id"] for row in rows()}) == len(rows()) >= 500
    sizes = Counter(row["site"] for row in rows())
    assert len(sizes) >= 50
    assert len(set(sizes.values())) >= 3
    assert max(sizes.values()) <= 0.06 * len(rows())


def test_no_class_is_rare() -> None:
    for field in FIELDS:
        shares = {value: n / len(rows()) for value, n in Counter(row["expected"][field] for row in rows()).items()}
        assert set(shares) == set(task()["prompt"]["reply"]["schema"]["properties"][field]["enum"])
        assert min(shares.values()) >= 0.08, shares


def test_a_transcript_is_a_talk_of_two_of_the_length_of_a_short_call() -> None:
    for row in rows():
        speakers = re.findall(r"^(?:\[\d\d:\d\d\] )?(Agent|Customer): ", row["transcript"], re.MULTILINE)
        assert 8 <= len(speakers) <= 20, row["id"]
        assert all(one != two for one, two in pairwise(speakers)), row["id"]
        assert 120 <= len(row["transcript"].split()) <= 260, row["id"]
        assert not re.search(r"[{}]|=>", row["transcript"] + row["expected"]["summary"]), row["id"]


def test_no_two_calls_are_nearly_the_same() -> None:
    holders: dict[tuple[str, ...], list[int]] = defaultdict(list)
    sizes = []
    for number, row in enumerate(rows()):
        said_words = words(row["transcript"])
        shingles = set(zip(said_words, said_words[1:], said_words[2:], strict=False))
        sizes.append(len(shingles))
        for shingle in shingles:
            holders[shingle].append(number)
    shared = Counter(pair for numbers in holders.values() for pair in combinations(numbers, 2))
    alike = {(a, b): n / (sizes[a] + sizes[b] - n) for (a, b), n in shared.items()}
    assert max(alike.values()) < 0.35
    assert sum(value > 0.2 for value in alike.values()) <= 50


def test_labels_are_hardly_ever_said_in_a_call() -> None:
    labels = {*OUTCOMES, *(row["expected"]["reason"] for row in rows())}
    for label in labels:
        assert sum(label in words(row["transcript"]) for row in rows()) <= 10, label


def test_the_queue_is_a_hint_and_no_answer() -> None:
    by_queue: dict[str, Counter[str]] = defaultdict(Counter)
    for row in rows():
        by_queue[row["queue"]][row["expected"]["reason"]] += 1
    right = sum(counts.most_common(1)[0][1] for counts in by_queue.values())
    assert 0.3 <= right / len(rows()) <= 0.7


def test_key_sentences_of_a_call_make_a_good_summary_and_its_first_ones_a_bad_one() -> None:
    sample = rows()[::4]
    best = [best_extract(said(row["transcript"]), row["expected"]["summary"]) for row in sample]
    first = [rouge_l(" ".join(said(row["transcript"])[:2]), row["expected"]["summary"]) for row in sample]
    assert 0.5 <= fmean(best) <= 0.8
    assert min(best) >= 0.3
    assert fmean(first) <= 0.25


@pytest.mark.parametrize("field", FIELDS)
def test_a_simple_learner_gets_most_but_not_all_from_sites_that_it_has_not_seen(field: str) -> None:
    commonest = Counter(row["expected"][field] for row in rows()).most_common(1)[0][1] / len(rows())
    right = fmean(learned(field, seed) for seed in range(8))
    assert 0.75 <= right <= 0.92, right
    assert right >= commonest + 0.1
