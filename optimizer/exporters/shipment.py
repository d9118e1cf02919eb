"""What an exporter is handed, and what it hands back. Both are frozen; an exporter asks no model and writes no file."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, TypeAlias

from optimizer import reader
from optimizer.errors import ConfigError, ExportError, nearest
from optimizer.exporters.bundle.verifying import read_bundle
from optimizer.prompt import Prompt
from optimizer.prompt.contract import Contract
from optimizer.prompt.layout import Turn
from optimizer.prompt.media import Media
from optimizer.prompt.suite import Suite
from optimizer.prompt.template import Logic, Segment, Template, Var
from optimizer.results.migration import Migration, TargetResult
from optimizer.results.rundir import RunDir
from optimizer.tools import Toolset
from optimizer.types import Example, Inputs, Params


@dataclass(frozen=True)
class Shipment:
    """One target's winner with all that is known about it.

    `examples`: those held out, on which it was scored; none where only a bundle is there, which holds no data.
    `migration` and `result` are None for a bundle, whose types of variables and evidence are in `bundle`.
    """

    name: str
    model: str
    prompt: Prompt
    examples: tuple[Example, ...] = ()
    migration: Migration | None = None
    result: TargetResult | None = None
    bundle: Mapping[str, Any] | None = None

    @cached_property
    def messages(self) -> tuple[Turn, ...]:
        return self.prompt.messages

    @cached_property
    def variables(self) -> tuple[str, ...]:
        """The prompt's variables in the order in which its messages ask for them."""
        found = [s.name for turn in self.messages for s in turn.content.segments if isinstance(s, Var)]
        return tuple(dict.fromkeys([*(n for n in found if not n.startswith("#")), *sorted(self.prompt.names)]))

    @cached_property
    def logic(self) -> bool:
        """Is there control flow that only Jinja can run?"""
        return any(isinstance(s, Logic) for turn in self.messages for s in turn.content.segments)

    @property
    def contract(self) -> Contract:
        return self.prompt.reading

    @property
    def params(self) -> Params:
        """All that a request says beside its messages; the tools too."""
        return self.prompt.sent

    def is_text(self, name: str) -> bool:
        """Does the variable hold text, as far as is known?"""
        if self.examples:
            return all(isinstance(example.inputs.get(name), str) for example in self.examples)
        known: Mapping[str, Any] = self.bundle["variables"] if self.bundle else {}
        return bool(known.get(name, {}).get("type", "string") == "string")

    @property
    def slug(self) -> str:
        """The task's name as every tool takes it: letters, digits and single dashes; at most 67 characters.

        Where letters are lost (the name is Chinese, say) a mark of the whole name follows: two tasks of one registry
        or proxy must not become one."""
        kept = "".join(c if c.isascii() and c.isalnum() else "-" for c in self.name)
        short = "-".join(part for part in kept.split("-") if part)[:60].strip("-") or "prompt"
        lost = any(c.isalnum() and not c.isascii() for c in self.name)
        return f"{short}-{hashlib.sha256(self.name.encode()).hexdigest()[:6]}" if lost else short

    def texts(self, inputs: Inputs) -> dict[str, str]:
        """The variables as a consumer gets them: strings as they are, all else as JSON, as in what was scored."""
        return {name: reader.fill([{"var": name}], inputs) for name in self.variables}

    def scored(self, inputs: Inputs) -> list[dict[str, Any]]:
        """The messages that the target was asked with."""
        return [{"role": m.role, "content": m.sent} for m in self.prompt.render(inputs).messages]


@dataclass(frozen=True)
class Export:
    """`files`: relative path -> content. `notes`: what whoever uses the files has to know."""

    files: Mapping[str, str | bytes]
    notes: tuple[str, ...] = ()

    def noting(self, *notes: str) -> Export:
        return replace(self, notes=(*self.notes, *notes))


#: Raises ExportError where the format cannot hold the prompt faithfully.
Exporter: TypeAlias = Callable[[Shipment], Export]


def open_shipment(path: Path, target: str | None = None) -> Shipment:
    """The winner of a finished run, or the prompt in a bundle: its folder or its zip. `target`: which, where a run has
    several."""
    if path.is_file() or ((path / "bundle.json").is_file() and not (path / "manifest.json").exists()):
        return of_bundle(path, target)
    return of_run(RunDir.read(path).migration(), target)


