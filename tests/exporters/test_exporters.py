"""Exports say what was scored, or are refused with the reason and a way out; replies are read without a parser."""

from __future__ import annotations

import json
import re
import shutil
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from optimizer.cli import main
from optimizer.errors import ConfigError, ExportError, PluginError
from optimizer.exporters.formats.regression import held_to
from optimizer.exporters.registry import EXPORTERS, export, names, write_export
from optimizer.exporters.rendering import faithful
from optimizer.exporters.shipment import Export, Shipment, of_bundle, of_run
from optimizer.objective import Evaluation
from optimizer.prompt import Demo, Prompt
from optimizer.prompt.contract import Contract
from optimizer.prompt.layout import Layout
from optimizer.prompt.picking import Picking
from optimizer.tools import Toolset
from optimizer.types import Example, Inputs, Score
from optimizer.verdict.confirm import Verdict
from tests.conftest import Walked
from tests.e2e.tools.hostile import ASKED, ROWS, SYSTEM, hostile
from tests.exporters.test_bundle import shipping
from tests.exporters.test_bundle_integrity import Entries, entries_of, packed
from tests.programs.test_suite import opened

TEXTUAL = sorted(set(EXPORTERS) - {"bundle", "bundle-zip", "dspy", "gateway", "promptfoo"})
TOOL = {"type": "function", "function": {"name": "book", "parameters": {"type": "object", "properties": {}}}}
IMAGE = {"type": "image_url", "image_url": {"url": "{{ticket}}"}}


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments], catch_exceptions=False)


def shipment(content: Any, row: Inputs, *, syntax: Any = "mustache", **more: Any) -> Shipment:
    prompt = Prompt.from_messages([{"role": "user", "content": content}], syntax=syntax, **more)
    return Shipment("task", "openai/gpt-4.1-mini", prompt, (Example("e0", row),))


def texts(made: Export) -> str:
    return "\n".join(str(content) for content in made.files.values())


# -- what every format does


@pytest.mark.parametrize("form", TEXTUAL)
def test_a_prompt_full_of_traps_is_exported_or_refused_with_a_way_out(form: str) -> None:
    ways = (hostile(), hostile(asked=ASKED), hostile(system="", turns=False, asked=f"{SYSTEM}{ASKED}"))
    made, refused = [], []
    for way in ways:
        try:
            made.append(export(way, form))
        except ExportError as problem:
            refused.append(str(problem))

    assert made, refused
    assert all(problem.startswith(f"{form}: ") and "use --as" in problem for problem in refused)


@pytest.mark.parametrize("form", TEXTUAL)
def test_what_only_an_engine_can_make_messages_of_is_refused(form: str, plain_run: Walked) -> None:
    demos = tuple(Demo({"ticket": str(n)}, "x") for n in range(3))
    plain = shipment("{{ticket}}", {"ticket": "a"})
    picking = replace(plain, prompt=replace(plain.prompt, demos=demos, picking=Picking(1)))
    suite = replace(plain, prompt=opened())

    with pytest.raises(ExportError, match=rf"{form}: the prompt picks its worked examples .* use --as bundle"):
        export(picking, form)
    with pytest.raises(ExportError, match=rf"{form}: the winner is a program of 2 prompts .* use --as dspy"):
        export(suite, form)


@pytest.mark.parametrize("form", TEXTUAL)
def test_control_flow_is_held_by_formats_that_run_jinja_and_refused_by_others(form: str) -> None:
    logic = shipment("{% if n %}{{ ticket }}!{% endif %}", {"ticket": "a", "n": "1"}, syntax="jinja2")

    if form in ("prompty", "mlflow"):
        assert "{% if n %}{{ ticket }}!{% endif %}" in texts(export(logic, form))
    else:
        with pytest.raises(ExportError, match=rf"{form}: the prompt has Jinja control flow"):
            export(logic, form)


@pytest.mark.parametrize("form", TEXTUAL)
def test_tools_are_carried_or_refused_never_dropped(form: str) -> None:
    offered = shipment("Say: {{ticket}}", {"ticket": "a"}, tools=Toolset.read([TOOL], "required"))

    if form in ("advpo", "dotprompt", "prompty"):
        with pytest.raises(ExportError, match=rf"{form}: the prompt offers tools, .* use --as openai"):
            export(offered, form)
    else:
        assert re.search(r'"name": "book"', texts(export(offered, form)))


