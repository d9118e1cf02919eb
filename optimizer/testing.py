"""Contract checks for authors of plug-ins: call them in a test of yours. They raise AssertionError with the reason."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from optimizer.prompt import Prompt
from optimizer.space import Dimension, SearchSpace
from optimizer.space.check import faults
from optimizer.types import Example, Output, Score

Metric = Callable[[Example, Output, Output | None], Score | float | bool]


def check_space(space: SearchSpace, prompt: Prompt) -> None:
    """The first choices change nothing; no choice loses or adds a variable, or touches a protected text.

    `promptport check` makes the same check on the space and the prompt of a task.
    """
    for fault in faults(space, prompt):
        raise AssertionError(str(fault))


def check_dimension(dimension: Dimension, prompt: Prompt) -> None:
    check_space(SearchSpace((dimension,)), prompt)


def check_metric(metric: Metric, rows: Iterable[tuple[Example, Output, Output | None]]) -> None:
    """Scores lie between 0 and 1, are the same each time, and are not 0 for an answer that equals the gold answer."""
    for example, output, reference in rows:
        first, second = metric(example, output, reference), metric(example, output, reference)
        assert first == second, f"example {example.id}: scored {first!r}, then {second!r}"
        value = first.value if isinstance(first, Score) else float(first)
        assert 0.0 <= value <= 1.0, f"example {example.id}: a score must be between 0 and 1, got {value!r}"
        if example.expected is not None and output.value == example.expected:
            assert value > 0, f"example {example.id}: the gold answer itself scores 0"
