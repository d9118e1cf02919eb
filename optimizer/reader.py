"""Reads an exported bundle in production, standard library only; the search used these very functions.

    bundle = load("bundle/bundle.json")                                   # ask bundle["model"], bundle["parameters"]
    value = parse(bundle["reply"], ask(render(bundle, {"ticket": "..."})))  # ValueError: the contract is broken
    render(bundle["rollback"], {"ticket": "..."})                         # the source's prompt, as it was

A program of several prompts is run by DSPy, which makes its messages: `usage(bundle)` says how, `prompts(bundle)` shows
them by name; `given` checks its inputs and `parse` reads its answer as they do those of a single prompt.
"""

from __future__ import annotations

import json
import re
from contextlib import suppress
from pathlib import Path
from typing import Any

PROMPT = ("promptport-bundle/1", "promptport-bundle/2")
PROGRAM = ("promptport-program/1", "promptport-program/2")
TYPES: dict[str, Any] = {"string": str, "number": (int, float), "integer": int, "boolean": bool}
TYPES |= {"array": list, "object": dict, "null": type(None)}
_WORD = re.compile(r"[^\W\u0e00-\u0eff\u2e80-\ud7ff\uf900-\ufaff]+|\w")  # scripts without spaces: sign by sign


class TooDeep(ValueError):
    """A value that is nested deeper than Python can follow."""


def load(path: str | Path) -> dict[str, Any]:
    """The bundle in that file; checks its format only: `promptport verify` looks at every byte."""
    try:
        bundle: dict[str, Any] = json.loads(Path(path).read_text("utf-8"))
    except RecursionError:
        raise TooDeep(f"{path}: nested too deeply to be a promptport bundle") from None
    if not isinstance(bundle, dict) or bundle.get("format") not in (*PROMPT, *PROGRAM):
        found = bundle.get("format") if isinstance(bundle, dict) else type(bundle).__name__
        raise ValueError(f"{path}: not a promptport bundle of format 1 or 2, but {found!r}")
    return bundle


def render(bundle: dict[str, Any], inputs: dict[str, Any]) -> list[dict[str, Any]]:
    """The messages for `inputs`; refuses missing, extra and wrongly typed variables."""
    if "messages" not in bundle:
        raise ValueError(usage(bundle) if "program" in bundle else "there are no messages here to render")
    inputs = given(bundle, inputs)
    values = {**inputs, **pick(bundle["examples"], inputs)} if "examples" in bundle else inputs
    turns = [
        earlier(m["content"], values)
        if m["role"] == "placeholder"
        else [{"role": m["role"], "content": content(m["content"], values)}]
        for m in bundle["messages"]
    ]
    return [message for turn in turns for message in turn]


def earlier(parts: list[Any], inputs: Any) -> list[dict[str, Any]]:
    """The earlier turns of a conversation, [{"role": "user" or "assistant", "content": text}], from their variable."""
    (name,) = [part["var"] for part in parts]
    turns = inputs[name]
    if not isinstance(turns, list):
        raise ValueError(f"{name} must be a list of turns, got {type(turns).__name__}")
    for number, turn in enumerate(turns, 1):
        known = isinstance(turn, dict) and set(turn) == {"role", "content"} and isinstance(turn["content"], str)
        if not known or turn["role"] not in ("user", "assistant"):
            told = f"turn {number} must be {{role: user or assistant, content: a text}}"
            raise ValueError(f"{name}: {told}, got {str(turn)[:80]!r}")
    return [dict(turn) for turn in turns]


def content(parts: list[Any], inputs: Any) -> Any:
    """A message's content: text; or, where there are images or documents, a list of parts."""
    if not any(isinstance(part, dict) and "media" in part for part in parts):
        return fill(parts, inputs)
    found: list[Any] = [[]]
    for part in parts:  # texts are gathered between the others; {"media": null} only parts two texts
        if isinstance(part, dict) and "media" in part:
            found += [filled(part["media"], inputs), []] if part["media"] else [[]]
        else:
            found[-1].append(part)
    return [{"type": "text", "text": fill(p, inputs)} if isinstance(p, list) else p for p in found if p]


def filled(value: Any, inputs: Any) -> Any:
    """JSON with {"fill": parts} filled in."""
    if isinstance(value, dict):
        whole = {key: filled(item, inputs) for key, item in value.items() if key != "fill"}
        return whole if "fill" not in value else fill(value["fill"], inputs)
    return [filled(item, inputs) for item in value] if isinstance(value, list) else value


