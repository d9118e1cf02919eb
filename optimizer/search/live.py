"""The record while the search is going on, for whoever wants to watch with Optuna's tools.

A candidate is RUNNING, with its worth by the number of examples seen, until it was told to the sampler or has left the
race; then it is COMPLETE, with its worth at that time. The end of the run writes all anew, with what each came out at.

Rule 1: nothing here is asked back, so a search decides as it would unseen.
Rule 2: writing takes a fiftieth of the time at most.
Rule 3: a run that was cut off and started again leaves the record alone until it is further than that.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from optimizer.search.journal import StudyJournal, new_study, open_journal
from optimizer.search.study import door, facts
from optimizer.search.trial import Glance, Standing

_LEAST, _SPARE = 0.25, 49  # seconds between two writes at least, and how often as long as the last one took


class Live:
    """A run's record under way. A disk on which it cannot be written ends the record, not the run."""

    def __init__(self, path: Path, now: Callable[[], float] = time.monotonic) -> None:
        self._path, self._now = path, now
        self._glances: dict[str, Glance] = {}
        self._pages: dict[str, _Page] = {}
        self._journal: StudyJournal | None = None
        self._before: int | None = None  # examples that trials had seen when an earlier start was cut off
        self._next = float("-inf")
        self._lost = False

    def show(self, target: str, look: Callable[[], Glance], *, due: bool = False) -> None:
        """Write down how the search for `target` stands, unless that was done a moment ago; if `due`, in any case."""
        start = self._now()
        if self._lost or (start < self._next and not due):
            return
        self._glances[target] = look()
        try:
            self._write()
        except OSError:
            self._lost = True
        end = self._now()
        self._next = end + max(_LEAST, _SPARE * (end - start))

    def _write(self) -> None:
        if self._before is None:
            self._before = open_journal(self._path).seen()
        seen = sum(one.examples for glance in self._glances.values() for one in glance.standings)
        if self._before and seen <= self._before:
            return
        if self._journal is None or not self._noted(self._journal):  # begun, or somebody else has written there
            self._journal = open_journal(self._path)
            self._pages.clear()
            self._noted(self._journal)

    def _noted(self, journal: StudyJournal) -> bool:
        for target, glance in self._glances.items():
            if target not in self._pages:
                self._pages[target] = _Page(journal.storage, target)
            self._pages[target].note(glance)
        return journal.flush()


class _Page:
    """One study, and what is written down of each of its trials."""

    def __init__(self, storage: Any, name: str) -> None:
        self._storage = storage
        new_study(storage, name)
        self._study = storage.get_study_id_from_name(name)
        self._ids: list[int] = []
        self._examples: list[int] = []
        self._over: set[int] = set()

    def note(self, glance: Glance) -> None:
        for standing in glance.standings:
            if standing.number == len(self._ids):
                self._enter(standing, glance)
            if standing.number not in self._over:
                self._go_on(standing, glance)

    def _enter(self, standing: Standing, glance: Glance) -> None:
        optuna, trial = door(), glance.trial(standing.number)
        choices = {name: dict.fromkeys((*glance.choices.get(name, ()), value)) for name, value in trial.params.items()}
        entered = optuna.trial.create_trial(
            state=optuna.trial.TrialState.RUNNING,
            params=dict(trial.params),
            distributions={name: optuna.distributions.CategoricalDistribution(list(c)) for name, c in choices.items()},
            user_attrs={"round": trial.round, "program": trial.program},
        )
        self._ids.append(self._storage.create_new_trial(self._study, entered))
        self._examples.append(0)

    def _go_on(self, standing: Standing, glance: Glance) -> None:
        number, state = standing.number, door().trial.TrialState
        if standing.value is not None and standing.examples > self._examples[number]:
            self._storage.set_trial_intermediate_value(self._ids[number], standing.examples, standing.value)
            self._examples[number] = standing.examples
        if standing.going:
            return
        for name, fact in facts(glance.trial(number)).items():
            self._storage.set_trial_user_attr(self._ids[number], name, fact)
        values = None if standing.value is None else [standing.value]
        self._storage.set_trial_state_values(self._ids[number], state.COMPLETE if values else state.FAIL, values)
        self._over.add(number)
