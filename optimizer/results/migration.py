"""All that a run found out, as one value: what the report shows and the exporters ship."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from optimizer.config.decision_settings import ObjectiveSettings
from optimizer.data.stages import Stage
from optimizer.errors import ModelError
from optimizer.models.money.book import Spend, together
from optimizer.objective import Objective
from optimizer.prompt import Prompt
from optimizer.search.trial import SearchResult
from optimizer.types import Example, Output
from optimizer.verdict.confirm import Decision
from optimizer.verdict.matched import Confirmation

__all__ = ["Migration", "Spend", "TargetResult"]


@dataclass(frozen=True)
class TargetResult:
    """One target's way through the run."""

    model: str
    search: SearchResult
    confirmation: Confirmation
    decision: Decision

    def __repr__(self) -> str:
        """Short: all of it is pages long, and a notebook prints whatever a cell ends with."""
        return f"<TargetResult {self.model}: {self.decision.verdict.value}, {len(self.search.trials)} trials>"


@dataclass(frozen=True)
class Migration:
    """`split` maps "train", "validation" and "test" to example ids; `settings` is the task file with all
    defaults filled in; `simulated` says that an offline model took part; `prices` names the table and its date.
    `notes` are sentences on what was found in the data; `columns` is what slices are made of, by name and example id.
    `stages`: what the application does beside the prompt. `left_out`: targets that could not be asked, and why.
    Outputs that were recorded elsewhere come without a `prompt`, and their targets with NO_SEARCH."""

    name: str
    source: str
    prompt: Prompt | None
    examples: Mapping[str, Example]
    split: Mapping[str, tuple[str, ...]]
    baseline: tuple[Output, ...]
    targets: tuple[TargetResult, ...]
    settings: Mapping[str, Any]
    spend: Mapping[str, Spend] = field(default_factory=dict)
    earlier: Spend | None = None  # by earlier starts of the run, for questions that the last one did not ask
    expected: Mapping[str, Spend] = field(default_factory=dict)  # calls and dollars, as reckoned before the first call
    at_least: Spend | None = None  # of all roles, as reckoned then
    at_most: Spend | None = None
    versions: Mapping[str, str] = field(default_factory=dict)
    prices: str = ""
    simulated: bool = False
    notes: tuple[str, ...] = ()
    columns: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    stages: tuple[Stage, ...] = ()
    left_out: Mapping[str, str] = field(default_factory=dict)

    def __repr__(self) -> str:
        """Short, as its targets."""
        ends = "; ".join(f"{target.model}: {target.decision.verdict.value}" for target in self.targets)
        return f"<Migration {self.name!r} from {self.source} to {ends}; {len(self.examples)} examples>"

    @property
    def objective(self) -> Objective:
        """What the run weighed. Raises PluginError for a formula that fails to load."""
        return ObjectiveSettings(**self.settings.get("objective", {})).build()

    @property
    def incomplete(self) -> ModelError | None:
        """What a run ends with, after its report, where targets were left out."""
        if not self.left_out:
            return None
        (model, why), *others = self.left_out.items()
        also = "".join(f"; {name}: left out: {said}" for name, said in others)
        return ModelError(f"left out: {why}{also}; mend that, and run the same command again", model=model)

    @property
    def spent(self) -> Spend:
        """By all roles together."""
        return together(self.spend.values())

    @property
    def reckoned(self) -> Spend | None:
        """The same as it was expected, where that was reckoned."""
        return together(self.expected.values()) if self.expected else None
