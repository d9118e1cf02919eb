"""What new instructions may not take over from the examples that their author has seen.

An example belongs into the worked examples. In the instructions it is an answer learned by heart, or somebody's private
text; and a sentence of the data that gives orders to a model is an attack, whoever repeats it. Found is what is taken
over word for word; an order that comes back in other words is not, and has to win on validation examples like any text.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

_RUN = 12  # so many words in a row may agree with an example; more is a copy
_WHOLE = 5  # an input of so many words may not stand there as a whole, however short it is
_ANSWER = 3  # nor an answer of so many words, or a figure out of one
_SELDOM = 2  # ... unless more examples than that have it: then it is a convention
_ORDER = 5  # words in a row that may not agree with a sentence which gives orders
_WORD = re.compile(r"[^\W\u0e00-\u0eff\u2e80-\ud7ff\uf900-\ufaff]+|\w")  # scripts without spaces: sign by sign
_SENTENCE = re.compile(r"[^.!?;\n。！？]+")
_FIGURE = re.compile(r"(?=[\w.,/:\-]*\d)[\w][\w.,/:\-]{3,}\w")
_ORDERS = re.compile(
    r"\b(?:ignore|disregard|forget|override|bypass)\b.*\b(?:instructions?|rules?|prompts?|above|previous|prior|earlier)\b"
    r"|\b(?:system|developer) (?:prompt|message|instructions?)\b|\bnew (?:instructions?|rules?)\b|\bfrom now on\b"
    r"|\byou are (?:now|an? )|\bas an ai\b|\b(?:ai|language) models?\b|\bassistant\b|\b(?:ll|gp)ms?\b|\bchat ?bot\b"
    r"|\b(?:always|never|only|must)\b.*\b(?:answer|repl(?:y|ies)|respond|say|output|write|label|classif|mention|return)"
    r"|^\W*(?:please )?(?:answer|reply|respond|say|output|write|label|classify|mention|return)\b",
    re.IGNORECASE,
)

T = TypeVar("T")
Run = tuple[str, ...]


class Copies:
    """Finds what a text takes over from `examples` (inputs and answers alike), and from `answers` in particular."""

    def __init__(self, examples: Iterable[str], answers: Sequence[str] = ()) -> None:
        said = [leaf for text in answers for leaf in set(_leaves(text))]
        texts = [*(leaf for text in examples for leaf in _leaves(text)), *said]
        self._runs = {hash(run) for text in texts for run in _windows(_words(text), _RUN + 1)}
        wholes = {words for text in texts if _WHOLE <= len(words := _words(text)) <= _RUN}
        self._wholes = _by_length(wholes | {words for words in _seldom(map(_words, said)) if len(words) >= _ANSWER})
        sentences = [part for text in texts for part in _SENTENCE.findall(text) if _ORDERS.search(part)]
        orders = [words for part in sentences if len(words := _words(part)) >= _ANSWER]
        self._orders = _by_length(run for words in orders for run in _windows(words, min(_ORDER, len(words))))
        self._figures = _seldom(figure for text in said for figure in _FIGURE.findall(text))

    def found_in(self, text: str, *, besides: str = "") -> str | None:
        """The first copied words, unless they stand in `besides`, too."""
        words, own = _words(text), _words(besides)
        known = set(_windows(own, _RUN + 1))
        for run in _windows(words, _RUN + 1):
            if hash(run) in self._runs and run not in known:
                return " ".join(run)
        whole = _shared(words, own, self._wholes)
        return whole or next((f for f in _FIGURE.findall(text) if f in self._figures and f not in besides), None)

    def ordered_in(self, text: str, *, besides: str = "") -> str | None:
        """The first words that follow an order in the data, unless they stand in `besides`, too."""
        return _shared(_words(text), _words(besides), self._orders)


def _leaves(text: str) -> Iterator[str]:
    """The texts and numbers in a piece of JSON, where it is one; else the text itself."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = text
    waiting = [value]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict | list):
            waiting += value.values() if isinstance(value, dict) else value
        elif value is not None and not isinstance(value, bool):
            yield str(value)


def _seldom(things: Iterable[T]) -> set[T]:
    return {thing for thing, times in Counter(things).items() if times <= _SELDOM}


def _shared(words: Run, own: Run, wanted: dict[int, set[Run]]) -> str | None:
    for length, runs in wanted.items():
        known = set(_windows(own, length))
        for run in _windows(words, length):
            if run in runs and run not in known:
                return " ".join(run)
    return None


def _by_length(runs: Iterable[Run]) -> dict[int, set[Run]]:
    found: dict[int, set[Run]] = {}
    for run in runs:
        found.setdefault(len(run), set()).add(run)
    return dict(sorted(found.items(), reverse=True))


def _words(text: str) -> Run:
    """The same for signs that only look otherwise (full-width letters, ligatures)."""
    return tuple(_WORD.findall(unicodedata.normalize("NFKC", text).casefold()))


def _windows(words: Run, length: int) -> Iterator[Run]:
    return (words[at : at + length] for at in range(len(words) - length + 1))
