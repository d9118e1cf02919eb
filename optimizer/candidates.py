"""Where configurations become prompts: the wordings, worked examples and compiled programs found so far."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from optimizer.demos import Shot, choose
from optimizer.parameters import settled
from optimizer.prompt import Prompt
from optimizer.space import SearchSpace, Value
from optimizer.template import Template


@dataclass
class Pool:
    """`wordings`: instructions by name. `programs`: compiled prompts by the optimizer's name.

    A compiled program brings its own instructions and examples; layout, reply form and parameters stay open,
    so one compile competes under every form of the space.
    """

    prompt: Prompt
    space: SearchSpace
    shots: Sequence[Shot]
    seed: int
    drop_params: tuple[str, ...] = ()
    wordings: dict[str, Template] = field(default_factory=dict)
    programs: dict[str, Prompt] = field(default_factory=dict)

    def offered(self) -> SearchSpace:
        """The space with the choices that can be built by now."""
        space = self.space
        if space.choices("wording"):
            space = space.offering("wording", ("as_is", *self.wordings))
        if planned := space.choices("program"):
            space = space.offering("program", [name for name in planned if name == "plain" or name in self.programs])
        return space

    def build(self, params: Mapping[str, Value]) -> Prompt:
        """The prompt of a configuration; equal for equal params and an equal pool."""
        variant = self.space.build(self.prompt, params)
        prompt = variant.prompt
        if variant.program != "plain":
            compiled = self.programs[variant.program]
            prompt = replace(prompt, instructions=compiled.instructions, demos=compiled.demos)
        else:
            instructions = self.wordings.get(variant.wording, self.prompt.instructions)
            prompt = replace(prompt, instructions=instructions, demos=choose(variant.demos, self.shots, self.seed))
        kept = {name: value for name, value in prompt.params.items() if name not in self.drop_params}
        return settled(replace(prompt, params=kept), self.prompt.params)
