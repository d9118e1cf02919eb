"""Rows of a dataset on the hub."""

from __future__ import annotations

from collections.abc import Collection

from optimizer.data.arrow import BATCH, label_names, open_datasets, records_of
from optimizer.data.rows import Row, Table, as_plain
from optimizer.errors import DataError


def read_hub(
    name: str,
    *,
    config: str | None = None,
    split: str = "train",
    revision: str | None = None,
    wanted: Collection[str] | None = None,
) -> Table:
    """The rows of a split of a dataset on the hub. Raises DataError; asks no network when HF_HUB_OFFLINE is set."""
    try:
        found = open_datasets().load_dataset(name, config, split=split, revision=revision)
        columns, names = tuple(found.column_names), label_names(found.features)
        kept = [column for column in columns if wanted is None or column in wanted]
        batches = found.select_columns(kept).with_format("arrow").iter(batch_size=BATCH)
        records = [record for batch in batches for record in records_of(batch, names)]
    except Exception as error:
        reason = str(error).strip().partition("\n")[0][:300] or type(error).__name__
        raise DataError(
            f"hub dataset {name!r} (config {config}, split {split}): {reason}. Check data.hub, and the network; "
            "HF_HUB_OFFLINE=1 allows only what was downloaded before"
        ) from error
    rows = tuple(Row(record, name, number) for number, record in enumerate(records, start=1))
    if not rows:
        raise DataError(f"hub dataset {name!r}: the split {split!r} has no rows; name another in data.hub.split")
    return as_plain(Table(name, rows, columns))
