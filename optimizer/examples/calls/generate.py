"""Writes data.jsonl from the hand-written material: `python -m optimizer.examples.calls.generate`.

A situation has three ways to open a call and three ways to end it; any opening fits any ending that does
not name its voice. Four calls are made of each situation: three that share neither, and one that joins the
opening of one of them with the ending of another. All calls of one situation belong to one site, so that a
split by site never puts two of them on different sides. The same seed gives the same bytes.
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from optimizer.examples.calls.situations import MATERIAL, Ending, Opening, Situation, read_situations

DATA = Path(__file__).parent / "data.jsonl"
SEED = 20260
_MOODS = {"resolved": "glad", "callback": "neutral", "escalated": "neutral", "no_resolution": "sour"}
_SHORT, _LONG = 120, 260  # words of a transcript
#: How often the agent says what the matter is, how it stands and what the customer has to do, and the customer
#: answers to that, in words that recur between calls. Without them a call could not be told from others' calls.
_OFTEN = {"restate": 0.9, "wrap": 0.9, "to_do": 0.85, "react": 0.6}


class Deck:
    """Deals lines in random order, and none twice before all have been dealt."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._left: dict[str, list[Any]] = {}

    def deal(self, name: str, lines: Sequence[Any]) -> Any:
        if not self._left.get(name):
            self._left[name] = self._rng.sample(lines, len(lines))
        return self._left[name].pop()


class Writer:
    """Writes out one call after the other."""

    def __init__(self, manners: Mapping[str, Any], rng: random.Random) -> None:
        self._manners, self._rng, self._deck = manners, rng, Deck(rng)

    def row(self, situation: Situation, opening: Opening, ending: Ending) -> dict[str, Any]:
        slots, transcript = self._slots(), ""
        while not _SHORT <= len(transcript.split()) <= _LONG:  # what is said around the matter differs each time
            transcript = self._printed(self._turns(situation, opening, ending), slots)
        gist = f"{opening.gist} {ending.gist[0].upper()}{ending.gist[1:]}"
        expected = {"reason": situation.reason, "outcome": ending.outcome, "follow_up": ending.follow_up}
        return {
            "transcript": transcript,
            "queue": self._queue(situation.reason),
            "expected": {**expected, "summary": gist.format(**slots)},
        }

    def _turns(self, situation: Situation, opening: Opening, ending: Ending) -> list[str]:
        """Agent and customer by turns, the agent first; a note may stand in a line below a turn."""
        voice = opening.voice
        turns = [self._say("greeting"), opening.text, self._verify(voice), self._say("answer", voice)]
        turns += self._asked(situation)
        last_answer = len(turns) - 1
        if not situation.urgent and self._chance(0.22):
            question, answer = self._say("hold")
            turns += [question, f"{answer}\n{self._say('hold_note')}"]
        turns += self._verdict(situation, ending, voice)
        turns += [self._reaction(ending, voice), *self._farewell(ending, voice)]
        if not situation.urgent and voice != "terse":
            self._chat(turns, range(3, last_answer + 1, 2), voice)
        return turns

    def _verify(self, voice: str) -> str:
        if voice in self._manners["soothe"] and self._chance(0.7):
            return f"{self._say('soothe', voice)} {self._say('verify')}"
        return str(self._say("verify"))

    def _asked(self, situation: Situation) -> list[str]:
        """One or two questions with their answers, in the order of the material."""
        lead, turns = [self._say("look")], []
        if self._chance(_OFTEN["restate"]):
            lead.append(self._say("restate", situation.reason))
        for place in self._rng.choice([(0,), (1,), (0, 1), (0, 1)]):
            question, answer = situation.asks[place]
            turns += [" ".join([*lead, question]), answer]
            lead = [self._say("second_ask")]
        return turns

    def _verdict(self, situation: Situation, ending: Ending, voice: str) -> list[str]:
        found = f"{self._say('before_find', situation.reason)} {self._rng.choice(situation.finds)}"
        if self._chance(0.5):
            return [found, self._say("nudge", voice), *ending.turns]
        return [f"{found} {ending.turns[0]}", *ending.turns[1:]]

    def _reaction(self, ending: Ending, voice: str) -> str:
        said = [self._say(_MOODS[ending.outcome], voice)]
        if self._chance(_OFTEN["react"]):
            if ending.outcome in self._manners["expecting"]:
                said.append(self._say("expecting", ending.outcome))
            elif ending.follow_up == "yes":
                said.append(self._say("promise"))
        return " ".join(said)

    def _farewell(self, ending: Ending, voice: str) -> list[str]:
        said, bye = [], self._say("bye", voice)
        if self._chance(_OFTEN["wrap"]):
            said.append(self._say("wrap", ending.outcome))
        if self._chance(_OFTEN["to_do"]):
            if ending.follow_up == "yes":
                said.append(self._say("to_do"))
            elif ending.outcome != "no_resolution":
                said.append(self._say("nothing_to_do"))
        if self._chance(0.35):
            return [" ".join([*said, self._say("closing", "question")]), f"{self._say('no_more')} {bye}"]
        return [" ".join([*said, self._say("closing", "wish")]), bye]

    def _chat(self, turns: list[str], places: Sequence[int], voice: str) -> None:
        """Up to three remarks on other things, each behind another answer of the customer."""
        free = self._rng.sample(places, len(places))
        for chance, kind in ((0.4, "aside"), (0.25, "history"), (0.3, "small_talk")):
            if free and self._chance(chance) and (kind == "aside" or voice != "learner"):
                remark, reply = self._remark(kind, voice)
                place = free.pop()
                turns[place] = f"{turns[place]} {remark}"
                turns[place + 1] = f"{reply} {turns[place + 1]}"

    def _remark(self, kind: str, voice: str) -> tuple[str, str]:
        if kind != "aside":
            return tuple(self._say(kind))
        move = "aside_learner" if voice == "learner" else "aside"
        return tuple(self._deck.deal(move, [pair for pairs in self._manners[move].values() for pair in pairs]))

    def _printed(self, turns: list[str], slots: Mapping[str, str]) -> str:
        clock, timed, lines = self._rng.randint(2, 9), self._chance(0.25), []
        for index, turn in enumerate(turns):
            stamp = f"[{clock // 60:02}:{clock % 60:02}] " if timed else ""
            lines.append(f"{stamp}{'Customer' if index % 2 else 'Agent'}: {turn.format(**slots)}")
            clock += 2 + len(turn.split()) // 2 + (60 if "\n" in turn else 0)
        return "\n".join(lines)

    def _say(self, move: str, kind: str | None = None) -> Any:
        lines = self._manners[move][kind] if kind else self._manners[move]
        return self._deck.deal(f"{move} {kind}", lines)

    def _chance(self, probability: float) -> bool:
        return self._rng.random() < probability

    def _slots(self) -> dict[str, str]:
        rng, manners = self._rng, self._manners
        return {
            "agent": rng.choice(manners["agents"]),
            "name": rng.choice(manners["names"]),
            "number": f"{rng.randint(20, 98)} {rng.randint(100, 999)} {rng.randint(100, 999)}",
            "postcode": f"LW{rng.randint(1, 19)} {rng.randint(1, 9)}{rng.choice('ABDEFGHJ')}{rng.choice('LNPQRSTU')}",
            "day": rng.choice(manners["days"]),
            "date": rng.choice(manners["dates"]),
            "ref": f"{rng.choice('CDKT')}-{rng.randint(10000, 99999)}",
        }

    def _queue(self, reason: str) -> str:
        """Where the menu put the caller: right for somewhat more than half of them."""
        queues, draw = self._manners["queues"], self._rng.random()
        if draw < 0.55:
            return str(queues[reason])
        return "general" if draw < 0.8 else str(self._rng.choice(sorted(set(queues.values()))))


