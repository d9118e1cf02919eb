"""Prompts of MLflow's registry (`register_prompt`), as JSON of its arguments or of the prompt that it gives back."""

from __future__ import annotations

from optimizer.importers.parsing import dialects, knobs
from optimizer.importers.parsing.chat import Losses, arranged, turns
from optimizer.importers.parsing.files import Source
from optimizer.importers.parsing.node import Node
from optimizer.importers.parsing.schemas import json_reply
from optimizer.importers.values import Draft, Format, Wish
from optimizer.prompt.template import Template

_CARRIED = ("name", "template", "model_config", "response_format", "prompt_type")
_MARK = "{% if true %}{% endif %}"
_OF_THE_MODEL = ("provider", "model_name", "extra_params")


def looks(source: Source) -> bool:
    found = source.json if source.ending in (".json", "") else None
    return isinstance(found, dict) and "template" in found and "name" in found and "_type" not in found


def read(source: Source, _wish: Wish) -> Draft:
    node, lost = Node(source.json, source.name), Losses()
    template = node["template"]
    syntax = _syntax(template)
    if isinstance(template.value, str):
        found = arranged([("user", syntax(template.text(), template.place))], source.name)
    else:
        found = turns(template, syntax, lost)
    for key in node.mapping():
        if key not in _CARRIED and node[key].value:
            lost.add(f"{key}: a task has no place for it")
    config = node["model_config"]
    name = config["model_name"].maybe()
    return Draft(
        format=FORMAT.name,
        name=node["name"].text(),
        turns=found,
        model=knobs.model(name, config["provider"].maybe()) if name else None,
        params=knobs.params(config, lost, known=_OF_THE_MODEL) | knobs.params(config["extra_params"], lost),
        reply=json_reply(node["response_format"], lost) if node["response_format"] else {},
        lost=lost.all,
    )


def _syntax(template: Node) -> dialects.Reader:
    """MLflow takes all messages for Jinja where one has {% and %}; else only {{variables}} mean something."""
    texts = [template.value] if isinstance(template.value, str) else [m["content"].value for m in template.items()]
    if any(isinstance(text, str) and "{%" in text and "%}" in text for text in texts):
        return _jinja
    return dialects.placeholders


def _jinja(text: str, where: str) -> Template:
    """Jinja drops one line break at the end. The mark is our exporter's, for text without logic."""
    return dialects.jinja2(text.removeprefix(_MARK).removesuffix("\n"), where)


FORMAT = Format("mlflow-prompt", "a prompt of MLflow's registry", looks, read)
