"""Templates: text with variables, in any of the syntaxes in use, held as segments.

A segment is literal text, a variable, or a piece of Jinja logic kept whole. Literal text is never parsed
again, so a prompt full of JSON braces survives every rendering and every export.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from optimizer import reader
from optimizer.errors import ConfigError, ExportError
from optimizer.prompt.media import Media, texts_and_media
from optimizer.types import Inputs

Syntax = Literal["mustache", "f-string", "jinja2", "handlebars", "dollar", "none"]
_NAME = r"[A-Za-z_][\w.\-]*"
_VARIABLE = {
    "mustache": re.compile(rf"\{{\{{\s*({_NAME})\s*\}}\}}"),
    "jinja2": re.compile(rf"\{{\{{-?\s*({_NAME})\s*-?\}}\}}"),
    "handlebars": re.compile(rf"\{{\{{\{{?\s*({_NAME})\s*\}}?\}}\}}"),
    "dollar": re.compile(rf"\{{\$({_NAME})\}}"),
}
_MAX_RENDERED = 2_000_000  # characters; a template bomb must not fill the memory


@dataclass(frozen=True)
class Var:
    name: str


@dataclass(frozen=True)
class Logic:
    """A Jinja template that has control flow: rendered by Jinja only, refused by formats without it."""

    text: str
    names: frozenset[str]


Segment = str | Var | Logic | Media


@dataclass(frozen=True)
class Template:
    segments: tuple[Segment, ...] = ()

    @classmethod
    def parse(cls, text: str, syntax: Syntax = "mustache") -> Template:
        """Raises ConfigError for a template that its syntax cannot mean."""
        if syntax not in get_args(Syntax):
            raise ConfigError(f"unknown template syntax {syntax!r}; known: {', '.join(get_args(Syntax))}")
        if syntax == "none":
            return cls((text,) if text else ())
        if syntax == "f-string":
            return cls(tuple(_parse_f_string(text)))
        if syntax == "jinja2" and ("{%" in text or "{#" in text or _has_expressions(text)):
            return cls((_parse_jinja(text),))
        if syntax in ("handlebars", "mustache") and (logic := re.search(r"\{\{\s*[#^/>!&][^}]*\}\}", text)):
            raise ConfigError(f"{syntax} logic is not supported: {logic[0]!r}; use plain variables, or jinja2")
        return cls(tuple(_split(text, _VARIABLE[syntax])))

    @property
    def names(self) -> frozenset[str]:
        """The variables that the template asks for."""
        plain = {segment.name for segment in self.segments if isinstance(segment, Var)}
        return frozenset(plain.union(*(s.names for s in self.segments if isinstance(s, Logic | Media))))

    @property
    def text(self) -> str:
        """The literal text, variables shown as `{{name}}`: for reading, hashing and diffs."""
        return "".join(_show(segment) for segment in self.segments)

    @property
    def parts(self) -> list[Any]:
        """As the bundle's reader takes it. Raises ExportError where there is logic."""
        for segment in self.segments:
            if isinstance(segment, Logic):
                raise ExportError("the prompt has Jinja control flow ({% ... %}), which this format cannot hold")
        return [_part(segment) for segment in self.segments]

    @classmethod
    def of_content(cls, content: Any, role: str, syntax: Syntax) -> Template:
        """A message's content: a text, or a list of parts of which the texts are templates. Raises ConfigError."""
        if isinstance(content, str):
            return cls.parse(content, syntax)
        found = texts_and_media(content, role, lambda text: cls.parse(text, syntax).parts)
        return cls(tuple(s for p in found for s in ((p,) if isinstance(p, Media) else cls.parse(p, syntax).segments)))

    def render_parts(self, inputs: Inputs) -> tuple[Mapping[str, Any], ...]:
        """The parts that are sent where there is more than text; none where there is not."""
        if not any(isinstance(segment, Media) for segment in self.segments):
            return ()
        whole = [
            {"media": s.filled(inputs) if s.packed else None} if isinstance(s, Media) else Template((s,)).render(inputs)
            for s in self.segments
        ]
        return tuple(reader.content(whole, {}))

    def require(self, inputs: Inputs) -> None:
        if missing := self.names - inputs.keys():
            raise ConfigError(f"the template asks for {sorted(missing)}, but the example has only {sorted(inputs)}")

    def render(self, inputs: Inputs) -> str:
        self.require(inputs)
        plain = (_run_jinja(s.text, inputs) if isinstance(s, Logic) else s for s in self.segments)
        return reader.fill([s.placeholder if isinstance(s, Media) else _part(s) for s in plain], inputs)

    def print(self, syntax: Syntax) -> str:
        """The template's text in `syntax`, escaped. Raises ExportError where the syntax has no escape for it."""
        if syntax == "jinja2" and any(isinstance(s, Logic) for s in self.segments):
            return "".join(s.text if isinstance(s, Logic) else Template((s,)).print(syntax) for s in self.segments)
        return "".join(_print(part, syntax) for part in self.parts)

    def map_text(self, change: Callable[[str], str]) -> Template:
        return Template(tuple(change(s) if isinstance(s, str) else s for s in self.segments))

    def strip(self) -> Template:
        """Without white space at either end."""
        segments = list(self.segments)
        if segments and isinstance(segments[0], str):
            segments[0] = segments[0].lstrip()
        if segments and isinstance(segments[-1], str):
            segments[-1] = segments[-1].rstrip()
        return Template(tuple(s for s in segments if s != ""))

    def __add__(self, other: Template | str) -> Template:
        return Template(self.segments + ((other,) if isinstance(other, str) else other.segments))

    def __bool__(self) -> bool:
        return any(segment != "" for segment in self.segments)


