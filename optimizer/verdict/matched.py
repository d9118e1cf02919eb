"""Everyone's answers to the held-out examples, and the matched pairs that they make."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, Protocol

from optimizer.errors import DataError
from optimizer.objective import Evaluation
from optimizer.types import Example, Output
from optimizer.verdict.statistics import Comparison, Noise, noise, paired

#: What the target is held against. "gold": the source's scores against gold answers. "parity": where the
#: source's own answers are the reference, how well the source, asked again, agrees with them. "mixed": both, each
#: example (or metric) by what it has; the source asked again is the standard here too.
Standard = Literal["gold", "parity", "mixed"]


@dataclass(frozen=True)
class Confirmation:
    """Everyone's meeting with the held-out examples, in the same order.

    `again` is the source asked a second time (None where its outputs were recorded elsewhere): how well it
    agrees with itself is what parity is judged against. Without a search there is no `unchanged`: then `winner` is
    what the target answered to whatever prompt it was given. Where examples were asked several times, the sides have
    the mean scores, and `draws` has every single draw of a side by the side's name.
    """

    source: Evaluation
    unchanged: Evaluation | None
    winner: Evaluation
    again: Evaluation | None = None
    draws: Mapping[str, tuple[Evaluation, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class MatchedPairs:
    """A confirmation example by example: what the target made of it, and what that is held against.

    `golds`: the examples, by id, that have a gold answer; what is mixed is told by them.
    """

    confirmation: Confirmation
    standard: Standard = "gold"
    golds: frozenset[str] = frozenset()

    @property
    def theirs(self) -> Evaluation:
        """What the target is held against."""
        again = self.confirmation.again
        return again if again and self.standard != "gold" else self.confirmation.source

    @cached_property
    def kept(self) -> tuple[int, ...]:
        """The places of the examples that count: those on which both sides answered; where there is no gold answer, the
        source's first must be one to agree with."""
        source, both = self.confirmation.source.outputs, self._outputs
        ids = [[output.example_id for output in side] for side in (source, *both)]
        if not ids[0] == ids[1] == ids[2]:
            raise DataError("confirmation: source and target were not given the same examples in the same order")
        rows = enumerate(zip(*both, strict=True))
        answered = [i for i, row in rows if "failed" not in {output.status for output in row}]
        return tuple(i for i in answered if source[i].status == "ok" or self._by_gold(source[i]))

    def _by_gold(self, output: Output) -> bool:
        return self.standard == "gold" or (self.standard == "mixed" and output.example_id in self.golds)

    @property
    def lost(self) -> int:
        """Examples to which somebody had no answer."""
        rows = zip(self.confirmation.source.outputs, *self._outputs, strict=True)
        return sum("failed" in {output.status for output in row} for row in rows)

    @property
    def unscored(self) -> list[str]:
        """Why answers that are there could not be scored; of each example once."""
        rows = zip(*self._outputs, strict=True)
        found = ([o.error or "" for o in row if o.status == "failed" and o.text] for row in rows)
        return [errors[0] for errors in found if errors]

    @property
    def spread(self) -> Noise | None:
        """Between examples, and between draws of one; None where nothing was drawn twice."""
        met = self.confirmation
        name = "again" if met.again and self.standard != "gold" else "source"

        def drawn(name: str, side: Evaluation) -> list[list[float]]:
            draws = met.draws.get(name) or (side,)
            return [[d.scores[i].value for d in draws if d.outputs[i].status != "failed"] for i in self.kept]

        return noise(drawn("winner", met.winner), drawn(name, self.theirs)) if met.draws else None

    def compared(self, margin: float, confidence: float) -> Comparison:
        """Target against standard on the examples that count."""
        ours, theirs = ([side.scores[i].value for i in self.kept] for side in (self.confirmation.winner, self.theirs))
        return paired(ours, theirs, margin=margin, confidence=confidence)

    @property
    def _outputs(self) -> tuple[tuple[Output, ...], tuple[Output, ...]]:
        return self.theirs.outputs, self.confirmation.winner.outputs


class _Against(Protocol):
    @property
    def against(self) -> str: ...


def standard_of(metrics: Iterable[_Against], examples: Iterable[Example], *, scored: bool = False) -> Standard:
    """Where a score is agreement with the source's answer, the source's agreement with itself is the standard.

    `scored`: scores from elsewhere count as well, which are no agreement with anybody."""
    against, gold = {metric.against for metric in metrics}, [example.expected is not None for example in examples]
    if against <= ({"gold", "auto"} if all(gold) else {"gold"}):
        return "gold"
    return "mixed" if scored or "gold" in against or ("auto" in against and any(gold)) else "parity"