def given(bundle: dict[str, Any], inputs: dict[str, Any]) -> dict[str, Any]:
    """`inputs` with the defaults of what was left out; ValueError for what is missing, extra or wrongly typed."""
    known = bundle["variables"]
    inputs = {**{name: spec["default"] for name, spec in known.items() if "default" in spec}, **inputs}
    if set(inputs) != set(known):
        missing, extra = sorted(known.keys() - inputs.keys()), sorted(map(str, inputs.keys() - known.keys()))
        told = [f"missing {', '.join(missing)}"] * bool(missing) + [f"unknown {', '.join(extra)}"] * bool(extra)
        raise ValueError(f"expected the variables {sorted(known)}, got {sorted(map(str, inputs))}: {'; '.join(told)}")
    for name, spec in known.items():
        if not is_type(inputs[name], spec["type"]):
            raise ValueError(f"{name} must be of type {spec['type']}, got {type(inputs[name]).__name__}")
    return inputs


def prompts(bundle: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The prompts of a program by name, each with instructions, inputs, outputs, demos; none of a single prompt."""
    return dict(bundle.get("prompts", {}))


def usage(bundle: dict[str, Any]) -> str:
    """How a program is loaded and asked; `render` gives the messages of a single prompt."""
    program, named = bundle["program"], ", ".join(prompts(bundle))
    made = program["dspy"] or "the dspy.Module whose state it is"
    return (
        f"this is a DSPy program of {len(prompts(bundle))} prompts ({named}), whose messages DSPy makes: make program "
        f"of {made}, call program.load({program['state']!r}), configure dspy.LM({bundle['model']!r}, "
        f"**bundle['parameters']) and the {program['adapter']} adapter, and call program(**given(bundle, inputs)); "
        "parse reads its answer"
    )


def fill(parts: list[Any], inputs: Any) -> str:
    """Text parts as they are; for {"var": name} its value: strings as they are, all else as JSON."""
    values = [part if isinstance(part, str) else inputs[part["var"]] for part in parts]
    try:
        return "".join(v if isinstance(v, str) else json.dumps(v, ensure_ascii=False) for v in values)
    except RecursionError:
        raise TooDeep("the inputs are nested too deeply to be written as JSON") from None


def pick(shown: dict[str, Any], inputs: dict[str, Any]) -> dict[str, str]:
    """Values of the slots for worked examples: those of the pool most like `inputs` (TF-IDF cosine), best first."""
    about = words(inputs)  # what follows is reckoned in whole numbers, so that no machine ranks otherwise
    others = [one for one in shown["pool"] if one["idf"].keys() != about]  # no example answers itself
    best = sorted(others, key=lambda one: -(sum(one["idf"][w] for w in one["idf"].keys() & about) ** 2) / one["size"])
    return {f"#{n}.{key}": one[key] for n, one in enumerate(best[: shown["count"]], 1) for key in ("input", "output")}


def words(inputs: dict[str, Any]) -> set[str]:
    return {word for name in inputs for word in _WORD.findall(fill([{"var": name}], inputs).casefold())}


def parse(reply: dict[str, Any], text: Any) -> Any:
    """The value of a reply under its contract: text, a label, a JSON value, what a regex captures; or see `called`."""
    if reply["kind"] != "tools" and not isinstance(text, str):  # None is what clients hand over of a refusal
        raise ValueError(f"the reply is no text, but {type(text).__name__}")
    try:
        return called(reply, text) if reply["kind"] == "tools" else _parse(reply, said(text))
    except RecursionError:
        raise TooDeep("the reply is nested too deeply to be read") from None


def said(text: str) -> str:
    """Without the thoughts that some models put first: <think>...</think>, or all down to a line that is </think>."""
    before, closed, rest = text.partition("</think>")
    first = before.lstrip().startswith("<think>") or ("<think>" not in before and before.endswith("\n"))
    return rest.lstrip() if closed and first else text


def _parse(reply: dict[str, Any], text: str) -> Any:
    kind, marker = reply["kind"], reply.get("marker")
    if marker and marker not in text:
        raise ValueError(f"the reply has no line {marker!r}")
    text = (text.rpartition(marker)[2] if marker else text).strip()
    if kind == "labels":
        said, bare = text.casefold(), _bare(text)  # as it is first: a label may itself end in a dot
        for read, wanted in ((str.casefold, said), (str.casefold, bare), (_bare, bare)):
            if fitting := [label for label in reply["labels"] if wanted and read(label) == wanted]:
                return fitting[0]
        raise ValueError(f"{text[:80]!r} is none of the labels {reply['labels']}")
    if kind == "json":
        inner = re.sub(r"\A```(?:json)?\s*\n(.*?)\n?```\Z", r"\1", text, flags=re.DOTALL)
        value = json.loads(inner, parse_constant=_odd)
        if problem := mismatch(value, reply.get("schema") or {}):
            raise ValueError(problem)
        return value
    if kind == "regex":
        if not (match := re.fullmatch(reply["pattern"], text, re.DOTALL)):
            raise ValueError(f"{text[:80]!r} does not match {reply['pattern']!r}")
        return match[1] if match.groups() and match[1] is not None else text
    if not text:
        raise ValueError("the reply is empty")
    return text


def _bare(text: str) -> str:
    return text.strip("\"'`*.").casefold()


def called(reply: dict[str, Any], answer: Any) -> Any:
    """The calls [{"name": ..., "arguments": {...}}] in an assistant's message, checked; of words, [] or their JSON."""
    found = [] if isinstance(answer, str) else calls(answer)
    for call in found:
        if call["name"] not in reply["tools"]:
            raise ValueError(f"no tool is called {str(call['name'])[:60]!r}")
        if not isinstance(call["arguments"], dict):
            raise ValueError(f"the arguments of {call['name']} are no JSON object")
        if problem := mismatch(call["arguments"], reply["tools"][call["name"]], call["name"]):
            raise ValueError(problem)
    if found:
        return found
    words = answer if isinstance(answer, str) else answer.get("content") or "" if isinstance(answer, dict) else ""
    if reply["needed"]:
        raise ValueError(f"no tool is called, but {words[:60]!r} is said")
    return parse({"kind": "json", "schema": reply["schema"]}, words) if reply.get("schema") and words else []


def calls(answer: Any) -> list[dict[str, Any]]:
    """A message's `tool_calls`, a list of calls or one call, as [{"name": ..., "arguments": {...}}], in order."""
    if isinstance(answer, dict):
        answer = answer.get("tool_calls") or [] if "name" not in answer and "function" not in answer else [answer]
    found = []
    for call in answer if isinstance(answer, list) else [answer]:
        one = call.get("function", call) if isinstance(call, dict) else None
        if not isinstance(one, dict) or not isinstance(one.get("name"), str):
            raise ValueError(f"{str(call)[:60]!r} is no call of a tool")
        given = one.get("arguments")
        if isinstance(given, str):  # as providers send them
            with suppress(ValueError, RecursionError):  # else it stays the text that it is: no object
                given = json.loads(given, parse_constant=_odd) if given.strip() else {}
        found.append({"name": one["name"], "arguments": {} if given is None else given})
    return found


def _odd(constant: str) -> Any:
    raise ValueError(f"{constant} is no JSON")


def mismatch(value: Any, schema: dict[str, Any], at: str = "$") -> str | None:
    """Where `value` breaks the schema, or None. Knows the keywords listed in `optimizer.prompt.contract.KEYWORDS`."""
    kinds = schema.get("type", [])
    if kinds and not any(is_type(value, k) for k in ([kinds] if isinstance(kinds, str) else kinds)):
        return f"{at} must be of type {kinds}, got {json.dumps(value)[:60]}"
    if "enum" in schema and value not in schema["enum"]:
        return f"{at} must be one of {schema['enum']}, got {json.dumps(value)[:60]}"
    fields, known = value.items() if isinstance(value, dict) else (), schema.get("properties", {})
    if lacking := [name for name in schema.get("required", []) if isinstance(value, dict) and name not in value]:
        return f"{at} lacks {lacking}"
    if schema.get("additionalProperties") is False and (extra := [name for name, _ in fields if name not in known]):
        return f"{at} has an unknown key {extra[0]!r}"
    items = enumerate(value) if isinstance(value, list) else ()
    inside = [(item, known.get(name, {}), f"{at}.{name}") for name, item in fields]
    inside += [(item, schema.get("items", {}), f"{at}[{place}]") for place, item in items]
    return next((problem for part in inside if (problem := mismatch(*part))), None)


def is_type(value: Any, kind: str) -> bool:
    return isinstance(value, TYPES[kind]) and (kind == "boolean" or not isinstance(value, bool))
