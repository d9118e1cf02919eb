"""The report says what the decision says, loads nothing, and shows whatever came from data or models as text."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from optimizer.objective import Evaluation
from optimizer.prompt import Prompt
from optimizer.prompt.layout import Turn
from optimizer.prompt.template import Template
from optimizer.report import as_page, write_report
from optimizer.report.figures.texts import compare
from optimizer.report.html.trials import front
from optimizer.results.migration import Migration, Spend, TargetResult
from optimizer.results.rundir import RunDir
from optimizer.types import Example, Output, Score
from optimizer.verdict.confirm import Verdict
from optimizer.verdict.matched import Confirmation
from tests.conftest import Walked

VOID = {"meta", "link", "br", "hr", "img", "input"}
EVIL = (
    "\"'></div></script></style></title><script>hacked()</script><img src=x onerror=hacked()>&lt;b&amp;{{ 7*7 }}{% x %}"
)


@dataclass
class Element:
    tag: str
    attributes: dict[str, str | None]
    children: list[Element | str] = field(default_factory=list)

    def all(self, tag: str = "") -> Iterator[Element]:
        for child in self.children:
            if isinstance(child, Element):
                if tag in ("", child.tag):
                    yield child
                yield from child.all(tag)

    @property
    def text(self) -> str:
        return "".join(child if isinstance(child, str) else child.text for child in self.children)


class Reader(HTMLParser):
    """Builds the tree, and refuses what is not nested well."""

    def __init__(self) -> None:
        super().__init__()
        self.root = Element("", {})
        self._open = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len(dict(attrs)) == len(attrs), f"<{tag}> has an attribute twice"
        element = Element(tag, dict(attrs))
        self._open[-1].children.append(element)
        if tag not in VOID:
            self._open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._open[-1].children.append(Element(tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop().tag == tag, f"</{tag}> closes something else"

    def handle_data(self, data: str) -> None:
        self._open[-1].children.append(data)

    def tree(self, page: str) -> Element:
        self.feed(page)
        self.close()
        assert self._open == [self.root], f"<{self._open[-1].tag}> is never closed"
        return self.root


def parsed(page: str) -> Element:
    return Reader().tree(page)


def shape(page: str) -> list[tuple[str, tuple[str, ...]]]:
    """All elements with the names of their attributes: what a text must never change."""
    return [(element.tag, tuple(element.attributes)) for element in parsed(page).all()]


def scripts(tree: Element) -> list[Element]:
    """Those that a browser runs; the other holds data."""
    return [element for element in tree.all("script") if element.attributes.get("type") != "application/json"]


@pytest.fixture(scope="module")
def page(plain_run: Walked) -> str:
    return (plain_run.run / "report.html").read_text("utf-8")


def only(migration: Migration) -> TargetResult:
    return migration.targets[0]


def with_target(migration: Migration, **changes: Any) -> Migration:
    return replace(migration, targets=(replace(only(migration), **changes),))


# -- the page itself


def test_the_page_is_well_formed_and_has_every_id_once(page: str) -> None:
    elements = list(parsed(page).all())

    ids = [element.attributes["id"] for element in elements if "id" in element.attributes]
    assert page.lstrip().startswith("<!doctype html>") and len(ids) == len(set(ids))
    links = [str(element.attributes["href"]) for element in elements if element.tag == "a"]
    assert links and {link.removeprefix("#") for link in links} <= set(ids)


def test_the_page_loads_nothing(page: str) -> None:
    elements = list(parsed(page).all())

    assert not [e for e in elements if e.tag in ("link", "img", "iframe", "object", "embed", "base", "form")]
    assert not [e for e in elements for name in ("src", "data", "action", "xlink:href") if name in e.attributes]
    assert "http://" not in page and "https://" not in page and "url(" not in page and "@import" not in page


def test_the_policy_forbids_what_the_page_does_not_need_and_any_script_but_its_own(page: str) -> None:
    [policy] = [
        str(meta.attributes["content"])
        for meta in parsed(page).all("meta")
        if meta.attributes.get("http-equiv") == "Content-Security-Policy"
    ]
    rules = {rule.split()[0]: rule.split()[1:] for rule in policy.split(";")}
    [script] = [element.text for element in scripts(parsed(page))]

    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert rules["default-src"] == ["'none'"]
    assert rules["script-src"] == [f"'sha256-{digest}'"]
    assert rules["base-uri"] == rules["form-action"] == ["'none'"]


def test_no_element_has_a_script_of_its_own(page: str) -> None:
    assert not [name for element in parsed(page).all() for name in element.attributes if name.startswith("on")]


def test_every_picture_has_words(page: str) -> None:
    pictures = list(parsed(page).all("svg"))

    assert len(pictures) >= 2
    assert all(svg.attributes["role"] == "img" and svg.attributes["aria-label"] for svg in pictures)


def test_equal_runs_give_equal_pages_also_when_read_back(plain_run: Walked, page: str) -> None:
    assert as_page(plain_run.migration) == page
    assert as_page(RunDir.read(plain_run.run).migration()) == page


# -- numbers


def _rows(page: str) -> dict[str, list[str]]:
    """The table's cells by the name of their row; figures without their bounds."""
    found = {}
    for row in parsed(page).all("tr"):
        cells = [_figure(cell) for cell in row.all() if cell.tag in ("th", "td")]
        found[cells[0]] = cells[1:]
    return found


