"""Finds the parts of a prompt in whatever layout they come: XML tags, Markdown headings, `Name:` lines, or none."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

Kind = Literal["guidance", "examples", "reply", "input"]
Style = Literal["xml", "markdown", "plain"]

_WORDS: dict[Kind, str] = {
    "examples": r"(?:worked |sample |few[- ]shot )?(?:examples?|demonstrations?|demos|samples)",
    "reply": r"(?:reply|output|response|answer)[ _](?:format|form|schema|contract|rules)|format|schema",
    "guidance": r"(?:instructions?|task|role|rules?|guidelines?|guidance|persona|background|policy|goals?|steps?)",
    "input": (
        r"(?:the |customer |support |new |user |call |retrieved |report |source |input )*(?:input|ticket|transcript|"
        r"question|query|text|e-?mail|message|call|document|documents|conversation|dialogue|passages?|contexts?|excerpts?|"
        r"sources|article|review|request|chat|data|body|subject|content|problem|notes?)"
        r"(?: text| body| from (?:the )?\w+| of the \w+)?"
    ),
}
_NAMES: tuple[tuple[Kind, re.Pattern[str]], ...] = tuple(
    (kind, re.compile(words + r"(?:[ _]?\d+)?", re.IGNORECASE)) for kind, words in _WORDS.items()
)
_TAG = re.compile(r"^[ \t]*<([A-Za-z][\w\- ]*?)(?: [^<>\n]*)?>[ \t]*\n?(.*?)\n?[ \t]*</\1>", re.DOTALL | re.MULTILINE)
_HEADING = re.compile(r"^#{1,4}[ \t]+(.+?)[ \t:]*#*[ \t]*$", re.MULTILINE)
_LINE = re.compile(r"^[ \t]*\**([A-Za-z][\w \-]{1,40}?)\**:\**(?:[ \t]+|[ \t]*$)", re.MULTILINE)
_ASKING = re.compile(
    r"^(?:first think it through|reply (?:with|in|only)|respond (?:with|in|only)|do not explain|answer (?:with|in|only)"
    r"|return (?:only|the|one|a|json)|output (?:only|the|one|a|json))",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Part:
    kind: Kind
    name: str
    text: str
    style: Style


def kind_of(name: str) -> Kind | None:
    plain = name.strip().strip("*:").replace("_", " ").strip()
    return next((kind for kind, words in _NAMES if words.fullmatch(plain)), None)


def split_message(text: str) -> tuple[Part, ...]:
    """The parts of one message, in order. What has no recognisable name is guidance."""
    return _split_tags(text) or _split_headings(text) or _split_plain(text)


def _split_tags(text: str) -> tuple[Part, ...]:
    parts: list[Part] = []
    at, named = 0, False
    for match in _TAG.finditer(text):
        kind = kind_of(match[1])
        if kind is None:
            continue
        named = True
        parts += _loose(text[at : match.start()])
        parts.append(Part(kind, match[1].lower(), match[2].strip(), "xml"))
        at = match.end()
    return (*parts, *_loose(text[at:])) if named else ()


def _loose(text: str) -> tuple[Part, ...]:
    return split_message(text.strip()) if text.strip() else ()


def _split_headings(text: str) -> tuple[Part, ...]:
    found = [(m, kind) for m in _HEADING.finditer(text) if (kind := kind_of(m[1]))]
    if not found:
        return ()
    parts = list(_loose(text[: found[0][0].start()]))
    ends = [match.start() for match, _ in found[1:]] + [len(text)]
    for (match, kind), end in zip(found, ends, strict=True):
        body = text[match.end() : end].strip()
        if kind != "input":
            parts.append(Part(kind, match[1].lower(), body, "markdown"))
            continue
        parts += [Part(p.kind, match[1].lower() if p.name == "" else p.name, p.text, "markdown") for p in tail_of(body)]
    return tuple(parts)


def tail_of(text: str) -> tuple[Part, ...]:
    """An input, and behind it what is said about the reply."""
    body, reply = _cut_asking(text)
    return (Part("input", "", body, "plain"), *((Part("reply", "reply", reply, "plain"),) if reply else ()))


def _cut_asking(text: str) -> tuple[str, str]:
    """Cuts trailing paragraphs that ask for a form of reply from an input."""
    paragraphs = list(re.finditer(r"\n[ \t]*\n", text))
    for gap in paragraphs[-3:]:
        if _ASKING.match(text[gap.end() :].lstrip()):
            return text[: gap.start()].rstrip(), text[gap.end() :].strip()
    return text, ""


def _split_plain(text: str) -> tuple[Part, ...]:
    """Guidance first; from the first line that names an input, the input."""
    for match in _LINE.finditer(text):
        before = text[: match.start()]
        opens = match.start() == 0 or before.endswith("\n\n") or not before.strip()
        if opens and kind_of(match[1]) == "input" and not _more_guidance(text[match.end() :]):
            head = (Part("guidance", "", before.strip(), "plain"),) if before.strip() else ()
            return (*head, *tail_of(text[match.start() :]))
    return (Part("guidance", "", text.strip(), "plain"),) if text.strip() else ()


def _more_guidance(rest: str) -> bool:
    """Whether text behind a named line is still about worked examples, so that the line belongs to one of them."""
    return bool(re.search(r"^(?:#+ )?(?:Output|Answer|Response|Reply|JSON):[ \t]*(?:\n|\{|\S)", rest, re.MULTILINE))


@lru_cache(512)
def named_inputs(text: str) -> tuple[tuple[str, str], ...]:
    """The named pieces of an input, such as passages and question; all of it under "" if there are no names."""
    tags = [(m[1].lower(), m[2].strip()) for m in _TAG.finditer(text) if kind_of(m[1]) == "input"]
    if tags:
        return tuple(tags)
    found = [m for m in _LINE.finditer(text) if kind_of(m[1]) == "input"]
    if not found:
        return (("", text.strip()),)
    ends = [match.start() for match in found[1:]] + [len(text)]
    pieces = [(m[1].strip().lower(), text[m.end() : end].strip()) for m, end in zip(found, ends, strict=True)]
    head = text[: found[0].start()].strip()
    named = [piece for piece in pieces if piece[1]] or pieces  # a name with nothing behind it only opens the input
    return tuple(([("", head)] if head else []) + named)
