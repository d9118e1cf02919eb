"""Writes data.jsonl from the hand-written material: `python -m optimizer.examples.calls.generate`.

A situation has three ways to open a call and three ways to end it; any opening fits any ending that does
not name its voice. Four calls are made of each situation: three that share neither, and one that joins the
opening of the first with the ending of the second. All calls of one situation belong to one site, so that
a split by site never puts two of them on different sides. The same seed gives the same bytes.
"""

from __future__ import annotations

import json
import random
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).parent
SEED = 20260
_HEAD = re.compile(r"(?P<kind>\w+)(?P<rest>(?:, [\w ]+)*): (?P<text>.+)")
_VOICES = ("plain", "chatty", "angry", "elderly", "terse", "learner")
_MOODS = {"resolved": "glad", "callback": "neutral", "escalated": "neutral", "no_resolution": "sour"}
_SHORT, _LONG = 120, 260  # words of a transcript


@dataclass(frozen=True)
class Opening:
    voice: str
    text: str
    gist: str


@dataclass(frozen=True)
class Ending:
    """`turns` alternate, the agent first; `unfit` are the voices whose opening would contradict it."""

    outcome: str
    follow_up: str
    turns: tuple[str, ...]
    gist: str
    unfit: tuple[str, ...] = ()


@dataclass(frozen=True)
class Situation:
    reason: str
    title: str
    openings: tuple[Opening, ...]
    asks: tuple[tuple[str, str], ...]
    finds: tuple[str, ...]
    endings: tuple[Ending, ...]
    urgent: bool


