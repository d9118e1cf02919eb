"""A team's own DSPy program, opened: from `module:attribute`, from its JSON state, or from both.

Behind the door of its package: imports DSPy when it is imported. No pickle is ever read.
"""

from __future__ import annotations

import inspect
import json
import re
import threading
from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import dspy
from dspy.utils.saving import get_dependency_versions

from optimizer.config.textfile import Kind, read_text
from optimizer.errors import ConfigError, raised_at
from optimizer.plugins import resolve
from optimizer.programs.dspy.quiet import hush
from optimizer.prompt.contract import Contract
from optimizer.prompt.suite import ALONE, Origin, Part, Suite
from optimizer.types import Params

_STATE = Kind(
    ConfigError,
    20_000_000,
    folder="name the state in it",
    missing="paths start from the task file's folder",
    large="is it a program's state?",
)
_TAKEN = ("row", "output", "example")


def open_suite(
    path: str,
    folder: Path,
    *,
    state: str | None,
    inputs: tuple[str, ...],
    output: str | None,
    adapter: str,
    protect: tuple[str, ...],
    contract: Contract,
    params: Params,
) -> Suite:
    """Raises ConfigError and PluginError for what cannot be opened."""
    hush()
    if ":" in path and not path.endswith(".json"):
        program = _module(path)
        if state:
            _load(program, _read(folder / state), state)
        origin = path
    else:
        program, origin = _chain(_read(folder / path), path), ""
    program.set_lm(None)  # whom to ask is the run's to say
    named = dict(program.named_predictors())
    if not named:
        raise ConfigError(f"program.dspy: {path} has no predictor: there is no prompt in it to migrate")
    if not hasattr(type(program), "forward"):
        raise ConfigError(f"program.dspy: {path} has no `forward`, which a run calls, without await; add one")
    names = inputs or _inputs(program, next(iter(named.values())))
    if bad := sorted(set(names) & set(_TAKEN)):
        raise ConfigError(f"program: an input cannot be called {bad[0]!r}, which a run uses itself; rename it")
    kept = {name: {**predictor.dump_state(), "demos": [], "lm": None} for name, predictor in named.items()}
    kept["metadata"] = {"dependency_versions": get_dependency_versions()}
    facts = Origin(origin, adapter, output, kept)
    suite = Suite.of([_part(name, p) for name, p in named.items()], facts, names, contract, params)
    if lost := suite.lacks(protect):
        raise ConfigError(f"program.protect: {lost[:60]!r} does not stand in the program's instructions word for word")
    return replace(suite, protected=protect)


_opened: dict[str, Any] = {}
_MOST_OPEN = 64
_lock = threading.Lock()


def live(suite: Suite) -> Any:
    """The program with the suite's instructions and examples; never to be changed, only copied."""
    program = _opened.get(suite.digest)
    if program is None:
        program = _module(suite.origin.dspy) if suite.origin.dspy else Chain(suite.parts, suite.origin.state)
        program.load_state(suite.state)
        for _, predictor in program.named_predictors():
            predictor.lm = None  # the model is the run's to choose
        with _lock:
            while len(_opened) >= _MOST_OPEN:
                _opened.pop(next(iter(_opened)))
            _opened[suite.digest] = program
    return program


def _module(path: str) -> Any:
    found: Any = resolve("programs", path, {})
    if callable(found) and not isinstance(found, dspy.Module):
        try:
            found = found()
        except Exception as problem:
            raise ConfigError(
                f"program.dspy: calling {path} failed: {problem!r}{raised_at(problem)}; "
                "name a module, or what makes one without arguments"
            ) from problem
    if not isinstance(found, dspy.Module):
        raise ConfigError(f"program.dspy: {path} is {type(found).__name__}, no dspy.Module")
    return found.deepcopy()


def _read(path: Path) -> dict[str, Any]:
    if path.suffix != ".json":
        raise ConfigError(
            f"program: {path.name} is no JSON state, and pickles can run code; write one with "
            'program.save("state.json"), or name the program as module:attribute'
        )
    text = read_text(path, _STATE)
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"program: {path.name}: not valid JSON: {error}") from error
    if not isinstance(found, dict):
        raise ConfigError(f"program: {path.name} must hold an object, as program.save writes it")
    return found


def _load(program: Any, state: Mapping[str, Any], name: str) -> None:
    """Without the models that it names: whom to ask is the run's to say."""
    plain = {key: value for key, value in state.items() if key != "metadata"}
    try:
        alone = "signature" in plain
        program.load_state(
            {**plain, "lm": None} if alone else {key: {**saved, "lm": None} for key, saved in plain.items()}
        )
    except Exception as problem:
        raise ConfigError(
            f"program.state: {name} is no state of this program: {problem!r}; write it anew with program.save"
        ) from problem


