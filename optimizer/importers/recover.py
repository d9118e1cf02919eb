"""From recorded calls to a task: the prompt that they have in common, and what changes from call to call.

A log holds finished messages, never templates. What is the same in every call is taken for the prompt, what differs
for its variables: a whole message, or what stands between the lines that all calls share. The prompt so found renders
to the very messages of the log.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from optimizer.importers import conversations
from optimizer.importers.values import Draft, ImportFault, Log, Record
from optimizer.prompt import history
from optimizer.prompt.layout import Turn
from optimizer.prompt.template import Segment, Template, Var
from optimizer.types import AMOUNTS, JSON, Role

_ENOUGH = 3  # calls from which a shared beginning is no chance
Said = tuple[tuple[str, str], ...]


def drafted(log: Log, format_name: str, file: str) -> Draft:
    """The task that the records are examples of. Raises ImportFault where there is none."""
    records, lost = _of_one_model(log.records)
    differ = conversations.differ(records)
    records, more = _of_one_shape(conversations.shortened(records) if differ else records, file)
    lost = [*log.lost, *lost, *more]
    if records[0].inputs is not None:
        turns, inputs = _asked_by_inputs(records)
    else:
        turns, inputs = _asked_by_messages(records)
        if differ:
            turns = (*turns[:-1], conversations.PLACE, turns[-1])
            before = ([*record.before] for record in records)
            inputs = [{conversations.TURNS: said, **given} for said, given in zip(before, inputs, strict=True)]
    columns, kept, missing = _columns(records)
    rows = [
        {"id": record.id, **given, **{key: getattr(record, key) for key in kept}}
        for record, given in zip(_distinct(records), inputs, strict=True)
    ]
    params, unsteady = _params(records)
    return Draft(
        format=format_name,
        turns=turns,
        model=records[0].model,
        params=params,
        rows=tuple(rows),
        columns={"id": "id", **columns},
        todos=(log.expected,) if log.expected else (),
        prompt_todos=(_doubt(records, turns),),
        lost=(*lost, *missing, *unsteady),
    )


def rows_of(records: Sequence[Record]) -> list[dict[str, JSON]]:
    """The records as rows of a table: id, model, inputs (of messages: `system`, `input`, `messages`, and the turns
    before the last question, as `turns` and, as text, `history`), answer."""
    found = []
    for record in _distinct(records):
        row: dict[str, JSON] = {"id": record.id}
        if record.inputs is not None:
            row |= record.inputs
        else:
            asked = [text for role, text in record.said if role == "user"]
            row |= {"input": asked[-1] if asked else ""}
            row |= {"system": next((text for role, text in record.said if role == "system"), "")}
            before = conversations.earlier(record)
            row |= {conversations.TURNS: before, "history": history.in_words(before)}
            row |= {"messages": [{"role": role, "content": text} for role, text in record.said]}
        row |= {"output": record.output, "expected": record.expected, "model": record.model}
        found.append(row | {key: getattr(record, key) for key in AMOUNTS})
    return found


def _distinct(records: Sequence[Record]) -> list[Record]:
    """With ids that are unique: a log may hold one call twice."""
    seen: Counter[str] = Counter()
    found = []
    for record in records:
        seen[record.id] += 1
        found.append(record if seen[record.id] == 1 else replace(record, id=f"{record.id}#{seen[record.id]}"))
    return found


def _of_one_model(records: Sequence[Record]) -> tuple[list[Record], list[str]]:
    models = Counter(record.model for record in records)
    first = models.most_common(1)[0][0] if models else None
    others = [(name, count) for name, count in models.items() if name != first]
    kept = [record for record in records if record.model == first]
    return kept, [
        f"{count} calls of {name or 'no model by name'}: the task has those of {first}" for name, count in others
    ]


def _of_one_shape(records: Sequence[Record], file: str) -> tuple[list[Record], list[str]]:
    """Those that are asked alike: by the same inputs, or by the same sequence of roles, ending with the user's."""
    usable = [record for record in records if record.inputs or (record.said and record.said[-1][0] == "user")]
    shapes = Counter(_shape(record) for record in usable)
    if not shapes:
        raise ImportFault(
            f"{file}: holds no call with an input that a task could use; is the logging of messages switched on there?"
        )
    shape = shapes.most_common(1)[0][0]
    kept = [record for record in usable if _shape(record) == shape]
    lost = []
    if len(usable) < len(records):
        lost.append(f"{len(records) - len(usable)} calls without an input, or that do not end with the user's message")
    if len(kept) < len(usable):
        lost.append(
            f"{len(usable) - len(kept)} calls of another form (other inputs, other turns) than the {len(kept)} kept: "
            f"first {next(r.id for r in usable if _shape(r) != shape)}"
        )
    return kept, lost


