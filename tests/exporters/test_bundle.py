"""A bundle renders, far from this package, to exactly the messages that were scored; every change in it is found."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from optimizer import reader
from optimizer.errors import ExportError
from optimizer.exporters.bundle.making import as_bundle, faithful, write_bundle
from optimizer.outlets import publish
from optimizer.prompt import Demo, Prompt
from optimizer.prompt.contract import Contract
from optimizer.prompt.layout import Layout
from optimizer.results.migration import Migration
from optimizer.results.rundir import RunDir
from optimizer.types import JSON, Example
from tests.conftest import Walked

#: Run in a folder that holds a bundle and nothing else, by a Python without this package.
_PRODUCTION = """
import json, sys
sys.path.insert(0, ".")
import reader
bundle = reader.load("bundle.json")
for line in sys.stdin:
    print(json.dumps(reader.render(bundle, json.loads(line))))
"""
_BRACES = 'Reply as {"label": "{{not a variable}}", "n": {}} or {x} or {$x} or {% raw %}, "a\\b".'


def in_production(folder: Path, rows: Sequence[Mapping[str, JSON]]) -> list[list[dict[str, str]]]:
    """What the copied reader renders in an isolated Python without site packages."""
    ended = subprocess.run(
        [sys.executable, "-I", "-S", "-B", "-c", _PRODUCTION],
        input="".join(json.dumps(dict(row)) + "\n" for row in rows),
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONUTF8": "1"},
    )
    assert ended.returncode == 0, ended.stderr
    return [json.loads(line) for line in ended.stdout.splitlines()]


def scored(prompt: Prompt, inputs: Mapping[str, JSON]) -> list[dict[str, str]]:
    return [{"role": message.role, "content": message.content} for message in prompt.render(inputs).messages]


def shipping(walked: Walked, prompt: Prompt, rows: Sequence[Mapping[str, JSON]]) -> Migration:
    """The run as if `prompt` had won it on `rows`."""
    found = walked.migration
    ids = [f"e{number}" for number in range(len(rows))]
    result = found.targets[0]
    trials = list(result.search.trials)
    trials[result.search.best] = replace(result.search.winner, prompt=prompt)
    return replace(
        found,
        prompt=prompt,
        examples={key: Example(key, row, "even") for key, row in zip(ids, rows, strict=True)},
        split={"train": (), "validation": (), "test": tuple(ids)},
        targets=(replace(result, search=replace(result.search, trials=tuple(trials))),),
    )


def written(walked: Walked, folder: Path, prompt: Prompt, rows: Sequence[Mapping[str, JSON]]) -> Path:
    migration = shipping(walked, prompt, rows)
    write_bundle(migration, migration.targets[0], folder)
    return folder


# -- rendering


def test_the_bundle_of_a_run_renders_every_held_out_example_as_it_was_scored(
    plain_run: Walked, compiled_run: Walked
) -> None:
    for walked in (plain_run, compiled_run):
        result = walked.migration.targets[0]
        held_out = [walked.migration.examples[key].inputs for key in walked.migration.split["test"]]
        rendered = in_production(walked.run / "bundle", held_out)
        assert rendered == [scored(result.search.winner.prompt, inputs) for inputs in held_out]


def test_a_compiled_program_with_its_demos_renders_as_it_was_scored(tmp_path: Path, compiled_run: Walked) -> None:
    found = compiled_run.migration
    compiled = next(t for t in found.targets[0].search.trials if t.program == "bootstrap_few_shot" and t.prompt.demos)
    rows = [found.examples[key].inputs for key in found.split["test"]]

    folder = written(compiled_run, tmp_path / "bundle", compiled.prompt, rows)

    assert in_production(folder, rows) == [scored(compiled.prompt, row) for row in rows]
    assert len(compiled.prompt.render(rows[0]).messages) > 2  # worked examples as turns


STRANGE: list[Mapping[str, JSON]] = [
    {"text": "plain", "tags": ["a", 'b"c'], "n": 3, "ratio": 0.1, "yes": True, "more": {"k": [1, None]}},
    {"text": "\n  spaced \n", "tags": [], "n": -1, "ratio": 2, "yes": False, "more": {}},
    {"text": "{{n}} {$text} {% if %}", "tags": ["{{text}}"], "n": 0, "ratio": 1e-9, "yes": True, "more": {"é": "ü"}},
    {
        "text": "東京 🙂 \u202e \u2028 \x00",
        "tags": ["\\"],
        "n": 10**15,
        "ratio": 1.5,
        "yes": True,
        "more": {"a": {"b": "c"}},
    },
    {"text": "", "tags": [None], "n": 7, "ratio": -0.0, "yes": False, "more": {"": ""}},
]


@pytest.mark.parametrize(
    "layout", [Layout(), Layout("xml", "user", "text", "shown", "end", "first"), Layout("markdown")]
)
def test_braces_unicode_trailing_newlines_lists_and_numbers_survive(
    tmp_path: Path, plain_run: Walked, layout: Layout
) -> None:
    prompt = Prompt.from_messages(
        [
            {"role": "system", "content": f"Größe & <tags>.\n{_BRACES}\n\n"},
            {"role": "user", "content": "{{text}}\n{{tags}} {{n}}{{ratio}} {{yes}}\n{{more}}\n"},
        ],
        contract=Contract("json", schema={"type": "object"}),
        params={"temperature": 0.5, "stop": ["\n\n", "é"]},
    )
    prompt = replace(prompt, layout=layout, demos=(Demo(STRANGE[2], '{"label": "{{n}}"}'),))

    folder = written(plain_run, tmp_path / "bundle", prompt, STRANGE)

    assert in_production(folder, STRANGE) == [scored(prompt, row) for row in STRANGE]
    bundle = reader.load(folder / "bundle.json")
    assert bundle["parameters"] == {"temperature": 0.5, "stop": ["\n\n", "é"]}
    assert {name: spec["type"] for name, spec in bundle["variables"].items()} == {
        "text": "string",
        "tags": "array",
        "n": "integer",
        "ratio": "number",
        "yes": "boolean",
        "more": "object",
    }


def test_the_unchanged_prompt_comes_out_to_the_byte(tmp_path: Path, plain_run: Walked) -> None:
    prompt = Prompt.from_messages([{"role": "user", "content": "Classify.\n\n\n  {{text}}  \n"}])

    folder = written(plain_run, tmp_path / "bundle", prompt, [{"text": "x"}])

    assert in_production(folder, [{"text": "x"}]) == [[{"role": "user", "content": "Classify.\n\n\n  x  \n"}]]


def test_columns_that_the_prompt_does_not_ask_for_stay_out_of_the_bundle(tmp_path: Path, plain_run: Walked) -> None:
    prompt = Prompt.from_messages([{"role": "user", "content": "{{text}}"}])

    folder = written(plain_run, tmp_path / "bundle", prompt, [{"text": "x", "salary": "a secret"}])

    assert set(reader.load(folder / "bundle.json")["variables"]) == {"text"}
    assert "salary" not in (folder / "bundle.json").read_text()


# -- refusals


@pytest.mark.parametrize(
    ("inputs", "told"),
    [
        ({}, r"expected the variables \['n'\], got \[\]"),
        ({"n": 1, "m": 2}, r"expected the variables \['n'\], got \['m', 'n'\]"),
        ({"N": 1}, r"expected the variables \['n'\], got \['N'\]"),
        ({"n": "1"}, "n must be of type integer, got str"),
        ({"n": 1.5}, "n must be of type integer, got float"),
        ({"n": True}, "n must be of type integer, got bool"),
        ({"n": None}, "n must be of type integer, got NoneType"),
    ],
)
def test_missing_extra_and_wrongly_typed_variables_are_refused(
    plain_run: Walked, inputs: dict[str, Any], told: str
) -> None:
    bundle = reader.load(plain_run.run / "bundle/bundle.json")

    with pytest.raises(ValueError, match=told):
        reader.render(bundle, inputs)


def test_control_flow_and_mixed_types_are_not_exported_but_refused(tmp_path: Path, plain_run: Walked) -> None:
    logic = Prompt.from_messages([{"role": "user", "content": "{% if n %}{{ n }}{% endif %}"}], syntax="jinja2")
    plain = Prompt.from_messages([{"role": "user", "content": "{{n}}"}])

    with pytest.raises(ExportError, match="control flow"):
        written(plain_run, tmp_path / "bundle", logic, [{"n": 1}])
    with pytest.raises(ExportError, match=r"variable 'n': .* several types \(int, str\)"):
        written(plain_run, tmp_path / "bundle", plain, [{"n": 1}, {"n": "x"}])
    assert not (tmp_path / "bundle").exists()


def test_a_bundle_that_would_render_anything_else_is_never_written(plain_run: Walked) -> None:
    prompt = Prompt.from_messages([{"role": "user", "content": "Number: {{n}}"}])
    migration = shipping(plain_run, prompt, [{"n": 1}])
    bundle = as_bundle(migration, migration.targets[0])
    bundle["messages"][0]["content"][0] += " "

    with pytest.raises(ExportError, match="example e0: the bundle would not render the messages that were scored"):
        faithful(bundle, prompt, list(migration.examples.values()))


def test_a_bundle_of_an_earlier_winner_does_not_outlive_one_that_cannot_be_exported(
    tmp_path: Path, plain_run: Walked
) -> None:
    run = RunDir(plain_run.copy(tmp_path / "run"))
    logic = Prompt.from_messages([{"role": "user", "content": "{% if n %}{{ n }}{% endif %}"}], syntax="jinja2")
    found = plain_run.migration
    result = found.targets[0]
    trials = [replace(trial, prompt=logic) for trial in result.search.trials]
    changed = replace(found, targets=(replace(result, search=replace(result.search, trials=tuple(trials))),))

    lost = publish(changed, run)

    assert len(lost) == 1 and lost[0].startswith("no bundle for test/target: ")
    assert not (run.path / "bundle").exists()


# -- the reader


def test_the_shipped_reader_is_the_one_that_scored(plain_run: Walked) -> None:
    assert (plain_run.run / "bundle/reader.py").read_bytes() == Path(reader.__file__).read_bytes()


def test_the_reader_is_short_and_needs_the_standard_library_only() -> None:
    text = Path(reader.__file__).read_text()
    modules = [node.module for node in ast.walk(ast.parse(text)) if isinstance(node, ast.ImportFrom)]
    modules += [
        alias.name for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Import) for alias in node.names
    ]

    assert len(text.splitlines()) < 250
    assert modules and {str(module).partition(".")[0] for module in modules} <= sys.stdlib_module_names


@pytest.mark.parametrize(
    "text", ['{"format": "promptport-bundle/3"}', '{"format": ["promptport-bundle/2"]}', "{}", "[]", "7", "null"]
)
def test_the_reader_refuses_what_is_no_bundle_of_its_format(tmp_path: Path, text: str) -> None:
    (tmp_path / "bundle.json").write_text(text)

    with pytest.raises(ValueError, match="not a promptport bundle of format 1 or 2, but"):
        reader.load(tmp_path / "bundle.json")


@pytest.mark.parametrize("kind", ["text", "labels", "json", "regex"])
def test_what_is_no_text_breaks_the_contract_like_any_other_reply(kind: str) -> None:
    """Clients hand over None where a model declined, and whole messages by mistake."""
    reply = {"kind": kind, "labels": ["a"], "schema": None, "pattern": "a", "marker": None}

    for given in (None, {"content": "a"}, 3):
        with pytest.raises(ValueError, match=f"the reply is no text, but {type(given).__name__}"):
            reader.parse(reply, given)


def test_the_reader_parses_replies_as_the_search_did(plain_run: Walked) -> None:
    bundle = reader.load(plain_run.run / "bundle/bundle.json")

    assert reader.parse(bundle["reply"], " **Even**. ") == "even"
    with pytest.raises(ValueError, match="none of the labels"):
        reader.parse(bundle["reply"], "neither")


# -- evidence


def test_the_evidence_in_the_bundle_is_the_decision(plain_run: Walked) -> None:
    bundle = json.loads((plain_run.run / "bundle/bundle.json").read_text())
    decision = json.loads((plain_run.run / "decision.json").read_text())["targets"][0]
    met = plain_run.migration.targets[0].confirmation

    told = {key: value for key, value in decision.items() if key not in ("model", "winner", "declined")}
    assert bundle["evidence"]["decision"] == told
    assert {side: figures["quality"] for side, figures in bundle["evidence"]["held_out"].items()} == {
        "source": met.source.quality,
        "source_again": met.again.quality if met.again else None,
        "unchanged": met.unchanged.quality if met.unchanged else None,
        "migrated": met.winner.quality,
    }
    assert bundle["evidence"]["examples"] == {"train": 24, "validation": 36, "test": 60}
    assert bundle["model"] == "test/target" and bundle["simulated"] is False


def test_equal_runs_give_equal_bundles(plain_run: Walked, tmp_path: Path) -> None:
    one = write_bundle(plain_run.migration, plain_run.migration.targets[0], tmp_path)

    assert one.read_bytes() == (plain_run.run / "bundle/bundle.json").read_bytes()