@pytest.mark.parametrize("form", TEXTUAL)
def test_images_are_carried_by_messages_and_refused_elsewhere(form: str) -> None:
    seen = shipment([{"type": "text", "text": "Look: "}, IMAGE], {"ticket": "https://example.org/a.png"})

    if form == "openai":
        (message,) = json.loads(export(seen, form).files["messages.json"])
        assert message["content"] == [{"type": "text", "text": "Look: "}, IMAGE]
    else:
        with pytest.raises(ExportError, match=rf"{form}: the prompt has parts that are no text .* use --as openai"):
            export(seen, form)


@pytest.mark.parametrize("form", sorted(set(TEXTUAL) - {"openai", "text", "langfuse", "litellm"}))
def test_names_that_a_format_cannot_write_are_refused(form: str) -> None:
    with pytest.raises(ExportError, match=rf"{form}: the variable 'a.b' has a name that this format cannot write"):
        export(shipment("Say {{a.b}}", {"a.b": "x"}), form)


def test_a_rendering_that_differs_in_a_byte_or_a_role_is_refused_with_the_place() -> None:
    given = shipment("Say: {{ticket}}", {"ticket": "a"})

    with pytest.raises(ExportError, match=r"x: example e0: message 1 .*from character 6 on: '', rendered ' '"):
        faithful(given, "x", lambda values: [{"role": "user", "content": f"Say: {values['ticket']} "}])
    with pytest.raises(ExportError, match=r"x: example e0: .* would become the turns \['system'\], not \['user'\]"):
        faithful(given, "x", lambda values: [{"role": "system", "content": f"Say: {values['ticket']}"}])
    with pytest.raises(ExportError, match=r"x: example e0: .* cannot be rendered \(ZeroDivisionError"):
        faithful(given, "x", lambda _values: [1 / 0])  # type: ignore[list-item]


def test_a_value_that_would_become_a_turn_is_found_although_no_example_holds_one() -> None:
    given = shipment("Say: {{ticket}}", {"ticket": "a"})

    def split(values: Mapping[str, str]) -> list[dict[str, Any]]:
        first, *others = f"Say: {values['ticket']}".split("\nUser: ")
        return [{"role": "user", "content": text} for text in (first, *others)]

    with pytest.raises(ExportError, match=r"turns .* where 'ticket' holds lines that look like role markers"):
        faithful(given, "x", split)


# -- single formats


def test_a_bundle_exports_as_its_run_does(plain_run: Walked, tmp_path: Path) -> None:
    winner, shipped = of_run(plain_run.migration), of_bundle(plain_run.run / "bundle")

    assert shipped.examples == () and (shipped.name, shipped.model) == (winner.name, winner.model)
    for form in set(TEXTUAL) - {"advpo"}:
        try:
            wanted = export(winner, form, allow_contract_change=True)
        except ExportError as problem:
            with pytest.raises(ExportError, match=re.escape(str(problem).partition(":")[0])):
                export(shipped, form)
        else:
            assert export(shipped, form).files == wanted.files
    with pytest.raises(ExportError, match=r"promptfoo: a bundle holds no examples .* export from the run"):
        export(shipped, "promptfoo")
    with pytest.raises(ExportError, match="this is a bundle already"):
        export(shipped, "bundle")


def test_a_changed_bundle_is_not_exported(plain_run: Walked, tmp_path: Path) -> None:
    folder = plain_run.copy(tmp_path / "run") / "bundle"
    (folder / "bundle.json").write_text((folder / "bundle.json").read_text().replace("Number", "number"))

    with pytest.raises(ExportError, match="changed since it was written"):
        of_bundle(folder)


def test_litellms_own_dialect_is_written_only_where_it_loses_nothing() -> None:
    number, text = shipment("Is {{n}} even?", {"n": 7}), shipment("Is {{n}} even?", {"n": "seven"})
    indented = shipment("Is\n  {{n}} even?", {"n": 7})

    assert set(export(number, "litellm").files) == {"prompts/task.prompt", "config.yaml"}
    for other in (text, indented):
        made = export(other, "litellm")
        assert set(made.files) == {"beta/litellm_prompt_management", "config.yaml"}
        assert any(".prompt files cannot hold it" in note for note in made.notes)


