"""Answers from retrieved passages: are citations and figures covered by what was given?

Words and numbers are compared, not meanings: a cheap net that catches invented sources and figures. Whether a sentence
follows from its passage is a question for a judge.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from optimizer.errors import ConfigError, DataError, nearest
from optimizer.metrics.standard import brief, spoken, written
from optimizer.metrics.texts.tokens import tokens
from optimizer.metrics.values.numeric import TOLERANCE, near, quantities
from optimizer.types import JSON, Example, Output, Score

_END = re.compile(r"(?<=[\w%)\]][\w%)\]][.!?])\s+(?=[\"“(\[]*[^\W_a-z])|(?<=[。！？])|\n+")
_HEAD = re.compile(r"^\s*\[([^\[\]\s]{1,40})\]\s*", re.MULTILINE)
_IDS = ("id", "doc_id", "source", "name")
_TEXTS = ("text", "content", "passage", "page_content", "body")
CITATION = r"\[([^\[\]\s]{1,40})\]"


@dataclass(frozen=True)
class Grounded:
    """`passages`: the input that holds them; `support`: share of a sentence's words that one must hold, 0 to 1."""

    passages: str
    citation: re.Pattern[str]
    support: float
    citations: bool
    figures: bool

    def __call__(self, example: Example, output: Output, reference: Output | None) -> Score:
        del reference
        if output.status != "ok":
            return Score(0.0, output.error or output.status)
        if self.passages not in example.inputs:
            hint = nearest(self.passages, example.inputs)
            raise ConfigError(
                f"metric 'grounded': passages: example {example.id!r} has no input {self.passages!r}.{hint} "
                f"Its inputs are {', '.join(example.inputs)}"
            )
        given = passages_in(example.inputs[self.passages])
        if not given:
            raise DataError(f"example {example.id!r}: the input {self.passages!r} holds no passage")
        parts, told = dict[str, float](), list[str]()
        if self.citations:
            self._citations(spoken(output), given, parts, told)
        if self.figures:
            self._figures(spoken(output), given, parts, told)
        return Score(fmean(parts.values()) if parts else 1.0, "; ".join(told), parts)

    def _citations(self, text: str, given: Mapping[str, str], parts: dict[str, float], told: list[str]) -> None:
        claims = self._sentences(text)
        cited = [bool(self.citation.search(claim)) for claim in claims]
        parts["cited"] = fmean(cited) if claims else 0.0
        told += [f"no citation: {brief(claim)}" for claim, has in zip(claims, cited, strict=True) if not has][:2]
        marks = [(name, self.citation.sub(" ", claim)) for claim in claims for name in self._names(claim)]
        held = []
        for name, claim in marks:
            known = given.get(name.casefold())
            share = _shared(claim, known) if known is not None else 0.0
            held.append(share >= self.support)
            if known is None:
                told.append(f"there is no passage [{name}]")
            elif share < self.support:
                told.append(f"[{name}] does not support {brief(claim)}")
        parts["citations"] = fmean(held) if held else 0.0

    def _figures(self, text: str, given: Mapping[str, str], parts: dict[str, float], told: list[str]) -> None:
        ours = quantities(self.citation.sub(" ", text))
        theirs = [quantity for passage in given.values() for quantity in quantities(passage)]
        missing = [q.text for q in ours if not any(near(q, right, TOLERANCE, 0.0) for right in theirs)]
        if ours:
            parts["figures"] = 1 - len(missing) / len(ours)
        told += [f"in no passage: {figure}" for figure in dict.fromkeys(missing)]

    def _names(self, claim: str) -> list[str]:
        return [name.strip() for match in self.citation.finditer(claim) for name in re.split(r"[,;]", match[1])]

    def _sentences(self, text: str) -> list[str]:
        """A sentence that is nothing but citations belongs to the one before it."""
        found: list[str] = []
        for piece in _END.split(text):
            alone = not tokens(self.citation.sub(" ", piece or ""))
            if piece and alone and found:
                found[-1] += f" {piece}"
            elif piece and not alone:
                lead = re.match(rf"(?:\s*(?:{self.citation.pattern}))+", piece)
                start = 0
                if lead and found:
                    found[-1] += f" {lead[0]}"
                    start = lead.end()
                found.append(piece[start:].strip())
        return [piece for piece in found if piece]


def grounded(
    *,
    passages: str,
    citation: str = CITATION,
    support: float = 0.5,
    citations: bool = True,
    figures: bool = True,
) -> Grounded:
    """Whether an answer keeps to the passages it was given: citations that hold, figures that occur there.

    `passages` names the input with them: a list of texts (cited as 1, 2 ...), of objects with id and text, a mapping,
    or one text with a line `[id]` before each. The mean of these parts: `cited`, the share of sentences with a
    citation; `citations`, the share of citations whose passage exists and holds at least `support` of the sentence's
    words; `figures`, the share of the answer's numbers that occur in a passage.
    """
    try:
        pattern = re.compile(citation)
    except (re.error, TypeError) as error:
        raise ConfigError(f"metric 'grounded': citation: {citation!r} is no regular expression: {error}") from error
    if pattern.groups != 1:
        raise ConfigError(f"metric 'grounded': citation: {citation!r} needs one group, the passage's id")
    if isinstance(support, bool) or not isinstance(support, int | float) or not 0 <= support <= 1:
        raise ConfigError(f"metric 'grounded': support must be a number from 0 to 1, found {support!r}")
    if not (citations or figures):
        raise ConfigError("metric 'grounded': with neither citations nor figures nothing is left to score")
    return Grounded(passages, pattern, support, citations, figures)


def passages_in(value: JSON) -> dict[str, str]:
    """The passages by their ids, in lower case."""
    if isinstance(value, str):
        parsed = _parsed(value)
        return passages_in(parsed) if isinstance(parsed, list | dict) else _blocks(value)
    if isinstance(value, Mapping) and not any(name in value for name in _TEXTS):
        return {str(name).casefold(): written(text) for name, text in value.items()}
    rows = value if isinstance(value, list) else [value]
    return dict(_passage(row, number) for number, row in enumerate(rows, start=1))


def _passage(row: JSON, number: int) -> tuple[str, str]:
    if not isinstance(row, Mapping):
        return str(number), written(row)
    name = next((row[key] for key in _IDS if key in row), number)
    text = next((row[key] for key in _TEXTS if key in row), dict(row))
    return str(name).casefold(), written(text)


def _blocks(text: str) -> dict[str, str]:
    heads = list(_HEAD.finditer(text))
    if not heads:
        return {"1": text} if text.strip() else {}
    ends = [*(head.start() for head in heads[1:]), len(text)]
    return {head[1].casefold(): text[head.end() : end].strip() for head, end in zip(heads, ends, strict=True)}


def _parsed(text: str) -> JSON:
    try:
        found: JSON = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found


def _shared(claim: str, passage: str) -> float:
    """The share of the claim's words (of four letters or more, and numbers) that the passage has."""
    words = [word for word in tokens(claim) if len(word) > 3 or word[0].isdigit()] or tokens(claim)
    known = set(tokens(passage))
    return fmean(word in known for word in words) if words else 1.0


def texts_of(value: JSON) -> Sequence[str]:
    """The passages without their ids."""
    return list(passages_in(value).values())
