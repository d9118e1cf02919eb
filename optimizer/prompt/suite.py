"""A program of several prompts, one for each of its predictors: what a team's DSPy program is to a run.

A `Suite` is a prompt whose text shows all its parts, so that reports, estimates and records treat it as any other. It
is run by DSPy (`programs.dspy`), which makes the messages; what a search changes are the instructions and the worked
examples of each part, by its name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from optimizer.prompt.contract import Contract
from optimizer.prompt.prompt import Prompt
from optimizer.prompt.template import Template, Var
from optimizer.types import JSON, Params

ALONE = "self"  # DSPy's name for the only predictor of a program that is a predictor


@dataclass(frozen=True)
class Part:
    """One predictor. `demos` are its worked examples as DSPy keeps them: fields with values, and DSPy's own marks."""

    name: str
    instructions: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    demos: tuple[Mapping[str, JSON], ...] = ()

    def as_prompt(self, protected: Iterable[str] = ()) -> Prompt:
        """The part as a prompt of its own: for who writes or checks instructions."""
        kept = tuple(text for text in protected if text in self.instructions)
        lines: list[str | Var] = []
        for name in self.inputs:
            lines += [f"\n{name}: ", Var(name)]
        return Prompt(Template((self.instructions,)), Template(tuple(lines)), protected=kept)


@dataclass(frozen=True)
class Origin:
    """Where the program comes from. `dspy`: its module:attribute; empty where it is rebuilt from its state alone.

    `state` is DSPy's JSON state as the team wrote it, without worked examples and models. `output`: the field of the
    prediction that is the answer; None: the only one beside `reasoning`, or all of them.
    """

    dspy: str = ""
    adapter: str = "chat"
    output: str | None = None
    state: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Suite(Prompt):
    parts: tuple[Part, ...] = ()
    origin: Origin = Origin()

    @classmethod
    def of(
        cls, parts: Iterable[Part], origin: Origin, inputs: Sequence[str], contract: Contract, params: Params
    ) -> Suite:
        asked: list[str | Var] = []
        for name in inputs:
            asked += [f"{name}: ", Var(name), "\n"]
        empty = cls(Template(), Template(tuple(asked[:-1])), contract=contract, params=dict(params), origin=origin)
        return empty.with_parts(parts)

    def with_parts(self, parts: Iterable[Part]) -> Suite:
        """The same program with other instructions and worked examples."""
        kept = tuple(parts)
        return replace(self, parts=kept, instructions=Template(("\n\n".join(_shown(part) for part in kept),)))

    def part(self, name: str) -> Part:
        return next(part for part in self.parts if part.name == name)

    @property
    def state(self) -> dict[str, Any]:
        """DSPy's JSON state of the program: what `load` reads in production."""
        whole = dict(self.origin.state)
        for part in self.parts:
            known = whole[part.name]
            signature = {**known["signature"], "instructions": part.instructions}
            whole[part.name] = {**known, "signature": signature, "demos": [dict(demo) for demo in part.demos]}
        alone = set(whole) - {"metadata"} == {ALONE}
        return {**whole.pop(ALONE), **whole} if alone else whole

    def to_dict(self) -> dict[str, Any]:
        parts = [{**asdict(part), "demos": [dict(demo) for demo in part.demos]} for part in self.parts]
        return {**super().to_dict(), "parts": parts, "origin": asdict(self.origin)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Prompt:
        """The prompt that was kept: a suite, or a plain one."""
        plain = Prompt.from_dict(data)
        if "parts" not in data:
            return plain
        parts = [Part(**{**row, **{k: tuple(row[k]) for k in ("inputs", "outputs", "demos")}}) for row in data["parts"]]
        known = {name: getattr(plain, name) for name in Prompt.__dataclass_fields__}
        return cls(**known, origin=Origin(**data["origin"])).with_parts(parts)


def calls_of(prompt: Prompt) -> int:
    """Calls that one answer takes: one for each part, as far as can be told beforehand."""
    return len(prompt.parts) if isinstance(prompt, Suite) else 1


def _shown(part: Part) -> str:
    demos = f"\n({len(part.demos)} worked examples)" if part.demos else ""
    return f"[{part.name}: {', '.join(part.inputs)} -> {', '.join(part.outputs)}]\n{part.instructions}{demos}"