def test_litellms_api_would_fill_in_text_that_looks_like_its_variable() -> None:
    with pytest.raises(ExportError, match=r"litellm: example e0: message 1 would not be as it was scored"):
        export(shipment("Put {ticket} here: {{ticket}}", {"ticket": "a"}), "litellm")


def test_bedrock_takes_text_first_and_only_what_its_gateways_read(tmp_path: Path) -> None:
    params = {"temperature": 1.5, "max_tokens": 9, "stop": "END", "seed": 3}
    text = export(shipment("Say: {{a-b}}", {"a-b": "x"}, params=params), "bedrock")
    request = json.loads(text.files["create-prompt.json"])

    (variant,) = request["variants"]
    assert variant["templateType"] == "TEXT" and request["defaultVariant"] == variant["name"]
    assert variant["templateConfiguration"] == {"text": {"text": "Say: {{a-b}}", "inputVariables": [{"name": "a-b"}]}}
    assert variant["inferenceConfiguration"] == {"text": {"maxTokens": 9, "stopSequences": ["END"]}}
    assert variant["additionalModelRequestFields"] == {"seed": 3, "temperature": 1.5}
    assert json.loads(text.files["parameters.json"]) == {"model": "openai/gpt-4.1-mini", **params}
    with pytest.raises(ExportError, match=r"bedrock: the text holds \{\{other\}\}, which the service takes for a var"):
        export(shipment("Say {ticket} {{{{other}}}}", {"ticket": "a"}, syntax="f-string"), "bedrock")
    many: dict[str, Any] = {f"v{number}": "x" for number in range(21)}
    with pytest.raises(ExportError, match="bedrock: 21 variables, where 20 are allowed"):
        export(shipment(" ".join(f"{{{{{name}}}}}" for name in many), many), "bedrock")


def test_a_chat_variant_comes_with_the_way_to_a_text_one() -> None:
    turns = [{"role": "system", "content": "Sort."}, {"role": "user", "content": "{{a}}"}]
    made = export(
        Shipment("task", "openai/gpt-4.1-mini", Prompt.from_messages(turns), (Example("e0", {"a": "x"}),)), "bedrock"
    )

    assert json.loads(made.files["create-prompt.json"])["variants"][0]["templateType"] == "CHAT"
    assert any("TEXT alone cannot use it; a prompt of one user message stays one in a search" in n for n in made.notes)


def test_templates_for_further_optimisation_come_with_training_examples_one_key_each(plain_run: Walked) -> None:
    prompt = Prompt.from_messages([{"role": "user", "content": "Number: {{n}}"}])
    found = plain_run.migration
    migration = replace(shipping(plain_run, prompt, [{"n": 5}]), examples=found.examples, split=found.split)

    (line,) = str(export(of_run(migration), "advpo").files["templates.jsonl"]).splitlines()
    made = json.loads(line)

    assert made["promptTemplate"] == "Number: {{n}}" and made["version"] == "bedrock-2026-05-14"
    ids = found.split["train"]
    assert [sample["inputVariables"] for sample in made["evaluationSamples"]] == [
        [{"n": str(found.examples[identity].inputs["n"])}] for identity in ids
    ]


def test_dspy_state_is_that_of_programs_only() -> None:
    suite = opened()
    state = json.loads(export(replace(hostile(), prompt=suite, examples=()), "dspy").files["program.json"])

    assert state["divide"]["signature"]["instructions"] == "Say what is left of the number."
    with pytest.raises(ExportError, match="dspy: DSPy's adapters write messages of their own"):
        export(hostile(), "dspy")


def test_promptfoo_asks_for_no_less_than_was_scored_and_reads_replies_as_the_search_did(
    plain_run: Walked, tmp_path: Path
) -> None:
    made = export(of_run(plain_run.migration), "promptfoo")
    write_export(made, tmp_path)
    tests = json.loads((tmp_path / "tests.json").read_text())
    held_out = [plain_run.migration.examples[identity] for identity in plain_run.migration.split["test"]]

    assert [(test["description"], test["vars"]) for test in tests] == [
        (example.id, {"n": str(example.inputs["n"])}) for example in held_out
    ]
    first = held_out[0]
    assert first.expected in ("even", "odd")
    wrong = "odd" if first.expected == "even" else "even"
    scoring = tmp_path / "scoring.json"
    assert held_to(scoring, f" **{first.expected}**.", first.id) | {"reason": ""} == {
        "pass": True,
        "score": 1.0,
        "reason": "",
    }
    assert held_to(scoring, wrong, first.id)["pass"] is False
    limits = yaml.safe_load((tmp_path / "promptfooconfig.yaml").read_text())["defaultTest"]["assert"]
    assert [limit["metric"] for limit in limits] == ["cost", "latency"]


