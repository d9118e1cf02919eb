"""The bundle: a winning prompt with all that production needs to use it and to trust it, in one folder.

    bundle.json       messages, variables, parameters, reply contract, evidence
    reader.py         renders and parses it; standard library only
    program.json      only of a DSPy program: its state, for `program.load`; bundle.json shows each prompt by its name
    checksums.json    SHA-256 of the other files

Rendered back and compared with what was scored before it is written: see `faithful`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from optimizer import __version__, reader
from optimizer.errors import ExportError
from optimizer.migration import Migration, TargetResult
from optimizer.objective import Evaluation
from optimizer.prompt import Prompt
from optimizer.records import as_json, plain
from optimizer.rundir import write_whole
from optimizer.suite import Suite
from optimizer.types import Example

FORMAT = "promptport-bundle/1"
PROGRAM_FORMAT = "promptport-program/1"
_SUMS = "checksums.json"
_PROGRAM = "program.json"
_LARGEST = 50_000_000  # bytes of one file
_WAY_OUT = "write it anew with `promptport report RUN`"


def write_bundle(migration: Migration, result: TargetResult, folder: Path) -> Path:
    """Write the bundle of one target's winner. Raises ExportError where it would not render as scored."""
    if not result.search.trials:
        raise ExportError("the outputs were recorded elsewhere, so there is no prompt to ship")
    bundle, prompt = as_bundle(migration, result), result.search.winner.prompt
    texts = {"bundle.json": as_json(bundle), "reader.py": Path(reader.__file__).read_text("utf-8")}
    if isinstance(prompt, Suite):
        texts[_PROGRAM] = as_json(prompt.state, sort=False)
    else:
        faithful(bundle, prompt, [migration.examples[i] for i in migration.split["test"]])
    sums = {name: hashlib.sha256(text.encode()).hexdigest() for name, text in texts.items()}
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ExportError(f"{folder}: cannot write here ({error.strerror})") from error
    for name, text in {**texts, _SUMS: as_json(sums)}.items():
        write_whole(folder / name, text)
    return folder / "bundle.json"


def withdraw_bundle(folder: Path) -> None:
    """Remove what `write_bundle` wrote there, and nothing else."""
    for name in (_SUMS, "bundle.json", "reader.py", _PROGRAM):
        with suppress(OSError):
            (folder / name).unlink()
    with suppress(OSError):
        folder.rmdir()


def as_bundle(migration: Migration, result: TargetResult) -> dict[str, Any]:
    prompt = result.search.winner.prompt
    examples = list(migration.examples.values())
    return {
        "format": PROGRAM_FORMAT if isinstance(prompt, Suite) else FORMAT,
        "name": migration.name,
        "promptport": __version__,
        "model": result.model,
        "simulated": migration.simulated,
        **(_program(prompt) if isinstance(prompt, Suite) else {"messages": _messages(prompt)}),
        **({"examples": prompt.shown} if prompt.shown else {}),
        "variables": {name: {"type": _type_of(name, examples)} for name in sorted(prompt.names)},
        "parameters": dict(prompt.params),
        **prompt.tools.sent,
        **({"response_schema": prompt.contract.schema} if "response_format" in prompt.params else {}),
        "reply": prompt.reading.to_dict(),
        "source": {"model": migration.source, **_before(migration.prompt)},
        "evidence": _evidence(migration, result),
    }


def _before(prompt: Prompt | None) -> dict[str, Any]:
    return {"prompt": prompt.to_dict(), "digest": prompt.digest} if prompt else {}


def _messages(prompt: Prompt) -> list[dict[str, Any]]:
    return [{"role": turn.role, "content": turn.content.parts} for turn in prompt.messages]


def _program(suite: Suite) -> dict[str, Any]:
    """A program's prompts by name, and where its state is; DSPy makes the messages."""
    origin, parts = suite.origin, [plain(part) for part in suite.parts]
    program = {"dspy": origin.dspy, "state": _PROGRAM, "adapter": origin.adapter, "output": origin.output}
    return {"program": program, "prompts": {part.pop("name"): part for part in parts}}


