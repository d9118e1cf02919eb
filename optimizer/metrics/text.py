"""Metrics of free text. Each compares a text with a wanted one and gives a value from 0 to 1."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

_WORD = re.compile(r"\w+", re.UNICODE)


def words(text: str) -> list[str]:
    """Lower-case words, punctuation dropped."""
    return _WORD.findall(text.casefold())


def exact(got: str, wanted: str) -> float:
    """1 where the texts are equal but for white space at the ends."""
    return float(got.strip() == wanted.strip())


def normalized(got: str, wanted: str) -> float:
    """1 where the texts have the same words, whatever the case, punctuation and spacing."""
    return float(words(got) == words(wanted))


def contains(got: str, wanted: str) -> float:
    """1 where the wanted words stand in the text, one after the other."""
    have, want = words(got), words(wanted)
    return float(any(have[i : i + len(want)] == want for i in range(len(have) - len(want) + 1)))


def token_f1(got: str, wanted: str) -> float:
    """Harmonic mean of precision and recall over words, as in SQuAD (Rajpurkar et al. 2016)."""
    have, want = words(got), words(wanted)
    return _f1(sum((Counter(have) & Counter(want)).values()), len(have), len(want))


def rouge_l(got: str, wanted: str) -> float:
    """F-measure of the longest common subsequence of words (Lin 2004), without stemming."""
    have, want = words(got), words(wanted)
    return _f1(_common_subsequence(have, want), len(have), len(want))


def edit_similarity(got: str, wanted: str) -> float:
    """1 less Levenshtein's distance over the longer text's length, in characters."""
    longest = max(len(got), len(wanted))
    return 1.0 - _distance(got, wanted) / longest if longest else 1.0


def _f1(common: int, have: int, want: int) -> float:
    if not have and not want:
        return 1.0
    return 2 * common / (have + want)


def _common_subsequence(one: Sequence[str], other: Sequence[str]) -> int:
    """Length of the longest common subsequence, by bit vectors (Hyyrö 2004): a row of the table is one integer."""
    where: dict[str, int] = {}
    for place, word in enumerate(one):
        where[word] = where.get(word, 0) | 1 << place
    full = (1 << len(one)) - 1
    row = full
    for word in other:
        hits = row & where.get(word, 0)
        row = ((row + hits) | (row - hits)) & full
    return len(one) - row.bit_count()


def _distance(one: str, other: str) -> int:
    if len(one) < len(other):
        one, other = other, one
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, start=1):
        corner, row[0] = row[0], i
        for j, b in enumerate(other, start=1):
            corner, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, corner + (a != b))
    return row[-1]
