"""The report of 5,000 held-out examples in a real browser: each of its claims, looked at."""

from __future__ import annotations

import base64
import json
import random
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from optimizer.compare import compare, write_comparison
from optimizer.recorded import load_recording
from optimizer.results.migration import Migration, TargetResult
from tests.e2e.tools.browser import Page, visit
from tests.e2e.tools.environments import needed
from tests.recorded.test_compare import write_csv

COUNT = 5_000
HOSTILE = """<script>document.title="hacked"</script><img src=x onerror='document.title="hacked"'></script></style>"""
TOPICS = (
    ("invoice", "billing", "amount", "charged", "twice", "refund", "voucher"),
    ("router", "internet", "slow", "restart", "technician", "cable", "signal"),
    ("parcel", "delivery", "courier", "address", "arrived", "late", "doorstep"),
)
_TEXT = "(of) => [...document.querySelectorAll(of)].map(found => found.textContent)"
_OVERFLOW = "document.documentElement.scrollWidth"


def reply(kind: str, says: str) -> str:
    return json.dumps({"kind": kind, "summary": says})


def rows() -> list[dict[str, Any]]:
    """Calls, told as JSON: the target loses the kind of some, cuts some short, breaks the form of a few."""
    rng, found = random.Random(5), []
    for n in range(COUNT):
        words, region = rng.choice(TOPICS), rng.choice(("north", "south", "west"))
        says = " ".join(rng.choices(words, k=30))
        kind = rng.choice(("refund", "outage", "question"))
        old = reply(kind if rng.random() < 0.95 else "question", says)
        new = reply(kind if rng.random() < (0.4 if region == "west" else 0.95) else "outage", says)
        new = "Sorry, no." if n % 100 == 50 else new
        asked = f"{' '.join(rng.choices(words, k=60))} {HOSTILE if n % 1000 == 7 else ''} needle{n}".strip()
        amounts = {"old_s": rng.gammavariate(3, 0.4), "new_s": rng.gammavariate(2, 0.3), "old_in": 420, "new_in": 640}
        amounts |= {"old_out": 40 + n % 7, "new_out": 38 + n % 5}
        found.append(
            {"id": f"call-{n}", "region": region, "call": asked, "gold": reply(kind, says), "old": old, "new": new}
            | amounts
        )
    return found


@dataclass
class Opened:
    migration: Migration
    folder: Path
    page: Page
    seen: dict[str, Any] = field(default_factory=dict)

    @property
    def result(self) -> TargetResult:
        return self.migration.targets[0]

    def ids(self, wanted: Callable[[float, float, bool], bool]) -> set[str]:
        """Of the examples with such scores of source and target, and such validity of either answer."""
        met = self.result.confirmation
        pairs = zip(met.source.outputs, met.source.scores, met.winner.outputs, met.winner.scores, strict=True)
        return {a.example_id for a, x, b, y in pairs if wanted(x.value, y.value, "invalid" in (a.status, b.status))}


