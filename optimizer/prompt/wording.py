"""New instructions for a prompt, written by a model: what they may not do, and how they take their place.

Whoever writes them (a proposer, an optimizer of DSPy), they are untrusted text. A rewrite must keep the
prompt's variables and protected texts, stay in bounds, and carry over neither training data, nor orders that stand in
it, nor chat markup, nor addresses that its team never wrote.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from optimizer.prompt.copying import Copies
from optimizer.prompt.prompt import Prompt
from optimizer.prompt.template import Template, Var

__all__ = ["Copies", "fault", "reworded"]

_LONGEST = 6_000  # characters, or 2.5 times the original where that is more
_GROWTH = 2.5
_JOINERS = "\u200c\u200d\u200e\u200f"  # some scripts and emoji need one of them between signs; several hide something
_HIDDEN = re.compile(f"[{_JOINERS}]{{2,}}|[\U000e0100-\U000e01ef]|[\u2028\u2029]")
_PLACEHOLDER = re.compile(r"\{\{\s*([A-Za-z_][\w.\-]*)\s*\}\}")
_TEMPLATE = re.compile(r"\{\{[^{}\n]*\}\}|\{%[^\n]*?%\}|\{#[^\n]*?#\}|\$?\{\$?\s*[A-Za-z_][\w.\-]*\s*\}")
_CHAT = re.compile(
    r"<[|\uff5c][^|\uff5c<>\n]{1,40}[|\uff5c]>|\[/?INST\]|<</?SYS>>|</?s>|</?instructions>|<(?:start|end)_of_turn>"
    r"|</?(?:think|tool_call|tool_response)>|</(?:examples?|input|output|reply_format)>"
    r"|^\s*(?:system|user|human|assistant)\s*:|^#{1,6}\s*(?:instructions?|response)\s*:\s*$",
    re.IGNORECASE | re.MULTILINE,
)
_ADDRESS = re.compile(
    r"(?:https?|ftp|file)://\S+|\b(?:data:[\w.+-]+/|javascript:)\S+|\bwww\.\S+|[\w.+-]+@[\w-]+(?:\.[\w-]+)+|!\[",
    re.IGNORECASE,
)
_DEFIANT = re.compile(
    r"\b(?:ignore|disregard|forget|override)\s+(?:\w+\s+){0,3}(?:instructions?|rules?|prompts?|guidelines?)",
    re.IGNORECASE,
)


def reworded(prompt: Prompt, text: str) -> Prompt:
    """`prompt` with other instructions; only variables of the instructions it has now are read as variables."""
    if text == prompt.instructions.text:
        return prompt
    return replace(prompt, instructions=_parse(text, prompt.instructions.names))


def fault(prompt: Prompt, text: str, *, shown: Copies | None = None, told: str = "") -> str | None:
    """Why `text` cannot be the prompt's instructions, or None. `shown`: examples that its author has seen; `told`: what
    the prompt's team told it, and it may say as well."""
    before = prompt.instructions.text
    if text == before:
        return None
    if not text.strip():
        return "it is empty"
    limit = max(_LONGEST, int(_GROWTH * len(before)))
    if len(text) > limit:
        return f"it has {len(text):,} characters, more than {limit:,}"
    if odd := _new(_odd, text, before) or _new(_chat, text, before):
        return f"it contains {odd!a}, which is no plain text"
    if problem := _variables(prompt, text) or _protected(prompt, text):
        return problem
    known = "\n".join([before, prompt.question.text, prompt.contract.told(), prompt.contract.shown(), told])
    if added := _new(_ADDRESS.findall, text, known):
        return f"it brings in {added[:80]!r}, which the prompt did not have"
    if defiant := _new(_DEFIANT.findall, text, known):
        return f"it says {defiant!r}: no prompt tells a model to set rules aside"
    if shown and (copied := shown.found_in(text, besides=known)):
        return f"it copies an example word for word: {copied!r}"
    if shown and (order := shown.ordered_in(text, besides=known)):
        return f"it follows an order that stands in an example: {order!r}"
    return None


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
    known = {*_PLACEHOLDER.findall(before.text), *prompt.names}
    odd = set(_TEMPLATE.findall(text)) - set(_TEMPLATE.findall(before.text))
    unfilled = sorted(found for found in odd if not _is_plain(found, wanted, known))
    return f"it writes {unfilled[0]!r}, which would be sent as it stands" if unfilled else None


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


def _is_plain(found: str, wanted: frozenset[str], names: set[str]) -> bool:
    """A variable that is filled in, or braces in which no variable of the prompt stands."""
    if match := _PLACEHOLDER.fullmatch(found):
        return match[1] in wanted
    return not found.startswith(("{{", "{%", "{#")) and found.strip("${ }") not in names


def _new(find: Callable[[str], Iterable[str]], text: str, before: str) -> str | None:
    """The first thing in `text` that `before` does not hold."""
    known = set(find(before))
    return min((found for found in find(text) if found not in known), default=None)


def _odd(text: str) -> Iterator[str]:
    """What hides what a text says: control characters, marks that cannot be seen or turn the direction of writing."""
    hiding = ("Cc", "Cf", "Co", "Cs")
    yield from (c for c in text if c not in f"\n\t{_JOINERS}" and unicodedata.category(c) in hiding)
    yield from _HIDDEN.findall(text)


def _chat(text: str) -> Iterator[str]:
    yield from (match[0].strip() for match in _CHAT.finditer(text))
