"""BLEU and chrF (sacrebleu), and ROUGE (rouge-score): figures as others publish them, by the reference libraries."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from optimizer.errors import ConfigError, nearest
from optimizer.metrics.standard import Against, Compared, alternatives, brief, library, spoken, written
from optimizer.metrics.texts.tokens import tokens
from optimizer.types import JSON, Example, Output, Score

Rouge = Literal["rouge1", "rouge2", "rougeL", "rougeLsum"]
_TOKENIZERS = ("13a", "intl", "char", "zh", "none")  # those of sacrebleu that download nothing
_ORDERS = 4  # n-grams that BLEU counts


def bleu(*, tokenize: str = "13a", lowercase: bool = False, against: Against = "auto") -> Bleu:
    """Sentence BLEU (sacrebleu, effective order); over the whole set also corpus BLEU. Needs promptport[metrics].

    `tokenize`: sacrebleu's names; "zh", "char" or "intl" for what is not written like English.
    """
    sacrebleu = library("sacrebleu.metrics", "metrics", "bleu")
    if tokenize not in _TOKENIZERS:
        hint, known = nearest(str(tokenize), _TOKENIZERS), ", ".join(_TOKENIZERS)
        raise ConfigError(f"metric 'bleu': tokenize: {tokenize!r} is not known.{hint} Known: {known}")
    return Bleu(sacrebleu.BLEU(tokenize=tokenize, lowercase=lowercase, effective_order=True), against)


def chrf(*, words: int = 0, lowercase: bool = False, against: Against = "auto") -> Compared:
    """chrF of each answer (sacrebleu): F2 of character n-grams; with `words: 2` chrF++. Needs promptport[metrics]."""
    sacrebleu = library("sacrebleu.metrics", "metrics", "chrf")
    if isinstance(words, bool) or not isinstance(words, int) or not 0 <= words <= 4:
        raise ConfigError(f"metric 'chrf': words must be a whole number from 0 to 4, found {words!r}")
    scorer = sacrebleu.CHRF(word_order=words, lowercase=lowercase)

    def compare(output: Output, answer: JSON) -> Score:
        ours, right = spoken(output).strip(), _texts(output, answer)
        value = 1.0 if ours in right else scorer.sentence_score(ours, right).score / 100
        return _score(value, ours, right)

    return Compared(compare, against)


def rouge(*, kind: Rouge = "rougeL", stem: bool = True, against: Against = "auto") -> Compared:
    """F1 of ROUGE-1, -2, -L or -Lsum as the library rouge-score gives it. Needs promptport[metrics].

    The library keeps a-z and 0-9 only. Where that leaves nothing of a text (Chinese, Greek), both are compared by
    our own words, without stemming.
    """
    if kind not in get_args(Rouge):
        hint, known = nearest(str(kind), get_args(Rouge)), ", ".join(get_args(Rouge))
        raise ConfigError(f"metric 'rouge': kind: {kind!r} is not known.{hint} Known: {known}")
    scorers = library("rouge_score.rouge_scorer", "metrics", "rouge")
    plain = library("rouge_score.tokenizers", "metrics", "rouge").DefaultTokenizer(use_stemmer=stem)
    usual = scorers.RougeScorer([kind], tokenizer=plain)
    wide = scorers.RougeScorer([kind], tokenizer=_Words())

    def similar(ours: str, right: str) -> float:
        scorer = usual if plain.tokenize(ours) and plain.tokenize(right) else wide
        return float(scorer.score(right, ours)[kind].fmeasure)

    def compare(output: Output, answer: JSON) -> Score:
        ours, right = spoken(output).strip(), _texts(output, answer)
        value = 1.0 if ours in right else max(similar(ours, text) for text in right)
        return _score(value, ours, right)

    return Compared(compare, against)


class _Words:
    def tokenize(self, text: str) -> list[str]:
        return tokens(text)


@dataclass(frozen=True)
class Bleu:
    """`scorer`: sacrebleu's. Several right answers are several references."""

    scorer: Any
    against: Against
    name: str = "bleu"

    def __call__(self, example: Example, output: Output, reference: Output | None) -> Score:
        return Compared(self._compare, self.against)(example, output, reference)

    def tally(self, example: Example, output: Output, reference: Output | None) -> Mapping[Hashable, float]:
        """Matching and all n-grams by order, and the lengths: what corpus BLEU is made of."""
        right, lacking = Compared(self._compare, self.against).right(example, reference)
        if lacking:
            return {}
        found = self.scorer.sentence_score(spoken(output) if output.status == "ok" else "", _texts(output, right))
        tally: dict[Hashable, float] = {"said": float(found.sys_len), "right": float(found.ref_len)}
        for order, (hits, every) in enumerate(zip(found.counts, found.totals, strict=True)):
            tally |= {("hit", order): float(hits), ("all", order): float(every)}
        return tally

    def figure(self, total: Mapping[Hashable, float]) -> float:
        if not total.get("right"):
            return math.nan
        hits, every = ([int(total.get((kind, n), 0)) for n in range(_ORDERS)] for kind in ("hit", "all"))
        said, right = (int(total.get(kind, 0)) for kind in ("said", "right"))
        return float(self.scorer.compute_bleu(hits, every, said, right, smooth_method="exp").score) / 100

    def _compare(self, output: Output, answer: JSON) -> Score:
        ours, right = spoken(output).strip(), _texts(output, answer)
        value = 1.0 if ours in right else self.scorer.sentence_score(ours, right).score / 100
        return _score(value, ours, right)


def _texts(output: Output, answer: JSON) -> list[str]:
    return [written(item).strip() for item in alternatives(output, answer)]


def _score(value: float, ours: str, right: Sequence[str]) -> Score:
    value = min(1.0, max(0.0, value))
    told = "" if value == 1 else f"expected {' or '.join(brief(text) for text in right[:3])}, got {brief(ours)}"
    return Score(value, told)
