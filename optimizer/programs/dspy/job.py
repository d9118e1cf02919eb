"""What a recipe works with, and what it is. How each optimizer is built stands in `showing` and `rewriting`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from optimizer.errors import SearchError

ENOUGH = 8  # validation rows below which more candidates are not worth having
SHOTS = {"bootstrapped": 4, "labeled": 8}
TAUGHT = {"teacher": "target"}
WORDS = {"teacher": ("target", "source")}  # what an option in words may be; all others are whole numbers


@dataclass(frozen=True)
class Job:
    """`rows` are shuffled; `good` is the score from which an answer is worth showing.

    `replay` is the student with the source's recorded answers in the place of the target's.
    """

    student: Any
    replay: Any
    rows: list[Any]
    task: Any  # dspy.LM of the target
    proposer: Any  # dspy.LM of the proposer
    asking: Any  # the adapter for the proposer
    good: float
    calls: int
    seed: int
    threads: int
    options: Mapping[str, Any]

    @property
    def demos(self) -> dict[str, int]:
        return {
            "max_bootstrapped_demos": self.options["bootstrapped"],
            "max_labeled_demos": self.options["labeled"],
        }

    @property
    def teacher(self) -> Any:
        """Who answers the rows for worked examples: None is the target itself."""
        return self.replay if self.options["teacher"] == "source" else None

    @property
    def taught(self) -> int:
        """Calls for one row that the teacher answers: what the source said is on record."""
        return 0 if self.teacher else 1

    def divide(self, train: int, validation: int) -> tuple[list[Any], list[Any]]:
        """Rows to learn from, and others to judge by; where they do not suffice, half of them each."""
        train = min(train, len(self.rows) // 2)
        if validation < 1:
            raise self.too_few()
        return self.rows[:train], self.rows[train : train + validation]

    def too_few(self) -> SearchError:
        return SearchError(f"{self.calls} calls are too few for the options {dict(self.options)}")


@dataclass(frozen=True)
class Recipe:
    """`least`: below so many calls it makes no sense. `round`: the round of a search in which it is compiled.

    `least_rows`: training examples with an answer that it needs. `options`: the knobs, and what they are unless set;
    None is sized to the calls. `usual`: the share of its limit that it mostly takes, and `written`: what it mostly asks
    the proposer; both measured.
    """

    build: Callable[[Job], Any]
    least: int = 0
    usual: float = 1.0
    written: int = 0
    least_rows: int = 1
    round: int = 0
    options: Mapping[str, Any] = field(default_factory=dict)


def score(_gold: Any, pred: Any, *_context: Any) -> float:
    """The module has scored its own answer: see `PromptModule`."""
    value: float = pred.score
    return value


def score_and_feedback(gold: Any, pred: Any, *_context: Any) -> Any:
    import dspy

    wanted = "" if pred.score >= 1 else f"The expected answer is: {gold.output}"
    told = "\n".join(part for part in (pred.feedback, wanted) if part)
    return dspy.Prediction(score=pred.score, feedback=told or "This is right.")