# -- replies without a parser


def replying(walked: Walked, said: str, contract: Contract | None = None) -> Shipment:
    """The run, had the winner's first held-out reply been `said`; its parsed value stays."""
    given = of_run(walked.migration)
    assert given.result is not None
    met = given.result.confirmation
    outputs = (replace(met.winner.outputs[0], text=said), *met.winner.outputs[1:])
    winner = Evaluation(outputs, met.winner.scores, met.winner.unmeasured)
    prompt = replace(given.prompt, contract=contract) if contract else given.prompt
    return replace(given, result=replace(given.result, confirmation=replace(met, winner=winner)), prompt=prompt)


def test_replies_that_read_the_same_need_no_parser(plain_run: Walked) -> None:
    made = export(of_run(plain_run.migration), "openai")

    assert "all 60 held-out replies read the same without a parser" in made.notes[-1]


def test_a_reply_that_only_the_parser_reads_refuses_the_export_unless_the_verdict_stands(plain_run: Walked) -> None:
    given = replying(plain_run, "**even**")

    with pytest.raises(ExportError, match=r"openai: 1 of 60 held-out replies are no answer .* use --as bundle"):
        export(given, "openai")
    with pytest.raises(ExportError, match=r"with these as invalid the verdict is inconclusive: .* use --as bundle"):
        export(given, "openai", allow_contract_change=True)
    assert given.migration is not None
    settings = {**given.migration.settings, "decision": {"margin": 0.2, "confidence": 0.95}}
    patient = replace(given, migration=replace(given.migration, settings=settings))
    told = export(patient, "openai", allow_contract_change=True).notes[-1]
    assert "1 of 60 held-out replies" in told and "the verdict is migrate" in told


def test_white_space_around_a_reply_takes_no_parser(plain_run: Walked) -> None:
    given = of_run(plain_run.migration)
    assert given.result is not None
    said = given.result.confirmation.winner.outputs[0].value

    assert export(replying(plain_run, f"\n {said} "), "openai").notes[-1] == (
        "all 60 held-out replies read the same without a parser (as they are, but for white space at their ends)"
    )


def test_a_contract_change_is_held_to_the_share_of_valid_replies(plain_run: Walked) -> None:
    given = replying(plain_run, "**even**")
    assert given.migration is not None
    terms = {"decision": {"margin": 0.2, "confidence": 0.95}, "constraints": {"valid": 1.0}}
    strict = replace(given, migration=replace(given.migration, settings={**given.migration.settings, **terms}))

    with pytest.raises(ExportError, match=r"the verdict is stay: .* valid replies 98\.3%, at least 100\.0% allowed"):
        export(strict, "openai", allow_contract_change=True)


def test_a_contract_change_that_costs_a_figure_over_the_set_is_refused_too(plain_run: Walked) -> None:
    """The one example of a third label is read by the parser alone: its F1 falls to 0, and macro-F1 by a third."""
    given = replying(plain_run, "**third**")
    assert given.result is not None and given.migration is not None
    first, found = given.examples[0], given.migration

    def third(side: Evaluation) -> Evaluation:
        output = replace(side.outputs[0], value="third", status="ok", error=None)
        return Evaluation((output, *side.outputs[1:]), (Score(1.0), *side.scores[1:]))

    met = given.result.confirmation
    met = replace(met, source=third(met.source), winner=third(met.winner), unchanged=None)
    settings = {**found.settings, "decision": {"margin": 0.2, "confidence": 0.95}, "metrics": [{"name": "macro_f1"}]}
    examples = {**found.examples, first.id: replace(first, expected="third")}
    given = replace(
        given,
        migration=replace(found, settings=settings, examples=examples),
        result=replace(given.result, confirmation=met),
    )

    with pytest.raises(ExportError, match=r"1 of 60 .* the verdict is (inconclusive|stay): .*macro_f1 is 0\.66"):
        export(given, "openai", allow_contract_change=True)


