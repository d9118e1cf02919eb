"""prompt-ops (Llama): a project folder with its YAML configuration, prompt and data set."""

from __future__ import annotations

from optimizer.importers.parsing import knobs
from optimizer.importers.parsing.chat import Losses, arranged
from optimizer.importers.parsing.files import Source
from optimizer.importers.parsing.node import Node
from optimizer.importers.values import Draft, Format, ImportFault, Wish
from optimizer.prompt.template import Template, Var
from optimizer.types import JSON, Role

_CARRIED = ("system_prompt", "prompt", "dataset", "model")


def looks(source: Source) -> bool:
    return _config(source) is not None


def _config(source: Source) -> Source | None:
    """The first YAML file in the folder that names a prompt and a data set."""
    for path in sorted(source.path.iterdir()):
        if path.suffix.lower() in (".yaml", ".yml") and path.is_file():
            found = Source(path)
            if "dataset" in found.yaml.data and not found.yaml.data.keys().isdisjoint(("system_prompt", "prompt")):
                return found
    return None


def read(source: Source, _wish: Wish) -> Draft:
    config = _config(source)
    if config is None:
        raise ImportFault(
            f"{source.name}: has no YAML file with `system_prompt` and `dataset`; name the project's folder"
        )
    node, lost = Node(config.yaml.data, config.name), Losses()
    for key in node.mapping():
        if key not in _CARRIED:
            lost.add(f"{key}: a task has its own way of saying it")
    prompt = node["system_prompt"] if node["system_prompt"] else node["prompt"]
    inputs = [item.word() for item in prompt["inputs"].items()] or ["question"]
    rows = _rows(node["dataset"], config, inputs, lost)
    lost.add(
        "the wording of DSPy's chat adapter, through which prompt-ops asks: here the inputs are the user's message"
    )
    model = node["model"]
    name = model["task_model"].maybe() or model["name"].maybe()
    known = ("name", "task_model", "proposer_model", "api_base", "api_key", "cache", "adapter_type")
    return Draft(
        format=FORMAT.name,
        name=source.path.resolve().name,
        turns=arranged(_said(prompt, config, inputs), config.name),
        model=knobs.model(name) if name else None,
        params=knobs.params(model, lost, known=known),
        rows=rows,
        columns={"expected": "expected"} if any("expected" in row for row in rows) else {},
        lost=lost.all,
    )


def _said(prompt: Node, config: Source, inputs: list[str]) -> list[tuple[Role, Template]]:
    """The prompt's text is the system message, and braces in it are text: prompt-ops fills in nothing."""
    if isinstance(prompt.value, str):
        text = prompt.text()
    elif prompt.has("text"):
        text = prompt["text"].text()
    else:
        text = config.beside(prompt["file"].word(), prompt["file"].path).text
    if not text.strip():
        raise prompt.fault("has no text; a prompt needs some")
    if len(inputs) == 1:
        return [("system", Template((text,))), ("user", Template((Var(inputs[0]),)))]
    parts: list[str | Var] = []
    for name in inputs:
        parts += [f"{chr(10) if parts else ''}{name}: ", Var(name)]
    return [("system", Template((text,))), ("user", Template(tuple(parts)))]


def _rows(node: Node, config: Source, inputs: list[str], lost: Losses) -> tuple[dict[str, JSON], ...]:
    if not node["path"]:
        return ()
    for key in node.value:
        if key not in ("path", "input_field", "golden_output_field"):
            lost.add(f"{node[key].path}: a task has its own way of saying it")
    found = config.beside(node["path"].word(), node["path"].path)
    ways = {inputs[0]: _way(node["input_field"]) or ["question"]}
    ways |= {name: [name] for name in inputs[1:]}
    gold = _way(node["golden_output_field"]) or ["answer"]
    rows = []
    for place, value in found.items:
        item = Node(value, found.name, place)
        row: dict[str, JSON] = {name: _at(item, way, required=True) for name, way in ways.items()}
        answer = _at(item, gold, required=False)
        rows.append(row if answer is None else {**row, "expected": answer})
    return tuple(rows)


def _way(node: Node) -> list[str]:
    return [node.text()] if isinstance(node.value, str) else [item.text() for item in node.items()]


def _at(item: Node, way: list[str], *, required: bool) -> JSON:
    for key in way:
        item = item[key]
    if not item and required:
        raise item.fault("is missing, which the configuration names as an input; correct dataset.input_field")
    return item.value  # type: ignore[no-any-return]


FORMAT = Format("prompt-ops", "a project folder of prompt-ops", looks, read, folder=True)
