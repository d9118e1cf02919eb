"""Turns as a prompt file of a task, in a syntax that gives back every character."""

from __future__ import annotations

import json
from collections.abc import Sequence

from optimizer.errors import ConfigError, ExportError
from optimizer.prompt.layout import Turn
from optimizer.prompt.template import Logic, Syntax, Template

_SYNTAXES: tuple[Syntax, ...] = ("mustache", "dollar")


def syntax_of(turns: Sequence[Turn]) -> Syntax:
    """The plainest syntax in which every message reads back as it is; f-strings hold whatever text there is."""
    if any(isinstance(segment, Logic) for turn in turns for segment in turn.content.segments):
        return "jinja2"
    for syntax in _SYNTAXES:
        if all(_reads_back(turn.content, syntax) for turn in turns):
            return syntax
    return "f-string"


def _reads_back(template: Template, syntax: Syntax) -> bool:
    try:
        return Template.parse(template.print(syntax), syntax) == template
    except (ConfigError, ExportError):
        return False


def prompt_file(turns: Sequence[Turn]) -> tuple[str, str]:
    """One user message as text; several as JSON, which also keeps line breaks of other systems."""
    syntax = syntax_of(turns)
    texts = [turn.content.print(syntax) for turn in turns]
    if len(turns) == 1 and "\r" not in texts[0] and not texts[0].startswith("\ufeff"):
        return "prompt.txt", texts[0] + "\n"
    messages = [{"role": turn.role, "content": text} for turn, text in zip(turns, texts, strict=True)]
    return "prompt.json", json.dumps(messages, ensure_ascii=False, indent=1) + "\n"
