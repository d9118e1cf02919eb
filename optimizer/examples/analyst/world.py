"""The invented companies and their accounts: one consistent set of figures per company, for every passage to quote.

Figures of the latest year are drawn from the bands in `material/`, earlier years follow by yearly changes,
and what accounting derives (operating profit from margin, dividend from earnings) is derived.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import yaml

MATERIAL = Path(__file__).parent / "material"
CHAPTERS = ("results", "balance", "people", "environment", "sector")
BACK = 4  # years of history before the latest one
DECIMALS = {"share": 2, "user": 2, "room": 2, "tonne": 1, "%": 1, "x": 1}
AMOUNTS = {"share", "user", "room", "tonne"}  # money for each of something: the currency without a scale
INTENSIVE = {"%", "x", "days"} | AMOUNTS  # a part has its own level; all else is shared out among the parts
Rates = Mapping[str, Any]


@dataclass(frozen=True)
class Fact:
    """One figure: of the group, or of one segment; of a year, or of its first half."""

    metric: str
    year: int
    segment: str | None = None
    half: bool = False


@dataclass(frozen=True)
class Metric:
    key: str
    chapter: str
    spec: Rates

    def __getattr__(self, name: str) -> Any:
        """Lists and flags that an entry leaves out are empty."""
        if name.startswith("__"):
            raise AttributeError(name)
        return self.spec.get(name, ())

    @property
    def unit(self) -> str:
        return str(self.spec["unit"])

    def suits(self, company: Company) -> bool:
        families = self.spec["for"]
        if company.short in self.spec.get("skip", ()):
            return False
        if families == "corporate":
            return company.family not in ("bank", "insurer")
        return families == "all" or company.family in families


@dataclass(frozen=True)
class Company:
    name: str
    short: str
    family: str
    money: str
    revenue: float
    margin: float
    staff: int
    year: int
    segments: tuple[str, ...]
    notes: tuple[str, ...]
    split: bool = False

    @property
    def currency(self) -> str:
        return self.money.split()[0]

    def label(self, year: int) -> str:
        """A financial year as its reports call it: 2024, or 2023/24."""
        return f"{year - 1}/{year % 100:02d}" if self.split else str(year)


def read(name: str) -> Any:
    return yaml.safe_load((MATERIAL / f"{name}.yaml").read_text(encoding="utf-8"))


@cache
def companies() -> tuple[Company, ...]:
    lists = ("segments", "notes")
    return tuple(Company(**{**row, **{key: tuple(row[key]) for key in lists}}) for row in read("companies"))


@cache
def metrics() -> dict[str, Metric]:
    return {key: Metric(key, chapter, spec) for chapter in CHAPTERS for key, spec in read(chapter).items()}


class World:
    """The accounts of one company; `value` rounds as the company's reports do."""

    def __init__(self, company: Company, seed: int) -> None:
        self.company = company
        self._seed = seed
        self._paths: dict[str, dict[int, float]] = {}

    def decimals(self, metric: Metric) -> int:
        if metric.unit == "money":
            return 0 if self.company.money.endswith("thousand") or self.company.revenue >= 5000 else 1
        return int(metric.spec.get("decimals", DECIMALS.get(metric.unit, 0)))

    def value(self, fact: Fact) -> float | None:
        """None where the company has no such figure, or none that reports would state (a negative dividend)."""
        metric = metrics()[fact.metric]
        exact = self._part(fact)
        if exact is None or (exact <= 0 and not metric.signed):
            return None
        return round(exact, self.decimals(metric)) or None

    def _part(self, fact: Fact) -> float | None:
        metric = metrics()[fact.metric]
        whole = self._group(fact.metric, fact.year)
        if whole is None:
            return None
        if fact.segment is not None:
            whole = self._segment(metric, fact, whole)
        if fact.half:
            draw = self._draw(fact.metric, "half", fact.segment, fact.year)
            if metric.unit in INTENSIVE and metric.unit != "share":
                return whole + draw.uniform(-0.06, 0.06) * max(abs(whole), 10.0)
            whole *= draw.uniform(0.45, 0.53)
        return whole

    def _segment(self, metric: Metric, fact: Fact, whole: float) -> float:
        names = self.company.segments
        if metric.unit in INTENSIVE:
            spread = max(abs(whole), 8.0) * (0.03 if whole > 97 else 0.16)
            lasting = {name: self._draw(metric.key, "offset", name).uniform(-spread, spread) for name in names}
            middle = sum(lasting.values()) / len(names)
            passing = self._draw(metric.key, "offset", fact.segment, fact.year).uniform(-spread, spread) / 6
            return whole + lasting[str(fact.segment)] - middle + passing
        weights = {name: self._weight(metric.key, name, fact.year) for name in names}
        return whole * weights[str(fact.segment)] / sum(weights.values())

    def _weight(self, key: str, segment: str, year: int) -> float:
        size = self._draw("size", segment).uniform(0.5, 1.6)
        return size * self._draw(key, segment).uniform(0.88, 1.12) * self._draw(key, segment, year).uniform(0.94, 1.06)

    def _group(self, key: str, year: int) -> float | None:
        derive = getattr(self, f"_{key}", None)
        if derive is not None:
            result: float | None = derive(year)
            return result
        if key not in self._paths:
            self._paths[key] = self._path(key)
        return self._paths[key][year]

    def _path(self, key: str) -> dict[int, float]:
        """The latest year from its band, earlier ones by changes large enough to be seen."""
        company, metric = self.company, metrics().get(key)
        spec = metric.spec if metric else HIDDEN[key]
        draw = self._draw(key, "path")
        path = {company.year: self._latest(key, spec, draw)}
        step = spec.get("step_for", {}).get(company.family, spec.get("step"))
        low, high = step or spec.get("drift", (-0.09, 0.16))
        for year in range(company.year, company.year - BACK, -1):
            change = 0.0
            while abs(change) < 0.12 * (high - low):
                change = draw.uniform(low, high)
            if path[year] <= 97 < path[year] - change:  # a share of at most 100 %
                change = abs(change)
            path[year - 1] = path[year] - change if step else path[year] / (1 + change)
        return path

    def _latest(self, key: str, spec: Rates, draw: Random) -> float:
        given = {"revenue": self.company.revenue, "ebit_margin": self.company.margin, "headcount": self.company.staff}
        if key in given:
            return float(given[key])
        band = spec.get("base_for", {}).get(self.company.family, spec.get("base"))
        of = band.get("of")
        return draw.uniform(band["lo"], band["hi"]) * ((self._group(of, self.company.year) or 0.0) if of else 1.0)

    def _draw(self, *parts: object) -> Random:
        return Random(":".join(map(str, (self._seed, self.company.short, *parts))))

    def _sure(self, key: str, year: int) -> float:
        value = self._group(key, year)
        assert value is not None, f"{key} is always known"  # noqa: S101
        return value

    def _ebit(self, year: int) -> float:
        return self._sure("revenue", year) * self._sure("ebit_margin", year) / 100

    def _adj_ebit(self, year: int) -> float:
        return self._ebit(year) + self._sure("revenue", year) * self._draw("special", year).uniform(0.005, 0.02)

    def _ebitda(self, year: int) -> float:
        return self._ebit(year) + self._sure("depreciation", year)

    def _gross_profit(self, year: int) -> float:
        return self._sure("revenue", year) * self._sure("gross_margin", year) / 100

    def _net_profit(self, year: int) -> float:
        corporate = metrics()["finance_cost"].suits(self.company)
        before_tax = self._ebit(year) - (self._sure("finance_cost", year) if corporate else 0.0)
        return before_tax * (1 - self._sure("tax_rate", year) / 100) if before_tax > 0 else before_tax

    def _eps(self, year: int) -> float:
        shares = abs(self._net_profit(self.company.year)) / self._draw("shares").uniform(0.8, 7.5)
        return self._net_profit(year) / shares

    def _dps(self, year: int) -> float | None:
        earned = self._eps(year)
        return round(earned * self._sure("distributed", year), 2) if earned > 0 else None

    def _payout(self, year: int) -> float | None:
        paid = self._dps(year)
        return 100 * paid / self._eps(year) if paid else None

    def _op_cash_flow(self, year: int) -> float:
        return self._ebitda(year) * self._draw("conversion", year).uniform(0.72, 0.95)

    def _fcf(self, year: int) -> float:
        return self._op_cash_flow(year) - self._sure("capex", year)

    def _leverage(self, year: int) -> float | None:
        earned = self._ebitda(year)
        return self._sure("net_debt", year) / earned if earned > 0 else None

    def _equity(self, year: int) -> float:
        return self._sure("total_assets", year) * self._sure("equity_ratio", year) / 100

    def _organic_growth(self, year: int) -> float | None:
        if year <= self.company.year - BACK:
            return None
        growth = self._sure("revenue", year) / self._sure("revenue", year - 1) - 1
        return 100 * growth + self._draw("portfolio", year).uniform(-2.4, 1.2)

    def _fte(self, year: int) -> float:
        return self._sure("headcount", year) * self._draw("part-time").uniform(0.82, 0.95)

    def _trainees(self, year: int) -> float:
        share = self._draw("trainees").uniform(0.015, 0.045) * self._draw("trainees", year).uniform(0.87, 1.13)
        return self._sure("headcount", year) * share


#: What is drawn but has no entry of its own: the part of earnings that is distributed.
HIDDEN: dict[str, Rates] = {"distributed": {"base": {"lo": 0.28, "hi": 0.62}, "step": (-0.06, 0.07)}}