def _shape(record: Record) -> tuple[str, ...]:
    return tuple(sorted(record.inputs)) if record.inputs is not None else tuple(role for role, _ in record.said)


def _asked_by_inputs(records: Sequence[Record]) -> tuple[tuple[Turn, ...], list[dict[str, JSON]]]:
    inputs = [dict(record.inputs or {}) for record in records]
    return question(tuple(inputs[0])), inputs


def question(names: Sequence[str]) -> tuple[Turn, ...]:
    """A stand-in for a prompt that the file does not hold: its variables, by name."""
    if len(names) == 1:
        return (Turn("user", Template((Var(names[0]),))),)
    segments: list[Any] = []
    for number, name in enumerate(names):
        segments += [f"{chr(10) if number else ''}{name}: ", Var(name)]
    return (Turn("user", Template(tuple(segments))),)


def _asked_by_messages(records: Sequence[Record]) -> tuple[tuple[Turn, ...], list[dict[str, JSON]]]:
    turns: list[Turn] = []
    inputs: list[dict[str, JSON]] = [{} for _ in records]
    roles = [role for role, _ in records[0].said]
    for place, role in enumerate(roles):
        texts = [record.said[place][1] for record in records]
        last = place == len(roles) - 1
        name = "input" if last else "system" if role == "system" else f"{role}_{place + 1}"
        before, after = _shared(texts) if last or len(set(texts)) > 1 else (texts[0], "")
        constant = len(set(texts)) == 1 and not last
        segments: list[Segment] = [before] if constant else [before, Var(name), after]
        turns.append(Turn(_role(role), Template(tuple(s for s in segments if s != ""))))
        if not constant:
            for given, text in zip(inputs, texts, strict=True):
                given[name] = text[len(before) : len(text) - len(after)]
    return tuple(turns), inputs


def _role(role: str) -> Role:
    known: Mapping[str, Role] = {"system": "system", "user": "user", "assistant": "assistant"}
    return known[role]


def _shared(texts: Sequence[str]) -> tuple[str, str]:
    """Whole lines that all texts begin and end with; nothing where there are too few different texts."""
    if len(set(texts)) < _ENOUGH:
        return "", ""
    before = _beginning(texts)
    before = before[: before.rfind("\n") + 1]
    after = _beginning([text[len(before) :][::-1] for text in texts])[::-1]
    start = after.find("\n")
    return before, after[start:] if start >= 0 else ""


def _beginning(texts: Sequence[str]) -> str:
    """What all texts begin with: what the first and the last of them in order do."""
    first, last = min(texts), max(texts)
    same = next((n for n, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), min(len(first), len(last)))
    return first[:same]


def _columns(records: Sequence[Record]) -> tuple[dict[str, Any], list[str], list[str]]:
    """The section `data` for what all records have, the keys that are kept, and what is left out for its gaps."""
    columns: dict[str, Any] = {}
    kept, lost = [], []
    if any(record.expected is not None for record in records):
        columns["expected"] = "expected"
        kept.append("expected")
    if any(record.output is not None for record in records):
        columns["source"] = {"output": "output"}
        kept.append("output")
        for key in AMOUNTS:
            known = sum(getattr(record, key) is not None for record in records)
            if known == len(records):
                columns["source"][key] = key
                kept.append(key)
            elif known:
                lost.append(
                    f"{key}: {len(records) - known} of {len(records)} calls have none, so that it cannot be compared"
                )
    return columns, kept, lost


def _params(records: Sequence[Record]) -> tuple[dict[str, JSON], list[str]]:
    """Decoding parameters that all records share."""
    first, lost = dict(records[0].params), []
    for key in dict.fromkeys(key for record in records for key in record.params):
        if any(record.params.get(key) != first.get(key) for record in records):
            first.pop(key, None)
            lost.append(f"{key}: it is not the same in all calls")
    return first, lost


def _doubt(records: Sequence[Record], turns: Sequence[Turn]) -> str:
    if records[0].inputs is not None:
        return (
            "the file holds inputs and answers, but not the prompt's text: put it in place of the stand-in, "
            "with its variables where they are"
        )
    if all(isinstance(s, Var) for turn in turns for s in turn.content.segments):
        return (
            "the calls have no instructions in common: if the prompt's text stands in the input, cut it out "
            "of the data and put it into the prompt"
        )
    return "what all calls have in common was taken for the prompt: see that no variable hides in it"
