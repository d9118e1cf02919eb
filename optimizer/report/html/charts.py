"""Pictures as inline SVG: no library, no script, a text alternative in each.

Every function takes numbers and returns one `<svg>`; colours are CSS classes, so light, dark and print follow the page.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

from optimizer.report.tables.numbers import points, signed

_WIDE, _W, _LEFT, _RIGHT, _TOP, _BOTTOM = 990, 720, 56, 16, 18, 40


@dataclass(frozen=True)
class Dot:
    """One candidate in a picture. `kind` is a CSS class; `label` is shown on hovering, `name` always."""

    x: float
    y: float
    size: float
    kind: str
    label: str
    name: str = ""


@dataclass(frozen=True)
class Scale:
    """Maps values of [low, high] to pixels."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        share = (value - self.low) / ((self.high - self.low) or 1.0)
        return round(self.start + share * (self.end - self.start), 1)

    def ticks(self, wanted: int = 5) -> list[float]:
        """At most `wanted` + 1 round values within the range."""
        rough = ((self.high - self.low) or 1.0) / wanted
        power = 10.0 ** math.floor(math.log10(rough))
        step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= rough * 0.999)
        first = math.ceil(self.low / step - 1e-9)
        return [round(n * step, 12) for n in range(first, math.floor(self.high / step + 1e-9) + 1)]


def interval(mean: float, low: float, high: float, margin: float) -> str:
    """The difference in quality with its bounds, against zero and the margin; in points."""
    reach = max(abs(low), abs(high), margin) * 1.25
    x = Scale(-reach, reach, 0, _WIDE)
    words = (
        f"Difference in quality {points(mean)} points, at least {points(low)}, at most {points(high)}; "
        f"the margin is {points(-margin)} points."
    )
    parts = [
        f'<rect class="bad" x="0" y="34" width="{x(-margin)}" height="44"/>',
        f'<rect class="good" x="{x(-margin)}" y="34" width="{_WIDE - x(-margin)}" height="44"/>',
        *(f'<line class="axis" x1="{x(tick)}" x2="{x(tick)}" y1="78" y2="82"/>' for tick in x.ticks(10)),
        *(_text(x(tick), 96, signed(round(100 * tick, 6), "g"), "middle") for tick in x.ticks(10)),
        f'<line class="axis" x1="{x(0)}" x2="{x(0)}" y1="26" y2="78"/>',
        f'<line class="limit" x1="{x(-margin)}" x2="{x(-margin)}" y1="26" y2="78"/>',
        _text(x(-margin) - 6, 20, f"margin {points(-margin)}", "end"),
        _text(x(0) + 6, 20, "as good as the source", "start"),
        f'<line class="bar" x1="{x(low)}" x2="{x(high)}" y1="60" y2="60"/>',
        *(f'<line class="bar" x1="{x(end)}" x2="{x(end)}" y1="52" y2="68"/>' for end in (low, high)),
        f'<circle class="point" cx="{x(mean)}" cy="60" r="6"/>',
        _text(x(mean), 49, points(mean), "middle", "strong"),
        _text(x(low) - 7, 64, points(low), "end", "strong"),
        _text(x(high) + 7, 64, points(high), "start", "strong"),
    ]
    return _svg(parts, 102, words, _WIDE)


def scatter(
    dots: Sequence[Dot],
    *,
    x_title: str,
    y_title: str,
    words: str,
    steps: Sequence[tuple[float, float]] = (),
    rules: Iterable[tuple[float, str]] = (),
    width: int = 500,
    height: int = 300,
) -> str:
    """Dots over two axes; `steps` is a line that only rises (best so far), `rules` are level lines with names."""
    rules = list(rules)
    x = _scale([dot.x for dot in dots], _LEFT, width - _RIGHT, 0.04)
    y = _scale([*(dot.y for dot in dots), *(value for value, _ in rules)], height - _BOTTOM, _TOP, 0.08)
    parts = [*_axes(x, y, (width, height), (x_title, y_title))]
    for value, name in rules:
        parts.append(f'<line class="rule" x1="{_LEFT}" x2="{width - _RIGHT}" y1="{y(value)}" y2="{y(value)}"/>')
        parts.append(_text(width - _RIGHT - 4, y(value) - 5, name, "end", "halo"))
    if steps:
        corner = "".join(f" H{x(a)} V{y(b)}" for a, b in steps[1:])
        parts.append(f'<path class="best" d="M{x(steps[0][0])} {y(steps[0][1])}{corner}"/>')
    for dot in dots:
        parts.append(
            f'<circle class="dot {dot.kind}" cx="{x(dot.x)}" cy="{y(dot.y)}" r="{dot.size:.1f}">'
            f"<title>{escape(dot.label)}</title></circle>"
        )
    parts += [_named(dot, x(dot.x), y(dot.y), width) for dot in dots if dot.name]
    return _svg(parts, height, words, width)


