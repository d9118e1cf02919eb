"""Jinja's syntax, which Nunjucks shares: text printed so that it stays text, and the engine to read it back."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from optimizer.exporters.rendering import Said
from optimizer.prompt.layout import Turn
from optimizer.prompt.template import Template, Var


def jinja(turns: Sequence[Turn], show: Callable[[str], str] = "{{{{ {} }}}}".format) -> Said:
    """Messages as Jinja templates; control flow as it was written. `show` prints a variable by its name."""
    return [{"role": turn.role, "content": _printed(turn.content, show)} for turn in turns]


def engine(**options: Any) -> Any:
    """Jinja in its sandbox, as the tools have it that use it; `load` is promptfoo's filter."""
    from jinja2 import StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    settings = {"undefined": StrictUndefined, "keep_trailing_newline": True, **options}
    environment = ImmutableSandboxedEnvironment(**settings)
    environment.filters["load"] = json.loads
    return environment


def fill(environment: Any) -> Callable[[str, Mapping[str, str]], str]:
    def filled(text: str, values: Mapping[str, str]) -> str:
        rendered: str = environment.from_string(text).render(**values)
        return rendered

    return filled


def _printed(content: Template, show: Callable[[str], str]) -> str:
    parts = []
    for place, segment in enumerate(content.segments):
        if isinstance(segment, str):
            parts.append(_literal(segment, followed=place + 1 < len(content.segments)))
        else:
            parts.append(show(segment.name) if isinstance(segment, Var) else str(getattr(segment, "text", "")))
    return "".join(parts)


def _literal(text: str, *, followed: bool) -> str:
    """Each brace that would open something is printed by an expression; so are the end of a comment, at which Nunjucks
    stumbles, and carriage returns, which Jinja reads as new lines."""
    opening = r"\{(?=[{%#\r]|\Z)" if followed else r"\{(?=[{%#\r])"
    shown = {"{": "{{ '{' }}", "}": "{{ '}' }}", "\r": r"{{ '\r' }}"}
    return re.sub(rf"{opening}|(?<=#)\}}|\r", lambda m: shown[m[0]], text)
