"""Template languages of other tools, read into literal text and variables, exactly as their engines mean them.

What an engine would drop (comments), unescape (raw blocks, literals in braces) or compute is taken at its meaning, or
refused with the reason; nothing is passed on in the hope that it looks the same elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from optimizer.errors import ConfigError
from optimizer.importers.values import ImportFault
from optimizer.prompt.template import Logic, Segment, Template, Var

Reader = Callable[[str, str], Template]
_NAME = r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*"
_WORDS = {"true", "false", "none", "True", "False", "None", "null", "undefined", "not", "and", "or", "in", "is", "if"}
_REST_OF_LINE = re.compile(r"[ \t]*(?:\n|\Z)")
_JINJA = re.compile(
    r"\{#(?P<comment>.*?)#\}"
    r"|\{%\s*raw\s*%\}(?P<raw>.*?)\{%\s*endraw\s*%\}"
    rf"|\{{\{{\s*(?P<name>{_NAME})\s*\}}\}}"
    r"|\{\{\s*(?:'(?P<single>(?:[^'\\]|\\[nrt'\"\\])*)'|\"(?P<double>(?:[^\"\\]|\\[nrt'\"\\])*)\")\s*\}\}"
    r"|(?P<other>\{[{%#])",
    re.DOTALL,
)
_MOUSTACHE = re.compile(
    r"\{\{!(?P<comment>.*?)\}\}"
    rf"|\{{\{{\{{\s*(?P<bare>{_NAME})\s*\}}\}}\}}"
    rf"|\{{\{{&?\s*(?P<name>{_NAME})\s*\}}\}}"
    r"|(?P<other>\{\{)",
    re.DOTALL,
)
_HANDLEBARS = re.compile(
    r"(?P<slash>\\\\)(?=\{\{)"
    r"|\\(?P<escaped>\{\{+)"
    r"|\{\{!--(?P<long>.*?)--\}\}|\{\{!(?!--)(?P<comment>[^}]*)\}\}"
    rf"|\{{\{{\{{\s*(?P<bare>{_NAME})\s*\}}\}}\}}(?!\}})"
    rf"|\{{\{{\s*(?P<name>{_NAME})\s*\}}\}}(?!\}})"
    r"|(?P<other>\{\{)",
    re.DOTALL,
)


def nunjucks(text: str, where: str) -> Template:
    """As promptfoo reads a prompt: variables, comments, raw blocks and literals; control flow is refused."""
    found = _jinja_segments(text, where)
    if found is None or "#}" in re.sub(r"\{#.*?#\}", "", text, flags=re.DOTALL):
        raise ImportFault(
            f"{where}: {_odd(text)!r} is Nunjucks logic, which no other engine runs alike; write plain variables "
            "({{name}}), or put text that is meant literally between {% raw %} and {% endraw %}"
        )
    return Template(tuple(_joined(found)))


def jinja2(text: str, where: str) -> Template:
    """As Jinja2 reads it; control flow stays whole and runs in the sandbox of the engine's own templates."""
    found = _jinja_segments(text, where)
    if found is not None:
        return Template(tuple(_joined(found)))
    for block in re.findall(r"\{[{%].*?[%}]\}", text, re.DOTALL):
        if any(sign in block for sign in ("*", "range", "lipsum")):
            raise ImportFault(f"{where}: {block[:60]!r} computes, which imported templates may not; pass the value in")
    try:
        template = Template.parse(text, "jinja2")
    except (ConfigError, RecursionError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise ImportFault(
            f"{where}: {reason}; braces that are meant literally stand between {{% raw %}} and {{% endraw %}}"
        ) from error
    if not any(isinstance(segment, Logic) for segment in template.segments):
        raise ImportFault(f"{where}: {_odd(text)!r} is no plain variable in Jinja2; rename it, without a hyphen")
    return template


def mustache(text: str, where: str) -> Template:
    """{{x}}, {{{x}}} and {{&x}} are variables, {{! }} a comment; sections and partials are refused."""
    return _moustached(_MOUSTACHE, text, where, "mustache")


def handlebars(text: str, where: str) -> Template:
    """As Handlebars without escaping of HTML, which is how dotprompt uses it; helpers and blocks are refused."""
    return _moustached(_HANDLEBARS, text, where, "Handlebars")


def placeholders(text: str, where: str) -> Template:
    """{{name}} is a variable, all else is text: MLflow, OpenAI's stored prompts, our own messages."""
    _refuse_words(text, where)
    return Template(tuple(_joined(_plain(re.compile(rf"\{{\{{\s*(?P<name>{_NAME})\s*\}}\}}"), text))))


def scanned(text: str, where: str) -> Template:
    """As Langfuse reads: from each {{ to the next }}, whatever stands between; what is no name there is text."""
    _refuse_words(text, where)
    found: list[Segment] = []
    for piece in re.split(r"(\{\{.*?\}\})", text, flags=re.DOTALL):
        name = piece[2:-2].strip() if piece.startswith("{{") and piece.endswith("}}") else ""
        found.append(Var(name) if re.fullmatch(_NAME, name) else piece)
    return Template(tuple(_joined(found)))


def _refuse_words(text: str, where: str) -> None:
    """A variable whose name a task cannot spell must not pass as text."""
    if odd := re.search(rf"\{{\{{(?!\s*{_NAME}\s*\}}\}})\s*\w[\w .-]{{0,99}}\}}\}}", text):
        raise ImportFault(
            f"{where}: {odd[0]!r} looks like a variable, but its name has more than letters, digits and _; rename it"
        )


def braced(text: str, where: str) -> Template:
    """{name} is a variable, all other braces are text: LiteLLM's prompt API."""
    if odd := re.search(r"\{\{\s*[A-Za-z_]\w*\s*\}\}", text):
        raise ImportFault(
            f"{where}: {odd[0]!r} keeps a brace on either side there; write {odd[0][1:-1]!r} for a variable"
        )
    return Template(tuple(_joined(_plain(re.compile(r"\{(?P<name>[A-Za-z_]\w*)\}"), text))))


def bedrock(text: str, where: str) -> Template:
    """{{name}} without spaces, as Bedrock's own braces."""
    if odd := re.search(r"\{\{(?!\w[\w-]{0,99}\}\})\s*\w[\w .-]{0,99}\}\}", text):
        raise ImportFault(
            f"{where}: {odd[0]!r} is read as a variable by some of Bedrock's consumers and as text by others; "
            "write {{name}}, letters, digits, _ and - only, without spaces"
        )
    return Template(tuple(_joined(_plain(re.compile(r"\{\{(?P<name>\w[\w-]{0,99})\}\}"), text))))


def f_string(text: str, where: str) -> Template:
    """{x} is a variable, doubled braces are text."""
    try:
        return Template.parse(text, "f-string")
    except ConfigError as error:
        raise ImportFault(f"{where}: {error}") from error


def _jinja_segments(text: str, where: str) -> list[Segment] | None:
    """None: there is more than variables, comments, raw blocks and literals."""
    found: list[Segment] = []
    at = 0
    for match in _JINJA.finditer(text):
        if match["other"] or (match["name"] or "").partition(".")[0] in _WORDS:
            _check_closed(text, match.start(), where)
            return None
        found.append(text[at : match.start()])
        if match["name"]:
            found.append(Var(match["name"]))
        elif match["comment"] is None:
            quoted = match["single"] if match["single"] is not None else match["double"]
            found.append(match["raw"] if quoted is None else re.sub(r"\\(.)", _escaped, quoted))
        elif match["comment"][:1] in ("-", "+") or match["comment"][-1:] in ("-", "+"):
            return None  # it takes the white space around it along: the engine knows how
        at = match.end()
    return [*found, text[at:]]


def _escaped(match: re.Match[str]) -> str:
    return {"n": "\n", "r": "\r", "t": "\t"}.get(match[1], match[1])


def _check_closed(text: str, start: int, where: str) -> None:
    closing = {"{{": "}}", "{%": "%}", "{#": "#}"}[text[start : start + 2]]
    if closing not in text[start + 2 :]:
        line = text.count("\n", 0, start) + 1
        raise ImportFault(
            f"{where}, line {line}: {text[start : start + 30]!r} opens a tag that never closes; close it, "
            "or put text that is meant literally between {% raw %} and {% endraw %}"
        )


def _odd(text: str) -> str:
    tags = re.findall(r"\{[{%#][^{}]{0,50}", text)
    plain = re.compile(rf"\{{\{{\s*(?:{_NAME})\s*|\{{%\s*(?:end)?raw\b.*")
    return next((tag for tag in tags if not plain.fullmatch(tag)), tags[0] if tags else "{{")


def _moustached(pattern: re.Pattern[str], text: str, where: str, engine: str) -> Template:
    found: list[Segment] = []
    at = 0
    for match in pattern.finditer(text):
        kinds = match.groupdict()
        if match["other"]:
            line = text.count("\n", 0, match.start()) + 1
            raise ImportFault(
                f"{where}, line {line}: {text[match.start() : match.start() + 30]!r} is no plain variable; {engine}'s "
                "sections, helpers and other tags cannot be carried over: write plain variables ({{name}})"
            )
        start, end = match.span()
        if kinds.get("comment") is not None or kinds.get("long") is not None:
            start, end = own_line(text, start, end)
        found.append(text[at:start])
        if name := match["name"] or match["bare"]:
            found.append(Var(name))
        elif literal := kinds.get("escaped"):
            found.append(literal)
        elif kinds.get("slash"):
            found.append("\\")
        at = end
    return Template(tuple(_joined([*found, text[at:]])))


def own_line(text: str, start: int, end: int) -> tuple[int, int]:
    """Where a tag that has a line to itself begins and ends, as the specification of mustache says: with its line."""
    opens = text.rfind("\n", 0, start) + 1
    rest = _REST_OF_LINE.match(text, end)
    if text[opens:start].strip(" \t") or rest is None:
        return start, end
    return opens, rest.end()


def _plain(pattern: re.Pattern[str], text: str) -> Iterator[Segment]:
    at = 0
    for match in pattern.finditer(text):
        yield text[at : match.start()]
        yield Var(match["name"])
        at = match.end()
    yield text[at:]


def _joined(segments: Iterator[Segment] | list[Segment]) -> Iterator[Segment]:
    """Neighbouring texts as one, empty ones left out."""
    held = ""
    for segment in segments:
        if isinstance(segment, str):
            held += segment
            continue
        if held:
            yield held
        held = ""
        yield segment
    if held:
        yield held