def _figure(cell: Element) -> str:
    kept = [child for child in cell.children if isinstance(child, str) or child.tag != "small"]
    return "".join(child if isinstance(child, str) else child.text for child in kept).strip()


def test_verdict_and_reason_are_those_of_the_decision(plain_run: Walked, page: str) -> None:
    decision = json.loads((plain_run.run / "decision.json").read_text())["targets"][0]

    [box] = [e for e in parsed(page).all("div") if "data-verdict" in e.attributes]
    assert box.attributes["data-verdict"] == decision["verdict"] == "migrate"
    assert decision["reason"] in box.text and "60 held-out examples" in box.text


def test_the_table_has_the_numbers_of_the_bundle(plain_run: Walked, page: str) -> None:
    held_out = json.loads((plain_run.run / "bundle/bundle.json").read_text())["evidence"]["held_out"]
    rows, sides = _rows(page), ("source", "unchanged", "migrated")

    assert rows["Quality (mean score)"][1:4] == [f"{held_out[side]['quality']:.3f}" for side in sides]
    assert rows["Valid replies"][1:4] == [f"{held_out[side]['valid']:.1%}" for side in sides]
    assert rows["Cost per 1,000 calls"][1:4] == [f"${held_out[side]['cost_per_1000']:.4f}" for side in sides]
    assert rows["Latency, median"][1:4] == [f"{held_out[side]['latency_median']:.2f} s" for side in sides]
    assert rows["Latency, 95th percentile"][1:4] == [f"{held_out[side]['latency_p95']:.2f} s" for side in sides]


def test_the_spend_is_told_role_by_role_and_adds_up(plain_run: Walked, page: str) -> None:
    rows, spend = _rows(page), plain_run.migration.spend

    assert {role: rows[role][0] for role in spend} == {role: f"{spent.calls:,}" for role, spent in spend.items()}
    assert f"in {sum(spent.calls for spent in spend.values()):,} calls" in parsed(page).text


def test_every_trial_is_a_dot_and_the_winner_is_marked(plain_run: Walked, page: str) -> None:
    search = only(plain_run.migration).search
    [race, *_] = [e for e in parsed(page).all("figure") if "race" in str(e.attributes.get("class"))]

    dots = list(race.all("circle"))
    assert len(dots) == sum(trial.value is not None for trial in search.trials)
    assert sum("won" in str(dot.attributes["class"]).split() for dot in dots) == 1


def test_the_winners_score_is_the_held_out_one_with_the_optimistic_one_beside_it(plain_run: Walked, page: str) -> None:
    result = only(plain_run.migration)
    text, winner = " ".join(parsed(page).text.split()), result.search.winner

    assert f"its expected quality is {winner.quality:.3f} (trial {winner.number}, {winner.examples} examples" in text
    assert f"what counts is {result.confirmation.winner.quality:.3f} (" in text and "on 60 held-out examples" in text


def test_the_point_where_a_longer_prompt_eats_the_saving_is_told_and_drawn(page: str) -> None:
    text = parsed(page).text

    assert "What a longer prompt costs" in text and "input tokens the saving is used up when a call has" in text
    assert any("as the prompt grows" in str(svg.attributes["aria-label"]) for svg in parsed(page).all("svg"))


