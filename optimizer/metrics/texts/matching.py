"""Texts: equal, nearly equal, overlapping, containing, of the right length."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import partial
from typing import Literal

from optimizer.errors import ConfigError, nearest
from optimizer.metrics.standard import Against, Alone, Compared, alternatives, brief, spoken, written
from optimizer.metrics.texts.overlap import distance, lcs_f1, multiset_f1
from optimizer.metrics.texts.tokens import plain, tokens
from optimizer.types import JSON, Output, Score

Similarity = Callable[[str, str], float]


def exact_match(*, against: Against = "auto") -> Compared:
    """1 where the texts are equal but for white space at the ends; a JSON reply must be the equal value."""

    def compare(output: Output, answer: JSON) -> Score:
        if isinstance(output.value, list | dict) and not isinstance(answer, str):
            same = output.value == answer
            return Score(1.0) if same else Score(0.0, f"expected {brief(answer)}, got {brief(output.value)}")
        return _best(lambda ours, right: float(ours.strip() == right.strip()), output, answer)

    return Compared(compare, against)


def normalized_match(*, against: Against = "auto") -> Compared:
    """1 where the texts are equal but for case, punctuation, white space and English articles.

    Signs, decimal points and percent signs of numbers count.
    """
    return similarity(lambda ours, right: float(plain(ours) == plain(right)), against)


def token_f1(*, against: Against = "auto") -> Compared:
    """F1 of the words in common, as in SQuAD (no case, punctuation or articles), numbers kept whole."""
    return similarity(token_overlap, against)


def rouge_l(*, against: Against = "auto") -> Compared:
    """F1 of the longest common subsequence of words; equals ROUGE-L without stemming for plain English."""
    return similarity(subsequence_overlap, against)


def edit_similarity(*, against: Against = "auto") -> Compared:
    """1 - edits / length of the longer text: insertions, deletions and replacements of characters."""

    def similar(ours: str, right: str) -> float:
        longest = max(len(ours), len(right))
        return 1 - distance(ours, right) / longest if longest else 1.0

    return similarity(similar, against)


def contains(*, text: str | Sequence[str] | None = None, case: bool = False, against: Against = "auto") -> Compared:
    """The share of `text` (default: of the right answers) that stands in the output; `case`: upper case matters."""
    wanted = [text] if isinstance(text, str) else list(text or [])
    if not all(isinstance(item, str) and item for item in wanted) or (text is not None and not wanted):
        raise ConfigError(f"metric 'contains': text must be a text or a list of texts, found {text!r}")

    def shown(value: str) -> str:
        value = " ".join(value.split())
        return value if case else value.casefold()

    def compare(output: Output, answer: JSON) -> Score:
        needles = wanted or [written(item) for item in (answer if isinstance(answer, list) else [answer])]
        lacking = [needle for needle in needles if shown(needle) not in shown(spoken(output))]
        value = 1 - len(lacking) / len(needles) if needles else 1.0
        return Score(value, f"lacks {', '.join(map(brief, lacking))}" if lacking else "")

    return Alone(compare) if wanted else Compared(compare, against)


def regex_match(*, pattern: str, whole: bool = False) -> Compared:
    """1 where the pattern is found in the output; `whole`: where it matches all of it."""
    try:
        compiled = re.compile(pattern)
    except (re.error, TypeError) as error:
        raise ConfigError(f"metric 'regex_match': {pattern!r} is not a regular expression: {error}") from error

    def compare(output: Output, _answer: JSON) -> Score:
        found = (compiled.fullmatch if whole else compiled.search)(output.text.strip())
        return Score(1.0) if found else Score(0.0, f"{brief(output.text)} does not match {pattern}")

    return Alone(compare)


def length(
    *,
    at_least: int | None = None,
    at_most: int | None = None,
    unit: Literal["words", "characters"] = "words",
    against: Against = "auto",
) -> Compared:
    """1 within the limits, falling off in proportion outside; without limits the ratio to the right answer's length."""
    units = ("words", "characters")
    if unit not in units:
        raise ConfigError(f"metric 'length': unit must be {' or '.join(units)}, found {unit!r}.{nearest(unit, units)}")
    low, high = _limits(at_least, at_most)

    def size(text: str) -> int:
        return len(text.split()) if unit == "words" else len(text.strip())

    def compare(output: Output, answer: JSON) -> Score:
        found = size(spoken(output))
        if low is None and high is None:
            right = size(written(answer))
            value = min(found, right) / max(found, right) if found != right else 1.0
            return Score(value, "" if value == 1 else f"{found} {unit}, expected about {right}")
        if low is not None and found < low:
            return Score(found / low, f"{found} {unit}, expected at least {low}")
        if high is not None and found > high:
            return Score(high / found, f"{found} {unit}, expected at most {high}")
        return Score(1.0)

    return Compared(compare, against) if low is None and high is None else Alone(compare)


def token_overlap(ours: str, right: str) -> float:
    return multiset_f1(tokens(ours, articles=False), tokens(right, articles=False), plain(ours) == plain(right))


def subsequence_overlap(ours: str, right: str) -> float:
    return lcs_f1(tokens(ours), tokens(right), plain(ours) == plain(right))


def similarity(similar: Similarity, against: Against) -> Compared:
    """Any measure of two texts as a metric."""
    return Compared(partial(_best, similar), against)


def _best(similar: Similarity, output: Output, answer: JSON) -> Score:
    """Held against the nearest of the right answers."""
    ours, right = spoken(output), [written(item) for item in alternatives(output, answer)]
    value = max(similar(ours, text) for text in right)
    told = "" if value == 1 else f"expected {' or '.join(brief(text) for text in right[:3])}, got {brief(ours)}"
    return Score(value, told)


def _limits(at_least: object, at_most: object) -> tuple[int | None, int | None]:
    for name, limit in (("at_least", at_least), ("at_most", at_most)):
        if limit is not None and (isinstance(limit, bool) or not isinstance(limit, int) or limit < 1):
            raise ConfigError(f"metric 'length': {name} must be a whole number above 0, found {limit!r}")
    low, high = at_least, at_most
    if isinstance(low, int) and isinstance(high, int) and low > high:
        raise ConfigError(f"metric 'length': at_least ({low}) is above at_most ({high})")
    return low, high  # type: ignore[return-value]
