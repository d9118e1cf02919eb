"""A bundle that somebody approved or signed stays as it is when the same run writes its bundle again."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from optimizer.errors import ConfigError, ExportError
from optimizer.exporters.bundle.sealing import BUNDLE, SUMS, as_text
from optimizer.exporters.bundle.signing import SIGNATURE
from optimizer.exporters.bundle.verifying import Verified, parsed, read_bundle


def approved_bundle(folder: Path, files: Mapping[str, bytes]) -> Verified | None:
    """The approved or signed bundle in `folder`, if `files` differ from it in the approval alone; else None."""
    try:
        found = read_bundle(folder)
    except (ExportError, ConfigError):  # no bundle, a damaged one, or one whose signature cannot be checked here
        return None
    approval = found.bundle.get("approval", {})
    if not (found.signed_by or approval.get("approver")):
        return None
    told = {**parsed(files[BUNDLE], folder / BUNDLE), "approval": approval}
    anew = {**files, BUNDLE: as_text(told).encode()}
    apart = (SUMS, SIGNATURE)
    same = {name: data for name, data in anew.items() if name not in apart} == {
        name: data for name, data in found.files.items() if name not in apart
    }
    return found if same else None