def test_a_contract_change_that_costs_the_verdict_is_refused(plain_run: Walked) -> None:
    given = replying(plain_run, "x")
    assert given.result is not None
    met = given.result.confirmation
    wordy = tuple(replace(output, text=f"**{output.text}**") for output in met.winner.outputs)
    lost = replace(met, winner=Evaluation(wordy, met.winner.scores))
    given = replace(given, result=replace(given.result, confirmation=lost))

    with pytest.raises(ExportError, match=r"60 of 60 held-out .* as invalid the verdict is stay: .* use --as bundle"):
        export(given, "openai", allow_contract_change=True)


def test_an_answer_behind_a_marker_takes_the_parser_whatever_is_allowed(plain_run: Walked) -> None:
    given = of_run(plain_run.migration)
    reasoned = replace(given, prompt=replace(given.prompt, layout=Layout(reasoning="first")))

    with pytest.raises(ExportError, match=r"openai: the answer stands behind the last 'Answer:' .* use --as bundle"):
        export(reasoned, "openai", allow_contract_change=True)


def test_broken_replies_are_no_more_broken_without_a_parser(plain_run: Walked) -> None:
    given = of_run(plain_run.migration)
    assert given.result is not None
    met = given.result.confirmation
    first = replace(met.winner.outputs[0], text="gibberish", value=None, status="invalid", error="x")
    winner = Evaluation((first, *met.winner.outputs[1:]), (Score(0.0), *met.winner.scores[1:]))
    given = replace(given, result=replace(given.result, confirmation=replace(met, winner=winner)))

    assert "read the same" in export(given, "openai").notes[-1]


def test_a_prompt_that_should_not_be_moved_to_is_exported_with_that_word(plain_run: Walked) -> None:
    given = of_run(plain_run.migration)
    assert given.result is not None
    stay = replace(given.result.decision, verdict=Verdict.STAY, reason="It is worse.")
    kept = replace(given, result=replace(given.result, decision=stay))

    assert export(kept, "openai").notes[-1] == "the verdict on this prompt is stay: It is worse."
    assert not any("verdict" in note for note in export(given, "openai").notes)


# -- the command


def test_the_command_writes_below_the_run_and_tells_what_to_heed(plain_run: Walked, tmp_path: Path) -> None:
    folder = plain_run.copy(tmp_path / "run")

    ended = run("export", folder, "--as", "openai")

    assert ended.exit_code == 0, ended.output
    written = {"messages.json", "parameters.json"}
    assert {path.name for path in (folder / "exports/openai").iterdir()} == written
    assert ended.stderr.startswith("note: all 60 held-out replies")
    ended = run("export", folder / "bundle", "--as", "langchain", "--out", tmp_path / "out")
    assert ended.exit_code == 0 and (tmp_path / "out/prompt.json").exists()
    assert run("verify", folder / "bundle").exit_code == 0


@pytest.mark.parametrize("form", ["openai", "text"])
def test_a_bundles_zip_exports_as_its_folder_does_and_is_unpacked_nowhere(
    plain_run: Walked, tmp_path: Path, form: str
) -> None:
    zipped = Path(shutil.copy(plain_run.run / "bundle.zip", tmp_path / "sent.zip"))

    ended = run("export", zipped, "--as", form, "--allow-contract-change")

    assert ended.exit_code == 0, ended.output
    wanted = export(of_bundle(plain_run.run / "bundle"), form, allow_contract_change=True).files
    found = tmp_path / "exports" / form
    assert {path.name: path.read_text("utf-8") for path in found.iterdir()} == wanted
    assert {path for path in tmp_path.rglob("*") if path.is_file()} == {zipped, *found.iterdir()}


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ([("../evil.py", b"x", {})], "'../evil.py' is no name of a file in a bundle"),
        ([("link", b"/etc/passwd", {"external_attr": 0o120777 << 16})], "'link' is no plain file"),
        ([("bomb", bytes(10_000_000), {"compress_type": zipfile.ZIP_DEFLATED})], "'bomb' is compressed or encrypted"),
        ([("extra.txt", b"x", {})], "extra.txt: not part of the bundle"),
    ],
)
def test_a_zip_that_is_not_as_it_was_written_is_not_exported_and_leaves_nothing(
    plain_run: Walked, tmp_path: Path, more: Entries, told: str
) -> None:
    zipped = packed(tmp_path / "b.zip", sorted([*entries_of(plain_run), *more], key=lambda row: row[0]))

    ended = run("export", zipped, "--as", "openai")

    assert ended.exit_code == ExportError.exit_code and told in ended.stderr
    assert list(tmp_path.iterdir()) == [zipped]


