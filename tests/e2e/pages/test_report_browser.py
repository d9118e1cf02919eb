"""The report of a finished run, opened in a real browser."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from typing import Any

import pytest
import yaml

from optimizer.prompt import Prompt
from optimizer.results.rundir import RunDir
from tests.e2e.tools.browser import Page, visit
from tests.e2e.tools.runs import TRIAGE, Finished, finished, lines, small_task

HOSTILE = """<script>document.title="hacked"</script><img src=x onerror='document.title="hacked"'></script></style>"""
TITLE = "ticket-triage: offline/sim-alpha to offline/sim-beta"
_TEXTS = "(of) => [...document.querySelectorAll(of)].map(found => found.textContent)"


@dataclass
class Opened:
    """What was seen on the page while it was open."""

    page: Page
    seen: dict[str, Any] = field(default_factory=dict)
    pictures: dict[str, bytes] = field(default_factory=dict)


def _hostile(row: dict[str, Any]) -> None:
    row["ticket"] += f"\n{HOSTILE}"


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """A run on tickets that all bring a script along, with a prompt that brings one too."""
    folder = tmp_path_factory.mktemp("hostile")
    prompt = yaml.safe_load((TRIAGE / "task.yaml").read_text("utf-8"))["prompt"]
    prompt["system"] += f"\nCustomers may send {HOSTILE}: ignore that."
    search = {"space": "quick", "trials": 6, "rounds": 1, "calls_per_trial": 6}
    task = small_task(folder, rows=96, change=_hostile, prompt=prompt, search=search)
    return Finished(task, folder / "run", finished(task, folder / "run"))


@pytest.fixture(scope="module")
def opened(chromium: str, hostile: Finished, tmp_path_factory: pytest.TempPathFactory) -> Opened:
    """The page, looked at from all sides in one browser; screenshots stay in pytest's folder."""
    shots, seen, pictures = tmp_path_factory.mktemp("screenshots"), {}, {}

    async def look(page: Page) -> None:
        seen["title"] = await page.evaluate("document.title")
        for name, selector in (
            ("verdict", ".verdict b"),
            ("reason", ".verdict p"),
            ("cells", "table.sides tbody tr"),
            ("diff", ".diff .line"),
            ("cases", "details.case"),
        ):
            seen[name] = await page.evaluate(f"({_TEXTS})({json.dumps(selector)})")
        seen["rows"] = await page.evaluate(
            "[...document.querySelectorAll('table.sides tbody tr')].map(r => [...r.cells].map(c => [...c.childNodes]"
            ".filter(n => n.nodeName !== 'SMALL').map(n => n.textContent).join('').trim()))"
        )
        seen["marks"] = await page.evaluate("[...document.querySelectorAll('.diff .line')].map(d => d.classList[1])")
        seen["pictures"] = await page.evaluate(
            "[...document.querySelectorAll('svg')].map(s => [s.getAttribute('aria-label'), s.getAttribute('role'),"
            " s.getBoundingClientRect().width, s.getBoundingClientRect().height, s.querySelectorAll('*').length])"
        )
        seen["active"] = await page.evaluate(
            "document.querySelectorAll('img, iframe, object, script:not([type])').length"
        )
        seen["toggled"] = [await _shown(page), *[await _toggled(page) for _ in range(2)]]
        for scheme in ("light", "dark"):
            await page.screenshot(shots / f"{scheme}.png", dark=scheme == "dark")
            pictures[scheme] = (shots / f"{scheme}.png").read_bytes()
        await page.screenshot(shots / "phone.png", width=400)
        seen["phone"] = await page.evaluate("document.documentElement.scrollWidth")
        pictures["print"] = base64.b64decode((await page.send("Page.printToPDF"))["data"])
        seen["title at last"] = await page.evaluate("document.title")

    return Opened(visit(hostile.folder / "report.html", look), seen, pictures)


async def _shown(page: Page) -> list[str]:
    """The kinds of lines of the comparison that can be seen."""
    kinds: list[str] = await page.evaluate(
        "[...new Set([...document.querySelectorAll('.diff .line')].filter(d => d.offsetHeight > 0)"
        ".map(d => d.classList[1]))].sort()"
    )
    return kinds


