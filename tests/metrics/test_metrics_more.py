"""Metrics of translations, passages, manner and vectors: against reference libraries or worked out by hand."""

from __future__ import annotations

import random
import sys

import pytest

from optimizer.errors import ConfigError, DataError
from optimizer.evaluate import score
from optimizer.metrics import build
from optimizer.metrics.checks.grounding import passages_in
from optimizer.models.providers.embedding import asked, pack, unpack
from optimizer.models.scripted import ScriptedModel
from optimizer.types import JSON, Example, Message, Output, Request, Score

WORDS = ["the", "cat", "Cat.", "sat", "runs", "running", "3.5", "mat", "né", "猫", "!", "don't"]
PAIRS = [
    ("The cat sat on the mat today.", "The cat is sitting on the mat today."),
    ("Police killed the gunman.", "The gunman killed police."),
    ("Runs quickly", "He was running quick"),
]


def judge(name: str, said: str, right: JSON = None, **options: object) -> Score:
    return build(name, options)(Example("1", {}, right), Output("1", said, said), None)


def text(draw: random.Random) -> str:
    return " ".join(draw.choices(WORDS, k=draw.randrange(0, 9)))


@pytest.mark.parametrize(("said", "right"), PAIRS)
def test_bleu_and_chrf_are_sacrebleus(said: str, right: str) -> None:
    sacrebleu = pytest.importorskip("sacrebleu")

    assert judge("bleu", said, right).value == pytest.approx(sacrebleu.sentence_bleu(said, [right]).score / 100)
    assert judge("chrf", said, right).value == pytest.approx(sacrebleu.sentence_chrf(said, [right]).score / 100)
    plus = sacrebleu.sentence_chrf(said, [right], word_order=2).score / 100
    assert judge("chrf", said, right, words=2).value == pytest.approx(plus)
    two = sacrebleu.sentence_bleu(said, [right, PAIRS[0][0]]).score / 100
    assert judge("bleu", said, [right, PAIRS[0][0]]).value == pytest.approx(min(1, two))


@pytest.mark.parametrize("kind", ["rouge1", "rouge2", "rougeL", "rougeLsum"])
@pytest.mark.parametrize(("said", "right"), PAIRS)
def test_rouge_is_that_of_rouge_score(kind: str, said: str, right: str) -> None:
    scorers = pytest.importorskip("rouge_score.rouge_scorer")
    for stem in (True, False):
        expected = scorers.RougeScorer([kind], use_stemmer=stem).score(right, said)[kind].fmeasure
        assert judge("rouge", said, right, kind=kind, stem=stem).value == pytest.approx(expected)


def test_our_own_rouge_l_is_the_librarys_on_plain_english() -> None:
    scorers = pytest.importorskip("rouge_score.rouge_scorer")
    for said, right in PAIRS:
        expected = scorers.RougeScorer(["rougeL"], use_stemmer=False).score(right, said)["rougeL"].fmeasure
        assert judge("rouge_l", said, right).value == pytest.approx(expected)


def test_rouge_of_a_script_that_the_library_leaves_out_is_no_silent_zero() -> None:
    pytest.importorskip("rouge_score")
    assert judge("rouge", "猫が好き", "猫が嫌い").value == pytest.approx(2 / 4)  # of four signs on each side
    assert judge("rouge", "猫が好き", "猫が好き").value == 1


@pytest.mark.parametrize("name", ["bleu", "chrf", "rouge"])
@pytest.mark.parametrize("seed", range(30))
def test_these_too_are_in_range_and_one_for_equal_texts(name: str, seed: int) -> None:
    pytest.importorskip("sacrebleu")
    pytest.importorskip("rouge_score")
    draw = random.Random(seed)
    one, other = text(draw), text(draw)

    assert 0 <= judge(name, one, other).value <= 1
    assert judge(name, one, one).value == 1
    if name == "rouge":
        assert judge(name, one, other).value == pytest.approx(judge(name, other, one).value)


def test_a_library_that_is_not_there_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sacrebleu.metrics", None)
    monkeypatch.setitem(sys.modules, "rouge_score.rouge_scorer", None)
    for name in ("bleu", "chrf", "rouge"):
        with pytest.raises(ConfigError, match=r"pip install 'promptport\[metrics\]'"):
            build(name)


