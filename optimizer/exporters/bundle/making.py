"""The bundle: a winning prompt with all that production needs to use it and to trust it, in one folder and one zip.

    bundle.json       messages, variables, parameters, reply contract; evidence, thresholds, rollback
    reader.py         renders and parses it; standard library only
    schema.json       the JSON schema of bundle.json
    held_out.jsonl    how each held-out example scored, by its id and hash: what `promptport gate` compares with
    program.json      only of a DSPy program: its state, for `program.load`; bundle.json shows each prompt by its name
    checksums.json    SHA-256 of the other files
    signature.json    only where it was signed: of the checksums, and so of every byte

Rendered back and compared with what was scored before it is written: see `faithful`. Beside the folder stands the same
as a zip, `bundle.zip`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from optimizer import __version__, reader
from optimizer.errors import ExportError
from optimizer.exporters.bundle import sealing, signing
from optimizer.exporters.bundle.approved import approved_bundle
from optimizer.exporters.bundle.evidence import digest, evidence
from optimizer.exporters.bundle.sealing import BUNDLE, HELD_OUT, PROGRAM, READER, SCHEMA, SUMS, as_text
from optimizer.exporters.bundle.thresholds import held_out, thresholds
from optimizer.exporters.bundle.verifying import FORMAT, PROGRAM_FORMAT, read_bundle, schema_text, verify_bundle
from optimizer.prompt import Prompt
from optimizer.prompt.suite import Suite
from optimizer.prompt.variables import kind_of, kinds_of
from optimizer.results.migration import Migration, TargetResult
from optimizer.results.records import as_json, as_lines, plain
from optimizer.results.rundir import write_bytes
from optimizer.types import Example

__all__ = [
    "as_bundle",
    "bundle_files",
    "bundle_zip",
    "faithful",
    "read_bundle",
    "sign_bundle",
    "verify_bundle",
    "withdraw_bundle",
    "write_bundle",
]

_OURS = (SUMS, BUNDLE, READER, SCHEMA, HELD_OUT, PROGRAM, signing.SIGNATURE)


def write_bundle(migration: Migration, result: TargetResult, folder: Path, *, key: bytes | None = None) -> Path:
    """Write the bundle of one target's winner, and its zip beside it. Raises ExportError where it would not render as
    scored. `key`: a private key (PEM) to sign it with. The same bundle, approved or signed, is left as it is."""
    files = bundle_files(migration, result, key=key)
    if approved := approved_bundle(folder, files):
        _put(approved.files, folder)
        if key is not None:
            sign_bundle(folder, key)
        return folder / BUNDLE
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if signing.SIGNATURE not in files:
            (folder / signing.SIGNATURE).unlink(missing_ok=True)  # of what stood here before
    except OSError as error:
        raise ExportError(f"{folder}: cannot write here ({error.strerror})") from error
    _put(files, folder)
    return folder / BUNDLE


def bundle_zip(migration: Migration, result: TargetResult, *, key: bytes | None = None) -> bytes:
    """The bundle as one zip: the same bytes for the same run, on every machine."""
    return sealing.archive(bundle_files(migration, result, key=key))


def bundle_files(migration: Migration, result: TargetResult, *, key: bytes | None = None) -> dict[str, bytes]:
    """The bundle's files by name. Raises ExportError where the prompt cannot be shipped as it was scored."""
    if not result.search.trials:
        raise ExportError("the outputs were recorded elsewhere, so there is no prompt to ship")
    bundle, prompt = as_bundle(migration, result), result.search.winner.prompt
    texts = {
        BUNDLE: as_text(bundle),
        READER: Path(reader.__file__).read_text("utf-8"),
        SCHEMA: schema_text(),
        HELD_OUT: as_lines(held_out(migration, result)),
    }
    if isinstance(prompt, Suite):
        texts[PROGRAM] = as_json(prompt.state, sort=False)
    else:
        faithful(bundle, prompt, [migration.examples[i] for i in migration.split["test"]])
    return _sealed({name: text.encode() for name, text in texts.items()}, key)


def sign_bundle(path: Path, key: bytes, *, approver: str | None = None) -> str:
    """Sign a bundle that is whole, after noting who approved it; returns the public key in hexadecimal digits.

    The folder's zip is written again. Raises ExportError where the bundle is not as it was written.
    """
    if path.is_file():
        raise ExportError(f"{path}: a zip is signed by signing its folder, which writes the zip again")
    found = read_bundle(path)
    bundle, files = dict(found.bundle), {name: data for name, data in found.files.items() if name not in _SEALS}
    if "approval" not in bundle:
        raise ExportError(f"{path}: of an older format, which cannot be signed; write it anew: `promptport report RUN`")
    if approver is not None:
        bundle["approval"] = {**bundle["approval"], "approver": approver}
        files[BUNDLE] = as_text(bundle).encode()
    files = _sealed(files, key)
    _put(files, path)
    return signing.check_signature(files[SUMS], files[signing.SIGNATURE])


def withdraw_bundle(folder: Path) -> None:
    """Remove what `write_bundle` wrote there, and nothing else."""
    for path in (*(folder / name for name in _OURS), _zip_of(folder)):
        with suppress(OSError):
            path.unlink()
    with suppress(OSError):
        folder.rmdir()


