"""What would make a run useless is looked for before the source is paid for.

One question to each target finds a wrong key, a model that is not there, a parameter that is not taken, an answer
without token counts. It is the one with which the target's search begins, the unchanged prompt on the first example of
the shared order: kept, counted and capped as every other, and asked only once. What a proposer will be asked depends on
the source's answers: it gets a word's question of its own. A metric, with its judge, is tried on the source's first
answers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext

from optimizer.errors import BudgetExceeded, CreditExhausted, ModelError
from optimizer.evaluate import record, score
from optimizer.metrics import Metric
from optimizer.models import Model, bridge
from optimizer.models.money.meter import Purse
from optimizer.models.pacing.retry import Impatient
from optimizer.planning.labels import known_before, labels_of
from optimizer.planning.plan import Plan
from optimizer.planning.probed import READY, is_probed
from optimizer.programs.shipped import program_of
from optimizer.progress import Progress, Watch
from optimizer.search.race import shared_order
from optimizer.types import Example, Output

_FOUND = "found by one question to each target, before the source is asked"


def probe(planned: Plan, targets: Sequence[Model], purse: Purse, watch: Watch) -> Mapping[str, str]:
    """The targets that cannot be asked, by name, and why.

    Raises ModelError where that leaves none. What may pass (a limit, a silent server) is told and keeps nobody out.
    """
    sections, refused = planned.task.settings.targets, dict[str, ModelError]()
    example = _first_asked(planned)
    comes_up = known_before(planned.task, planned.parts.validation)
    for section, fit, target in zip(sections, planned.fits, targets, strict=True):
        if not is_probed(section):
            continue
        try:
            with purse.ahead() if comes_up else nullcontext():
                (output,) = record(program_of(fit.prompt), Impatient(target), (example,))
        except CreditExhausted:
            raise
        except ModelError as problem:
            refused[section.model] = problem
        else:
            if output.status == "failed":
                told = f"no answer to the first question, the run goes on: {output.error}"
                watch(Progress("baseline", section.model, text=told))
    if len(refused) == len(sections):
        first, *others = refused.values()
        said = "; ".join((first.said, *map(str, others)))
        raise ModelError(f"{said} ({_FOUND})", model=first.model, status=first.status) from first
    for model, why in refused.items():
        watch(Progress("baseline", model, text=f"target left out: {why}"))
    return {model: why.said for model, why in refused.items()}


def probe_proposer(planned: Plan, proposer: Model, purse: Purse, watch: Watch) -> None:
    """Raises ModelError for a proposer that cannot be asked; what may pass is told, as in `probe`.

    A run comes to its verdict without a proposer, too: what it needs for that is not spent here.
    """
    if not planned.expected.tries_writer:
        return
    purse.keep(**planned.expected.least._asdict())
    try:
        bridge.run(Impatient(proposer).complete(READY))
    except CreditExhausted:
        raise
    except ModelError as problem:
        if not (problem.retryable or problem.refused):
            how = "the proposer; found by one question to it, before the source is asked"
            raise ModelError(f"{problem.said} ({how})", model=problem.model, status=problem.status) from problem
        told = f"no answer of the proposer to a first question, the run goes on: {problem}"
        watch(Progress("baseline", proposer.name, text=told))
    except BudgetExceeded as limit:
        watch(Progress("baseline", proposer.name, text=f"the proposer is not tried beforehand: {limit}"))
    finally:
        purse.keep()


def try_metric(metric: Metric, planned: Plan, outputs: Sequence[Output]) -> None:
    """Raises for a metric that cannot score, or a judge that cannot be asked. `outputs`: of the first examples.

    A judge is asked of an answer that it will be asked of in any case; those to validation examples are none.
    """
    asks = getattr(metric, "asks", False)
    spared = {example.id for example in planned.parts.validation} if asks else set()
    pairs = zip(planned.task.examples, outputs, strict=False)
    fit = (([example], (o,)) for example, o in pairs if o.status == "ok" and example.id not in spared)
    if tried := next(fit, None):
        try:
            score(*tried, {output.example_id: output for output in outputs}, metric)
        except ModelError as problem:
            if not problem.retryable:
                raise


def _first_asked(planned: Plan) -> Example:
    labels, examples = labels_of(planned.task, planned.task.recorded or {}), planned.parts.validation
    order = shared_order([labels.get(e.id, "") for e in examples], planned.task.settings.search.seed)
    return examples[order[0]]
