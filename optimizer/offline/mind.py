"""One reading of one request by one persona: how well it took the request in, and its seeded slips."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from optimizer.offline.personas import Persona
from optimizer.offline.reading.request import Reading
from optimizer.offline.words import Dice, features


@dataclass(frozen=True)
class Mind:
    """`noise`: how unsure its judgement is, for this prompt. `heat`: how far the draw of the sample matters.

    A slip has three seeds: the input alone (what is hard stays hard, whatever the prompt), the input under this
    prompt, and the draw. So two prompts of equal quality differ in some answers, and most answers are the same.
    """

    persona: Persona
    reading: Reading
    noise: float
    heat: float
    prompt: str
    draw: str
    memo: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)  # what several fields need

    @cached_property
    def case(self) -> str:
        return self.reading.text

    def sway(self, *what: str) -> float:
        """A seeded error of judgement; standard deviation `noise`, and more with heat."""
        by_case, by_prompt, by_draw, _ = self._dice
        steady, passing = by_case.sway(*what), by_prompt.sway(*what)
        drawn = by_draw.sway(*what) if self.heat else 0.0
        return self.noise * (0.85 * steady + 0.53 * passing) + self.heat * drawn

    def slips(self, share: float, *what: str) -> bool:
        """Whether a thing that happens in this share of cases happens in this one."""
        if share <= 0:
            return False
        by_case, _, _, by_any = self._dice
        return by_case.roll("slip", *what) + 0.1 * self.heat * by_any.sway("slip", *what) < share

    def bag(self, text: str) -> Counter[str]:
        return features(text, self.persona.name, self.persona.knowledge)

    def takes_in(self, share: float, *what: str) -> bool:
        """Whether this reader takes in a thing that it overlooks in the other cases."""
        return Dice(self.persona.name, "prose", self.case).roll(*what) < share

    @cached_property
    def _dice(self) -> tuple[Dice, Dice, Dice, Dice]:
        name, case, prompt, draw = self.persona.name, self.case, self.prompt, self.draw
        return Dice(name, case), Dice(name, case, prompt), Dice(name, case, prompt, draw), Dice(case, prompt, draw)

    @cached_property
    def input_bag(self) -> Counter[str]:
        return self.bag(self.reading.text)
