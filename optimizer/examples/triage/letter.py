"""Turns the matter of a ticket into what arrives: a mail, a form, a chat, the transcript of a voicemail."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday")
FORWARDED, SHOUTED, GENERAL, TYPOS, LOWER = 0.13, 0.1, 0.2, 0.16, 0.4  # shares of the tickets that they concern


@dataclass(frozen=True)
class Letter:
    subject: str
    body: tuple[str, ...]
    customer: str
    sender: str  # "name / role"
    goods: str

    @property
    def name(self) -> str:
        return self.sender.partition(" / ")[0]

    @property
    def role(self) -> str:
        return self.sender.partition(" / ")[2]


def render(letter: Letter, channel: str, frame: Mapping[str, Any], rng: random.Random) -> str:
    """The ticket as text, all places filled."""
    body = letter.body
    if rng.random() < TYPOS:
        body = tuple(_typing_error(part, rng) if rng.random() < 0.4 else part for part in body)
    subject = rng.choice(frame["subjects_at_large"]) if rng.random() < GENERAL else letter.subject
    if rng.random() < SHOUTED:
        subject = f"{rng.choice(frame['shouts'])}: {subject}"
    letter = replace(letter, subject=subject, body=body)
    return _filled(WRITERS[channel](letter, frame, rng), letter, frame, rng)


def _mail(letter: Letter, frame: Mapping[str, Any], rng: random.Random) -> str:
    opening = rng.choice(frame["openings"]["email"])
    ending = "\n".join(part for part in (rng.choice(frame["sign_offs"]), _signature(letter, frame, rng)) if part)
    if rng.random() >= FORWARDED:
        return _paragraphs(f"Subject: {letter.subject}", opening, *_broken(letter.body, rng), ending)
    colleague = rng.choice(frame["names"]["person"])
    note = rng.choice(frame["hellos_of_forwarders"])
    head = f"---------- Forwarded message ----------\nFrom: {letter.name}\nDate: {{past}}\nSubject: {letter.subject}"
    return _paragraphs(
        f"Subject: Fwd: {letter.subject}", note, colleague, head, opening, *_broken(letter.body, rng), ending
    )


def _form(letter: Letter, frame: Mapping[str, Any], rng: random.Random) -> str:
    number = rng.choice(frame["form_numbers"])
    fields = f"Subject: {letter.subject}\nName: {letter.name}\nOrder or invoice number: {number}"
    return _paragraphs(fields, "Message:\n" + " ".join(letter.body), letter.name if rng.random() < 0.3 else "")


def _chat(letter: Letter, frame: Mapping[str, Any], rng: random.Random) -> str:
    who = letter.name.split()[0]
    lines = [rng.choice(frame["openings"]["chat"])]
    for sentence in re.split(r"(?<=[.!?]) +", " ".join(letter.body)):
        if lines[1:] and rng.random() < 0.35:
            lines[-1] += " " + sentence
        else:
            lines.append(sentence)
    if rng.random() < LOWER:
        lines = [re.sub(r"[A-Z](?=[^{}]*(?:\{|$))", lambda found: found[0].lower(), line.rstrip(".")) for line in lines]
    turns = [f"{who}: {line}" for line in lines]
    if rng.random() < 0.4:
        turns.insert(1, f"Bot: You are number {rng.randint(2, 30)} in the queue, please describe your request.")
    return "\n".join(turns)


def _voicemail(letter: Letter, frame: Mapping[str, Any], rng: random.Random) -> str:
    spoken = " ".join(letter.body).replace('"', "").replace("I am writing", "I am calling")
    words = spoken.split(" ")
    for _ in range(rng.randint(1, 3)):
        words.insert(rng.randint(3, len(words) - 1), rng.choice(frame["fillers"]) + ",")
    opening = rng.choice(frame["openings"]["phone"])
    bye = rng.choice(["Bye.", "Thank you, bye.", "That's it.", "So much for now.", "Till later.", ""])
    head = f"[Voicemail, {len(words) // 2 + rng.randint(3, 9)} seconds, machine transcript]"
    return f"{head}\n{opening} {' '.join(words)} {bye}".rstrip() + f"\nCaller: {{phone}} ({letter.customer})"


Writer = Callable[[Letter, Mapping[str, Any], random.Random], str]
WRITERS: dict[str, Writer] = {"email": _mail, "web_form": _form, "chat": _chat, "phone_note": _voicemail}


def _paragraphs(*parts: str) -> str:
    return "\n\n".join(part for part in parts if part)


def _broken(body: tuple[str, ...], rng: random.Random) -> list[str]:
    """The body in one to three paragraphs."""
    parts = [body[0]]
    for sentence in body[1:]:
        if rng.random() < 0.35:
            parts.append(sentence)
        else:
            parts[-1] += " " + sentence
    return parts


def _signature(letter: Letter, frame: Mapping[str, Any], rng: random.Random) -> str:
    lines = [letter.name]
    if rng.random() < 0.6:
        lines.append(rng.choice([f"{letter.role}, {letter.customer}", letter.customer, letter.role]))
    if rng.random() < 0.4:
        lines.append(rng.choice(frame["footers"]))
    return "\n".join(lines)


def _typing_error(part: str, rng: random.Random) -> str:
    """Swaps two letters of a longer word; places such as {day} stay whole."""
    words = part.split(" ")
    long = [place for place, word in enumerate(words) if len(word) > 5 and word.isalpha()]
    if long:
        place = rng.choice(long)
        word, at = words[place], rng.randint(1, len(words[place]) - 3)
        words[place] = word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    return " ".join(words)


def _filled(text: str, letter: Letter, frame: Mapping[str, Any], rng: random.Random) -> str:
    """One day, one hour, one town for the whole ticket, so that it does not contradict itself; other numbers vary."""
    past, day = rng.sample(DAYS, 2)
    fixed = {
        **{kind: rng.choice(names) for kind, names in frame["names"].items()},
        "day": day,
        "past": past,
        "time": f"{rng.randint(15, 18)}:{rng.choice(['00', '15', '30', '45'])}",
        "since": f"{rng.randint(6, 10)}:{rng.randint(0, 59):02d}",
        "phone": f"+44 1632 960{rng.randint(0, 999):03d}",  # numbers that nobody has
        "order": _reference(rng),
        "other": _reference(rng),
        "number": str(rng.randint(10000, 99999)),
        "name": letter.name,
        "customer": letter.customer,
        "goods": letter.goods,
    }
    return re.sub(r"\{(\w+)\}", lambda found: fixed.get(found[1]) or str(rng.randint(20, 990)), text)


def _reference(rng: random.Random) -> str:
    return rng.choice(["LM-{:06d}", "{:07d}", "#{:05d}", "SO-{:06d}"]).format(rng.randint(10000, 99999))