@pytest.fixture(scope="module")
def opened(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Opened:
    folder = tmp_path_factory.mktemp("large")
    write_csv(folder / "calls.csv", rows())
    price = {"input": 2.5, "output": 10.0}
    told = {
        "name": "calls",
        "data": {"path": "calls.csv", "id": "id", "expected": "gold", "inputs": ["call"]},
        "source": side("old", price),
        "target": side("new", {"input": 0.4, "output": 1.6}),
        "reply": {"schema": {"type": "object", "required": ["kind", "summary"]}},
        "metrics": {"name": "json_fields", "fields": {"kind": "label", "summary": "token_f1"}},
        "slices": {"columns": ["region"]},
    }
    (folder / "compare.yaml").write_text(yaml.safe_dump(told), "utf-8")
    migration = compare(load_recording(folder / "compare.yaml"))
    write_comparison(migration, folder / "out")
    seen: dict[str, Any] = {}

    async def look(page: Page) -> None:
        await _as_opened(page, seen)
        await _filtered(page, seen)
        await _by_keyboard(page, seen)
        await _looks(page, seen, folder)

    return Opened(migration, folder, visit(folder / "out" / "report.html", look), seen)


def side(name: str, price: dict[str, float]) -> dict[str, Any]:
    amounts = {"latency": f"{name}_s", "input_tokens": f"{name}_in", "output_tokens": f"{name}_out"}
    return {"model": f"test/{name}", "output": name, "price": price, **amounts}


async def _as_opened(page: Page, seen: dict[str, Any]) -> None:
    timing = "performance.getEntriesByType('navigation')[0].loadEventEnd"
    paint = "performance.getEntriesByType('paint').at(-1).startTime"
    seen["loaded"], seen["painted"] = await page.evaluate(timing), await page.evaluate(paint)
    seen["elements"] = await page.evaluate("document.querySelectorAll('*').length")
    seen["drawn"] = await page.evaluate("document.querySelectorAll('[role=option]').length")
    seen["title"] = await page.evaluate("document.title")
    seen["pictures"] = await page.evaluate(
        "[...document.querySelectorAll('svg')].map(s => [s.getAttribute('role'), s.getAttribute('aria-label')])"
    )
    seen["unnamed"] = await page.evaluate(
        "[...document.querySelectorAll('select, input')].filter(one => !one.labels.length).length"
    )
    seen["captions"] = await page.evaluate(
        "[...document.querySelectorAll('table')].map(t => !!t.caption || !!t.closest('[aria-label]'))"
    )


async def _filtered(page: Page, seen: dict[str, Any]) -> None:
    for name in ("worse", "better", "same", "invalid", "failed", "all"):
        seen[name] = await _ask(page, kind=name)
    seen["slices"] = await page.evaluate("[...document.querySelectorAll('[data-by=slice] option')].map(o => o.text)")
    seen["west"] = await _ask(page, slice=str(seen["slices"].index("region = west") - 1))
    seen["west, worse"] = await _ask(page, kind="worse")
    seen["cleared"] = await _ask(page, kind="all", slice="")
    seen["found"] = await _ask(page, text="NEEDLE4321")
    seen["found text"] = await page.evaluate("document.querySelector('.shown').innerText")
    seen["hostile"] = await _ask(page, text="hacked")
    seen["won first"] = await _ask(page, text="", order="won")
    seen["in order"] = await _ask(page, order="data")


async def _ask(page: Page, **fields: str) -> dict[str, Any]:
    """Sets filters; then what is left: how many, and the ids at the top, in the middle and at the end."""
    for name, value in fields.items():
        await page.evaluate(
            f"(one => {{ one.value = {json.dumps(value)}; one.dispatchEvent(new Event('input')); }})"
            f"(document.querySelector('[data-by={name}]'))"
        )
    ids: list[str] = []
    for share in (0, 0.5, 1):
        await page.evaluate(f"(l => l.scrollTop = {share} * l.scrollHeight)(document.querySelector('[role=listbox]'))")
        await page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
        ids += await page.evaluate(f"({_TEXT})('[role=option] > code')")
    count = await page.evaluate("document.querySelector('.explorer output').textContent")
    drawn = await page.evaluate("document.querySelectorAll('[role=option]').length")
    return {"count": count, "ids": ids, "drawn": drawn}


async def _by_keyboard(page: Page, seen: dict[str, Any]) -> None:
    await page.evaluate("document.activeElement.blur()")
    order: list[str] = []
    for _ in range(80):
        await page.press("Tab", 9)
        order.append(
            await page.evaluate("(a => a.dataset?.by ?? a.getAttribute?.('role') ?? a.tagName)(document.activeElement)")
        )
        if order[-1] == "listbox":
            break
    seen["order"] = order
    seen["outline"] = await page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    seen["keys"] = []
    keys = (("ArrowDown", 40), ("ArrowDown", 40), ("ArrowUp", 38), ("PageDown", 34), ("End", 35), ("Home", 36))
    for key, code in keys:
        await page.press(key, code)
        seen["keys"].append(await page.evaluate("Number(document.querySelector('[aria-selected=true]').ariaPosInSet)"))
        active = "document.activeElement.getAttribute('aria-activedescendant')"
        assert await page.evaluate(f"document.getElementById({active})?.getAttribute('aria-selected') === 'true'"), key
    await page.press("Enter", 13)
    seen["entered"] = await page.evaluate("document.activeElement.className")
    await page.press("Escape", 27)
    seen["left"] = await page.evaluate("document.activeElement.getAttribute('role')")
    await _ask(page, kind="worse", order="lost")
    seen["pane"] = await page.evaluate(f"({_TEXT})('.shown .said')")
    seen["pane id"] = await page.evaluate("document.querySelector('.shown h3 code').textContent")
    seen["marked"] = await page.evaluate(
        "['old', 'new'].map(kind => [...document.querySelectorAll(`.shown .${kind} mark`)].map(m => m.textContent))"
    )


async def _looks(page: Page, seen: dict[str, Any], folder: Path) -> None:
    seen["contrast"], seen["paper"] = {}, {}
    for scheme in ("light", "dark"):
        await page.screenshot(folder / f"{scheme}.png", dark=scheme == "dark")
        seen["paper"][scheme] = await page.evaluate("getComputedStyle(document.body).backgroundColor")
        seen["contrast"][scheme] = await page.evaluate(_CONTRAST)
    await page.screenshot(folder / "phone.png", width=400)
    seen["phone"] = await page.evaluate(_OVERFLOW)
    seen["squeezed"] = await page.evaluate(
        "[...document.querySelectorAll('th, td')].filter(c => c.textContent.trim().length > 6 && c.offsetWidth > 0"
        " && c.offsetWidth < 60).map(c => c.textContent.trim())"
    )
    (folder / "report.pdf").write_bytes(base64.b64decode((await page.send("Page.printToPDF"))["data"]))
    seen["open again"] = await page.evaluate("document.querySelectorAll('details[open]').length")
    seen["title at last"] = await page.evaluate("document.title")
    await page.send("Emulation.setScriptExecutionDisabled", value=True)
    await page.send("Page.reload")
    for _ in range(200):
        if await page.evaluate("document.readyState") == "complete":
            break
    seen["without script"] = await page.evaluate("document.body.innerText")
    seen["explorer without"] = await page.evaluate("document.querySelector('.explorer').offsetHeight")


#: The lowest contrast of the page's inks on its paper and its wash (WCAG's formula).
_CONTRAST = """(() => {
  const style = getComputedStyle(document.documentElement);
  const light = name => {
    const probe = document.body.appendChild(document.createElement('i'));
    probe.style.color = `var(--${name})`;
    const parts = getComputedStyle(probe).color.match(/[0-9.]+/g).slice(0, 3).map(v => v / 255)
      .map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    probe.remove();
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2];
  };
  const found = [];
  for (const paper of ['paper', 'wash'])
    for (const ink of ['ink', 'soft', 'go', 'stop', 'wait', 'blue']) {
      const [a, b] = [light(ink), light(paper)];
      found.push((Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05));
    }
  return Math.min(...found);
})()"""


def test_the_page_is_small_draws_few_rows_and_its_time_to_open_is_told(opened: Opened, figure: Any) -> None:
    size = (opened.folder / "out" / "report.html").stat().st_size
    figure(
        f"report of {COUNT:,} held-out examples: {size / 1e6:.1f} MB, painted after {opened.seen['painted']:.0f} ms, "
        f"loaded after {opened.seen['loaded']:.0f} ms"
    )
    assert size < 16e6
    assert opened.seen["elements"] < 4_000
    assert 5 < opened.seen["drawn"] < 60


def test_filters_leave_just_the_examples_that_they_name(opened: Opened) -> None:
    wanted = {
        "worse": opened.ids(lambda a, b, _: a - b > 1e-9),
        "better": opened.ids(lambda a, b, _: b - a > 1e-9),
        "same": opened.ids(lambda a, b, _: abs(a - b) <= 1e-9),
        "invalid": opened.ids(lambda a, b, invalid: invalid),
        "failed": set(),
        "all": opened.ids(lambda a, b, _: True),
    }
    assert len(wanted["invalid"]) == 50 and len(wanted["better"]) > 50
    for name, ids in wanted.items():
        assert opened.seen[name]["count"] == f"{len(ids):,} of 5,000 examples", name
        assert set(opened.seen[name]["ids"]) <= ids, name
        assert opened.seen[name]["drawn"] < 60, "only what can be seen is drawn"


def test_a_slice_is_a_filter_that_joins_with_the_others(opened: Opened) -> None:
    west = {identity for identity, value in opened.migration.columns["region"].items() if value == "west"}
    worse = west & opened.ids(lambda a, b, _: a - b > 1e-9)

    assert {"region = north", "region = south", "region = west"} < set(opened.seen["slices"])
    assert any(name.startswith("inputs like") for name in opened.seen["slices"]), "clusters are slices, too"
    assert opened.seen["west"]["count"] == f"{len(west):,} of 5,000 examples"
    assert opened.seen["west, worse"]["count"] == f"{len(worse):,} of 5,000 examples"
    assert set(opened.seen["west, worse"]["ids"]) <= worse
    assert opened.seen["cleared"]["count"] == "5,000 of 5,000 examples"


def test_a_search_finds_the_one_example_and_shows_it_whole(opened: Opened) -> None:
    assert opened.seen["found"]["count"] == "1 of 5,000 examples"
    assert set(opened.seen["found"]["ids"]) == {"call-4321"}
    example = opened.migration.examples["call-4321"]
    assert str(example.inputs["call"]) in opened.seen["found text"] and "region = " in opened.seen["found text"]


def test_the_order_can_be_that_of_the_data_or_of_what_was_won(opened: Opened) -> None:
    assert opened.seen["in order"]["ids"][0] == "call-0" and "call-4999" in opened.seen["in order"]["ids"]
    won = opened.ids(lambda a, b, _: b - a > 1e-9)
    assert opened.seen["won first"]["ids"][0] in won


def test_answers_stand_side_by_side_with_what_differs_marked(opened: Opened) -> None:
    met, identity = opened.result.confirmation, opened.seen["pane id"]
    [pair] = [
        (a.text, b.text)
        for a, b in zip(met.source.outputs, met.winner.outputs, strict=True)
        if a.example_id == identity
    ]
    assert opened.seen["pane"] == list(pair)
    for text, marked, other in zip(pair, opened.seen["marked"], reversed(pair), strict=True):
        assert marked and all(piece in text for piece in marked)
        assert "".join(marked) != text or not set(text.split()) & set(other.split())


def test_the_list_works_by_keyboard_alone_and_shows_where_the_focus_is(opened: Opened) -> None:
    assert opened.seen["order"][-5:] == ["kind", "slice", "order", "text", "listbox"]
    assert opened.seen["outline"] == "solid"
    down, again, up, further, end, home = opened.seen["keys"]
    assert (down, again, up, end, home) == (2, 3, 2, COUNT, 1) and 5 < further < 30
    assert opened.seen["entered"] == "shown" and opened.seen["left"] == "listbox"


def test_hostile_texts_stay_text_and_nothing_is_asked_of_the_network(opened: Opened) -> None:
    assert opened.seen["title"] == opened.seen["title at last"] == "calls: test/old to test/new"
    assert opened.seen["hostile"]["count"] == "5 of 5,000 examples", "it can be searched for, as text"
    address = (opened.folder / "out" / "report.html").resolve().as_uri()
    assert set(opened.page.requests) == {address}
    assert opened.page.complaints == []


def test_pictures_fields_and_tables_have_words(opened: Opened) -> None:
    assert len(opened.seen["pictures"]) == 3  # interval, parts, growth: nothing was searched
    assert all(role == "img" and len(words) > 20 for role, words in opened.seen["pictures"])
    assert opened.seen["unnamed"] == 0 and all(opened.seen["captions"])


def test_light_and_dark_are_both_readable(opened: Opened) -> None:
    assert opened.seen["paper"]["light"] != opened.seen["paper"]["dark"]
    assert all(lowest >= 4.5 for lowest in opened.seen["contrast"].values()), opened.seen["contrast"]


def test_nothing_sticks_out_on_a_phone(opened: Opened) -> None:
    assert opened.seen["phone"] == 400
    assert opened.seen["squeezed"] == [], "no words are broken letter by letter to save a column's width"


def test_without_script_verdict_figures_slices_and_the_worst_examples_are_there(opened: Opened) -> None:
    text = opened.seen["without script"]

    assert opened.result.decision.reason in text and "0.9" in text
    for row in ("Quality (mean score)", "Latency, 95th percentile", "region = west", "SHA-256"):
        assert row in text, row
    assert text.count("points lower") == 25 and opened.seen["explorer without"] == 0


def test_on_paper_all_the_evidence_stands_open(opened: Opened) -> None:
    tool = needed("pdftotext", shutil.which("pdftotext"))
    pdf = opened.folder / "report.pdf"
    text = subprocess.run([tool, "-layout", pdf, "-"], capture_output=True, check=True).stdout.decode()
    flat = " ".join(text.split())

    assert opened.result.decision.verdict.value.upper() in flat and opened.result.decision.reason[:60] in flat
    for row in ("Quality (mean score)", "Cost per 1,000 calls", "Latency, 95th percentile", "What was agreed"):
        assert row in flat, row
    worst = sorted(
        (b.value - a.value, output.example_id)
        for a, b, output in zip(
            opened.result.confirmation.source.scores,
            opened.result.confirmation.winner.scores,
            opened.result.confirmation.source.outputs,
            strict=True,
        )
    )[:25]
    for _, identity in worst:
        asked = str(opened.migration.examples[identity].inputs["call"]).split()[-1]
        assert asked in flat, "the worst examples stand open"
    assert "most lost first" not in flat, "what only a screen can do is left out"
    assert text.count("\f") <= 60 and opened.seen["open again"] <= 2
