"""The report in short, for a pull request or a ticket.

Whatever came from data, models or a task file stands in `code`, every character that Markdown or HTML could read as a
mark written as a number: it makes no link, mentions nobody and ends no table.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from optimizer.report.figures.facts import Facts, TargetFacts
from optimizer.report.figures.growth import in_words
from optimizer.report.figures.moves import Case
from optimizer.report.figures.texts import cut
from optimizer.report.tables.evidence import checks, figure_rows, judge_facts, slice_rows, stage_cells
from optimizer.report.tables.table import Cell, Row, cell, table

_SHOWN, _LONG = 5, 400  # examples of each target; characters of one text
_MARK = re.compile(r"[\\`*_{}\[\]<>#|~@:$&]|(?i:www)(?=\.)|^[-+.=!(\d]")
_BREAK = re.compile(r"[ \t]*[\r\n]+[ \t]*")


def as_markdown(facts: Facts) -> str:
    run = facts.run
    kind = "Migration" if run.prompt else "Comparison of recorded outputs"
    lines = [f"# {safe(run.name)}", "", f"{kind} from {safe(run.source)}.", ""]
    if run.simulated:
        lines += ["**Simulated: offline models took part; answers, prices and times are stand-ins.**", ""]
    if facts.recommendation:
        lines += [escaped(facts.recommendation.reason), ""]
    for one in facts.targets:
        lines += [*_target(one), ""]
    lines += [
        "## What was agreed at the start",
        "",
        *_grid(
            ("What", "Agreed", "Hash of", "SHA-256"),
            ((a.what, safe(a.told), f"`{a.origin}`", f"`{a.sha256}`") for a in facts.agreed),
        ),
        "",
    ]
    if run.spend:
        head = ("Role", "Calls", "Input tokens", "Output tokens", "Retries", "Dollars")
        counted = ("calls", "input_tokens", "output_tokens", "retries")
        rows = (
            (safe(role), *(f"{getattr(spent, name):,}" for name in counted), f"{spent.dollars:.4f}")
            for role, spent in run.spend.items()
        )
        lines += ["## Calls, tokens and dollars", "", *_grid(head, rows), ""]
    lines += [f"- {safe(note)}" for note in run.notes]
    return "\n".join(lines).rstrip() + "\n"


def safe(text: str) -> str:
    """Any text as a piece of code that can do nothing."""
    return f"<code>{escaped(cut(text, _LONG))}</code>"


def escaped(text: str) -> str:
    """Any text as text."""
    return _MARK.sub(lambda found: "".join(f"&#{ord(char)};" for char in found[0]), _BREAK.sub(" ⏎ ", text))


def _target(one: TargetFacts) -> Iterator[str]:
    result, decision = one.result, one.result.decision
    yield f"## {safe(result.model)}: {decision.verdict.value.upper()}"
    yield ""
    yield escaped(decision.reason)
    yield ""
    level = f"{100 * decision.confidence:.4g} %"
    yield f"Figures on held-out examples; in brackets the lower and the upper bound, each at {level}."
    yield ""
    unchanged = ("Unchanged",) if result.confirmation.unchanged else ()
    head = ("", "Examples", "Source", *unchanged, "Target", "Difference")
    yield from _grid(head, map(_figures, table(one.measures)))
    yield ""
    for name, value, limit, met in checks(result):
        yield f"- constraint: {name} {limit}: {value}, {'kept' if met else '**broken**'}"
    yield from _slices(one)
    for line in in_words(one.growth) if one.growth else ():
        yield f"- {line}"
    for name, facts in judge_facts(result):
        told = escaped(" ".join(facts) or "nothing could be measured.")
        yield f"- how reliable the scores of {safe(name)} are: {told}"
    for sentence in one.review.sentences if one.review else ():
        yield f"- people: {escaped(sentence)}"
    yield from _parts(one)
    yield from _stages(one)
    yield ""
    yield (
        f"Of {one.moves.lower + one.moves.higher + one.moves.alike:,} examples {one.moves.lower:,} score lower than "
        f"with the source, {one.moves.higher:,} higher, {one.moves.alike:,} the same."
    )
    if one.moves.cases:
        yield from ("", "<details><summary>What got worse most</summary>", "")
        for case in one.moves.cases[:_SHOWN]:
            yield from _case(case)
        yield "</details>"
    if result.search.notes:
        yield from ("", "Notes of the search:", "")
        yield from (f"- {safe(note)}" for note in result.search.notes)


def _figures(row: Row) -> tuple[str, ...]:
    sides = [row.source, *([row.unchanged] if row.unchanged else []), row.migrated, row.change]
    return (row.name, row.n, *map(_told, sides))


def _told(one: Cell) -> str:
    return f"{one.figure} ({one.bounds})" if one.bounds else one.figure


def _parts(one: TargetFacts) -> Iterator[str]:
    """Scores by part, and figures over the whole set."""
    unchanged = ("Unchanged",) if one.result.confirmation.unchanged else ()
    if one.parts:
        yield ""
        rows = (
            (part, [part.source, *([part.unchanged] if part.unchanged else []), part.migrated]) for part in one.parts
        )
        filled = (
            (safe(part.name), f"{part.migrated.n:,}", *(_told(cell(side, "score")) for side in sides))
            for part, sides in rows
        )
        yield from _grid(("Mean score by part", "Examples", "Source", *unchanged, "Target"), filled)
    if found := figure_rows(one.result):
        yield ""
        head = ("Over the whole set", "Source", "Unchanged", "Target", "Difference, points")
        yield from _grid(head, ((safe(name), *told) for name, *told in found))


def _slices(one: TargetFacts) -> Iterator[str]:
    found = slice_rows(one.result)
    worse = [row for row in found if row.worse]
    if found:
        yield f"- slices: {len(found)} compared, {len(worse) or 'none'} surely worse"
    for row in worse:
        yield f"  - {safe(row.name)}: {row.difference} points ({row.bounds}) on {row.n} examples"


def _stages(one: TargetFacts) -> Iterator[str]:
    if not one.stages:
        return
    yield ""
    amounts_of = ("Latency", "Input tokens", "Output tokens", "$/1,000")
    head = ("Stage", "Kind", *(f"{name}, {side}" for name in amounts_of for side in ("source", "target")))
    rows = []
    for name, kind, amounts in map(stage_cells, one.stages):
        rows.append((safe(name), kind, *(_told(side) for pair in amounts for side in pair)))
    yield from _grid(head, rows)


def _case(case: Case) -> Iterator[str]:
    yield f"- {safe(case.id)}, {100 * case.lost:.0f} points lower"
    for name, value in case.inputs:
        yield f"  - {safe(name)}: {safe(value)}"
    if case.expected:
        yield f"  - expected: {safe(case.expected)}"
    for name, line in (("source", case.source), ("target", case.migrated)):
        yield f"  - {name}: {safe(''.join(text for text, _ in line))}"
    if case.why:
        yield f"  - why: {safe(case.why)}"


def _grid(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield "|" + "---|" * len(head)
    yield from (f"| {' | '.join(row)} |" for row in rows)