def lines(
    line: Sequence[tuple[float, float]],
    dots: Sequence[tuple[float, float, str]],
    *,
    level: tuple[float, str],
    titles: tuple[str, str],
    words: str,
    width: int = 500,
    height: int = 260,
) -> str:
    """One line, named dots on it, and a level that it may cross."""
    x = _scale([a for a, _ in line], _LEFT, width - _RIGHT, 0.0)
    y = _scale([0.0, level[0], *(b for _, b in line)], height - _BOTTOM, _TOP, 0.05)
    path = " L".join(f"{x(a)} {y(b)}" for a, b in line)
    parts = [*_axes(x, y, (width, height), titles)]
    parts.append(f'<line class="rule" x1="{_LEFT}" x2="{width - _RIGHT}" y1="{y(level[0])}" y2="{y(level[0])}"/>')
    parts.append(_text(_LEFT + 6, y(level[0]) - 5, level[1], "start", "halo"))
    parts.append(f'<path class="best" d="M{path}"/>')
    for a, b, name in dots:
        kind = "won" if (a, b, name) == dots[0] else "complete"
        parts.append(f'<circle class="dot {kind}" cx="{x(a)}" cy="{y(b)}" r="5"><title>{escape(name)}</title></circle>')
        parts.append(_named(Dot(a, b, 5, "", "", name), x(a), y(b) + 12, width))
    return _svg(parts, height, words, width)


def _named(dot: Dot, x: float, y: float, width: int) -> str:
    """The name beside its dot, on the side where there is room."""
    left = x > 0.7 * width
    return _text(x + (-1 if left else 1) * (dot.size + 5), y + 4, dot.name, "end" if left else "start", "name")


def bars(rows: Sequence[tuple[str, Sequence[tuple[str, float]]]], words: str) -> str:
    """Groups of horizontal bars: (group, [(class, value 0 to 1), ...])."""
    parts, top = [], 8.0
    for name, values in rows:
        parts.append(_text(150, top + 9 * len(values) / 2 + 6, name, "end"))
        for kind, value in values:
            width = round((_W - 240) * max(0.0, min(1.0, value)), 1)
            parts.append(f'<rect class="side {kind}" x="160" y="{top}" width="{max(width, 1)}" height="9" rx="2"/>')
            parts.append(_text(166 + width, top + 8.5, f"{value:.3f}", "start"))
            top += 11
        top += 10
    return _svg(parts, int(top), words)


def cells(
    rows: Sequence[Sequence[tuple[int, str]]],
    *,
    columns: Sequence[str],
    names: Sequence[str],
    titles: tuple[str, str],
    words: str,
    framed: tuple[int, int],
) -> str:
    """A field of cells, each with a tone (0 is the commonest) and a text; `framed`: (column, row)."""
    wide, high, left = 62, 34, 96
    parts = [
        f'<text transform="translate(13 {8 + high * len(rows) / 2}) rotate(-90)" text-anchor="middle">'
        f"{escape(titles[1])}</text>"
    ]
    for at, (name, row) in enumerate(zip(names, rows, strict=True)):
        y = 8 + at * high
        parts.append(_text(left - 8, y + high / 2 + 4, name, "end"))
        for place, (tone, text) in enumerate(row):
            x = left + place * wide
            kind = "cell framed" if (place, at) == framed else "cell"
            parts.append(
                f'<rect class="{kind} tone{tone % 6}" x="{x}" y="{y}" width="{wide - 3}" height="{high - 3}" rx="4"/>'
            )
            parts.append(_text(x + wide / 2 - 1.5, y + high / 2 + 3, text, "middle", "strong"))
    floor = 8 + high * len(rows)
    parts += [_text(left + i * wide + wide / 2, floor + 14, name, "middle") for i, name in enumerate(columns)]
    parts.append(_text(left + wide * len(columns) / 2, floor + 34, titles[0], "middle"))
    return _svg(parts, floor + 42, words, left + wide * len(columns) + 8)


def _axes(x: Scale, y: Scale, size: tuple[int, int], titles: tuple[str, str]) -> Iterable[str]:
    width, height = size
    floor = height - _BOTTOM
    for tick in y.ticks():
        yield f'<line class="grid" x1="{_LEFT}" x2="{width - _RIGHT}" y1="{y(tick)}" y2="{y(tick)}"/>'
        yield _text(_LEFT - 6, y(tick) + 4, f"{tick:g}".replace("-", "\N{MINUS SIGN}"), "end")
    for tick in x.ticks():
        yield f'<line class="axis" x1="{x(tick)}" x2="{x(tick)}" y1="{floor}" y2="{floor + 4}"/>'
        yield _text(x(tick), floor + 16, f"{tick:g}", "middle")
    yield f'<line class="axis" x1="{_LEFT}" x2="{width - _RIGHT}" y1="{floor}" y2="{floor}"/>'
    yield _text((_LEFT + width) / 2, height - 6, titles[0], "middle")
    turned = f'transform="translate(13 {height / 2}) rotate(-90)" text-anchor="middle"'
    yield f"<text {turned}>{escape(titles[1])}</text>"


def _scale(values: Sequence[float], start: float, end: float, pad: float) -> Scale:
    low, high = min(values), max(values)
    gap = pad * ((high - low) or max(abs(high), 1.0) * 0.1)
    return Scale(low - gap, high + gap, start, end)


def _text(x: float, y: float, words: str, anchor: str, kind: str = "") -> str:
    marked = f' class="{kind}"' if kind else ""
    return f'<text x="{round(x, 1)}" y="{round(y, 1)}" text-anchor="{anchor}"{marked}>{escape(words)}</text>'


def _svg(parts: Iterable[str], height: int, words: str, width: int = _W) -> str:
    label = escape(words, quote=True)
    size = f'viewBox="0 0 {width} {height}" style="max-width:{width}px;min-width:{0.7 * width:.0f}px"'
    return f'<svg {size} role="img" aria-label="{label}">{"".join(parts)}</svg>'