def test_stay_and_inconclusive_are_shown_as_such(plain_run: Walked) -> None:
    for verdict in (Verdict.STAY, Verdict.INCONCLUSIVE):
        decision = replace(only(plain_run.migration).decision, verdict=verdict)
        page = as_page(with_target(plain_run.migration, decision=decision))
        assert f'data-verdict="{verdict.value}"' in page


def test_simulated_models_are_said_to_be_so_and_others_are_not(plain_run: Walked, page: str) -> None:
    assert "Simulated: offline models took part" in as_page(replace(plain_run.migration, simulated=True))
    assert "imulated" not in parsed(page).text


def test_two_targets_have_a_section_each(plain_run: Walked) -> None:
    one = only(plain_run.migration)
    page = as_page(replace(plain_run.migration, targets=(one, replace(one, model="test/second"))))

    sections = list(parsed(page).all("section"))
    assert [section.attributes["aria-label"] for section in sections] == ["All targets", "test/target", "test/second"]


def _met(values: list[float], texts: list[str]) -> Evaluation:
    outputs = tuple(Output(f"e{n}", text, text) for n, text in enumerate(texts))
    return Evaluation(outputs, tuple(Score(value) for value in values))


def test_what_got_worse_is_listed_worst_first_with_what_was_asked_and_answered(plain_run: Walked) -> None:
    met = Confirmation(
        source=_met([1.0, 1.0, 0.5], ["fine 0", "fine 1", "fine 2"]),
        unchanged=_met([0.0, 0.0, 0.0], ["-", "-", "-"]),
        winner=_met([0.6, 0.0, 1.0], ["poor 0", "poor 1", "good 2"]),
    )
    examples = {f"e{n}": Example(f"e{n}", {"n": f"question {n}"}, f"gold {n}") for n in range(3)}
    found = replace(with_target(plain_run.migration, confirmation=met), examples=examples)

    cases = [case.text for case in parsed(as_page(found)).all("details") if "case" in str(case.attributes.get("class"))]
    worse = [case for case in cases if "good 2" not in case]
    assert len(worse) == 2
    assert all(text in worse[0] for text in ("e1", "question 1", "gold 1", "fine 1", "poor 1"))
    assert all(text in worse[1] for text in ("e0", "question 0", "gold 0", "fine 0", "poor 0"))


def test_a_run_in_which_nothing_could_be_placed_still_has_a_page(plain_run: Walked) -> None:
    """One trial, measured once; a target that is equal to the source; no parts, no notes."""
    search = only(plain_run.migration).search
    trial = replace(search.trials[0], value=0.0, quality=0.0, cost=0.0, examples=1)
    small = replace(search, trials=(trial, replace(trial, number=1, value=None, quality=None, state="failed")), best=0)

    assert parsed(as_page(with_target(plain_run.migration, search=small))).text


# -- hostile texts


def _filled(migration: Migration, text: str) -> Migration:
    """The run with `text` in place of every text that comes from a task file, data or a model."""
    result = only(migration)
    prompt = Prompt.from_messages([{"role": "system", "content": text}, {"role": "user", "content": text + "{{n}}"}])
    trials = tuple(
        replace(t, prompt=prompt, params={"reply": text, text: 1}, note=text, program=text)
        for t in result.search.trials
    )
    search = replace(result.search, trials=trials, notes=(text,), instructions={text: text}, stopped_by=text)
    met = result.confirmation
    assert met.unchanged

    def said(side: Evaluation, value: float) -> Evaluation:
        outputs = tuple(replace(output, text=text, error=text) for output in side.outputs)
        return Evaluation(outputs, tuple(Score(value, text, {text: value}) for _ in outputs))

    confirmation = Confirmation(said(met.source, 1.0), said(met.unchanged, 0.5), said(met.winner, 0.0))
    decision = replace(result.decision, reason=text, comparison=replace(result.decision.comparison, method=text))
    return replace(
        migration,
        name=text,
        source=text,
        prompt=prompt,
        prices=text,
        versions={text: text},
        spend=dict.fromkeys([text], Spend(1, 2, 3, 0.5)),
        examples={key: Example(key, {text: text}, text) for key in migration.examples},
        targets=(TargetResult(text, search, confirmation, decision),),
    )


