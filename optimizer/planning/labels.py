"""By what examples are stratified and balanced, and whether that is known before the source has answered."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from optimizer.space.demos import choices_in
from optimizer.task import Task
from optimizer.types import Example, Output


def labels_of(task: Task, outputs: Mapping[str, Output]) -> Mapping[str, str]:
    """By example id: as the task says, else by values that come from a list. `outputs`: the source's, so far."""
    known = {key: output.value for key, output in outputs.items()}
    values = ((e.id, known.get(e.id) if e.expected is None else e.expected) for e in task.examples)
    return task.strata or {key: choices_in(value, task.prompt.contract) for key, value in values}


def known_before(task: Task, examples: Iterable[Example]) -> bool:
    """Is the order in which a search goes through these examples settled before the source is asked?"""
    if task.strata or task.recorded is not None or all(example.expected is not None for example in examples):
        return True
    contract = task.prompt.contract
    return contract.kind not in ("labels", "tools") and not choices_in({}, contract)
