"""Contract checks for authors of plug-ins: call them in a test of yours. They raise AssertionError with the reason."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from optimizer.prompt import Prompt
from optimizer.space import Dimension, SearchSpace
from optimizer.types import Example, Output, Score

Metric = Callable[[Example, Output, Output | None], Score | float | bool]


def check_space(space: SearchSpace, prompt: Prompt) -> None:
    """The first choices change nothing; no choice loses or adds a variable, or touches a protected text."""
    unchanged = space.build(prompt, space.unchanged)
    assert unchanged.prompt == prompt, f"the first choices change the prompt: {space.unchanged}"
    assert (unchanged.wording, unchanged.program) == ("as_is", "plain"), "the first choices change wording or program"
    for dimension in space.dimensions:
        check_dimension(dimension, space, prompt)


def check_dimension(dimension: Dimension, space: SearchSpace, prompt: Prompt) -> None:
    assert isinstance(dimension, Dimension), f"{dimension!r} is no dimension: it needs name, choices, suggest and apply"
    assert len(set(dimension.choices)) == len(dimension.choices), f"{dimension.name} offers a choice twice"
    for value in dimension.choices:
        said = f"{dimension.name}={value!r}"
        assert value is None or isinstance(value, str | int | float), f"{said}: Optuna cannot hold such a choice"
        params = {**space.unchanged, dimension.name: value}
        variant = space.build(prompt, params)
        assert variant == space.build(prompt, params), f"{said} builds something else the second time"
        assert variant.prompt.names == prompt.names, f"{said} changes the variables to {sorted(variant.prompt.names)}"
        text = "".join(turn.content.text for turn in variant.prompt.messages)
        for kept in prompt.protected:
            assert kept in text, f"{said} loses the protected text {kept[:40]!r}"


def check_metric(metric: Metric, rows: Iterable[tuple[Example, Output, Output | None]]) -> None:
    """Scores lie between 0 and 1, are the same each time, and are not 0 for an answer that equals the gold answer."""
    for example, output, reference in rows:
        first, second = metric(example, output, reference), metric(example, output, reference)
        assert first == second, f"example {example.id}: scored {first!r}, then {second!r}"
        value = first.value if isinstance(first, Score) else float(first)
        assert 0.0 <= value <= 1.0, f"example {example.id}: a score must be between 0 and 1, got {value!r}"
        if example.expected is not None and output.value == example.expected:
            assert value > 0, f"example {example.id}: the gold answer itself scores 0"
