"""The bundle as the program that answers: read by the very reader that production uses, run by DSPy where it is one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from optimizer import reader
from optimizer.config.sections import ProgramSettings
from optimizer.errors import ConfigError, DataError
from optimizer.exporters.bundle.sealing import PROGRAM
from optimizer.exporters.bundle.verifying import Verified
from optimizer.models import Model
from optimizer.programs import Program
from optimizer.programs.prompted import read_response
from optimizer.prompt.contract import Contract
from optimizer.task import Task
from optimizer.types import JSON, Inputs, Message, Reply, Request


@dataclass(frozen=True)
class Shipped:
    """A single prompt. Raises DataError for inputs that the bundle's variables do not allow."""

    bundle: Mapping[str, Any]

    async def __call__(self, inputs: Inputs, model: Model) -> Reply:
        own = {name: inputs[name] for name in self.bundle["variables"] if name in inputs}
        try:
            rendered = reader.render(dict(self.bundle), own)
        except ValueError as problem:
            raise DataError(f"an example does not fit the bundle: {problem}") from problem
        messages = tuple(_message(turn) for turn in rendered)
        offered = {name: self.bundle[name] for name in ("tools", "tool_choice") if name in self.bundle}
        response = await model.complete(Request(messages, {**self.bundle["parameters"], **offered}))
        return read_response(Contract.from_dict(self.bundle["reply"]), response)

    def to_dict(self) -> Mapping[str, JSON]:
        return {"kind": "bundle", "bundle": dict(self.bundle)}


def shipped(found: Verified, task: Task) -> Program:
    """Raises ConfigError where the bundle is of a program, and the task of another one or of none."""
    if "program" not in found.bundle:
        return Shipped(found.bundle)
    from optimizer.programs.dspy.opening import open_suite
    from optimizer.programs.shipped import program_of

    subject, program = task.settings.subject, found.bundle["program"]
    ours = subject.dspy if isinstance(subject, ProgramSettings) and ":" in subject.dspy else ""
    if not isinstance(subject, ProgramSettings) or ours != program["dspy"]:  # code is run only where the task names it
        raise ConfigError(
            f"program: the bundle is of {program['dspy'] or 'a DSPy state'!r}, the task of {ours or 'something else'!r}"
        )
    with TemporaryDirectory(prefix="promptport-") as folder:
        (Path(folder) / PROGRAM).write_bytes(found.files[PROGRAM])
        suite = open_suite(
            ours or PROGRAM,
            Path(folder),
            state=PROGRAM if ours else None,
            inputs=tuple(found.bundle["variables"]),
            output=program["output"],
            adapter=program["adapter"],
            protect=(),
            contract=Contract.from_dict(found.bundle["reply"]),
            params=found.bundle["parameters"],
        )
    return program_of(suite)


def _message(turn: Mapping[str, Any]) -> Message:
    """A message as the reader gives it: text, or a list of parts; in its text their kind stands for them, as always."""
    content = turn["content"]
    if isinstance(content, str):
        return Message(turn["role"], content)
    text = "".join(part["text"] if part["type"] == "text" else f"[{part['type']}]" for part in content)
    return Message(turn["role"], text, tuple(content))