def as_bundle(migration: Migration, result: TargetResult) -> dict[str, Any]:
    prompt = result.search.winner.prompt
    examples = list(migration.examples.values())
    shipped = _program(prompt) if isinstance(prompt, Suite) else {"messages": _messages(prompt)}
    return {
        "format": PROGRAM_FORMAT if isinstance(prompt, Suite) else FORMAT,
        "name": migration.name,
        "promptport": __version__,
        "model": result.model,
        "simulated": migration.simulated,
        **shipped,
        **({"examples": prompt.shown} if prompt.shown else {}),
        "variables": _variables(prompt, examples),
        "few_shot": [_demo(demo.inputs, demo.output, prompt) for demo in prompt.demos],
        "parameters": dict(prompt.params),
        **prompt.tools.sent,
        **({"response_schema": prompt.contract.schema} if "response_format" in prompt.params else {}),
        "parameter_changes": _changes(migration, result),
        "reply": prompt.reading.to_dict(),
        "source": {"model": migration.source, **_before(migration.prompt)},
        "evidence": evidence(migration, result),
        "gate": thresholds(migration, result),
        "approval": {"verdict": result.decision.verdict.value, "approver": None},
        "rollback": _rollback(migration, examples),
    }


def faithful(bundle: Mapping[str, Any], prompt: Prompt, examples: Sequence[Example]) -> None:
    """Raise ExportError unless the reader renders the bundle to exactly the messages that were scored."""
    for example in examples:
        inputs = {name: example.inputs[name] for name in prompt.names}
        scored = [{"role": m.role, "content": m.sent} for m in prompt.render(example.inputs).messages]
        try:
            rendered = reader.render(dict(bundle), inputs)
        except ValueError as problem:
            raise ExportError(
                f"example {example.id}: the bundle's reader refuses what was scored: {problem}"
            ) from problem
        if rendered != scored:
            raise ExportError(f"example {example.id}: the bundle would not render the messages that were scored")


_SEALS = (SUMS, signing.SIGNATURE)


def _sealed(files: dict[str, bytes], key: bytes | None) -> dict[str, bytes]:
    sums = sealing.checksums(files)
    signed = {signing.SIGNATURE: signing.sign(sums, key).encode()} if key is not None else {}
    return {**files, SUMS: sums, **signed}


def _put(files: Mapping[str, bytes], folder: Path) -> None:
    for name, data in files.items():
        write_bytes(folder / name, data)
    write_bytes(_zip_of(folder), sealing.archive(files))


def _zip_of(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.zip")


def _before(prompt: Prompt | None) -> dict[str, Any]:
    return {"prompt": prompt.to_dict(), "digest": prompt.digest, "sha256": digest(prompt.to_dict())} if prompt else {}


def _messages(prompt: Prompt) -> list[dict[str, Any]]:
    return [{"role": turn.role, "content": turn.content.parts} for turn in prompt.messages]


def _program(suite: Suite) -> dict[str, Any]:
    """A program's prompts by name, and where its state is; DSPy makes the messages."""
    origin, parts = suite.origin, [plain(part) for part in suite.parts]
    program = {"dspy": origin.dspy, "state": PROGRAM, "adapter": origin.adapter, "output": origin.output}
    return {"program": program, "prompts": {part.pop("name"): part for part in parts}}


def _variables(prompt: Prompt, examples: Sequence[Example]) -> dict[str, dict[str, str]]:
    """Types, and how a value is written into the prompt: a text as it is, earlier turns as turns, all else as JSON."""
    types = {name: _type_of(name, examples) for name in sorted(prompt.names)}
    written = {name: "text" if kind == "string" else "json" for name, kind in types.items()}
    written |= {prompt.history: "turns"} if prompt.history else {}
    return {name: {"type": kind, "written": written[name]} for name, kind in types.items()}


def _demo(inputs: Mapping[str, Any], output: str, prompt: Prompt) -> dict[str, Any]:
    return {"inputs": {name: value for name, value in inputs.items() if name in prompt.names}, "output": output}


def _changes(migration: Migration, result: TargetResult) -> dict[str, Any]:
    """What became of the source's parameters on the way to the target, and why."""
    before = dict(migration.prompt.params) if migration.prompt else {}
    after = dict(result.search.winner.prompt.params)
    return {
        "removed": {name: value for name, value in before.items() if name not in after},
        "added": {name: value for name, value in after.items() if name not in before},
        "changed": {
            name: {"from": before[name], "to": value}
            for name, value in after.items()
            if name in before and before[name] != value
        },
        "notes": [note for note in result.search.notes if any(name in note for name in (*before, *after))],
    }


def _rollback(migration: Migration, examples: Sequence[Example]) -> dict[str, Any]:
    """The way back: the source with its own prompt, which `reader.render` renders too where it can be held here."""
    prompt = migration.prompt
    way: dict[str, Any] = {"model": migration.source}
    if prompt is None:
        return way
    way |= {"prompt": prompt.digest, "parameters": dict(prompt.params), "reply": prompt.reading.to_dict()}
    way |= prompt.tools.sent
    if isinstance(prompt, Suite):
        return way | {"note": "the program as it was before: its instructions are in source.prompt"}
    try:
        return way | {"messages": _messages(prompt), "variables": _variables(prompt, examples)}
    except ExportError as problem:
        return way | {"note": f"render it with its own template engine: {problem}"}


def _type_of(name: str, examples: Sequence[Example]) -> str:
    """The narrowest type that all examples share."""
    values = [example.inputs[name] for example in examples]
    if (kind := kind_of(values)) is None:
        raise ExportError(f"variable {name!r}: the examples hold values of several types ({kinds_of(values)})")
    return kind
