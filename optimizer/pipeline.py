"""The whole run, in the order in which it happens.

    read the task ▸ estimate its cost ▸ split ▸ ask targets and proposer once ▸ record the source
    ▸ for each target: search, confirm, decide ▸ write report and bundle

Resuming is replaying: decisions depend on seeds and on answers, and every answer is remembered. A run that was cut
off is finished by starting it again: it takes the same steps and pays for nothing twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from optimizer.connect import metric_of
from optimizer.evaluate import record, refuse_unfit, score
from optimizer.models import Model
from optimizer.models.tolerant import Tolerant
from optimizer.objective import Evaluation, Unit, pooled
from optimizer.opening import Opened, opened
from optimizer.outlets import publish, share_trials
from optimizer.planning.agreement import fingerprint, versions
from optimizer.planning.allowance import Allowance
from optimizer.planning.labels import labels_of
from optimizer.planning.plan import Plan, plan
from optimizer.pricing import OFFLINE_PREFIX, origin_of_prices, price_of
from optimizer.probe import probe, probe_proposer, try_metric
from optimizer.programs.shipped import program_of
from optimizer.progress import Progress, Stage, Watch
from optimizer.prompt import Prompt
from optimizer.results.migration import Migration, TargetResult
from optimizer.search.brief import Brief, Cast, Effort, Ground, Scale
from optimizer.search.loop import search
from optimizer.search.trial import SearchResult
from optimizer.task import Task
from optimizer.types import Example, Output
from optimizer.verdict.matched import Confirmation, Standard, standard_of
from optimizer.verdict.weigh import Evidence, weigh_all

_FIRST = 20  # examples that the source answers before the others, to see whether its replies can be read at all


def migrate(task: Task, path: str | Path, **how: Any) -> Migration:
    """Start or resume the migration of `task` in the run directory `path`; `how`: see `opening.opened`.

        migration = migrate(load_task("task.yaml"), "runs/mine", watch=print)
        migration.targets[0].decision.verdict

    From a script, a notebook, a coroutine (which it blocks), threads or processes, each with a directory of its own.
    Nothing is printed unless `watch` prints it; `watch` is called with every `Progress`.
    """
    planned = plan(task)
    with opened(task, Path(path), expected=planned.expected.facts(), **how) as at:
        migration = _Run(planned, at).migration()
        at.run.write(migration)
        for lost in (*publish(migration, at.run), *share_trials(migration, f"{task.name} {fingerprint(task)}")):
            at.tell(Progress("done", text=lost))
        at.tell(Progress("done", done=1, total=1, calls=at.purse.calls, dollars=at.purse.dollars))
    return migration


class _Run:
    """A run from data to decisions; every method is one stage of it."""

    def __init__(self, planned: Plan, at: Opened) -> None:
        self.planned, self.task, self.parts, self.notes = planned, planned.task, planned.parts, planned.notes
        self.metric = metric_of(self.task.settings, self.task.prompt.contract, at.roles)
        self.fits, self.needs, self.expected = planned.fits, planned.expected.needs, planned.expected
        self.roles, self.purse, self.clock, self.live = at.roles, at.purse, at.clock, at.live
        self.found: list[SearchResult] = []  # for each target so far: what the next ones can learn from
        self.watch: Watch = lambda p: at.tell(replace(p, calls=at.purse.calls, dollars=at.purse.dollars))

    def migration(self) -> Migration:
        task, settings = self.task, self.task.settings
        for note in self.notes:
            self.watch(Progress("baseline", text=note))
        if task.recorded:
            refuse_unfit(tuple(task.recorded.values()), settings.source.model)
        left_out = probe(self.planned, self.roles.targets, self.purse, self.watch)
        probe_proposer(self.planned, self.roles.proposers[0], self.purse, self.watch)
        baseline = self._baseline()
        source = self._source(baseline)
        asked = [number for number, section in enumerate(settings.targets) if section.model not in left_out]
        found = {number: self._target(number, asked, baseline, source) for number in asked}
        results = self._decided([found.get(number) for number in range(len(settings.targets))], baseline)
        self.purse.come_due()
        spend = self.purse.spend
        return Migration(
            name=task.name,
            source=settings.source.model,
            prompt=task.prompt,
            examples={example.id: example for example in task.examples},
            split=self.parts.ids,
            baseline=tuple(baseline.values()),
            targets=results,
            settings=settings.to_dict(),
            spend={role: spend[role] for role in dict.fromkeys((*self.expected.roles, *spend)) if role in spend},
            earlier=self.purse.earlier,
            expected={role: share.as_spend() for role, share in self.expected.roles.items()},
            at_least=self.expected.low.as_spend(),
            at_most=self.expected.high.as_spend(),
            versions=versions(),
            prices=origin_of_prices((settings.source, *settings.targets)),
            notes=(*self.notes, *(f"target left out: {model}: {why}" for model, why in left_out.items())),
            left_out=left_out,
            columns=task.slices,
            stages=task.stages,
            simulated=any(m.model.startswith(OFFLINE_PREFIX) for m in (settings.source, *settings.targets)),
        )

    def _baseline(self) -> Mapping[str, Output]:
        """The source's answer to every example: the reference, and where worked examples come from."""
        if self.task.recorded:
            outputs = tuple(self.task.recorded.values())
        else:
            first, rest = self.task.examples[:_FIRST], self.task.examples[_FIRST:]
            outputs = self._record("baseline", self.task.prompt, self.roles.source, first)
            refuse_unfit(outputs, self.task.settings.source.model)
            try_metric(self.metric, self.planned, outputs)
            outputs += self._record("baseline", self.task.prompt, self.roles.source, rest)
        return {output.example_id: output for output in outputs}

    def _source(self, baseline: Mapping[str, Output]) -> tuple[Evaluation, ...]:
        """The source's draws on the held-out examples: one more than the task wants, to see how well it agrees with
        itself; only one if it was recorded."""
        first = tuple(baseline[example.id] for example in self.parts.test)
        samples = () if self.task.recorded else range(1, self.task.settings.decision.draws + 1)
        model, prompt, held_out = self.roles.source, self.task.prompt, self.parts.test
        more = (self._record("baseline", prompt, model, held_out, sample=number) for number in samples)
        drawn = (self._score(baseline, outputs) for outputs in (first, *more))
        return tuple(replace(one, unmeasured=self.task.unmeasured) for one in drawn)

    def _target(
        self, number: int, asked: Sequence[int], baseline: Mapping[str, Output], source: tuple[Evaluation, ...]
    ) -> tuple[str, SearchResult, Confirmation]:
        settings = self.task.settings
        section, fit = settings.targets[number], self.fits[number]
        target = Tolerant(self.roles.targets[number], fit.prompt.params)
        for note in fit.notes:
            self.watch(Progress("search", target.name, text=note))
        allowance = Allowance(self.purse, self.clock, target.name, [self.needs[n] for n in asked if n >= number])
        brief = Brief(
            Ground(self.parts.train, self.parts.validation, baseline, labels_of(self.task, baseline), self.task.slices),
            self._scale(baseline),
            Cast(target, self.roles.proposers[number], fit.habits, price_of(section), settings.search.advice or ""),
            Effort(**settings.search.model_dump(exclude={"space", "jobs", "advice"})),
            afford=allowance,
            left=allowance.left,
            earlier=tuple(self.found),
            watch=self.watch,
            show=lambda look, due: self.live.show(section.model, look, due=due),
        )
        found = search(fit.prompt, fit.space, brief)
        self.found.append(found)
        found = replace(found, notes=(*fit.notes, *found.notes))
        allowance.release()
        return section.model, found, self._confirm(target, fit.prompt, found.winner.prompt, baseline, source)

    def _decided(
        self, found: Sequence[tuple[str, SearchResult, Confirmation] | None], baseline: Mapping[str, Output]
    ) -> tuple[TargetResult, ...]:
        evidence = Evidence(self.parts.test, baseline, self.metric, self.task.slices, self.task.rated)
        met = [one and one[2] for one in found]
        decisions = weigh_all(met, evidence, self.task.settings, self._standard())
        results = [
            TargetResult(*one, decision) for one, decision in zip(found, decisions, strict=True) if one and decision
        ]
        for target in results:
            told = f"{target.model}: {target.decision.verdict.value}. {target.decision.reason}"
            self.watch(Progress("confirm", target.model, text=told))
        return tuple(results)

    def _scale(self, baseline: Mapping[str, Output]) -> Scale:
        settings = self.task.settings
        return Scale(
            self.metric,
            settings.objective.build(),
            settings.constraints.build(),
            Unit.of(baseline.values()),
            settings.search.jobs,
        )

    def _standard(self) -> Standard:
        return standard_of(self.task.settings.metrics, self.task.examples)

    def _confirm(
        self,
        target: Model,
        carried: Prompt,
        winner: Prompt,
        baseline: Mapping[str, Output],
        source: tuple[Evaluation, ...],
    ) -> Confirmation:
        """Unchanged prompt and winner answer the held-out examples, as often as the task wants."""
        wanted = self.task.settings.decision.draws

        def meet(prompt: Prompt) -> tuple[Evaluation, ...]:
            answers = (self._record("confirm", prompt, target, self.parts.test, sample=n) for n in range(wanted))
            return tuple(self._score(baseline, outputs) for outputs in answers)

        unchanged = meet(carried)
        sides = {
            "source": source[:wanted],
            "unchanged": unchanged,
            "winner": unchanged if winner == carried else meet(winner),
            "again": source[1:],
        }
        return Confirmation(
            source=pooled(sides["source"]),
            unchanged=pooled(unchanged),
            winner=pooled(sides["winner"]),
            again=pooled(sides["again"]) if sides["again"] else None,
            draws={name: drawn for name, drawn in sides.items() if drawn} if wanted > 1 else {},
        )

    def _score(self, baseline: Mapping[str, Output], outputs: tuple[Output, ...]) -> Evaluation:
        return score(self.parts.test, outputs, baseline, self.metric, jobs=self.task.settings.search.jobs)

    def _record(
        self, stage: Stage, prompt: Prompt, model: Model, examples: tuple[Example, ...], *, sample: int = 0
    ) -> tuple[Output, ...]:
        total = len(examples)

        def tick(done: int) -> None:
            self.watch(Progress(stage, model.name, done, total))

        return record(program_of(prompt), model, examples, sample=sample, tick=tick)
