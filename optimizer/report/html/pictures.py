"""The report's pictures that are made of facts: which axes, which dots, which words in place of them."""

from __future__ import annotations

import math
from collections.abc import Sequence

from optimizer.report.figures.facts import Part
from optimizer.report.figures.growth import Growth
from optimizer.report.html import charts
from optimizer.results.recommendation import Recommendation

_SMALL, _LARGE = 5.0, 13.0  # radius of the fastest and of the slowest target


def targets(found: Recommendation, source: float) -> str:
    """Cost against quality, the size of a dot for its latency; nothing where no cost is known."""
    placed = [row for row in found.targets if not math.isnan(row.cost)]
    if not placed:
        return ""
    slowest = max((row.latency for row in placed if not math.isnan(row.latency)), default=0.0)

    def size(latency: float) -> float:
        return _SMALL if math.isnan(latency) or not slowest else _SMALL + (_LARGE - _SMALL) * latency / slowest

    dots = [
        charts.Dot(
            1000 * row.cost,
            row.quality,
            size(row.latency),
            f"{'won' if row.model == found.recommended else 'complete' if row.acceptable else 'pruned'} plain",
            f"{row.model}: {row.verdict.value}, quality {row.quality:.3f}, ${1000 * row.cost:.4f} per 1,000"
            + ("" if math.isnan(row.latency) else f", {row.latency:.2f} s"),
            row.model,
        )
        for row in placed
    ]
    return charts.scatter(
        dots,
        x_title="dollars per 1,000 calls",
        y_title="quality on held-out examples",
        words=f"Quality against cost and latency of {len(dots)} targets; {found.reason} "
        + "; ".join(dot.label for dot in dots),
        rules=[(source, "source")],
    )


def parts(found: Sequence[Part]) -> str:
    rows = []
    for part in found:
        sides = (("source", part.source), ("unchanged", part.unchanged), ("migrated", part.migrated))
        rows.append((part.name, [(kind, side.value) for kind, side in sides if side and not math.isnan(side.value)]))
    told = (f"{name}: " + ", ".join(f"{kind} {value:.3f}" for kind, value in sides) for name, sides in rows)
    return charts.bars(rows, "; ".join(told))


def growth(found: Growth) -> str:
    """What a call costs as the prompt grows, against the source's cost; nothing where that cannot be said."""
    if not found.price or found.even is None:
        return ""
    fixed, slope = found.price.output * found.output_tokens / 1000, found.price.input / 1000
    furthest = 1.15 * max(found.even, found.migrated, found.unchanged or 0.0)
    marks = [(found.migrated, "as it is"), (found.unchanged, "unchanged"), (found.even, "costs as much")]
    dots = [(tokens, fixed + slope * tokens, name) for tokens, name in marks if tokens and tokens > 0]
    dots = dots[:1] + [dot for dot in dots[1:] if abs(dot[0] - dots[0][0]) > 0.02 * furthest]
    return charts.lines(
        [(0.0, fixed), (furthest, fixed + slope * furthest)],
        dots,
        level=(1000 * found.source_cost, "source"),
        titles=("input tokens of a call", "dollars per 1,000 calls"),
        words=f"Cost of 1,000 calls as the prompt grows: ${fixed:.4f} for the replies and ${slope:.5f} for each input "
        f"token of a call, against ${1000 * found.source_cost:.4f} with the source. "
        + "; ".join(f"{name} at {tokens:,.0f} tokens" for tokens, _, name in dots),
    )
