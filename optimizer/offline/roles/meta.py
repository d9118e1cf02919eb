"""Recognises a request to write better instructions, and reads what it brings: the prompt, examples, failures."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import dedent
from typing import Literal

from optimizer.offline.reading.sheet import Sheet, read_sheet
from optimizer.types import Message

_ASKS = re.compile(
    r"\b(?:re-?writ\w*|improv\w*|propos\w*|optimi[sz]\w*|refin\w*|revis\w*|generat\w*|writ\w*|new|better)\b[^.\n]{0,80}"
    r"\b(?:instructions?|prompts?)\b", re.I)  # fmt: skip
_VARY = re.compile(
    r"\b(?:rephrase|vary|merge|variation of|mutate|crossover)\b[^.\n]{0,60}\b(?:instructions?|prompts?)\b", re.I
)
_CURRENT = ("prompt", "current_prompt", "current_instructions", "instruction", "current", "original_prompt", "original")
_NUMBERS = {"one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8}


@dataclass(frozen=True)
class Case:
    input: str
    expected: str
    answered: str = ""


@dataclass(frozen=True)
class Meta:
    """`form`: how the new instructions are to come: in tags `instructions`, in tags `prompt`, between fences, or as
    named fields."""

    current: str
    cases: tuple[Case, ...]
    habits: str
    count: int
    form: Literal["tags", "prompt", "fence", "fields"]
    sheet: Sheet | None = None
    source: str = ""
    reply: str = ""  # what the request says about the form of the reply
    keep: tuple[str, ...] = ()  # texts that must stay word for word


def recognise(messages: Sequence[Message]) -> Meta | None:
    spoken = [message.content for message in messages if message.role != "assistant"]
    text = "\n\n".join(spoken)
    if sheet := read_sheet(messages):
        return _on_sheet(sheet, text)
    if varied := _to_vary(text):
        return varied
    if not (_ASKS.search(text[:2500]) or _ASKS.search(text[-1500:])):
        return None
    current = _current(text)
    if re.search(r"<instructions?>", text) and current and _wants_tags(text):
        kept = tuple(re.findall(r"<keep>(.*?)</keep>", text, re.DOTALL))
        habits = _tag(text, "habits") or _tag(text, "target")
        told = _tag(text, "reply_format") or _tag(text, "output_format")
        return Meta(current, _cases(text), habits, _count(text), "tags", None, text, told, kept)
    fenced = re.findall(r"```[^\n`]*\n(.*?)\n?```", text, re.S)
    if fenced and re.search(r"(?:within|in|inside|between)\s+(?:a )?```|``` blocks?", text):
        side = fenced[1] if len(fenced) > 1 else ""
        return Meta(fenced[0].strip(), _marked_cases(side), "", 1, "fence", source=text)
    return None


def _to_vary(text: str) -> Meta | None:
    """A prompt to be rephrased or varied, or two to be merged; the new one comes inside <prompt>...</prompt>."""
    asked = _VARY.search(text)
    if not asked or not re.search(r"<prompt>(?:[^<]{0,40}</prompt>| and end)", text):
        return None
    behind = text[asked.end() :]
    given = re.search(r"^(?:Prompt(?: \d)?|Instruction|Input): ?(.*)", behind, re.S | re.M)
    if not given:
        return None
    kept = re.split(r"\n\s*\n(?:Return|Output)\b[^\n]*(?:\n<prompt>[^<]*</prompt>\s*)?\Z", given[1])[0]
    parents = re.split(r"\n\s*Prompt \d: ", kept)
    base = parents[len(text) % len(parents)]  # two of one stock say the same: either can be the base
    return Meta(base.strip(), (), "", 1, "prompt", source=text)


def _wants_tags(text: str) -> bool:
    return bool(
        re.search(
            r"(?:inside|in|within|between|each|as|use|with)\b[^.\n]{0,60}<instructions?>|<instructions?>\s*(?:\.\.\.|…|</)",
            text,
            re.I,
        )
    )


def _tag(text: str, name: str) -> str:
    found = re.search(rf"<{name}>\s*(.*?)\s*</{name}>", text, re.S)
    return found[1] if found else ""


def _current(text: str) -> str:
    for name in _CURRENT:
        if found := _tag(text, name):
            return _tag(found, "instructions") or found
    found_heading = re.search(
        r"^#+ *(?:Current |Original )?(?:prompt|instructions?)[^\n]*\n(.*?)(?=^#+ |\Z)", text, re.S | re.M | re.I
    )
    return found_heading[1].strip() if found_heading else ""


def _count(text: str) -> int:
    plain = re.sub(r"<(\w+)>.*?</\1>", " ", text, flags=re.S)
    found = re.search(
        r"\b(\d+|one|two|three|four|five|six|seven|eight)\b[^.\n<]{0,50}\b(?:instructions|versions|variants|rewrites|alternatives|candidates|prompts|proposals)\b",
        plain,
        re.I,
    )
    if not found:
        return 1
    return max(1, min(16, _NUMBERS.get(found[1].lower()) or int(found[1])))


def _cases(text: str) -> tuple[Case, ...]:
    found = []
    for name in ("failure", "example", "case"):
        for body in re.findall(rf"<{name}(?: [^>]*)?>\s*(.*?)\s*</{name}>", text, re.S):
            expected = _tag(body, "expected") or _tag(body, "output") or _tag(body, "reply") or _tag(body, "answer")
            if expected:
                found.append(Case(_tag(body, "input") or _tag(body, "question"), expected, _tag(body, "answered")))
    return tuple(found)


def _marked_cases(text: str) -> tuple[Case, ...]:
    """Markdown records: `# Example 1`, `## Inputs`, `## Generated Outputs`, `## Feedback`; or `## inputs`,
    `## outputs`, `## expectations`."""
    found = []
    for record in re.split(r"^# Example \d+\s*$", text, flags=re.M)[1:]:
        parts = dict(re.findall(r"^## ([^\n]+)\n(.*?)(?=^## |\Z)", record, re.S | re.M))
        by_word = {
            name.lower().split()[0]: re.sub(r"^#{3,} .*\n", "", body, flags=re.M).strip()
            for name, body in parts.items()
        }
        expected = by_word.get("expectations") or _expected(by_word.get("feedback", ""))
        answered = by_word.get("generated") or by_word.get("outputs", "")
        found.append(Case(by_word.get("inputs", ""), expected, answered))
    return tuple(found)


def _on_sheet(sheet: Sheet, text: str) -> Meta | None:
    """Fields to be filled in: a new instruction, or a remark on a program or a data set."""
    about = re.search(r"dataset|pseudo-?code|pipeline", sheet.objective, re.IGNORECASE)
    remarks = {"observations", "program_description", "module_description", "summary"} & set(sheet.asked)
    if not any("instruction" in name for name in sheet.asked) and not (about and remarks):
        return None
    given = sheet.given()
    named = (
        "basic_instruction",
        "current_instruction",
        "current_instructions",
        "instruction",
        "current_instruction_doc",
    )
    current = next((given[name] for name in named if given.get(name)), "")
    if tries := re.findall(r"Instruction #\d+: (.*?)\n»»»", given.get("attempted_instructions", ""), re.S):
        current = dedent("    " + tries[-1]).strip()
    cases = _demos(given.get("task_demos", "")) + _records(given.get("examples_with_feedback", ""))
    return Meta(current, cases, given.get("tip", ""), 1, "fields", sheet, text)


def _records(text: str) -> tuple[Case, ...]:
    """A JSON list of `Inputs`, `Generated Outputs` and `Feedback`."""
    try:
        rows = json.loads(text)
    except ValueError:
        return ()
    found = []
    for row in rows if isinstance(rows, list) else ():
        if isinstance(row, dict):
            told = {str(name).lower().split()[0]: _flat(value) for name, value in row.items()}
            feedback = told.get("feedback", "")
            found.append(Case(told.get("inputs", ""), _expected(feedback), told.get("generated", "")))
    return tuple(found)


def _flat(value: object) -> str:
    return "\n".join(map(str, value.values())) if isinstance(value, dict) else str(value)


def _expected(feedback: str) -> str:
    found = re.search(r"(?:expected|correct|gold|reference)[^:\n]*:\s*(.*)", feedback, re.IGNORECASE | re.DOTALL)
    return found[1].strip() if found else ""


def _demos(text: str) -> tuple[Case, ...]:
    """Lines of `Name: value`, a JSON or short reply behind each input."""
    found = []
    for block in re.split(r"\n\s*\n(?=\w[\w ]*:)", text.strip()):
        lines = re.findall(r"^([A-Z]?\w[\w ]*): (.*?)(?=^[A-Z]?\w[\w ]*: |\Z)", block, re.S | re.M)
        if len(lines) >= 2:
            found.append(Case("\n".join(body.strip() for _, body in lines[:-1]), lines[-1][1].strip()))
    return tuple(found)