async def _toggled(page: Page) -> list[str]:
    """What can be seen after the box "only what changed" was reached and switched by keyboard alone."""
    await page.evaluate("document.activeElement.blur()")
    for _ in range(40):
        await page.press("Tab", 9)
        if await page.evaluate("document.activeElement.matches('[data-hides]')"):
            break
    await page.press(" ", 32)
    return await _shown(page)


def test_the_verdict_with_its_reason_comes_first(opened: Opened, hostile: Finished) -> None:
    (target,) = hostile.outcome["targets"]

    assert opened.seen["verdict"] == [target["verdict"]]
    assert opened.seen["reason"][0] == target["reason"]


def test_the_table_sets_source_unchanged_and_migrated_side_by_side(opened: Opened, hostile: Finished) -> None:
    (target,) = hostile.outcome["targets"]
    rows = {row[0]: row[1:] for row in opened.seen["rows"]}

    assert rows["Quality (mean score)"][1:4] == [
        f"{target['quality'][side]:.3f}" for side in ("source", "unchanged", "migrated")
    ]
    for name in ("Cost per 1,000 calls", "Latency, mean", "Latency, median", "Latency, 95th percentile"):
        assert all(rows[name]), name
    assert {"Input tokens", "Output tokens", "Valid replies"} <= set(rows)


def test_every_picture_is_drawn_and_told_in_words(opened: Opened) -> None:
    assert len(opened.seen["pictures"]) == 5
    for words, role, width, height, parts in opened.seen["pictures"]:
        assert (role, len(words) > 20) == ("img", True)
        assert min(width, height) > 50
        assert parts > 5


def test_the_comparison_holds_both_prompts_whole(opened: Opened, hostile: Finished) -> None:
    run = RunDir.read(hostile.folder)
    (result,) = run.migration().targets
    diff = list(zip(opened.seen["marks"], opened.seen["diff"], strict=True))

    assert [text for mark, text in diff if mark != "new"] == _lines(run.migration().prompt)
    assert [text for mark, text in diff if mark != "old"] == _lines(result.search.winner.prompt)
    assert {mark for mark, _ in diff} > {"same"}, "a winner that differs, but not in all lines"


def _lines(prompt: Prompt | None) -> list[str]:
    assert prompt
    return [line for turn in prompt.messages for line in (f"[{turn.role}]", *turn.content.text.splitlines())]


def test_the_examples_that_got_worse_are_listed_worst_first(opened: Opened, hostile: Finished) -> None:
    confirmed = lines(hostile.folder / "confirmation.jsonl")
    lost = {
        row["example_id"]: difference
        for row in confirmed
        if (difference := row["source"]["score"]["value"] - row["winner"]["score"]["value"]) > 1e-9
    }
    listed = [text.split()[0] for text in opened.seen["cases"]]

    assert lost, "a run in which nothing got worse shows nothing here"
    assert len(listed) == min(25, len(lost))
    assert [lost[id_] for id_ in listed] == sorted(lost.values(), reverse=True)[:25]


def test_scripts_in_data_and_prompt_stay_text(opened: Opened) -> None:
    assert (opened.seen["title"], opened.seen["title at last"]) == (TITLE, TITLE)
    assert opened.seen["active"] == 1, "the page's own script"
    assert all(HOSTILE in text for text in opened.seen["cases"])
    assert any(HOSTILE in text for text in opened.seen["diff"])


def test_no_script_fails_and_no_request_leaves_the_page(opened: Opened, hostile: Finished) -> None:
    assert opened.page.complaints == []
    assert opened.page.requests == [(hostile.folder / "report.html").resolve().as_uri()]


def test_the_keyboard_reduces_the_comparison_to_what_changed_and_back(opened: Opened) -> None:
    everything = sorted(set(opened.seen["marks"]))
    changes = [mark for mark in everything if mark != "same"]

    assert opened.seen["toggled"] == [everything, changes, everything]


def test_the_page_suits_light_and_dark_paper_and_a_phone(opened: Opened) -> None:
    assert opened.pictures["light"] != opened.pictures["dark"]
    assert min(len(opened.pictures["light"]), len(opened.pictures["dark"])) > 50_000
    assert opened.seen["phone"] == 400, "nothing sticks out"
    assert opened.pictures["print"].startswith(b"%PDF")
    assert 2 <= opened.pictures["print"].count(b"/Type /Page\n") <= 20
