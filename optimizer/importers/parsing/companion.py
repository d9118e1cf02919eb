"""`parameters.json` beside a prompt: model and settings of formats that have no place for them."""

from __future__ import annotations

from dataclasses import replace

from optimizer.importers.parsing import knobs, schemas
from optimizer.importers.parsing.chat import Losses
from optimizer.importers.parsing.files import Source
from optimizer.importers.parsing.node import Node
from optimizer.importers.values import Draft

NAME = "parameters.json"


def completed(draft: Draft, source: Source) -> Draft:
    """What the prompt's own file says counts first."""
    home = source.path if source.is_folder else source.path.parent
    if source.name == NAME or not (home / NAME).is_file():
        return draft
    found = source.beside(NAME, NAME)
    node, lost = Node(found.json, NAME), Losses()
    params = knobs.params(node, lost, known=("model", "response_format", "tools", "tool_choice"))
    name = node["model"].maybe()
    return replace(
        draft,
        model=draft.model or (knobs.model(name) if name else None),
        params={**draft.params, **{key: value for key, value in params.items() if key not in draft.params}},
        reply=draft.reply or schemas.response_format(node["response_format"], lost),
        lost=(*draft.lost, *lost.all),
    )
