"""Answers with calls of the tools that a request offers: which of them a message asks for, and with what arguments.

What a parameter's description says of its form (a date as YYYY-MM-DD, a length in minutes) is heeded by whoever reads
it: in the definition, in the instructions, or off a worked example. Who reads what, and when it calls at all, is a
matter of the persona's habits (`personas.Calling`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from optimizer.offline.mind import Mind
from optimizer.offline.reading.field import Field
from optimizer.offline.reading.request import Reading, Shot
from optimizer.offline.skills import extract, labels
from optimizer.offline.skills.forms import in_form, number_in
from optimizer.offline.words import Dice
from optimizer.types import JSON, Params

_NEXT = re.compile(
    r"\n\s*\n|(?<=[.!?])\s+(?=(?:Also|And also|Besides|One more thing|Another thing|Second|Then there|PS)\b)"
)
_SHOWN = re.compile(r"^call ([\w-]+) with (\{.*\})$", re.MULTILINE)
_MUST = re.compile(
    r"\b(?:answer|reply|respond) with a call\b|\balways call\b|\bnever answer in words\b|\bdo not answer in words\b",
    re.I,
)
_EACH = re.compile(
    r"\b(?:each|every|several|more than one|one or more|all)\b[^.]*\b(?:matters?|requests?|calls?|tools?)\b", re.I
)


def tools_of(params: Params) -> Mapping[str, Mapping[str, Any]]:
    """By name, the functions that a request offers; none where it forbids to call."""
    tools = params.get("tools")
    if not isinstance(tools, list) or params.get("tool_choice") == "none":
        return {}
    functions = [tool.get("function") for tool in tools if isinstance(tool, dict)]
    return {str(function["name"]): function for function in functions if isinstance(function, dict)}


def calls(tools: Mapping[str, Mapping[str, Any]], choice: JSON, mind: Mind) -> list[dict[str, Any]]:
    """The calls that this reader makes; none where it answers in words."""
    habits, rules = mind.persona.calling, mind.reading.rules
    named = choice["function"]["name"] if isinstance(choice, dict) else None  # type: ignore[call-overload, index]
    forced = named is not None or choice == "required"
    if not forced and not _MUST.search(rules) and mind.slips(habits.words, "in words"):
        return []
    shown = _shown(mind.reading)
    matters = [text.strip() for text in _NEXT.split(mind.reading.text) if len(text.split()) > 3] or [mind.reading.text]
    if len(matters) > 1 and not _EACH.search(rules) and mind.slips(habits.only_one, "several"):
        matters = matters[:1]
    made = []
    for number, text in enumerate(matters):
        here = replace(mind, reading=replace(mind.reading, inputs=(("", text),)), memo={})
        name = str(named or _tool(tools, here, number))
        call = {"name": name, "arguments": dict(_arguments(name, tools[name], here, shown))}
        if call not in made:
            made.append(call)
    return made


def in_words(mind: Mind) -> str:
    """What is said instead of a call."""
    openings = ("Of course! I would be happy to help with that.", "Sure, let me look into this for you.", "Got it.")
    return openings[int(Dice(mind.persona.name, mind.case).roll("words") * len(openings))]


def _tool(tools: Mapping[str, Mapping[str, Any]], mind: Mind, number: int) -> str:
    if len(tools) == 1:
        return next(iter(tools))
    told = tuple((name, str(tool.get("description", "")), True) for name, tool in tools.items())
    asked = [Shot(shot.input, found[1]) for shot in mind.reading.shots if (found := _SHOWN.search(shot.output))]
    here = replace(mind, reading=replace(mind.reading, shots=tuple(asked)))
    scores = labels.score_labels(Field((), "label", tuple(tools), told, about=f"tool {number}"), here)
    scores[next(iter(tools))] += mind.persona.calling.first
    return max(scores, key=lambda name: (scores[name], name))


def _arguments(
    tool: str, function: Mapping[str, Any], mind: Mind, shown: Mapping[tuple[str, str], Any]
) -> Iterator[tuple[str, Any]]:
    parameters = function.get("parameters") or {}
    for name, found in (parameters.get("properties") or {}).items():
        spec = found if isinstance(found, dict) else {}
        about = _read(tool, function, name, spec, mind, by_example=(tool, name) in shown)
        value = _value(tool, name, spec, about, mind)
        if value is None and name in parameters.get("required", ()):
            value = (
                1
                if spec.get("type") in ("integer", "number")
                else extract.likely_sentence(Field((name,), "text"), mind)
            )
        if value is not None:
            yield name, value


def _read(
    tool: str, function: Mapping[str, Any], name: str, spec: Mapping[str, Any], mind: Mind, *, by_example: bool
) -> str:
    """What this reader takes in of a parameter's description."""
    about = str(spec.get("description") or "")
    if by_example or _stands_in(about, mind.reading.rules):
        return about
    share = mind.persona.calling.overlooks
    if _stands_in(about, str(function.get("description"))):  # the tool's own description is read more often
        share /= 2
    return "" if mind.slips(share, "description", tool, name) else about


def _stands_in(about: str, text: str) -> bool:
    return " ".join(about.split()) in " ".join(text.split())


def _value(tool: str, name: str, spec: Mapping[str, Any], about: str, mind: Mind) -> Any:
    field = Field((tool, name), "text", about=about)
    if choices := tuple(str(choice) for choice in spec.get("enum") or ()):
        meaning = tuple((label, text, True) for label, text in _meanings(choices, about))
        return labels.choose(replace(field, kind="label", labels=choices, meaning=meaning), mind)
    kind = spec.get("type")
    if kind == "boolean":
        return labels.decide(field, mind)
    if kind in ("integer", "number"):
        found = number_in(field, mind)
        return found if found is None or kind == "number" else round(found)
    text = extract.fill(field, mind)
    return in_form(text, about) if text is not None else None


def _meanings(choices: tuple[str, ...], about: str) -> Iterator[tuple[str, str]]:
    """What a description says of the choices: `high: work stands still; low: the rest`."""
    for choice in choices:
        if found := re.search(rf"\b{re.escape(choice)}\b\s*[:=(]\s*([^;.)]+)", about):
            yield choice, found[1]


def _shown(reading: Reading) -> dict[tuple[str, str], Any]:
    """The arguments that worked examples show, by tool and name."""
    found: dict[tuple[str, str], Any] = {}
    for shot in reading.shots:
        for name, text in _SHOWN.findall(shot.output):
            try:
                given = json.loads(text)
            except ValueError:
                continue
            found |= {(name, key): value for key, value in given.items()}
    return found
