"""Words as the offline models see them: stems, everyday concepts, token counts, and seeded chance."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache, lru_cache
from hashlib import blake2b
from itertools import pairwise
from pathlib import Path
from statistics import NormalDist

WORD = re.compile(r"[A-Za-z0-9]+(?:['’.,\-][A-Za-z0-9]+)*|[$€£%]")
_ENDINGS = ("ations", "ation", "ingly", "ments", "ment", "ings", "ing", "edly", "ies", "ied", "ers", "er", "ed", "es")
_OPPOSITE = {"negative": "positive", "positive": "negative", "urgent": "calm", "calm": "urgent", "duty": "no-duty"}
_NORMAL = NormalDist()


@lru_cache(65536)
def stem(word: str) -> str:
    """A word without its commonest endings; crude, but the same on both sides of a comparison."""
    word = word.lower().replace("’", "'").removesuffix("'s")
    if len(word) < 5 or not word.isalpha():
        return word.removesuffix("s") if len(word) == 4 and word.isalpha() and not word.endswith("ss") else word
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            root = word[: -len(ending)]
            if ending in ("ies", "ied"):
                return root + "y"
            doubled = len(root) > 3 and root[-1] == root[-2] and root[-1] not in "sl"
            return (root[:-1] if doubled else root).removesuffix("e")
    if word.endswith("ly") and len(word) > 5:
        word = word[:-2]
    return (word if word.endswith("ss") else word.removesuffix("s")).removesuffix("e")


@lru_cache(4096)
def stems(text: str) -> tuple[str, ...]:
    """The content words of a text, in order."""
    common = listed("*stop")
    found = (word.lower().replace("’", "'") for word in WORD.findall(text.replace("_", " ")))
    return tuple(stem(word) for word in found if word not in common)


@cache
def _lines() -> dict[str, tuple[str, ...]]:
    text = Path(__file__).with_name("lexicon.txt").read_text("utf-8")
    rows = (line.partition(":") for line in text.splitlines() if not line.startswith("#"))
    return {name: tuple(words.split()) for name, colon, words in rows if colon}


@cache
def listed(name: str) -> frozenset[str]:
    """The words of one line of the lexicon, as they stand there. Lines that are no concepts have a `*`."""
    return frozenset(_lines()[name])


@cache
def phrases(name: str) -> re.Pattern[str]:
    """How people commonly say a thing; see `phrases.txt`."""
    found = []
    for line in Path(__file__).with_name("phrases.txt").read_text("utf-8").splitlines():
        key, _, alternatives = line.partition(": ")
        if key == name:
            found += [phrase.strip().replace(" ", r"\s+") for phrase in alternatives.split(" | ")]
    return re.compile(rf"\b(?:{'|'.join(found)})\b", re.IGNORECASE)


@cache
def lexicon() -> dict[str, tuple[str, ...]]:
    """General knowledge: from the stem of a word, or of two neighbouring words, to everyday concepts."""
    concepts: dict[str, list[str]] = {}
    for name, words in _lines().items():
        for word in words if name[0] != "*" else ():
            parts = stems(word)
            known = concepts.setdefault(" ".join(parts), [])
            if len(parts) == 1 + word.count("_") and name not in known:
                known.append(name)
    return {word: tuple(names) for word, names in concepts.items() if names}


@cache
def vagueness(concept: str) -> float:
    """How little a concept says: 1 for one of a dozen words, more for one of many."""
    return math.sqrt(max(1.0, len(_lines().get(concept, ())) / 12))


@lru_cache(2048)
def meanings(text: str) -> tuple[tuple[str, str], ...]:
    """Pairs of a word (or two) of the text and a concept that it belongs to."""
    known, seen, denials = lexicon(), stems(text), listed("*denials")
    pairs: list[tuple[str, str]] = []
    for at, word in enumerate(seen):
        denied = not denials.isdisjoint(seen[max(0, at - 2) : at])
        pairs += [(word, _OPPOSITE.get(name, name) if denied else name) for name in known.get(word, ())]
    for first, second in pairwise(seen):
        pair = f"{first} {second}"
        pairs += [(pair, concept) for concept in known.get(pair, ())]
    return tuple(pairs)


@lru_cache(8192)
def features(text: str, reader: str, knowledge: float) -> Counter[str]:
    """What a reader that knows this share of the lexicon takes from a text: stems, and concepts marked with `@`."""
    bag = Counter(stems(text))
    for word, concept in meanings(text):
        if chance(reader, word) < knowledge:
            bag["@" + concept] += 1
    return bag


@lru_cache(65536)
def chance(*parts: str) -> float:
    """A number from 0 to 1, the same for the same (short) parts on every machine."""
    return Dice(*parts).roll()


def gauss(*parts: str) -> float:
    """Like `chance`, but normally distributed."""
    return Dice(*parts).sway()


class Dice:
    """Seeded by texts of any length, which are read but once: what is rolled for is told at each roll."""

    def __init__(self, *parts: str) -> None:
        self._read = blake2b("\x1f".join(parts).encode(), digest_size=6)

    def roll(self, *what: str) -> float:
        """A number from 0 to 1."""
        read = self._read.copy()
        read.update("".join(f"\x1f{part}" for part in what).encode())
        return int.from_bytes(read.digest(), "big") / 2**48

    def sway(self, *what: str) -> float:
        """A number of the normal distribution."""
        return _NORMAL.inv_cdf(min(max(self.roll(*what), 1e-9), 1 - 1e-9))


def count_tokens(text: str) -> int:
    """About what common tokenisers count: a word is a token per six letters, a sign is one."""
    return sum(1 + len(piece) // 7 for piece in re.findall(r"\w+|[^\w\s]", text))


def sentences(text: str) -> Iterator[str]:
    for line in text.splitlines():
        for sentence in re.split(r"(?<=[.!?])\s+(?=[A-Z\"'(\[])", line.strip()):
            if sentence:
                yield sentence