def test_what_is_no_zip_is_not_exported(tmp_path: Path) -> None:
    (tmp_path / "task.yaml").write_text("name: x")

    ended = run("export", tmp_path / "task.yaml", "--as", "openai")

    assert ended.exit_code == ExportError.exit_code and "no bundle here: no zip" in ended.stderr


def test_the_bundle_goes_by_its_name_too(plain_run: Walked, tmp_path: Path) -> None:
    ended = run("export", plain_run.run, "--as", "bundle", "--out", tmp_path / "b")

    assert ended.exit_code == 0
    assert (tmp_path / "b/bundle.json").read_bytes() == (plain_run.run / "bundle/bundle.json").read_bytes()
    assert run("verify", tmp_path / "b").exit_code == 0


def test_the_bundle_as_one_file_is_the_zip_of_the_run(plain_run: Walked, tmp_path: Path) -> None:
    ended = run("export", plain_run.run, "--as", "bundle-zip", "--out", tmp_path / "z")

    assert ended.exit_code == 0, ended.output
    assert (tmp_path / "z/bundle.zip").read_bytes() == (plain_run.run / "bundle.zip").read_bytes()
    assert run("verify", tmp_path / "z/bundle.zip").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--as", "opnai"), "no exporters plug-in is called 'opnai'. Did you mean 'openai'?"),
        (("--as", "openai", "--target", "test/targt"), "no target is called 'test/targt'. Did you mean 'test/target'?"),
        (("--as", "text", "--out", "/proc/nowhere"), "cannot be written"),
    ],
)
def test_mistakes_end_with_one_line_and_a_way_out(plain_run: Walked, arguments: tuple[str, ...], told: str) -> None:
    ended = run("export", plain_run.run, *arguments)

    assert ended.exit_code == 2 and ended.stderr.startswith("error: ")
    assert told in ended.stderr and "Traceback" not in ended.stderr


def test_a_folder_without_a_run_is_refused(tmp_path: Path) -> None:
    ended = run("export", tmp_path, "--as", "openai")

    assert ended.exit_code == 2 and "no run here" in ended.stderr


def test_several_targets_are_told_apart(plain_run: Walked) -> None:
    found = plain_run.migration
    two = replace(found, targets=(found.targets[0], replace(found.targets[0], model="test/other")))

    with pytest.raises(ConfigError, match="the run has 2 targets; name one with --target: test/target, test/other"):
        of_run(two)
    assert of_run(two, "test/other").model == "test/other"


def mine(given: Shipment) -> Export:
    """Somebody's own."""
    return Export({"../outside.txt": given.name})


def test_an_exporter_of_ones_own_goes_by_its_path_and_stays_in_its_folder(plain_run: Walked, tmp_path: Path) -> None:
    made = export(of_run(plain_run.migration), f"{__name__}:mine")

    with pytest.raises(ExportError, match=r"outside its folder: '\.\./outside\.txt'"):
        write_export(made, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(PluginError):
        export(of_run(plain_run.migration), f"{__name__}:nobody")


def test_every_exporter_is_listed_and_described_in_its_readme() -> None:
    readme = (Path(__file__).parents[2] / "optimizer/exporters/README.md").read_text("utf-8")
    listed = dict(names())

    assert set(listed) == set(EXPORTERS) and all(listed.values())
    assert set(re.findall(r"^\| `([a-z][\w-]*)` \|", readme, re.MULTILINE)) == set(EXPORTERS)
    assert ROWS  # the values of the traps are those of the consumers' tests


def test_the_way_that_litellm_took_is_told_without_the_way_out_of_another() -> None:
    [note] = [note for note in export(hostile(), "litellm").notes if "generic prompt API" in note]

    assert "cannot hold it: litellm: " in note and "--as" not in note
