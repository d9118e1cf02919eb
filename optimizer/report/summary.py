"""What the command line prints: expectations before a run, the outcome after it. Returns text, prints nothing."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

from optimizer.data.stages import EVERYONE, Stage
from optimizer.models.money.book import Spend
from optimizer.objective import Evaluation
from optimizer.plugins import described, first_line, known_names, resolve
from optimizer.prompt import Prompt
from optimizer.prompt.suite import Suite
from optimizer.results.migration import Migration, TargetResult
from optimizer.results.recommendation import recommend
from optimizer.results.records import best_verdict
from optimizer.results.rundir import RunDir
from optimizer.types import AMOUNTS
from optimizer.verdict.power import power

_MANY = 0.05  # a larger share of invalid replies is no slip: it is told why

if TYPE_CHECKING:
    from optimizer.planning.plan import Plan


def expectation(plan: Plan) -> str:
    """Sizes, calls and dollars to expect, role by role."""
    task, parts, settings = plan.task, plan.parts, plan.task.settings
    lines = [
        f"{task.name}: {len(task.examples)} examples "
        f"({len(parts.train)} train, {len(parts.validation)} validation, {len(parts.test)} held out)",
        f"{_prompt(task.prompt)}, variables {', '.join(sorted(task.prompt.names))}",
        f"source: {settings.source.model}" + (" (recorded, not called)" if task.recorded else ""),
        f"target: {', '.join(section.model for section in settings.targets)}",
        *_stages(task.stages),
        f"space: {settings.search.space}, {settings.search.trials} trials in {settings.search.rounds} rounds",
        *power(
            len(parts.test),
            targets=len(settings.targets),
            margin=settings.decision.margin,
            confidence=settings.decision.confidence,
        ),
        "to expect:",
        *(f"  {role:10} {share.calls:7,} calls   ${share.dollars:.4f}" for role, share in plan.expected.roles.items()),
        f"  {'all':10} {plan.expected.calls:7,} calls   ${plan.expected.dollars:.4f}",
        f"  {'at least':10} {plan.expected.low.calls:7,} calls   ${plan.expected.low.dollars:.4f}",
        f"  {'at most':10} {plan.expected.high.calls:7,} calls   ${plan.expected.high.dollars:.4f}",
    ]
    if limits := settings.budget.limits:
        lines.append(f"budget: {', '.join(limits)}; the search ends early enough to leave what the confirmation needs")
    notes = (
        *plan.notes,
        *dict.fromkeys(note for fit in plan.fits for note in fit.notes),
    )
    return "\n".join([*lines, *(f"note: {note}" for note in notes)])


def _stages(stages: Sequence[Stage]) -> Iterator[str]:
    """What the application does beside the prompt, and what that takes in the mean."""
    for stage in stages:
        took = list(stage.of(EVERYONE).values())
        means = {name: fmean(row[name] for row in took) for name in AMOUNTS if took and name in took[0]}
        forms = {"latency": "{:.2f} s", "input_tokens": "{:,.0f} tokens in", "output_tokens": "{:,.0f} out"}
        told = [forms[name].format(mean) for name, mean in means.items() if name in forms]
        told += [f"${1000 * means['cost']:.4f} per 1,000"] if "cost" in means else []
        output = f", its outputs in {stage.output!r}" if stage.output else ""
        yield f"stage: {stage.name} (frozen{output})" + (f": {', '.join(told)}" if told else "")


def outcome(migration: Migration, folder: Path) -> str:
    """Verdict, figures and spend, and where report and bundle are."""
    run = RunDir(folder)
    lines = [""]
    for result in migration.targets:
        lines += [*_target(migration, result, run), ""]
    if len(migration.targets) > 1:
        lines += [*_recommendation(migration), ""]
    if not migration.prompt:
        return "\n".join([*lines, *(f"note     {note}" for note in migration.notes), f"report   {run.report}"])
    lines += _spending(migration)
    if migration.simulated:
        lines.append("         simulated: the offline models charge nothing, these are the prices they pretend to have")
    return "\n".join([*lines, f"report   {run.report}"])


def _spending(migration: Migration) -> Iterator[str]:
    spent, reckoned, most = migration.spent, migration.reckoned, migration.at_most
    limit = f", at most ${most.dollars:.4f} in {most.calls:,}" if most else ""
    expected = f" (expected: ${reckoned.dollars:.4f} in {reckoned.calls:,}{limit})" if reckoned else ""
    yield f"spent    ${spent.dollars:.4f} in {spent.calls:,} calls{expected}"
    if spent.wasted:
        yield f"         and {_wasted(spent)}"
    if before := migration.earlier:
        lost = f" and {_wasted(before)}" if before.wasted else ""
        yield f"         and ${before.dollars:.4f} in {before.calls:,} calls{lost}: by earlier starts, not needed now"


def _wasted(spent: Spend) -> str:
    most = f"${spent.wasted_dollars:.4f} at the most"
    return f"{spent.wasted:,} calls without a usable answer, which may be billed: {most}"


def _recommendation(migration: Migration) -> Iterator[str]:
    found = recommend(migration)
    yield found.reason
    picks = {"best quality": found.best, "cheapest": found.cheapest, "fastest": found.fastest}
    yield from (f"  {name:13} {model}" for name, model in picks.items() if model)


def _target(migration: Migration, result: TargetResult, run: RunDir) -> Iterator[str]:
    met, decision = result.confirmation, result.decision
    yield f"{migration.source} -> {result.model}: {decision.verdict.value.upper()}"
    yield f"  {decision.reason}"
    yield f"  {'':10} {'quality':>8} {'valid':>7} {'$/1,000':>9} {'p95':>7}  on {decision.comparison.n} held-out"
    last = "migrated" if result.search.trials else "target"
    for name, evaluation in (("source", met.source), ("unchanged", met.unchanged), (last, met.winner)):
        if evaluation:
            yield f"  {name:10} {_figures(evaluation)}"
    yield from _missed(met.source, met.winner, last)
    if result.search.trials:
        winner = result.search.winner
        stopped = result.search.stopped_by
        yield f"  winner   trial {winner.number} of {len(result.search.trials)}, {winner.program}; {stopped}"
        yield f"  bundle   {_bundle(migration, result, run) or 'none: it cannot hold this prompt (see the notes)'}"


def _missed(source: Evaluation, winner: Evaluation, last: str) -> Iterator[str]:
    """Answers that are none: a score of 0 alone does not say whether a model is wrong or was not let speak."""
    every = len(winner.outputs)
    if source.refused or winner.refused:
        told = f"source {source.refused}, {last} {winner.refused} of {every}"
        yield f"  declined {told}, by the model or a filter: no answer, rather than a wrong one"
    if winner.cut:
        told = f"source {source.cut}, {last} {winner.cut} of {every}"
        yield f"  cut off  {told}, at the token limit: raise max_tokens, or have the model reason less"
    broken = [output for output in winner.outputs if output.status == "invalid"]
    if len(broken) > _MANY * every:
        why = " ".join((broken[0].error or "").removeprefix("invalid reply: ").split())[:120]
        yield f"  invalid  {last} {len(broken)} of {every}, first example {broken[0].example_id}: {why}"


def _figures(e: Evaluation) -> str:
    cost = f"{'–':>9}" if math.isnan(e.cost) else f"{1000 * e.cost:9.4f}"
    late = f"{'–':>7}" if math.isnan(e.p95_latency) else f"{e.p95_latency:6.2f}s"
    return f"{e.quality:8.3f} {e.valid:7.1%} {cost} {late}"


def _known(value: float) -> float | None:
    """JSON has no word for "not a number"."""
    return None if math.isnan(value) else value


def outcome_json(migration: Migration, folder: Path) -> dict[str, Any]:
    """The outcome for a program: of the run, and of each target."""
    run = RunDir(folder)
    return {
        "verdict": best_verdict(migration.targets).value,
        "recommended": recommend(migration).recommended,
        "targets": [_target_json(migration, result, run) for result in migration.targets],
        "left_out": dict(migration.left_out),
        "calls": migration.spent.calls,
        "dollars": migration.spent.dollars,
        "wasted": migration.spent.wasted,
        "earlier": _amount(migration.earlier),
        "expected_calls": migration.reckoned.calls if migration.reckoned else 0,
        "expected_dollars": migration.reckoned.dollars if migration.reckoned else 0.0,
        "at_least": _amount(migration.at_least),
        "at_most": _amount(migration.at_most),
        "run_dir": str(folder),
        "report": str(run.report),
        "notes": list(migration.notes),
    }


def _amount(spend: Spend | None) -> dict[str, float] | None:
    return {"calls": spend.calls, "dollars": spend.dollars} if spend else None


def _target_json(migration: Migration, result: TargetResult, run: RunDir) -> Mapping[str, Any]:
    met, comparison = result.confirmation, result.decision.comparison
    sides = {"source": met.source, "unchanged": met.unchanged, "migrated": met.winner}
    found = {
        "model": result.model,
        "verdict": result.decision.verdict.value,
        "reason": result.decision.reason,
        "quality": {name: side.quality for name, side in sides.items() if side},
        "difference": {"mean": comparison.mean, "low": comparison.low, "high": comparison.high, "n": comparison.n},
        "declined": {name: side.refused for name, side in sides.items() if side},
        "cut_off": {name: side.cut for name, side in sides.items() if side},
        "cost_per_1000": _known(1000 * met.winner.cost),
        "latency_p95": _known(met.winner.p95_latency),
    }
    if not result.search.trials:
        return found
    won = {"winner": result.search.best, "program": result.search.winner.program}
    return found | won | {"bundle": _bundle(migration, result, run)}


def _bundle(migration: Migration, result: TargetResult, run: RunDir) -> str | None:
    """Where it is; None where there is none."""
    folder = run.bundle(migration, result)
    return str(folder) if (folder / "bundle.json").is_file() else None


def names_of(kind: str) -> Iterator[tuple[str, str]]:
    """The names of a kind, each with a few words."""
    if kind == "metrics":
        from optimizer.metrics import METRICS

        yield from described("metrics", METRICS)
    elif kind == "rubrics":
        from optimizer.metrics.judges.rubrics import RUBRICS

        yield from RUBRICS.items()
    elif kind == "spaces":
        for name in known_names("spaces", {}):
            yield name, ", ".join(resolve("spaces", name, {}).names)
    elif kind == "optimizers":
        from optimizer.programs.dspy import OPTIMIZERS

        yield from ((name, first_line(recipe.build)) for name, recipe in OPTIMIZERS.items())
    elif kind == "models":
        from optimizer.offline import OFFLINE

        yield from ((name, persona.line) for name, persona in OFFLINE.items())
    else:
        from optimizer.examples import EXAMPLES

        yield from EXAMPLES.items()


def _prompt(prompt: Prompt) -> str:
    if isinstance(prompt, Suite):
        return f"program: {len(prompt.parts)} prompts ({', '.join(part.name for part in prompt.parts)})"
    return f"prompt: {len(prompt.messages)} messages"
