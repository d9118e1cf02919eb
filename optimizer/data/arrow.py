"""The one door to `datasets`, and what its Arrow tables hold."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

BATCH = 10_000


def open_datasets() -> Any:
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    import datasets

    datasets.config.HF_UPDATE_DOWNLOAD_COUNTS = False  # else opening a local file is announced over the network
    return datasets


def label_names(features: Any) -> dict[str, list[str]]:
    """Columns that hold numbers for names: a hub label of 2 means the third name."""
    return {column: feature.names for column, feature in (features or {}).items() if hasattr(feature, "str2int")}


def records_of(batch: Any, names: dict[str, list[str]]) -> Iterable[dict[str, Any]]:
    records: list[dict[str, Any]] = batch.to_pylist()
    for record in records:
        for column, known in names.items():
            if (number := record.get(column)) is not None:
                record[column] = known[number] if 0 <= number < len(known) else None
    return records