def of_run(migration: Migration, target: str | None = None) -> Shipment:
    """Raises ConfigError where it is not clear which target is meant, ExportError where the run has no prompt."""
    models = [result.model for result in migration.targets]
    if target is not None and target not in models:
        raise ConfigError(
            f"--target: no target is called {target!r}.{nearest(target, models)} Known: {', '.join(models)}"
        )
    if target is None and len(models) > 1:
        raise ConfigError(f"the run has {len(models)} targets; name one with --target: {', '.join(models)}")
    result = next(one for one in migration.targets if target in (None, one.model))
    if not result.search.trials:
        raise ExportError("the outputs were recorded elsewhere, so there is no prompt to ship")
    held_out = tuple(migration.examples[identity] for identity in migration.split["test"])
    return Shipment(migration.name, result.model, result.search.winner.prompt, held_out, migration, result)


def of_bundle(path: Path, target: str | None = None) -> Shipment:
    """Of the bytes that were verified, in a folder or in a zip, which is unpacked in memory alone.

    Raises ExportError for a bundle that is not as it was written, or that holds a program of several prompts.
    """
    bundle = read_bundle(path).bundle
    if "messages" not in bundle:
        raise ExportError(f"{path}: a program of several prompts; export it from its run directory")
    if target not in (None, bundle["model"]):
        raise ConfigError(f"--target: the bundle is for {bundle['model']!r}, found {target!r}")
    turns = [Turn(m["role"], _template(m["content"])) for m in bundle["messages"]]
    system = turns.pop(0).content if turns[0].role == "system" else Template()
    prompt = Prompt(
        system,
        turns[-1].content,
        turns=tuple(turns[:-1]),
        contract=Contract.from_dict(bundle["reply"]),
        params=bundle["parameters"],
        protected=_protected(bundle),
        tools=Toolset.read(bundle["tools"], bundle.get("tool_choice")) if bundle.get("tools") else Toolset(),
    )
    return Shipment(bundle["name"], bundle["model"], prompt, bundle=bundle)


def _protected(bundle: Mapping[str, Any]) -> tuple[str, ...]:
    """The texts that no variant may change; they are the source's prompt's."""
    before = bundle["source"].get("prompt", {}).get("protected", [])
    return tuple(text for text in before if isinstance(text, str)) if isinstance(before, list) else ()


def plain(
    shipment: Shipment,
    form: str,
    *,
    logic: bool = False,
    tools: bool = False,
    media: bool = False,
    history: bool = False,
) -> tuple[Turn, ...]:
    """The messages as text with variables. Raises ExportError for what only its own engine can make messages of.

    The format can hold Jinja's control flow (`logic`), definitions of `tools`, parts that are no text (`media`), a
    place for the earlier turns of a conversation (`history`).
    """
    prompt = shipment.prompt
    if isinstance(prompt, Suite):
        raise ExportError(
            f"{form}: the winner is a program of {len(prompt.parts)} prompts that DSPy runs; use --as dspy or bundle"
        )
    if prompt.shown or "examples" in (shipment.bundle or {}):
        raise ExportError(
            f"{form}: the prompt picks its worked examples for each request, which needs the bundle's reader; "
            "use --as bundle"
        )
    if shipment.logic and not logic:
        raise ExportError(
            f"{form}: the prompt has Jinja control flow ({{% ... %}}), which this format cannot hold; "
            "use --as prompty or mlflow, or write the prompt without it"
        )
    if prompt.tools and not tools:
        raise ExportError(
            f"{form}: the prompt offers tools, which this format does not carry; use --as openai or bundle"
        )
    if not media and any(isinstance(s, Media) for turn in shipment.messages for s in turn.content.segments):
        raise ExportError(
            f"{form}: the prompt has parts that are no text (images, documents), which this format does not carry; "
            "use --as openai or bundle"
        )
    if prompt.history and not history:
        raise ExportError(
            f"{form}: the prompt has a place for the earlier turns of a conversation ({{{{{prompt.history}}}}}), which "
            "this format does not carry; use --as langchain, langfuse or bundle"
        )
    return tuple(Turn(turn.role, _joined(turn.content)) for turn in shipment.messages)


def _joined(content: Template) -> Template:
    """Texts that stand side by side as one: a mark may begin in one and end in the next."""
    found: list[Segment] = []
    for segment in content.segments:
        if isinstance(segment, str) and found and isinstance(found[-1], str):
            found[-1] += segment
        else:
            found.append(segment)
    return Template(tuple(found))


def _template(parts: list[Any]) -> Template:
    return Template(tuple(part if isinstance(part, str) else _segment(part) for part in parts))


def _segment(part: Mapping[str, Any]) -> Var | Media:
    if "var" in part:
        return Var(part["var"])
    return Media(json.dumps(part["media"], ensure_ascii=False) if part["media"] else "")
