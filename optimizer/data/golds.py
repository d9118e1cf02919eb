"""Gold answers under the reply's contract: a gold answer that no valid reply can equal is a mistake in the data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from optimizer import reader
from optimizer.data import parsing
from optimizer.errors import nearest
from optimizer.prompt.contract import Contract
from optimizer.types import JSON, as_text

Gold = Callable[[JSON], tuple[JSON, str | None]]


def gold_reader(contract: Contract) -> Gold:
    """Gives a gold answer the form of a reply's value, and says what is wrong with it."""
    if contract.kind == "labels":
        return partial(_label, {label.casefold(): label for label in contract.labels})
    if contract.kind == "json":
        schema = contract.schema or {}
        return partial(_object, schema.get("properties", {}), _partial(schema))
    if contract.kind == "tools":
        return partial(_calls, contract)
    return lambda found: (found, None)


def _label(by_folded: Mapping[str, str], found: JSON) -> tuple[JSON, str | None]:
    text = as_text(found)
    folded = text.strip().casefold()
    if folded in by_folded:
        return by_folded[folded], None
    shown = f"{text[:60]!r} is none of the labels.{nearest(folded, by_folded)}"
    return found, f"{shown} Known: {', '.join(by_folded.values())}; correct the row, or prompt.reply.labels"


def _calls(contract: Contract, found: JSON) -> tuple[JSON, str | None]:
    """Calls in any form that a provider writes, or an empty list for "none"; an object under the schema of words.

    Arguments may be missing, as the keys of an object may."""
    lax = replace(contract, tools={name: _partial(schema) for name, schema in (contract.tools or {}).items()})
    reply = lax.read(as_text(found))
    if reply.error:
        return found, f"no valid reply can equal it: {reply.error}; correct the row, or prompt.tools"
    return reply.value, None


def _object(specs: Mapping[str, Any], schema: dict[str, Any], found: JSON) -> tuple[JSON, str | None]:
    """CSV holds objects as texts. Keys may be missing: a gold answer need not judge all of the reply."""
    if isinstance(found, str):
        try:
            found = parsing.decode(found)
        except (ValueError, RecursionError) as error:
            return found, f"the reply is JSON, so the gold answer must be JSON too: {error}"
    elif isinstance(found, dict):  # its parts may come from columns of texts
        found = {key: _typed(value, specs.get(key, {})) for key, value in found.items()}
    problem = reader.mismatch(found, schema)
    return found, problem and f"no valid reply can equal it: {problem}; correct the row, or prompt.reply.schema"


def _typed(value: JSON, spec: Mapping[str, Any]) -> JSON:
    """The value of a text such as "3" or "[]" where the schema wants no text."""
    if not isinstance(value, str) or "type" not in spec or not reader.mismatch(value, {"type": spec["type"]}):
        return value
    try:
        typed: JSON = parsing.decode(value)
    except (ValueError, RecursionError):
        return value
    return typed


def _partial(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The same schema with nothing required."""
    partial = {key: value for key, value in schema.items() if key != "required"}
    if "properties" in schema:
        partial["properties"] = {name: _partial(child) for name, child in schema["properties"].items()}
    if isinstance(schema.get("items"), Mapping):
        partial["items"] = _partial(schema["items"])
    return partial
