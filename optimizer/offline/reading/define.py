"""What a guidance says about fields and labels: lists of labels, and definitions in lists or in running text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from optimizer.offline.words import listed

_BULLET = re.compile(
    r"^[ \t]*(?:[-*•+]|\d+[.)])?[ \t]*(?:\*\*|__)?[\"'`]?(?P<name>[A-Za-z][\w /&\-]{0,60}?)[\"'`]?(?:\*\*|__)?[ \t]*"
    r"(?:\((?P<note>[^()\n]*)\)[ \t]*)?"
    r"(?P<sep>:|=|—|–|->|→| - |\bas\b|\bis\b|\bmeans\b|\bmust be\b|\bshould be\b)(?:\*\*)?[ \t]*(?P<rest>\S.*)$",
    re.MULTILINE,
)
_NAMED = re.compile(
    r"^[ \t]*(?:[-*•+]|\d+[.)])[ \t]*[\"'`](?P<name>[a-z][a-z0-9_]*)[\"'`][ \t]*(?P<rest>[^:\n]{3}.*)$", re.MULTILINE
)
_BULLETED = re.compile(r"\s*(?:[-*•+]|\d+[.)])\s+[\"'`*]*([A-Za-z][\w\-]*(?: [\w\-]+)?)[\"'`*]*\s*(?::|=|—|–|\()")
_QUOTED = re.compile(r"[\"'`]([A-Za-z%€$£][\w &/\-%]{0,60}?|%)[\"'`]")
_KEYS = re.compile(r"Its keys are (.+?)\.?$", re.MULTILINE)


def norm(label: str) -> str:
    return re.sub(r"[\s_\-/]+", " ", label.strip().strip("\"'`*.<>").lower()).strip()


def listed_labels(text: str) -> tuple[str, ...]:
    """The labels that a text lists: quoted or back-ticked ones, or short items between commas."""
    quoted = _QUOTED.findall(text)
    if len(quoted) > 1:
        return tuple(dict.fromkeys(quoted))
    body = re.sub(
        r"^.*?\b(?:one of|either|any of|each one of|options are|values?|choose from)\b:?\s*", "", text, flags=re.I
    )
    body = re.split(r"[.;](?:\s|$)|\s[—–]\s| - |\(|\bbased on\b|\bdepending\b", body)[0].strip(" ()[]<>")
    items = [
        item.strip(" \"'`.")
        for item in re.split(r"\s*(?:,\s*(?:or|and)\s+|,|\||/|\bor\b)\s*", body)
        if item.strip(" \"'`.")
    ]
    plain = r"(?!(?:one|two|three|an?|the|any|up|at)\b)[A-Za-z][\w &\-]*"
    good = len(items) > 1 and all(len(item.split()) <= 3 and re.fullmatch(plain, item) for item in items)
    return tuple(dict.fromkeys(items)) if good else ()


@lru_cache(256)
def describe(rules: str) -> tuple[tuple[str, str, tuple[str, ...]], ...]:
    """(field, what is said about it, its labels), for fields of a JSON reply described in words."""
    if "json" not in rules.lower():
        return ()
    found: dict[str, tuple[str, tuple[str, ...]]] = {}
    for name, rest in _candidates(rules):
        known, choices = found.get(name, ("", ()))
        said = known if rest in known else f"{known} {rest}".strip()
        found[name] = (said, choices or listed_labels(rest))
    labels = {norm(label) for _, choices in found.values() for label in choices}
    return tuple((name, rest, choices) for name, (rest, choices) in found.items() if norm(name) not in labels)


def _candidates(rules: str) -> Iterator[tuple[str, str]]:
    for keys in _KEYS.findall(rules):
        for item in keys.split("; ") if ": " in keys else ():
            name, _, rest = item.partition(": ")
            yield name.strip(), rest
    for match in _NAMED.finditer(rules):
        yield match["name"], match["rest"]
    for match in _BULLET.finditer(rules):
        name = match["name"]
        if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or name in listed("*not-fields"):
            continue
        rest = f"{match['note']}. {match['rest']}" if match["note"] else match["rest"]
        quoted = re.match(r"\W*" + re.escape(name) + r"[\"'`]", match[0].strip(" -*"))
        if "_" in name or quoted or listed_labels(rest) or match["sep"] == ":":
            yield name, rest


@lru_cache(1024)
def definitions(
    name: str, labels: tuple[str, ...], rules: str, others: tuple[str, ...]
) -> tuple[tuple[str, str, bool], ...]:
    """(label, definition, whether it stood in a list) for the labels of one field."""
    known = {norm(label): label for label in labels}
    found = _in_lists(name, known, rules, others)
    result = []
    for plain, label in known.items():
        if plain in found:
            result.append((label, found[plain], True))
        elif prose := _in_prose(plain, rules, frozenset(known)):
            result.append((label, prose, False))
    return tuple(result)


def _in_lists(name: str, known: dict[str, str], rules: str, others: tuple[str, ...]) -> dict[str, str]:
    """Bulleted definitions; where two fields share a label, the heading above decides."""
    found: dict[str, str] = {}
    topic = ""
    words, foreign = norm(name), [norm(other) for other in others]
    for line in rules.splitlines():
        match = _BULLET.match(line)
        plain = norm(match["name"]) if match else ""
        if match and plain in known:
            rest = f"{match['note'] or ''} {match['rest']}".strip()
            if plain not in found and not any(topic_is(topic, other) for other in foreign):
                found[plain] = rest
            continue
        if line.strip() and (topic_is(line, words) or any(topic_is(line, other) for other in foreign)):
            topic = line
            if topic_is(line, words) and not any(topic_is(line, other) for other in foreign):
                topic = words
    return found


def topic_is(line: str, name: str) -> bool:
    """Whether a line is a heading or an introduction that speaks of the field."""
    if not name:
        return False
    plain = norm(line.strip("#*:<> -"))
    root = name[:-3] + "" if name.endswith("ies") else name.rstrip("s")
    return root in plain and len(plain.split()) <= 30


def _in_prose(plain: str, rules: str, known: frozenset[str]) -> str:
    """The clauses of running text that name the label, up to where another label is named."""
    pieces = []
    for clause in re.split(r"(?<=[.;!?])\s+|\n", rules):
        spoken = norm(clause)
        if not re.search(rf"\b{re.escape(plain)}\b", spoken) or len(spoken.split()) < 5:
            continue
        others = [label for label in known if label != plain and re.search(rf"\b{re.escape(label)}\b", spoken)]
        if len(others) > 1 and len(spoken.split()) < 6 * (len(others) + 1):
            continue  # only a list of labels
        if others:
            spoken = _share(spoken, plain, others)
        pieces.append(_behind(spoken, plain))
    return " ".join(pieces)


def _behind(spoken: str, plain: str) -> str:
    """What a clause says behind the label, where that is most of it: `it is high when goods suffer`."""
    head, found, rest = spoken.partition(plain)
    rest = re.sub(r"^[`\"' ]*(?:is |means |covers |stands )?(?:when|if|for|where)?\b", "", rest).strip(" :,-")
    return rest if found and len(rest.split()) >= len(head.split()) else spoken


def keys_in_prose(rules: str) -> tuple[str, ...]:
    """`JSON with the keys urgency, sentiment and categories`."""
    plain = " ".join(rules.split())
    found = re.search(r"\b(?:keys|fields|properties|attributes)\b(?: are)?:?\s+([^.:;]+)", plain, re.IGNORECASE)
    found = found or re.search(r"\bJSON(?: object| reply)?(?: with| of| containing| for|:)\s+(?:the )?([^.:;]+)", plain)
    found = found or re.search(r"\b(?:record|form|object|entry)(?: with| of| containing|:)\s+(?:the )?([^.:;]+)", plain)
    names = re.split(r"\s*,\s*(?:and\s+)?|\s+and\s+", found[1]) if found else []
    bare = [re.sub(r"\s*\(.*", "", name).strip(" \"'`*") for name in names]
    return tuple(name for name in bare if re.fullmatch(r"[A-Za-z]\w*", name)) if len(bare) > 1 else ()


def labels_in_list(name: str, rules: str) -> tuple[str, ...]:
    """Labels that a list defines under a heading or an introduction that names the field."""
    lines = rules.splitlines()
    for number, line in enumerate(lines):
        opens = re.match(r"\s*(?:#+\s|\*\*|<\w)|.*:\s*$", line)
        if not opens or _BULLETED.match(line) or not topic_is(line, norm(name)):
            continue
        labels: list[str] = []
        for row in lines[number + 1 :]:
            if re.match(r"\s*#+\s|\s*</", row) or (labels and not row.strip()):
                break
            if match := _BULLETED.match(row):
                labels.append(match[1])
        if len(labels) > 1:
            return tuple(dict.fromkeys(labels))
    return ()


def either_in_prose(name: str, rules: str) -> str:
    """The sentence that says when a field is yes or true: `follow_up is yes when ..., and no otherwise`."""
    plain = " ".join(rules.split())
    found = re.search(
        rf"(?<![^\s\"'`*]){re.escape(name)}\W{{1,4}}(?:is|=|as|to)?\s*\W?(?:yes|true)\b[^.]*", plain, re.IGNORECASE
    )
    return found[0] if found else ""


def labels_in_prose(name: str, rules: str, others: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Labels that the paragraph on the field explains in running text: `it is high when ..., low for ...`."""
    for paragraph in re.split(r"\n\s*\n", rules):
        if not topic_is(paragraph.split(".")[0][:200], norm(name)) and not topic_is(paragraph[:60], norm(name)):
            continue
        coined = [word for word in re.findall(r"\b[a-z]+(?:_[a-z]+)+\b", paragraph) if word not in others]
        if len(set(coined)) > 1:
            return tuple(label for label in dict.fromkeys(coined) if label != name)
        told = re.findall(
            r"(?:\b(?:is|as|be|and|or|to)|[,;:.]) [\"'`]?([a-z]+)\b[\"'`]?,? (?:when|if|for|covers|means)\b", paragraph
        )
        labels = [
            label
            for label in dict.fromkeys(told)
            if label not in listed("*stop") and label not in listed("*not-fields")
        ]
        if len(labels) > 1:
            return tuple(labels)
    return ()


def _share(spoken: str, plain: str, others: list[str]) -> str:
    """The stretch of a clause that belongs to one of several labels: up to the next comma before another."""
    bits = re.split(r",\s*|\s+(?:and|but|while|whereas)\s+", spoken)
    own, mine = [], False
    for bit in bits:
        if re.search(rf"\b{re.escape(plain)}\b", bit):
            mine = True
        elif any(re.search(rf"\b{re.escape(other)}\b", bit) for other in others):
            mine = False
        if mine:
            own.append(bit)
    return " ".join(own)
