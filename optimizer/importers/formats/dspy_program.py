"""A DSPy program's JSON state, as `program.save("state.json")` writes it: it becomes the task's `program`."""

from __future__ import annotations

import re

from optimizer.importers.parsing.chat import Losses
from optimizer.importers.parsing.files import Source
from optimizer.importers.parsing.node import Node
from optimizer.importers.values import Draft, Format, ImportFault, Wish


def looks(source: Source) -> bool:
    if source.ending not in (".json", ""):
        return False
    found = source.json
    return isinstance(found, dict) and bool(_predictors(found))


def _predictors(found: dict[str, object]) -> list[str]:
    if "signature" in found and "demos" in found:
        return ["program"]
    return [key for key, one in found.items() if isinstance(one, dict) and "signature" in one and "demos" in one]


def read(source: Source, _wish: Wish) -> Draft:
    if source.ending in (".pkl", ".pickle"):
        raise ImportFault(f'{source.name}: pickles can run code, and are not read; write program.save("state.json")')
    node, lost = Node(source.json, source.name), Losses()
    names = _predictors(node.mapping())
    if not names:
        raise node.fault('holds no predictor with signature and demos; write it with program.save("state.json")')
    asks: tuple[str, ...] = ()
    known: set[str] = set()
    for name in names:
        part = node if names == ["program"] else node[name]
        given, answered = _fields(part["signature"])
        asks = (*asks, *(field for field in given if field not in known and field not in asks))
        known |= set(answered)
        for key in ("traces", "train"):
            if part.value.get(key):
                lost.add(
                    f"{name}.{key}: {len(list(part[key].items()))} examples of the optimizer; they stay in the state"
                )
        if part["lm"]:
            lost.add(f"{name}.lm: whom to ask is said in the task's section `source`")
        list(part["demos"].items())
    return Draft(format=FORMAT.name, name=source.path.stem, program=source.text, asks=asks, lost=lost.all)


def _fields(node: Node) -> tuple[list[str], list[str]]:
    """Inputs and outputs by name. A state tells no difference: the last field is the answer, or from reasoning on."""
    node["instructions"].text()
    names = []
    for item in node["fields"].items():
        words = item["description"].text()
        braces = re.fullmatch(r"\$\{(\w+)\}", words)
        names.append(braces[1] if braces else "_".join(re.findall(r"\w+", item["prefix"].text())).lower())
    if len(names) < 2:
        raise node["fields"].fault(
            "needs a field to ask with and one to answer; write the state anew with program.save"
        )
    answer = names.index("reasoning") if "reasoning" in names else len(names) - 1
    return names[:answer], names[answer:]


FORMAT = Format("dspy", "a DSPy program's JSON state; becomes the task's `program`", looks, read)
