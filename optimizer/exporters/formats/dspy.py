"""DSPy: the state of a team's program with the instructions and worked examples that won."""

from __future__ import annotations

from optimizer.errors import ExportError
from optimizer.exporters.shipment import Export, Shipment
from optimizer.prompt.suite import Suite
from optimizer.results.records import as_json


def dspy(shipment: Shipment) -> Export:
    """DSPy program state: `program.load("program.json")` on the program that was migrated."""
    suite = shipment.prompt
    if not isinstance(suite, Suite):
        raise ExportError(
            "dspy: DSPy's adapters write messages of their own around a signature, so they would not be those that "
            "were scored; use --as openai, or migrate a DSPy program (`program:` in the task file)"
        )
    _reloads(suite)
    settings = {"model": shipment.model, **suite.params}
    notes = (f"run it with the {suite.origin.adapter} adapter: dspy.configure(adapter=...)",)
    return Export({"program.json": as_json(suite.state, sort=False), "parameters.json": as_json(settings)}, notes)


def _reloads(suite: Suite) -> None:
    """Raises ExportError unless DSPy, given the state, holds what was scored."""
    from optimizer.programs.dspy.opening import live

    loaded = dict(live(suite).named_predictors())
    for part in suite.parts:
        found = loaded[part.name].dump_state()
        if found["signature"]["instructions"] != part.instructions or found["demos"] != [dict(d) for d in part.demos]:
            raise ExportError(f"dspy: the predictor {part.name!r} would not be as it was scored; use --as bundle")