def verify_bundle(folder: Path) -> int:
    """The number of files in a bundle, all of them as they were written. Raises ExportError where one is not."""
    try:
        found = {path.name for path in folder.iterdir()}
    except OSError as error:
        raise ExportError(f"{folder}: no bundle here ({error.strerror}); give the folder with {_SUMS} in it") from error
    if _SUMS not in found:
        raise ExportError(f"{folder}: no bundle here ({_SUMS} is missing)")
    sums = _sums(folder / _SUMS)
    if wrong := sorted(found ^ {*sums, _SUMS}):
        kind = "missing" if wrong[0] in sums else "not part of the bundle"
        if wrong == ["__pycache__"]:
            kind = "left behind by importing reader.py where it lies: remove it"
        raise ExportError(f"{folder / wrong[0]}: {kind}; {_WAY_OUT}")
    for name, wanted in sums.items():
        if hashlib.sha256(_bytes(folder / name)).hexdigest() != wanted:
            raise ExportError(f"{folder / name}: changed since it was written; {_WAY_OUT}")
    return len(found)


def _sums(path: Path) -> dict[str, str]:
    """The checksums; their file has one form only, so a change that leaves their meaning is found as well."""
    data = _bytes(path)
    try:
        sums = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ExportError(f"{path}: changed since it was written ({error}); {_WAY_OUT}") from error
    if (
        not isinstance(sums, dict)
        or set(sums) - {_PROGRAM} != {"bundle.json", "reader.py"}
        or as_json(sums).encode() != data
    ):
        raise ExportError(f"{path}: changed since it was written; {_WAY_OUT}")
    return sums


def _bytes(path: Path) -> bytes:
    try:
        if path.is_symlink() or not path.is_file() or path.stat().st_size > _LARGEST:
            raise ExportError(f"{path}: no plain file, or larger than {_LARGEST:,} bytes; {_WAY_OUT}")
        return path.read_bytes()
    except OSError as error:
        raise ExportError(f"{path}: cannot be read ({error.strerror}); {_WAY_OUT}") from error


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


def _type_of(name: str, examples: Sequence[Example]) -> str:
    """The narrowest type that all examples share."""
    values = [example.inputs[name] for example in examples]
    kinds = ("string", "boolean", "integer", "number", "array", "object")
    fitting = [kind for kind in kinds if all(reader.is_type(value, kind) for value in values)]
    if not fitting:
        found = sorted({type(value).__name__ for value in values})
        raise ExportError(f"variable {name!r}: the examples hold values of several types ({', '.join(found)})")
    return fitting[0]


def _evidence(migration: Migration, result: TargetResult) -> dict[str, Any]:
    met = result.confirmation
    sides = {"source": met.source, "source_again": met.again, "unchanged": met.unchanged, "migrated": met.winner}
    return {
        "decision": plain(result.decision),
        "examples": {part: len(ids) for part, ids in migration.split.items()},
        "data_sha256": _hash([[e.id, plain(e.inputs), e.expected] for e in migration.examples.values()]),
        "held_out_ids_sha256": _hash(list(migration.split["test"])),
        "held_out": {name: _figures(evaluation) for name, evaluation in sides.items() if evaluation},
        "search": {
            "trials": len(result.search.trials),
            "winner": {"trial": result.search.best, "program": result.search.winner.program},
            "stopped_by": result.search.stopped_by,
        },
        "objective": migration.settings.get("objective", {}),
        "prices": migration.prices,
        "versions": dict(migration.versions),
    }


def _figures(evaluation: Evaluation) -> dict[str, float]:
    return {
        "quality": evaluation.quality,
        "valid": evaluation.valid,
        "cost_per_1000": 1000 * evaluation.cost,
        "latency_mean": evaluation.latency,
        "latency_median": evaluation.median_latency,
        "latency_p95": evaluation.p95_latency,
        "input_tokens": evaluation.input_tokens,
        "output_tokens": evaluation.output_tokens,
    }


def _hash(value: Any) -> str:
    return hashlib.sha256(as_json(value).encode()).hexdigest()
