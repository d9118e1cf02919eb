"""What is exported of a bundle alone loses nothing that the run's own export would have kept or refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from optimizer.errors import ExportError
from optimizer.exporters.registry import export
from optimizer.exporters.shipment import of_bundle
from optimizer.importers import import_files
from optimizer.prompt import Demo, Prompt
from optimizer.prompt.picking import Picking
from tests.conftest import Walked
from tests.exporters.test_bundle import written
from tests.exporters.test_exporters import TEXTUAL

TURN = {"role": "user", "content": "Never say § 7.\n\nNumber: {{n}}"}


@pytest.mark.parametrize("form", TEXTUAL)
def test_a_choice_of_worked_examples_is_refused_from_a_bundle_too(plain_run: Walked, tmp_path: Path, form: str) -> None:
    demos = tuple(Demo({"n": str(n)}, "even") for n in range(3))
    prompt = replace(Prompt.from_messages([TURN]), demos=demos, picking=Picking(1))
    given = of_bundle(written(plain_run, tmp_path / "bundle", prompt, [{"n": "1"}]))

    with pytest.raises(ExportError, match=rf"{form}: the prompt picks its worked examples .* use --as bundle"):
        export(given, form)


def test_protected_texts_stay_protected_from_a_bundle_too(plain_run: Walked, tmp_path: Path) -> None:
    prompt = Prompt.from_messages([TURN], protected=["Never say § 7."])
    given = of_bundle(written(plain_run, tmp_path / "bundle", prompt, [{"n": "1"}]))

    assert import_files([tmp_path / "bundle"]).protected == ("Never say § 7.",)
    assert "<advpo:exclude>Never say § 7.</advpo:exclude>" in str(export(given, "advpo").files["templates.jsonl"])
