"""New instructions for a prompt, written by a model: what they may not do, and how they take their place.

Whoever writes them (a proposer, an optimizer of DSPy), they are untrusted text. A rewrite must keep the
prompt's variables and protected texts, stay in bounds, and carry over neither training data nor chat markup.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import replace

from optimizer.prompt import Prompt
from optimizer.template import Template, Var

_LONGEST = 6_000  # characters, or 2.5 times the original where that is more
_GROWTH = 2.5
_TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_RUN = 12  # so many words in a row may agree with an example; more is a copy
_PLACEHOLDER = re.compile(r"\{\{\s*([A-Za-z_][\w.\-]*)\s*\}\}")
_CHAT = re.compile(
    r"<\|[^|<>\n]{1,40}\|>|\[/?INST\]|<</?SYS>>|</?s>|^\s*(?:system|user|human|assistant)\s*:|</?instructions>",
    re.IGNORECASE | re.MULTILINE,
)


def reworded(prompt: Prompt, text: str) -> Prompt:
    """`prompt` with other instructions; only variables of the instructions it has now are read as variables."""
    if text == prompt.instructions.text:
        return prompt
    return replace(prompt, instructions=_parse(text, prompt.instructions.names))


def fault(prompt: Prompt, text: str, *, shown: Copies | None = None) -> str | None:
    """Why `text` cannot be the prompt's instructions, or None. `shown`: examples that its author has seen."""
    before = prompt.instructions.text
    if text == before:
        return None
    if not text.strip():
        return "it is empty"
    limit = max(_LONGEST, int(_GROWTH * len(before)))
    if len(text) > limit:
        return f"it has {len(text):,} characters, more than {limit:,}"
    if (odd := _odd(text) - _odd(before)) or (odd := _chat(text) - _chat(before)):
        return f"it contains {min(odd)!r}, which is no plain text"
    if problem := _variables(prompt, text) or _protected(prompt, text):
        return problem
    if shown and (copied := shown.found_in(text, besides=before)):
        return f"it copies an example word for word: {copied!r}"
    return None


class Copies:
    """Finds runs of more than twelve words that a text shares with any of the examples."""

    def __init__(self, examples: Iterable[str]) -> None:
        self._runs = {hash(run) for example in examples for run in _runs(example)}

    def found_in(self, text: str, *, besides: str = "") -> str | None:
        """The first copied run, unless it stands in `besides`, too."""
        own = set(_runs(besides))
        return next((" ".join(run) for run in _runs(text) if hash(run) in self._runs and run not in own), None)


def _runs(text: str) -> list[tuple[str, ...]]:
    words = re.findall(r"\w+", text.casefold())
    return [tuple(words[at : at + _RUN + 1]) for at in range(len(words) - _RUN)]


def _parse(text: str, names: frozenset[str]) -> Template:
    """`{{name}}` is a variable where `names` has it, and plain text elsewhere."""
    segments: list[str | Var] = []
    at = 0
    for match in _PLACEHOLDER.finditer(text):
        if match[1] in names:
            segments += [text[at : match.start()], Var(match[1])]
            at = match.end()
    segments.append(text[at:])
    return Template(tuple(segment for segment in segments if segment != ""))


def _variables(prompt: Prompt, text: str) -> str | None:
    before, wanted = prompt.instructions, prompt.instructions.names
    if _parse(before.text, wanted) != _merged(before):
        return "the instructions it replaces have control flow, or show a variable as text; they cannot be rewritten"
    if lost := sorted(wanted - _parse(text, wanted).names):
        return f"it lost the variable {{{{{lost[0]}}}}}"
    asked = set(_PLACEHOLDER.findall(text)) - set(_PLACEHOLDER.findall(before.text))
    if asked:
        return f"it asks for {{{{{min(asked)}}}}}, which is no variable of the instructions"
    return None


def _protected(prompt: Prompt, text: str) -> str | None:
    lost = reworded(prompt, text).lacks(prompt.protected)
    return lost and f"it lost the protected text {lost[:60]!r}"


def _merged(template: Template) -> Template:
    """Neighbouring literal segments joined, as parsing gives them."""
    merged: list[object] = []
    for segment in template.segments:
        if isinstance(segment, str) and merged and isinstance(merged[-1], str):
            merged[-1] += segment
        elif segment != "":
            merged.append(segment)
    return Template(tuple(merged))  # type: ignore[arg-type]


def _odd(text: str) -> set[str]:
    """Control characters, and marks that turn the direction of writing: both hide what a text says."""
    return {c for c in text if c not in "\n\t" and (unicodedata.category(c) == "Cc" or c in _TURNING)}


def _chat(text: str) -> set[str]:
    return {match[0].strip() for match in _CHAT.finditer(text)}
