"""A bundle that somebody approved or signed stays what it is when the same run writes its bundle again."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from optimizer.errors import ConfigError, ExportError
from optimizer.exporters.sealing import BUNDLE, SUMS, as_text
from optimizer.exporters.signing import SIGNATURE
from optimizer.exporters.verifying import Verified, parsed, read_bundle


def standing(folder: Path, files: Mapping[str, bytes]) -> Verified | None:
    """The approved or signed bundle in `folder`, where `files` would say the same but for the approval; else None."""
    try:
        found = read_bundle(folder)
    except (ExportError, ConfigError):  # none, a damaged one, or one whose signature cannot be checked here
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