def test_hostile_texts_stay_text_everywhere(plain_run: Walked) -> None:
    page = as_page(_filled(plain_run.migration, EVIL))
    tree = parsed(page)

    assert tree.text.count(EVIL) > 30  # it is all there, as text
    assert len(scripts(tree)) == 1 and len(list(tree.all("script"))) == 2 and not list(tree.all("img"))
    assert not [name for element in tree.all() for name in element.attributes if name.startswith("on")]


def test_a_hostile_text_changes_no_element_of_the_page(plain_run: Walked) -> None:
    hostile, harmless = (shape(as_page(_filled(plain_run.migration, text))) for text in (EVIL, "harmless"))

    assert hostile == harmless


def test_what_no_file_can_hold_does_not_end_the_report(tmp_path: Path, plain_run: Walked) -> None:
    write_report(replace(plain_run.migration, name="half \ud83d a pair \x00"), tmp_path / "report.html")

    assert "half ? a pair" in (tmp_path / "report.html").read_text("utf-8")


def test_long_texts_are_cut_and_say_how_long_they_were(plain_run: Walked) -> None:
    met = only(plain_run.migration).confirmation
    worst = replace(met, winner=Evaluation(met.winner.outputs, tuple(Score(0.0) for _ in met.winner.scores)))
    long = {key: Example(key, {"n": "x" * 50_000}) for key in plain_run.migration.examples}

    page = as_page(replace(with_target(plain_run.migration, confirmation=worst), examples=long))

    assert "(50,000 characters)" in page and len(page) < 1_000_000


# -- the diff


def turns(*texts: tuple[str, str]) -> list[Turn]:
    return [Turn(role, Template.parse(text)) for role, text in texts]  # type: ignore[arg-type]


def _lines(stretches: Any, side: str) -> list[str]:
    return ["".join(text for text, _ in line) for stretch in stretches for line in getattr(stretch, side)]


def test_equal_prompts_have_no_difference() -> None:
    prompt = turns(("system", "One\ntwo"), ("user", "{{n}}"))

    found = compare(prompt, prompt)
    assert _lines(found, "same") == ["[system]", "One", "two", "[user]", "{{n}}"]
    assert not _lines(found, "old") and not _lines(found, "new")


def test_both_prompts_can_be_read_out_of_their_difference() -> None:
    before = turns(("system", "Keep this.\nChange that word.\nDrop this.\n\nEnd."), ("user", "{{n}}"))
    after = turns(("system", "Keep this.\nChange this word.\n\nEnd.\nAdd one."), ("user", "<input>\n{{n}}\n</input>"))

    found = compare(before, after)

    for side, prompt in (("old", before), ("new", after)):
        told = [line for s in found for line in (*_lines([s], "same"), *_lines([s], side))]
        assert told == [line for turn in prompt for line in (f"[{turn.role}]", *turn.content.text.splitlines())]


def test_where_one_line_replaces_another_the_changed_words_are_marked() -> None:
    [stretch] = [
        s for s in compare(turns(("user", "Say the word {{n}}.")), turns(("user", "Say a word {{n}}!"))) if s.old
    ]

    assert [text for text, changed in stretch.old[0] if changed] == ["the", "."]
    assert [text for text, changed in stretch.new[0] if changed] == ["a", "!"]


def test_the_page_shows_the_winners_prompt_against_the_sources(plain_run: Walked, page: str) -> None:
    winner = only(plain_run.migration).search.winner.prompt
    [diff] = [e for e in parsed(page).all("div") if "diff" in str(e.attributes.get("class")).split()]

    for turn in winner.messages:
        for line in turn.content.text.splitlines():
            assert line in diff.text
    assert re.search(r"Reply with exactly one of these labels", diff.text)


def test_the_front_holds_whom_nobody_beats_in_both_cost_and_quality(plain_run: Walked) -> None:
    one = only(plain_run.migration).search.trials[0]
    known = [(1.0, 0.5), (2.0, 0.7), (2.0, 0.6), (3.0, 0.7), (4.0, 0.9), (0.5, 0.1)]
    trials = [replace(one, number=n, cost=cost, quality=q, examples=9) for n, (cost, q) in enumerate(known)]
    unseen = replace(one, number=9, cost=0.1, quality=1.0, examples=1)
    assert [trial.number for trial in front([*trials, unseen])] == [5, 0, 1, 4]
