"""Where configurations become prompts: the wordings, worked examples and compiled programs found so far."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from optimizer.errors import ConfigError
from optimizer.prompt import Demo, Prompt
from optimizer.prompt.suite import Suite
from optimizer.prompt.template import Template
from optimizer.space import DemoPlan, SearchSpace, Value, Variant, parts
from optimizer.space.demos import Shot, choose, in_order, picking
from optimizer.space.parameters import settled


@dataclass
class Pool:
    """`wordings`: instructions by name. `sets`: whole sets of worked examples by name. `programs`: compiled prompts by
    `program_key`. `bought`: by the same keys the calls that each compile took, those that failed among them.

    `looked`: by example id what the target scored on a training example when it was first looked at. `knobs_refused`:
    whether a compile with other knobs was too dear; it is said once.
    A compiled program brings its own instructions and examples; layout, reply form and parameters stay open,
    so one compile competes under every form of the space.
    """

    prompt: Prompt
    space: SearchSpace
    shots: Sequence[Shot]
    seed: int
    drop_params: tuple[str, ...] = ()
    wordings: dict[str, Template] = field(default_factory=dict)
    sets: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    programs: dict[str, Prompt] = field(default_factory=dict)
    bought: dict[str, int] = field(default_factory=dict)
    looked: dict[str, float] = field(default_factory=dict)
    knobs_refused: bool = False
    _chosen: dict[tuple[DemoPlan, int], tuple[Demo, ...]] = field(default_factory=dict, repr=False)

    def offered(self) -> SearchSpace:
        """The space with the choices that can be built by now."""
        space = self.space
        if space.choices("wording"):
            space = space.offering("wording", ("as_is", *self.wordings))
        if known := space.choices("demo_choice"):
            space = space.offering("demo_choice", (*known, *self.sets))
        space = parts.offered(parts.offered(space, self.wordings, "wording"), self.sets, "demos")
        if planned := space.choices("program"):
            space = space.offering("program", [name for name in planned if name == "plain" or name in self.programs])
        return space

    def settled(self, params: Mapping[str, Value]) -> Mapping[str, Value]:
        """The configuration that is really built: with the program's usual knobs where others were not bought."""
        params, variant = self.space.settled(params), self.space.build(self.prompt, params)
        if variant.program == "plain" or program_key(variant.program, variant.knobs) in self.programs:
            return params
        return {**params, **{name: self.space.choices(name)[0] for name in variant.knobs}}

    def build(self, params: Mapping[str, Value]) -> Prompt:
        """The prompt of a configuration; equal for equal params and an equal pool.

        The dimensions are applied to the wording or program that the configuration names, so that one which adds or
        replaces a sentence does so there. Raises ConfigError for a prompt that lost a variable or a protected text.
        """
        params = self.settled(params)
        variant = self.space.build(self.prompt, params)
        base = self._worded(variant)
        prompt = (self.space.build(base, params) if base != self.prompt else variant).prompt
        if variant.program == "plain":
            prompt = replace(prompt, demos=self._demos(variant.demos), picking=picking(variant.demos))
        _refuse_broken(prompt, self.prompt)
        kept = {name: value for name, value in prompt.params.items() if name not in self.drop_params}
        return settled(replace(prompt, params=kept), self.prompt.params)

    def _worded(self, variant: Variant) -> Prompt:
        """The prompt with the instructions that `variant` names, and with a compiled program's own examples."""
        if variant.program != "plain":
            compiled = self.programs[program_key(variant.program, variant.knobs)]
            if isinstance(self.prompt, Suite) and isinstance(compiled, Suite):
                return self.prompt.with_parts(compiled.parts)
            shown = replace(self.prompt, demos=compiled.demos, picking=compiled.picking)
            return replace(shown, instructions=compiled.instructions)
        if isinstance(self.prompt, Suite):
            return parts.chosen(self.prompt, variant.parts, self.wordings, self.sets)
        return replace(self.prompt, instructions=self.wordings.get(variant.wording, self.prompt.instructions))

    def _demos(self, plan: DemoPlan) -> tuple[Demo, ...]:
        if plan.choice in self.sets:
            return in_order(plan.order, self.sets[plan.choice][: plan.count])
        key = plan, len(self.looked)  # a search of thousands of trials asks for the same few plans again and again
        if key not in self._chosen:
            self._chosen[key] = choose(plan, self.shots, self.seed, self.looked)
        return self._chosen[key]


def program_key(program: str, knobs: Mapping[str, Value]) -> str:
    """The program's name, with its knobs where they are not the usual ones: `gepa(minibatch=5)`."""
    turned = ", ".join(f"{name.partition('.')[2]}={value}" for name, value in sorted(knobs.items()))
    return f"{program}({turned})" if turned else program


def _refuse_broken(prompt: Prompt, original: Prompt) -> None:
    if prompt.names != original.names:
        raise ConfigError(f"it asks for {sorted(prompt.names)} instead of {sorted(original.names)}")
    if lost := prompt.lacks(original.protected):
        raise ConfigError(f"it lost the protected text {lost[:60]!r}")