def test_options_that_are_not_known_are_answered_with_those_that_are() -> None:
    pytest.importorskip("sacrebleu")
    with pytest.raises(ConfigError, match=r"tokenize: '13b' is not known\. Did you mean '13a'"):
        build("bleu", {"tokenize": "13b"})
    with pytest.raises(ConfigError, match="words must be a whole number from 0 to 4, found 9"):
        build("chrf", {"words": 9})
    with pytest.raises(ConfigError, match=r"kind: 'rougel' is not known\. Did you mean 'rougeL'"):
        build("rouge", {"kind": "rougel"})


# -- answers from passages

PASSAGES: JSON = [
    {"id": "A", "text": "Revenue rose 12% to $4.2 billion in fiscal 2023, driven by cloud services."},
    {"id": "B", "text": "Operating margin fell to 18% because of restructuring charges."},
]


def grounded(answer: str, passages: JSON = PASSAGES, **options: object) -> Score:
    metric = build("grounded", {"passages": "context", **options})
    return metric(Example("1", {"context": passages}), Output("1", answer, None), None)


def test_an_answer_that_keeps_to_its_passages_is_flawless() -> None:
    found = grounded(
        "Revenue rose 12% to $4.2 billion, driven by cloud services [A]. Operating margin fell to 18%. [B]"
    )
    assert found == Score(1.0, "", {"cited": 1.0, "citations": 1.0, "figures": 1.0})


def test_a_false_figure_an_unknown_passage_and_a_missing_citation_are_told_apart() -> None:
    found = grounded("Revenue rose 15% [A]. Margin fell because of restructuring charges [C]. Profit doubled.")

    # two of three sentences cite; [A] holds "revenue rose" but not 15%: 2 of 3 words; [C] is nowhere; 15 is invented
    assert found.parts == pytest.approx({"cited": 2 / 3, "citations": 1 / 2, "figures": 0.0})
    assert found.value == pytest.approx((2 / 3 + 1 / 2 + 0) / 3)
    assert "there is no passage [C]" in found.feedback and "in no passage: 15%" in found.feedback
    assert "no citation: 'Profit doubled.'" in found.feedback


def test_a_passage_that_speaks_of_something_else_does_not_support() -> None:
    found = grounded("Revenue rose because of cloud services [B].", figures=False)
    assert found.parts == {"cited": 1.0, "citations": 0.0} and "[B] does not support" in found.feedback


@pytest.mark.parametrize(
    ("given", "found"),
    [
        (["one", "two"], {"1": "one", "2": "two"}),
        ([{"id": "X", "text": "one"}, {"page_content": "two"}], {"x": "one", "2": "two"}),
        ({"S1": "one", "S2": "two"}, {"s1": "one", "s2": "two"}),
        ("[1] one\n[2] two\nmore", {"1": "one", "2": "two\nmore"}),
        ('[{"id": "X", "text": "one"}]', {"x": "one"}),
        ("plain", {"1": "plain"}),
        ("", {}),
    ],
)
def test_passages_are_read_in_the_forms_in_use(given: JSON, found: dict[str, str]) -> None:
    assert passages_in(given) == found


def test_an_answer_without_figures_is_not_judged_by_them() -> None:
    assert "figures" not in grounded("Margin fell because of restructuring charges [B].").parts


def test_what_is_wrong_with_the_options_of_grounded_is_said() -> None:
    with pytest.raises(ConfigError, match=r"example '1' has no input 'contxt'\. Did you mean 'context'"):
        build("grounded", {"passages": "contxt"})(Example("1", {"context": "x"}), Output("1", "a", None), None)
    with pytest.raises(DataError, match="the input 'context' holds no passage"):
        grounded("x", "")
    with pytest.raises(ConfigError, match="needs one group"):
        build("grounded", {"passages": "context", "citation": "x"})
    with pytest.raises(ConfigError, match="nothing is left to score"):
        build("grounded", {"passages": "context", "citations": False, "figures": False})


# -- manner