def join(separator: str, templates: Iterable[Template]) -> Template:
    """Like `str.join`; empty templates leave no gap."""
    result = Template()
    for template in templates:
        if template:
            result = result + separator + template if result else template
    return result


def _split(text: str, variable: re.Pattern[str]) -> Iterable[Segment]:
    at = 0
    for match in variable.finditer(text):
        if match.start() > at:
            yield text[at : match.start()]
        yield Var(match[1])
        at = match.end()
    if at < len(text):
        yield text[at:]


def _parse_f_string(text: str) -> Iterable[Segment]:
    from string import Formatter

    held = ""  # a doubled brace ends a piece of literal text, but no segment
    try:
        for literal, name, spec, conversion in Formatter().parse(text):
            held += literal
            if name is not None:
                if spec or conversion or not re.fullmatch(_NAME, name):
                    raise ConfigError(
                        f"f-string template: {{{name}}} is no plain variable; double braces that are text"
                    )
                yield from (held, Var(name)) if held else (Var(name),)
                held = ""
    except ValueError as error:
        raise ConfigError(f"f-string template: {error}; double every brace that is text, as in {{{{") from error
    if held:
        yield held


def _has_expressions(text: str) -> bool:
    return any(not _VARIABLE["jinja2"].fullmatch(found) for found in re.findall(r"\{\{.*?\}\}", text, re.DOTALL))


def _parse_jinja(text: str) -> Logic:
    from jinja2 import TemplateSyntaxError, meta

    try:
        return Logic(text, frozenset(meta.find_undeclared_variables(_jinja().parse(text))))
    except TemplateSyntaxError as error:
        raise ConfigError(f"jinja2 template, line {error.lineno}: {error.message}") from error


def _jinja() -> Any:
    from jinja2 import StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    return ImmutableSandboxedEnvironment(undefined=StrictUndefined, keep_trailing_newline=True)


def _run_jinja(text: str, inputs: Mapping[str, Any]) -> str:
    from jinja2 import TemplateError

    rendered, size = [], 0
    try:
        for piece in _jinja().from_string(text).generate(**inputs):
            size += len(piece)
            if size > _MAX_RENDERED:
                raise ConfigError(f"jinja2 template: renders to more than {_MAX_RENDERED:,} characters")
            rendered.append(piece)
    except (TemplateError, OverflowError, TypeError, ValueError) as error:
        raise ConfigError(f"jinja2 template: {error}") from error
    return "".join(rendered)


def _part(segment: Segment) -> Any:
    if isinstance(segment, Media):
        return {"media": segment.body}
    return {"var": segment.name} if isinstance(segment, Var) else segment


def _show(segment: Segment) -> str:
    if isinstance(segment, Media):
        return str(segment)
    if isinstance(segment, Var):
        return f"{{{{{segment.name}}}}}"
    return segment.text if isinstance(segment, Logic) else segment


def _print(part: Any, syntax: Syntax) -> str:
    if isinstance(part, dict):
        if "media" in part:
            raise ExportError(
                "the prompt has parts that are no text (images, documents), which this format cannot hold"
            )
        name = part["var"]
        if name.startswith("#"):
            raise ExportError("the prompt picks its worked examples for each request, which this format cannot hold")
        return {"f-string": f"{{{name}}}", "dollar": f"{{${name}}}", "handlebars": f"{{{{{{{name}}}}}}}"}.get(
            syntax, f"{{{{{name}}}}}"
        )
    if syntax == "f-string":
        return str(part).replace("{", "{{").replace("}", "}}")
    if syntax == "jinja2":
        return re.sub(r"\{[{%#]", lambda m: f"{{{{ '{m[0]}' }}}}", str(part))
    if syntax == "handlebars":
        return str(part).replace("{{", "\\{{")
    opening = {"mustache": "{{", "dollar": "{$", "none": "\0"}[syntax]
    if opening in part:
        raise ExportError(f"the prompt's text contains {opening!r}, which {syntax} templates cannot hold as text")
    return str(part)
