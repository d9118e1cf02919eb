"""The columns of the migration playbook: questions, the source's answers, what they took, and people's scores."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from optimizer.importers.formats.table import rows_of_table
from optimizer.importers.parsing.files import Source
from optimizer.importers.recover import question
from optimizer.importers.values import Draft, Format, ImportFault, Wish
from optimizer.prompt.layout import Turn
from optimizer.prompt.template import Template, Var
from optimizer.types import JSON

_SOURCE = {
    "output": "answer_source_llm",
    "latency": "latency_source_llm",
    "input_tokens": "input_token_source_llm",
    "output_tokens": "output_token_source_llm",
}
_TOLD_APART = ("llm_judge_score_source_llm", "human_score_reasoning_source_llm")
_KNOWN = {"sample_id", "question", "content", "prompt_source_llm", "answer_ground_truth", "human_score_source_llm"}
_KNOWN |= {*_SOURCE.values(), *_TOLD_APART}
_NUMBERS = (*(name for key, name in _SOURCE.items() if key != "output"), "human_score_source_llm")


def looks(source: Source) -> bool:
    rows = rows_of_table(source)
    return bool(rows) and "question" in rows[0] and bool({"answer_source_llm", "prompt_source_llm"} & rows[0].keys())


def rows(source: Source) -> Sequence[dict[str, JSON]]:
    """As written; empty cells are missing, and amounts are numbers."""
    found = []
    for number, row in enumerate(rows_of_table(source), start=1):
        values = {key: None if value == "" else value for key, value in row.items()}
        for key in _NUMBERS:
            if isinstance(values.get(key), str):
                values[key] = _number(str(values[key]), f"{source.name}, row {number}, column {key!r}")
        found.append(values)
    return found


def _number(text: str, where: str) -> JSON:
    try:
        value = float(text.replace(",", "") if text.count(",") and "." in text else text)
    except ValueError:
        raise ImportFault(
            f"{where}: must be a number, found {text[:40]!r}; correct the cell, or leave it empty"
        ) from None
    if not 0 <= value < 1e15:
        raise ImportFault(f"{where}: must be a number, 0 or more, found {text[:40]!r}; correct the cell")
    return int(value) if value == int(value) else value


def read(source: Source, _wish: Wish) -> Draft:
    found = rows(source)
    if not found or "question" not in found[0]:
        raise ImportFault(
            f"{source.name}: has no rows with a column `question`; name the playbook's columns as it does"
        )
    lost = [_unread(name) for name in found[0] if name not in _KNOWN or name in _TOLD_APART]
    columns: dict[str, Any] = {}
    if "sample_id" in found[0]:
        columns["id"] = "sample_id"
    if any(row.get("answer_ground_truth") is not None for row in found):
        columns["expected"] = "answer_ground_truth"
    if any(row.get("answer_source_llm") is not None for row in found):
        columns["source"] = {key: name for key, name in _SOURCE.items() if _whole(found, name, key == "output")}
        for key, name in _SOURCE.items():
            if key not in columns["source"] and any(row.get(name) is not None for row in found):
                lost.append(f"the column {name!r}: some rows have none, so that it cannot be compared")
        if any(row.get("human_score_source_llm") is not None for row in found):
            columns["human"] = {"score": "human_score_source_llm"}
    turns, todo = _prompt(found)
    todos = []
    if "human" in columns:
        todos.append("data.human: on what scale did people score? Add low and high (1 and 10, if nothing is said)")
    return Draft(
        format=FORMAT.name,
        turns=turns,
        rows=tuple(found),
        columns=columns,
        todos=tuple(todos),
        prompt_todos=(todo,),
        lost=tuple(lost),
    )


def _unread(name: str) -> str:
    """The column stays where it is: nothing that people or judges wrote is thrown away."""
    judged = (
        "; a judge that you name scores both sides anew, and marks that both have already go into promptport compare"
    )
    way = judged if name == _TOLD_APART[0] else ""
    return f"the column {name!r}: it stays in data.jsonl, but a run does not read it{way}"


def _whole(found: Sequence[dict[str, JSON]], name: str, enough: bool) -> bool:
    return all(row.get(name) is not None for row in found) or (
        enough and any(row.get(name) is not None for row in found)
    )


def _prompt(found: Sequence[dict[str, JSON]]) -> tuple[tuple[Turn, ...], str]:
    """From `prompt_source_llm`, the text that the source was sent: question and content are cut out of it."""
    names = [name for name in ("question", "content") if all(row.get(name) is not None for row in found)]
    templates = {template for row in found if (template := _template(row, names)) is not None}
    if len(templates) == 1 and all(row.get("prompt_source_llm") for row in found):
        return (
            Turn("user", templates.pop()),
        ), "the prompt was made from prompt_source_llm: see that it is the whole one"
    return question(
        names
    ), "prompt_source_llm does not hold one prompt for all rows: put its text in place of the stand-in"


def _template(row: dict[str, JSON], names: Sequence[str]) -> Template | None:
    """None where a value does not stand in the text exactly once: then nothing says which place is its own."""
    pieces: list[str | Var] = [str(row.get("prompt_source_llm") or "")]
    for name in sorted(names, key=lambda key: -len(str(row[key]))):
        value = str(row[name])
        texts = [piece for piece in pieces if isinstance(piece, str)]
        if sum(piece.count(value) for piece in texts) != 1:
            return None
        at = next(n for n, piece in enumerate(pieces) if isinstance(piece, str) and value in piece)
        before, _, after = str(pieces[at]).partition(value)
        pieces[at : at + 1] = [before, Var(name), after]
    return Template(tuple(piece for piece in pieces if piece != ""))


FORMAT = Format("playbook", "the migration playbook's columns, CSV or JSONL", looks, read, rows=rows)
