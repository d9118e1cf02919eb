"""Export, import, export again: the same files, and on the way a task that asks what was scored."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from optimizer.errors import ExportError
from optimizer.exporters.registry import EXPORTERS, write_export
from optimizer.exporters.shipment import Export, Shipment, of_run
from optimizer.importers import import_files
from optimizer.importers.writing import write_task
from optimizer.prompt.contract import Contract
from optimizer.prompt.layout import Layout
from optimizer.task import Task, load_task
from tests import walking
from tests.e2e.tools.hostile import ROWS, hostile
from tests.importers.test_importers_fuzz import WRITTEN

#: The file of an export that is imported; "" for its first, "." for the folder.
MAIN = {
    "advpo": "",
    "bedrock": "",
    "dotprompt": "",
    "langchain": "prompt.json",
    "langfuse": "",
    "litellm": "",
    "mlflow": "",
    "openai": "messages.json",
    "prompty": "",
    "text": ".",
}
TAME = {"ticket": "late", "n": "1"}
ASKED = 'Ticket {{n}}:\n{{ticket}}\nAs {"n": 1}, please'
SHIPMENTS = {
    "hostile": hostile(),
    "hostile without examples": hostile(turns=False),
    "hostile user": hostile(system="", turns=False),
    "tame": hostile(system='Sort, as {"a": 1}.\n\nUse café.', turns=False, asked=ASKED, rows=(TAME,)),
    "tame user": hostile(system="", turns=False, asked=ASKED, rows=(TAME,)),
}
#: What an exporter refuses, since its consumer could not render it.
REFUSED = {
    "advpo": {"hostile", "hostile without examples", "tame"},
    "prompty": {"hostile", "hostile without examples", "hostile user"},
    "text": {"hostile"},
}
#: LiteLLM's API does not say which {braces} are variables.
UNSAID = {"litellm": {"hostile", "hostile without examples"}}


def back(made: Export, name: str, folder: Path) -> Task:
    """The export as a task."""
    written = write_export(made, folder)
    main = {".": folder, "": written[0]}.get(MAIN.get(name, ""), folder / MAIN.get(name, ""))
    draft = import_files([main])
    return load_task(write_task(draft, folder / "task", main.name, load_task).task)


def again(shipment: Shipment, task: Task) -> Shipment:
    return replace(shipment, model=task.settings.source.model, prompt=task.prompt)


@pytest.mark.parametrize("case", SHIPMENTS)
@pytest.mark.parametrize("name", MAIN)
def test_an_export_that_was_imported_is_exported_to_the_same_files(name: str, case: str, tmp_path: Path) -> None:
    shipment = SHIPMENTS[case]
    if case in REFUSED.get(name, ()):
        with pytest.raises(ExportError):
            EXPORTERS[name](shipment)
        return
    if case in UNSAID.get(name, ()):
        return
    made = EXPORTERS[name](shipment)
    second = again(shipment, back(made, name, tmp_path / "x"))

    assert [second.scored(e.inputs) for e in second.examples] == [shipment.scored(e.inputs) for e in shipment.examples]
    assert EXPORTERS[name](second).files == made.files


def test_a_protected_text_is_protected_in_bedrocks_optimisation_too(tmp_path: Path) -> None:
    kept = ("the label of {{ticket}}", "label of {{ticket}} and no more", "Mind café.")
    asked = "Say the label of {{ticket}} and no more.\n\nMind café."
    shipment = hostile(system="", turns=False, asked=asked, rows=({"ticket": "late"},))
    made = EXPORTERS["advpo"](replace(shipment, prompt=replace(shipment.prompt, protected=kept)))

    template = json.loads(str(made.files["templates.jsonl"]))["promptTemplate"]
    assert template == (
        "Say <advpo:exclude>the label of {{ticket}} and no more</advpo:exclude>.\n\n"
        "<advpo:exclude>Mind café.</advpo:exclude>"
    )
    again = back(made, "advpo", tmp_path).prompt
    assert again.protected == ("the label of {{ticket}} and no more", "Mind café.")


def test_a_text_with_bedrocks_own_marks_is_refused() -> None:
    with pytest.raises(ExportError, match=r"'<advpo:optimize>', which the service takes for a mark of its own"):
        EXPORTERS["advpo"](
            hostile(system="", turns=False, asked="<advpo:optimize> {{ticket}}", rows=({"ticket": "a"},))
        )


def test_promptfoos_prompt_and_examples_come_back(tmp_path: Path) -> None:
    migration, _ = walking.finished(tmp_path)
    shipment = of_run(migration)
    prompt = shipment.prompt
    hard = replace(shipment, prompt=replace(prompt, contract=Contract(), layout=Layout(), demos=()))
    examples = tuple(replace(e, inputs={"n": f"{row['ticket']}"}) for e, row in zip(hard.examples, ROWS, strict=False))
    hard = replace(hard, examples=examples)
    made = EXPORTERS["promptfoo"](hard)
    write_export(made, tmp_path / "x")

    draft = import_files([tmp_path / "x/promptfooconfig.yaml"])
    assert [row["n"] for row in draft.rows] == [row["ticket"] for row in ROWS]
    task = load_task(write_task(draft, tmp_path / "task", "x", load_task).task)
    second = replace(hard, prompt=task.prompt)
    assert [second.scored(e.inputs) for e in examples] == [hard.scored(e.inputs) for e in examples]
    assert EXPORTERS["promptfoo"](second).files["prompt.json"] == made.files["prompt.json"]


def test_a_bundle_is_the_source_of_the_next_migration(tmp_path: Path) -> None:
    migration, _ = walking.finished(tmp_path)
    shipment = of_run(migration)
    made = EXPORTERS["bundle"](shipment)
    write_export(made, tmp_path / "bundle")

    draft = import_files([tmp_path / "bundle"])
    task = load_task(write_task(draft, tmp_path / "task", "bundle", load_task, source="offline/sim-alpha").task)
    assert draft.model == shipment.model
    assert [task.prompt.render(e.inputs).messages for e in shipment.examples] == [
        shipment.prompt.render(e.inputs).messages for e in shipment.examples
    ]


def test_a_dspy_program_comes_back_as_it_was(tmp_path: Path) -> None:
    task = load_task(
        write_task(import_files([WRITTEN / "dspy/program.json"]), tmp_path / "a", "program.json", load_task).task
    )
    shipment = Shipment("triage", "offline/sim-alpha", task.prompt, task.examples)
    made = EXPORTERS["dspy"](shipment)
    write_export(made, tmp_path / "x")
    states = [name for name in made.files if name.endswith(".json") and "parameters" not in name]
    draft = import_files([tmp_path / "x" / states[0]])
    second = load_task(write_task(draft, tmp_path / "b", "x", load_task).task)

    assert EXPORTERS["dspy"](replace(shipment, prompt=second.prompt)).files == made.files


def test_every_exporter_whose_format_can_be_imported_is_among_these() -> None:
    other = {"bundle-zip", "gateway"}  # the bundle, packed; and a proxy's configuration, whose prompts lie beside it
    assert {*MAIN, "promptfoo", "bundle", "dspy"} == set(EXPORTERS) - other
