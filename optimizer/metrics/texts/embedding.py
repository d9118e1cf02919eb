"""How near two texts are in the space of an embedding model."""

from __future__ import annotations

import math
from dataclasses import dataclass

from optimizer.errors import ConfigError, DataError
from optimizer.metrics.standard import Against, Compared, Unscored, alternatives, brief, check_against, spoken, written
from optimizer.models import Model, bridge
from optimizer.models.providers.embedding import asked, unpack
from optimizer.types import JSON, Example, Output, Score


@dataclass(frozen=True)
class Embedded:
    """`floor`: the cosine that counts as nothing in common; from there to 1 the score rises from 0 to 1."""

    embedder: Model
    floor: float
    against: Against
    asks: bool = True

    def __call__(self, example: Example, output: Output, reference: Output | None) -> Score:
        return Compared(self._compare, self.against)(example, output, reference)

    def _compare(self, output: Output, answer: JSON) -> Score:
        ours, right = spoken(output).strip(), [written(item).strip() for item in alternatives(output, answer)]
        if ours in right:
            return Score(1.0)
        mine = self._vector(ours)
        cosine = max(_cosine(mine, self._vector(text)) for text in right)
        value = min(1.0, max(0.0, (cosine - self.floor) / (1 - self.floor)))
        told = f"cosine {cosine:.3f} with {' or '.join(brief(text) for text in right[:3])}"
        return Score(value, told if value < 1 else "")

    def _vector(self, text: str) -> list[float]:
        reply = bridge.run(self.embedder.complete(asked(text)))
        try:
            return unpack(reply.text)
        except ValueError as error:
            raise Unscored(f"the embedder {self.embedder.name} gave no vector") from error


def embedding_similarity(*, embedder: Model, floor: float = 0.0, against: Against = "auto") -> Embedded:
    """Cosine of the answer's and the right answer's vectors by the task file's `embedder`; below `floor`: 0.

    Many models give unrelated texts 0.3 and more: a `floor` spreads what is above it over 0 to 1.
    """
    if isinstance(floor, bool) or not isinstance(floor, int | float) or not 0 <= floor < 1:
        raise ConfigError(f"metric 'embedding_similarity': floor must be a number from 0 to below 1, found {floor!r}")
    check_against(against)
    return Embedded(embedder, floor, against)


def _cosine(one: list[float], other: list[float]) -> float:
    if len(one) != len(other):
        raise DataError(f"the embedder gave vectors of {len(one)} and {len(other)} numbers; is it one model?")
    size = math.sqrt(math.fsum(a * a for a in one) * math.fsum(b * b for b in other))
    return math.fsum(a * b for a, b in zip(one, other, strict=True)) / size if size else 0.0
