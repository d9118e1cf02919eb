"""Summarises by extraction: what was wanted, how it ended; or the sentences that carry most of a text's own words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from optimizer.offline.mind import Mind
from optimizer.offline.reading import dialogue
from optimizer.offline.reading.field import Field
from optimizer.offline.words import phrases, sentences, stems

_ASIDE = re.compile(r",? (?:dear|love|mate|please|you know|I mean|I believe|honestly)(?=[,.!?]|$)", re.IGNORECASE)
_AUXILIARY = (("'ve", " have"), ("'ll", " will"), ("'re", " are"), ("'m", " am"), ("'d", " would"))


def summarise(field: Field, mind: Mind) -> str:
    text = mind.reading.text
    wanted, ended = _of_call(text, field, mind) if dialogue.turns(text) else ("", "")
    if wanted:
        return f"{wanted} {ended}".strip()
    return " ".join(_ranked(tuple(sentences(text)), field, mind)[:2])


def _of_call(text: str, field: Field, mind: Mind) -> tuple[str, str]:
    """What the caller wanted and how it ended, both in the third person."""
    said = tuple(sentences(dialogue.opening(text)))
    end = dialogue.closing(text)
    issue = _pick(said, field, mind, late=0.0)
    result = _pick(end, field, mind, late=0.4)
    return _joined(issue, staff=False), _joined(result, staff=True)


def _pick(options: Sequence[str], field: Field, mind: Mind, late: float) -> list[str]:
    """One telling sentence, or two short ones, in their order."""
    if not options:
        return []

    def fit(number: int) -> float:
        place = late * number / len(options) if late else -0.15 * number
        return dialogue.weight(options[number]) + place + 4.0 * mind.sway(field.name, options[number])

    ranked = sorted(range(len(options)), key=lambda number: (-fit(number), number))
    chosen = ranked[:1]
    for number in ranked[1:]:
        if sum(len(options[n].split()) for n in [*chosen, number]) <= 26:
            chosen.append(number)
            break
    return [options[number] for number in sorted(chosen)]


def _joined(said: Sequence[str], *, staff: bool) -> str:
    plain = [_third_person(sentence, staff=staff) for sentence in said]
    bare = [sentence.rstrip(".!? ") for sentence in plain if sentence]
    return " and ".join([bare[0], *(text[0].lower() + text[1:] for text in bare[1:])]) + "." if bare else ""


def _begun(sentence: str) -> str:
    """A spoken sentence from where it says something: without `Well, yes, hello`."""
    while (found := phrases("filler").match(sentence)) and re.match(r"[,.!]?\s", sentence[found.end() :]):
        sentence = sentence[found.end() :].lstrip(",.! ")
    return sentence


@lru_cache(4096)
def _third_person(sentence: str, *, staff: bool) -> str:
    """A spoken sentence as a report: `I've lost my card` becomes `The customer has lost the customer's card`."""
    text = _ASIDE.sub("", _begun(sentence.replace("’", "'")).strip())
    for short, full in _AUXILIARY:
        text = re.sub(rf"\b(I|you|we|they|You|We|They){short}\b", rf"\1{full}", text)
    me, other = ("the agent", "the customer") if staff else ("the customer", "the company")
    text = re.sub(r"\bI (?:have|had)\b", f"{me} has", text)
    text = re.sub(r"\bI am\b", f"{me} is", text)
    text = re.sub(r"\bI\b", me, text)
    text = re.sub(r"\b[Mm]y\b", f"{me}'s", text)
    text = re.sub(r"\bme\b", me, text)
    if staff:
        text = re.sub(r"\b[Yy]ou have\b", f"{other} has", text)
        text = re.sub(r"\b[Yy]ou are\b", f"{other} is", text)
        text = re.sub(r"\b[Yy]our\b", f"{other}'s", text)
        text = re.sub(r"\b[Yy]ou\b", other, text)
    text = re.sub(r"\b([Ww])e have\b", r"\1as", text) if staff and text.lower().startswith("we have") else text
    return text[:1].upper() + text[1:]


def _ranked(options: tuple[str, ...], field: Field, mind: Mind) -> list[str]:
    count = mind.input_bag

    def fit(number: int) -> float:
        words = set(stems(options[number]))
        carried = sum(min(count[word], 4) - 0.5 for word in words) / (4 + len(words))
        return carried + (0.6 if number < 2 else 0.0) + 1.5 * mind.sway(field.name, options[number])

    ranked = sorted(range(len(options)), key=lambda number: (-fit(number), number))
    return [options[number] for number in sorted(ranked[:2])]