def castings(situation: Situation, rng: random.Random) -> list[tuple[Opening, Ending]]:
    """Four joins of an opening and an ending, the first three of which share neither."""
    size = len(situation.openings)
    choices = [(shift, i, j) for shift in range(size) for i in range(size) for j in range(size) if i != j]
    for shift, i, j in rng.sample(choices, len(choices)):
        pairs = [*((n, (n + shift) % size) for n in range(size)), (i, (j + shift) % size)]
        cast = [(situation.openings[opening], situation.endings[ending]) for opening, ending in pairs]
        if all(opening.voice not in ending.unfit for opening, ending in cast):
            return cast
    raise ValueError(f"{situation.title}: no way to join the openings with the endings")


def make_rows(seed: int = SEED) -> list[dict[str, Any]]:
    rng = random.Random(seed)
    situations = read_situations()
    manners = yaml.safe_load((MATERIAL / "manners.yaml").read_text(encoding="utf-8"))
    sites = manners["sites"]
    sites = sites + rng.sample(sites[:24] * 4, k=len(situations) - len(sites))  # towns with more than one situation
    rng.shuffle(sites)
    writer = Writer(manners, rng)
    rows = [
        {**writer.row(situation, *cast), "site": site}
        for situation, site in zip(situations, sites, strict=True)
        for cast in castings(situation, rng)
    ]
    rng.shuffle(rows)
    order = ("transcript", "queue", "site", "expected")
    return [{"id": f"call-{n:04}", **{key: row[key] for key in order}} for n, row in enumerate(rows, 1)]


def main(path: Path = DATA) -> None:
    rows = make_rows()
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    path.write_text(text, encoding="utf-8", newline="\n")
    print(f"{len(rows)} calls written to {path}")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:2]))
