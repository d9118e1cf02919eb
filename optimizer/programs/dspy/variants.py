"""DSPy's optimizers with a small turn where they lack something.

Behind the door of its package: imports DSPy when it is imported.
"""

from __future__ import annotations

from typing import Any

import dspy
from dspy.teleprompt import BootstrapFewShotWithOptuna
from optuna.samplers import TPESampler


class SeededOptuna(BootstrapFewShotWithOptuna):  # type: ignore[misc]
    """DSPy gives Optuna no seed."""

    seed = 0

    def objective(self, trial: Any) -> float:
        if trial.number == 0:
            trial.study.sampler = TPESampler(seed=self.seed)
        found: float = super().objective(trial)
        return found


class TaughtByRecord(dspy.BootstrapFewShot):  # type: ignore[misc]
    """Bootstraps with a teacher that has the instructions of whichever student it gets, as DSPy demands."""

    def compile(self, student: Any, *, trainset: list[Any], recorded: Any = None) -> Any:
        teacher = None
        if recorded is not None:
            teacher = student.deepcopy()
            teacher.recorded = recorded
        return super().compile(student, teacher=teacher, trainset=trainset)
