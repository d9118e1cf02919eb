"""Can replies be read without the contract's parser? Most formats ship none: production gets the raw text.

The winner's own held-out replies decide: read as they are (JSON as JSON), do they give the values that were scored?
Those that do not are useless in production, so the verdict is computed again with them as invalid. Asks no model.
"""

from __future__ import annotations

import json
from dataclasses import replace

from optimizer.config.terms import Terms
from optimizer.errors import ExportError
from optimizer.exporters.shipment import Shipment
from optimizer.objective import Evaluation, pooled
from optimizer.prompt.contract import Contract
from optimizer.results.migration import Migration, TargetResult
from optimizer.results.rescore import metric_of_run
from optimizer.types import Output, Score
from optimizer.verdict.confirm import Decision
from optimizer.verdict.matched import MatchedPairs, standard_of
from optimizer.verdict.weigh import Evidence, weigh

BUNDLE = "use --as bundle, which ships the parser"


def without_parser(shipment: Shipment, form: str, *, allow_change: bool = False) -> str:
    """A note on how to read a reply. Raises ExportError if that takes the parser; with `allow_change`, only if the
    verdict would be another one without it."""
    contract, result = shipment.contract, shipment.result
    if contract.marker:
        raise ExportError(
            f"{form}: the answer stands behind the last {contract.marker!r} of a reply, which takes a parser; {BUNDLE}"
        )
    if contract.kind in ("text", "tools"):  # every client gets tool calls apart from the text
        return ""
    if result is None or shipment.migration is None:
        return _unproven(contract, form)
    outputs = result.confirmation.winner.outputs
    differing = sum(_differs(contract, output) for output in outputs)
    if not differing:
        return f"all {len(outputs)} held-out replies read the same without a parser ({_how(contract)})"
    counted = (
        f"{differing} of {len(outputs)} held-out replies are no answer without the {contract.kind} contract's parser"
    )
    if not allow_change:
        raise ExportError(f"{form}: {counted}; {BUNDLE}, or add --allow-contract-change to weigh the prompt without it")
    before, after = result.decision, decided(shipment.migration, result, contract)
    told = f"{counted}; with these as invalid the verdict is {after.verdict.value}: {after.reason}"
    if after.verdict != before.verdict:
        raise ExportError(f"{form}: {told}; {BUNDLE}")
    return f"{told} Replies are to be read {_how(contract)}"


def decided(migration: Migration, result: TargetResult, contract: Contract) -> Decision:
    """The run's decision if replies had been read without the parser: those that read differently score 0."""
    met, terms = result.confirmation, Terms.of(migration.settings)
    draws = {
        name: tuple(_read(one, contract) for one in drawn) if name == "winner" else drawn
        for name, drawn in met.draws.items()
    }
    winner = pooled(draws["winner"]) if "winner" in draws else _read(met.winner, contract)
    standard = standard_of(terms.metrics, migration.examples.values())
    held_out = [migration.examples[identity] for identity in migration.split["test"]]
    references = {output.example_id: output for output in migration.baseline}
    evidence = Evidence(held_out, references, metric_of_run(migration, terms, asking=True), migration.columns)
    pairs = MatchedPairs(replace(met, winner=winner, draws=draws), standard, evidence.golds)
    before = result.decision
    return weigh(pairs, evidence, terms, confidence=before.confidence, family=before.family)


def _read(found: Evaluation, contract: Contract) -> Evaluation:
    pairs = [_reread(contract, *pair) for pair in zip(found.outputs, found.scores, strict=True)]
    return replace(found, outputs=tuple(output for output, _ in pairs), scores=tuple(mark for _, mark in pairs))


def _reread(contract: Contract, output: Output, mark: Score) -> tuple[Output, Score]:
    if not _differs(contract, output):
        return output, mark
    reason = f"invalid reply: not to be read {_how(contract)}"
    return replace(output, value=None, status="invalid", error=reason), Score(0.0, reason)


def _differs(contract: Contract, output: Output) -> bool:
    """A reply that broke the contract anyway is no answer either way."""
    if output.status != "ok":
        return False
    try:
        value = json.loads(output.text) if contract.kind == "json" else output.text.strip()
    except (ValueError, RecursionError):
        return True
    return bool(value != output.value)


def _unproven(contract: Contract, form: str) -> str:
    if contract.kind == "regex":
        raise ExportError(f"{form}: the answer is what a regular expression captures, which takes a parser; {BUNDLE}")
    return f"replies are to be read {_how(contract)}; export from the run to see whether that is enough"


def _how(contract: Contract) -> str:
    return "as JSON" if contract.kind == "json" else "as they are, but for white space at their ends"