def _inputs(program: Any, first: Any) -> tuple[str, ...]:
    """What `forward` asks for; where it takes anything, what the program's signature or first predictor does."""
    if isinstance(program, Chain):
        return program.asked
    asked = [
        name
        for name, parameter in list(inspect.signature(type(program).forward).parameters.items())[1:]
        if parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
        and parameter.default is parameter.empty
    ]
    signature = getattr(program, "signature", None) or first.signature
    return tuple(asked or signature.input_fields)


def _part(name: str, predictor: Any) -> Part:
    signature, state = predictor.signature, predictor.dump_state()
    demos = tuple(json.loads(json.dumps(dict(demo))) for demo in state["demos"])
    return Part(name, signature.instructions, tuple(signature.input_fields), tuple(signature.output_fields), demos)


class Chain(dspy.Module):  # type: ignore[misc]
    """Predictors one after the other, each given what it asks for from the inputs and the answers before it."""

    def __init__(self, parts: tuple[Part, ...], state: Mapping[str, Any]) -> None:
        super().__init__()
        self.steps = {part.name: dspy.Predict(_signature(part, state[part.name])) for part in parts}

    def named_parameters(self) -> list[tuple[str, Any]]:
        """Under the names of the program that the state was saved from, so that it can be loaded there again."""
        return list(self.steps.items())

    @property
    def asked(self) -> tuple[str, ...]:
        """What no predictor answers before it is asked for."""
        needed: dict[str, None] = {}
        known: set[str] = set()
        for step in self.steps.values():
            needed |= dict.fromkeys(name for name in step.signature.input_fields if name not in known)
            known |= set(step.signature.output_fields)
        return tuple(needed)

    def load_state(self, state: Mapping[str, Any], *, allow_unsafe_lm_state: bool = False) -> None:
        named = {ALONE: state} if "signature" in state else state
        super().load_state(named, allow_unsafe_lm_state=allow_unsafe_lm_state)

    def forward(self, **inputs: Any) -> Any:
        known, said = dict(inputs), dspy.Prediction()
        for step in self.steps.values():
            said = step(**{name: known[name] for name in step.signature.input_fields})
            known |= said.toDict()
        return said


def _chain(state: Mapping[str, Any], name: str) -> Any:
    """Rebuilt from a state, which keeps instructions and fields but not how the predictors are joined."""
    named = {ALONE: state} if "signature" in state else {k: v for k, v in state.items() if k != "metadata"}
    way_out = "name the program itself: `program: {dspy: my_module:my_program, state: " + name + "}`"
    try:
        parts = tuple(_rebuilt(key, saved) for key, saved in named.items())
    except (LookupError, TypeError, AttributeError) as problem:
        raise ConfigError(
            f"program.dspy: {name} is no JSON state of a DSPy program ({problem!r}); {way_out}"
        ) from problem
    for before, part in pairwise(parts):
        if not set(before.outputs) & set(part.inputs):
            raise ConfigError(
                f"program.dspy: {name} does not say how its predictors are joined: {part.name!r} asks for "
                f"{', '.join(part.inputs)}, {before.name!r} before it answers {', '.join(before.outputs)}; {way_out}"
            )
    chain = Chain(parts, named)
    _load(chain, named, name)
    return chain


def _rebuilt(name: str, saved: Mapping[str, Any]) -> Part:
    """The last field is the answer, `reasoning` before it is part of it; DSPy's states do not say so themselves."""
    fields = [_field(spec) for spec in saved["signature"]["fields"]]
    answer = fields.index("reasoning") if "reasoning" in fields else len(fields) - 1
    if answer < 1:
        raise LookupError(f"{name} has no field to ask with and one to answer")
    instructions = str(saved["signature"]["instructions"])
    return Part(name, instructions, tuple(fields[:answer]), tuple(fields[answer:]))


def _field(spec: Mapping[str, str]) -> str:
    """A field's name: in `${name}`, which DSPy puts where nothing describes it, else from its heading."""
    if told := re.fullmatch(r"\$\{(\w+)\}", spec["description"]):
        return told[1]
    return re.sub(r"\W+", "_", spec["prefix"].strip().rstrip(":")).lower()


def _signature(part: Part, saved: Mapping[str, Any]) -> Any:
    told = dict(zip((*part.inputs, *part.outputs), saved["signature"]["fields"], strict=True))
    fields: dict[str, Any] = {
        name: (str, kind(desc=told[name]["description"]))
        for kind, names in ((dspy.InputField, part.inputs), (dspy.OutputField, part.outputs))
        for name in names
    }
    return dspy.Signature(fields, part.instructions)
