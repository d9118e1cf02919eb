"""The door to Jinja for all pages: each extends `base.html`, has its style and script inline, and loads nothing.

Every value is escaped on its way in, and a name that a template misspells is an error.
"""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256
from importlib.resources import files
from typing import Any


def render(template: str, script: str = "", **values: Any) -> str:
    """`template` is a path below `optimizer`, as in "report/html/page.html". The page may run no script but `script`.

    Lone surrogates, which UTF-8 cannot hold, become question marks.
    """
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    environment = Environment(
        loader=FunctionLoader(_source), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    allowed = b64encode(sha256(script.encode()).digest()).decode() if script else ""
    page = environment.get_template(template).render(
        style=_source("report/html/page.css"), script=script, script_hash=allowed, **values
    )
    return page.encode("utf-8", "replace").decode()


def _source(name: str) -> str:
    return (files("optimizer") / name).read_text("utf-8")
