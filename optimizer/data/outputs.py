"""What the source answered, and what that took, where the rows have it on record."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from optimizer.config.sections import Recorded
from optimizer.data.columns import MISSING, Problems, pick
from optimizer.data.rows import Row, Table
from optimizer.errors import DataError
from optimizer.models.money.prices import Price
from optimizer.prompt.contract import Contract
from optimizer.types import AMOUNTS, Example, Output


def read_outputs(
    columns: Recorded, contract: Contract, price: Price | None, table: Table, examples: tuple[Example, ...]
) -> dict[str, Output]:
    """What the source answered, as recorded, read under the contract; by example id.

    Dollars come from their column, else from the tokens at `price`, else they are 0 and unknown.
    """
    problems = Problems()
    outputs = {}
    for row, example in zip(table.rows, examples, strict=True):
        numbers = {
            key: amount(row, column, key.endswith("_tokens"), problems)
            for key in AMOUNTS
            if (column := getattr(columns, key))
        }
        if price and "cost" not in numbers:
            tokens = (int(numbers.get("input_tokens", 0)), int(numbers.get("output_tokens", 0)))
            numbers["cost"] = price.cost(*tokens)
        outputs[example.id] = _output(example.id, pick(row, columns.output), contract, numbers)
    problems.raise_any()
    if all(output.status == "failed" for output in outputs.values()):
        raise DataError(f"{table.name}: the column {columns.output!r} holds no recorded output; leave data.source out")
    return outputs


def amount(row: Row, column: str, whole: bool, problems: Problems) -> float:
    """Seconds, tokens or dollars: a number, or a text that is one."""
    value = pick(row, column)
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number) or number < 0 or (whole and number != int(number)):
        shown = "nothing" if value in (MISSING, None, "") else json.dumps(value)[:60]
        kind = "a whole number" if whole else "a number"
        problems.add(
            f"{row.place}, field {column!r}: must be {kind}, 0 or more, as in {12 if whole else 1.5}, found {shown}"
        )
        return 0.0
    return number


def _output(identity: str, answer: Any, contract: Contract, numbers: Mapping[str, float]) -> Output:
    amounts: dict[str, Any] = {key: int(n) if key.endswith("_tokens") else n for key, n in numbers.items()}
    if answer is MISSING or answer is None:
        return Output(identity, "", status="failed", error="no output was recorded", **amounts)
    if contract.kind == "tools" and isinstance(answer, dict) and not answer.get("tool_calls") and "role" in answer:
        answer = answer.get("content") or ""  # a message without calls says its words
    reply = contract.read(answer if isinstance(answer, str) else json.dumps(answer, ensure_ascii=False))
    return Output(identity, reply.text, reply.value, reply.status, reply.error, calls=1, **amounts)
