"""Where configurations become prompts: the wordings, worked examples and compiled programs found so far."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from optimizer.demos import Shot, choose
from optimizer.errors import ConfigError
from optimizer.parameters import settled
from optimizer.prompt import Prompt
from optimizer.space import SearchSpace, Value, Variant
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
        """The prompt of a configuration; equal for equal params and an equal pool.

        The dimensions are applied to the wording or program that the configuration names, so that one which adds or
        replaces a sentence does so there. Raises ConfigError for a prompt that lost a variable or a protected text.
        """
        variant = self.space.build(self.prompt, params)
        base = self._worded(variant)
        prompt = (self.space.build(base, params) if base != self.prompt else variant).prompt
        if variant.program == "plain":
            prompt = replace(prompt, demos=choose(variant.demos, self.shots, self.seed))
        _refuse_broken(prompt, self.prompt)
        kept = {name: value for name, value in prompt.params.items() if name not in self.drop_params}
        return settled(replace(prompt, params=kept), self.prompt.params)

    def _worded(self, variant: Variant) -> Prompt:
        """The prompt with the instructions that `variant` names, and with a compiled program's own examples."""
        if variant.program != "plain":
            compiled = self.programs[variant.program]
            return replace(self.prompt, instructions=compiled.instructions, demos=compiled.demos)
        return replace(self.prompt, instructions=self.wordings.get(variant.wording, self.prompt.instructions))


def _refuse_broken(prompt: Prompt, original: Prompt) -> None:
    if prompt.names != original.names:
        raise ConfigError(f"it asks for {sorted(prompt.names)} instead of {sorted(original.names)}")
    if lost := prompt.lacks(original.protected):
        raise ConfigError(f"it lost the protected text {lost[:60]!r}")
