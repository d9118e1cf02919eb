"""One reading of one request by one persona: how well it took the request in, and its seeded slips."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from optimizer.offline.personas import Persona
from optimizer.offline.reading import Reading
from optimizer.offline.words import chance, features, gauss


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

    @property
    def case(self) -> str:
        return self.reading.text

    def sway(self, *what: str) -> float:
        """A seeded error of judgement; standard deviation `noise`, and more with heat."""
        steady = gauss(self.persona.name, self.case, *what)
        passing = gauss(self.persona.name, self.case, self.prompt, *what)
        drawn = gauss(self.persona.name, self.case, self.prompt, self.draw, *what) if self.heat else 0.0
        return self.noise * (0.85 * steady + 0.53 * passing) + self.heat * drawn

    def slips(self, share: float, *what: str) -> bool:
        """Whether a thing that happens in this share of cases happens in this one."""
        if share <= 0:
            return False
        steady = chance(self.persona.name, self.case, "slip", *what)
        return steady + 0.1 * self.heat * gauss(self.case, self.prompt, self.draw, "slip", *what) < share

    def bag(self, text: str) -> Counter[str]:
        return features(text, self.persona.name, self.persona.knowledge)

    @cached_property
    def input_bag(self) -> Counter[str]:
        return self.bag(self.reading.text)