class Deck:
    """Deals lines in random order and none twice before all have been dealt."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._left: dict[str, list[Any]] = {}

    def deal(self, name: str, lines: Sequence[Any]) -> Any:
        if not self._left.get(name):
            self._left[name] = self._rng.sample(list(lines), len(lines))
        return self._left[name].pop()


def read_situations(folder: Path = HERE / "material") -> list[Situation]:
    """The situations of every `<reason>.txt`. Raises ValueError at a line that cannot be understood."""
    found = []
    for path in sorted(folder.glob("*.txt")):
        for block in path.read_text(encoding="utf-8").split("== ")[1:]:
            title, *lines = block.strip().splitlines()
            found.append(_situation(path.stem, title, [_line(path.name, line) for line in lines]))
    return found


def _line(file: str, line: str) -> tuple[str, str, str]:
    match = _HEAD.fullmatch(line)
    if not match:
        raise ValueError(f"{file}: expected `kind: text`, found {line!r}")
    return match["kind"], match["rest"], match["text"]


def _situation(reason: str, title: str, lines: list[tuple[str, str, str]]) -> Situation:
    def pairs(*kinds: str) -> Iterator[tuple[str, str, str, str]]:
        for kind, rest, text in lines:
            if kind in kinds:
                first, _, second = text.partition(" => ")
                yield kind, rest, first, second

    return Situation(
        reason,
        title,
        tuple(Opening(voice, text, gist) for voice, _, text, gist in pairs(*_VOICES)),
        tuple((question, answer) for _, _, question, answer in pairs("ask")),
        tuple(text for _, _, text, _ in pairs("find")),
        tuple(_ending(*parts) for parts in pairs(*_MOODS)),
        any(kind == "urgent" for kind, _, _ in lines),
    )


def _ending(outcome: str, rest: str, text: str, gist: str) -> Ending:
    follow_up, *unfit = rest.removeprefix(", ").split(", ")
    return Ending(outcome, follow_up, tuple(text.split(" / ")), gist, tuple(v.removeprefix("not ") for v in unfit))


def _castings(situation: Situation, rng: random.Random) -> list[tuple[Opening, Ending]]:
    """Four joins of an opening and an ending, the first three of which share neither."""
    size = len(situation.openings)
    for shift in rng.sample(range(size), size):
        pairs = [(i, (i + shift) % size) for i in range(size)]
        first, second = rng.sample(pairs, 2)
        cast = [(situation.openings[i], situation.endings[j]) for i, j in [*pairs, (first[0], second[1])]]
        if all(opening.voice not in ending.unfit for opening, ending in cast):
            return cast
    raise ValueError(f"{situation.title}: no way to join the openings with the endings")


class Writer:
    """Writes out one call after the other; remembers which general lines were used lately."""

    #: how often the agent puts the matter, its end, and the customer's part in words that recur between calls
    hints: Mapping[str, float] = {"restate": 0.9, "wrap": 0.9, "to_do": 0.85, "reaction": 0.6}

    def __init__(self, manners: Mapping[str, Any], rng: random.Random) -> None:
        self._manners, self._rng, self._deck = manners, rng, Deck(rng)

    def row(self, situation: Situation, opening: Opening, ending: Ending) -> dict[str, Any]:
        while True:  # lengths vary with the general lines; nearly every first try fits
            slots = self._slots()
            transcript = self._printed(self._turns(situation, opening, ending), slots)
            if _SHORT <= len(transcript.split()) <= _LONG:
                break
        expected = {
            "reason": situation.reason,
            "outcome": ending.outcome,
            "follow_up": ending.follow_up,
            "summary": f"{opening.gist} {_sentence(ending.gist)}".format(**slots),
        }
        return {"transcript": transcript, "queue": self._queue(situation.reason), "expected": expected}

    def _turns(self, situation: Situation, opening: Opening, ending: Ending) -> list[str]:
        """Agent and customer by turns, the agent first; a note may stand in a line below a turn."""
        voice = opening.voice
        turns = [self._say("greeting"), opening.text, self._verify(voice), self._say("answer", voice)]
        turns += self._asked(situation)
        last_answer = len(turns) - 1
        if not situation.urgent and self._rng.random() < 0.22:
            question, answer = self._say("hold")
            turns += [question, f"{answer}\n{self._say('hold_note')}"]
        turns += self._verdict(situation, ending, voice)
        turns += [self._reaction(ending, voice), *self._farewell(ending, voice)]
        if not situation.urgent and voice != "terse":
            self._chat(turns, range(3, last_answer + 1, 2), voice)
        return turns

    def _asked(self, situation: Situation) -> list[str]:
        """One or two questions with their answers, in the order of the material."""
        chosen = self._rng.choice([(0,), (1,), (0, 1), (0, 1)])
        lead = [self._say("look")]
        if self._rng.random() < self.hints["restate"]:
            lead.append(self._say("restate", situation.reason))
        turns = []
        for place in chosen:
            question, answer = situation.asks[place]
            turns += [" ".join([*lead, question]), answer]
            lead = [self._say("second_ask")]
        return turns

    def _verdict(self, situation: Situation, ending: Ending, voice: str) -> list[str]:
        found = f"{self._say('before_find', situation.reason)} {self._rng.choice(situation.finds)}"
        if self._rng.random() < 0.5:
            return [found, self._say("nudge", voice), *ending.turns]
        return [f"{found} {ending.turns[0]}", *ending.turns[1:]]

    def _reaction(self, ending: Ending, voice: str) -> str:
        said = [self._say(_MOODS[ending.outcome], voice)]
        if ending.outcome in self._manners["expecting"] and self._rng.random() < self.hints["reaction"]:
            said.append(self._say("expecting", ending.outcome))
        elif ending.follow_up == "yes" and self._rng.random() < self.hints["reaction"]:
            said.append(self._say("promise"))
        return " ".join(said)

    def _farewell(self, ending: Ending, voice: str) -> list[str]:
        said, bye = [], self._say("bye", voice)
        if self._rng.random() < self.hints["wrap"]:
            said.append(self._say("wrap", ending.outcome))
        if self._rng.random() < self.hints["to_do"]:
            if ending.follow_up == "yes":
                said.append(self._say("to_do"))
            elif ending.outcome != "no_resolution":
                said.append(self._say("nothing_to_do"))
        if self._rng.random() < 0.35:
            return [" ".join([*said, self._say("closing", "question")]), f"{self._say('no_more')} {bye}"]
        return [" ".join([*said, self._say("closing", "wish")]), bye]

    def _verify(self, voice: str) -> str:
        if voice in self._manners["soothe"] and self._rng.random() < 0.7:
            return f"{self._say('soothe', voice)} {self._say('verify')}"
        return self._say("verify")

    def _chat(self, turns: list[str], places: Sequence[int], voice: str) -> None:
        """Up to three remarks on other things, each behind another answer of the customer."""
        asides = self._manners["aside_learner" if voice == "learner" else "aside"]
        free = self._rng.sample(places, len(places))
        for chance, kind in ((0.4, "aside"), (0.25, "history"), (0.3, "small_talk")):
            if self._rng.random() < chance and free and (kind == "aside" or voice != "learner"):
                pair = self._deck.deal("aside " + voice, sum(asides.values(), [])) if kind == "aside" else self._say(kind)
                place = free.pop()
                turns[place] = f"{turns[place]} {pair[0]}"
                turns[place + 1] = f"{pair[1]} {turns[place + 1]}"

    def _printed(self, turns: list[str], slots: Mapping[str, str]) -> str:
        clock, timed, lines = self._rng.randint(2, 9), self._rng.random() < 0.25, []
        for index, turn in enumerate(turns):
            stamp = f"[{clock // 60:02}:{clock % 60:02}] " if timed else ""
            lines.append(f"{stamp}{'Customer' if index % 2 else 'Agent'}: {turn.format(**slots)}")
            clock += 2 + len(turn.split()) // 2 + (60 if "\n" in turn else 0)
        return "\n".join(lines)

    def _say(self, move: str, kind: str | None = None) -> Any:
        lines = self._manners[move][kind] if kind else self._manners[move]
        return self._deck.deal(f"{move} {kind}", lines)

    def _slots(self) -> dict[str, str]:
        rng, m = self._rng, self._manners
        return {
            "agent": rng.choice(m["agents"]),
            "name": rng.choice(m["names"]),
            "number": f"{rng.randint(20, 98)} {rng.randint(100, 999)} {rng.randint(100, 999)}",
            "postcode": f"LW{rng.randint(1, 19)} {rng.randint(1, 9)}{rng.choice('ABDEFGHJ')}{rng.choice('LNPQRSTU')}",
            "day": rng.choice(m["days"]),
            "date": rng.choice(m["dates"]),
            "ref": f"{rng.choice('CDKT')}-{rng.randint(10000, 99999)}",
        }

    def _queue(self, reason: str) -> str:
        """Where the menu put the caller: right for somewhat more than half of them."""
        queues = self._manners["queues"]
        draw = self._rng.random()
        if draw < 0.55:
            return str(queues[reason])
        return "general" if draw < 0.8 else str(self._rng.choice(sorted(set(queues.values()))))


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:]


def make_rows(seed: int = SEED) -> list[dict[str, Any]]:
    rng = random.Random(seed)
    situations = read_situations()
    manners = yaml.safe_load((HERE / "material" / "manners.yaml").read_text(encoding="utf-8"))
    sites = manners["sites"] + rng.choices(manners["sites"][:24], k=len(situations) - len(manners["sites"]))
    rng.shuffle(sites)
    writer = Writer(manners, rng)
    rows = [
        {**writer.row(situation, *cast), "site": site}
        for situation, site in zip(situations, sites, strict=True)
        for cast in _castings(situation, rng)
    ]
    rng.shuffle(rows)
    order = ("transcript", "queue", "site", "expected")
    return [{"id": f"call-{n:04}", **{key: row[key] for key in order}} for n, row in enumerate(rows, 1)]


def main(path: Path = HERE / "data.jsonl") -> None:
    rows = make_rows()
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    path.write_text(text, encoding="utf-8", newline="\n")
    print(f"{len(rows)} calls written to {path}")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:2]))