@pytest.mark.parametrize(
    ("said", "declines"),
    [
        ("I'm sorry, but I can't help with that.", True),
        ("As an AI, I do not have access to your account.", True),
        ("The answer cannot be determined from the passages.", True),
        ("The refund period is not mentioned in the context.", True),
        ("Refunds take 14 days.", False),
        ("You can't return opened goods.", False),
        ("I can help with that: refunds take 14 days.", False),
    ],
)
def test_who_declines_is_known_by_how_the_answer_begins(said: str, declines: bool) -> None:
    assert judge("refusal", said).value == (not declines)
    assert judge("refusal", said, "I cannot answer that.", wanted="gold").value == declines


def test_refusals_in_other_languages_are_known_by_phrases_of_ones_own() -> None:
    assert judge("refusal", "Das weiß ich leider nicht.").value == 1
    assert judge("refusal", "Das weiß ich leider nicht.", phrases=["weiß ich leider nicht"]).value == 0
    with pytest.raises(ConfigError, match="phrases must be a list of texts"):
        build("refusal", {"phrases": [""]})


@pytest.mark.parametrize(
    ("kind", "said", "right"),
    [
        ("json", '{"a": 1}', True),
        ("json", "{'a': 1}", False),
        ("number", "$4.2 billion", True),
        ("number", "about 4 or 5", False),
        ("number", "-3.5", True),
        ("date", "2024-02-29", True),
        ("date", "2023-02-29", False),
        ("date", "29.2.2024", False),
        ("list", "- one\n- two\n  more", True),
        ("list", "1. one\n2) two", True),
        ("list", "one\ntwo", False),
        ("table", "| a | b |\n|---|---|\n| 1 | 2 |", True),
        ("table", "| a | b |\n| 1 | 2 |", False),
        ("line", "one line", True),
        ("line", "two\nlines", False),
    ],
)
def test_forms_are_recognised(kind: str, said: str, right: bool) -> None:
    assert judge("format", said, kind=kind).value == right


def test_a_fence_is_allowed_only_where_it_is_said() -> None:
    fenced = '```json\n{"a": 1}\n```'
    assert judge("format", fenced, kind="json").value == 0
    assert judge("format", fenced, kind="json", fences=True).value == 1


# -- vectors

SPACE = {"yes": [1.0, 0.0], "no": [-1.0, 0.0], "yeah": [3.0, 4.0], "maybe": [0.0, 2.0]}


def near(said: str, right: JSON, **options: object) -> Score:
    embedder = ScriptedModel(lambda request: pack(SPACE[request.messages[0].content]))
    metric = build("embedding_similarity", options, embedder=embedder)
    return metric(Example("1", {}, right), Output("1", said, said), None)


def test_embedding_similarity_is_the_cosine_worked_out_by_hand() -> None:
    assert near("yeah", "yes").value == pytest.approx(3 / 5)
    assert near("yes", "yeah").value == pytest.approx(3 / 5)
    assert near("maybe", "yes").value == 0 and near("no", "yes").value == 0
    assert near("yes", "yes").value == 1
    assert near("yeah", ["maybe", "no"]).value == pytest.approx(4 / 5)
    assert near("yeah", "yes", floor=0.2).value == pytest.approx(0.5)


@pytest.mark.parametrize("seed", range(20))
def test_a_vector_comes_through_the_door_as_it_was(seed: int) -> None:
    draw = random.Random(seed)
    vector = [draw.uniform(-1, 1) for _ in range(draw.randrange(1, 400))]
    assert unpack(pack(vector)) == pytest.approx(vector, rel=1e-6)


def test_a_text_that_is_embedded_is_another_question_than_the_same_text_asked() -> None:
    assert asked("x").key("m") != Request((Message("user", "x"),)).key("m")


def test_an_embedder_that_gives_no_vector_leaves_the_example_out() -> None:
    metric = build("embedding_similarity", embedder=ScriptedModel(lambda _: "sorry"))
    found = score([Example("1", {}, "yes")], [Output("1", "no", "no")], {}, metric)
    assert found.outputs[0].status == "failed" and "gave no vector" in str(found.outputs[0].error)


def test_without_an_embedder_there_is_no_similarity() -> None:
    with pytest.raises(ConfigError, match="name one in the section `embedder:`"):
        build("embedding_similarity")
