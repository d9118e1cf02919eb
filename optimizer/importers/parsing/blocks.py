"""Handlebars with blocks (if, unless, each), written as Jinja, which the engine runs in its sandbox.

Names inside `each` are those of the item; `../` leads out of it. Tags that stand on a line by themselves go with their
line. Other helpers, partials and white-space control are refused: only Handlebars knows what they do.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from optimizer.errors import ConfigError
from optimizer.importers.parsing.dialects import own_line
from optimizer.importers.values import ImportFault
from optimizer.prompt.template import Template

_PATH = r"(?:\.\./)*(?:@index|@first|@last|this|[A-Za-z_]\w*)(?:\.[A-Za-z_]\w*)*"
_TAG = re.compile(
    r"(?P<slash>\\\\)(?=\{\{)"
    r"|\\(?P<escaped>\{\{+)"
    r"|\{\{!--(?P<long>.*?)--\}\}|\{\{!(?!--)(?P<comment>[^}]*)\}\}"
    rf"|\{{\{{#(?P<open>if|unless|each)\s+(?P<on>{_PATH})\s*\}}\}}(?!\}})"
    r"|\{\{(?P<other_way>else)\}\}(?!\})"
    r"|\{\{/(?P<close>if|unless|each)\}\}(?!\})"
    rf"|\{{\{{\{{\s*(?P<bare>{_PATH})\s*\}}\}}\}}(?!\}})"
    rf"|\{{\{{\s*(?P<name>{_PATH})\s*\}}\}}(?!\}})"
    r"|(?P<odd>\{\{)",
    re.DOTALL,
)
_JINJAS_OWN = {"loop", "not", "and", "or", "in", "is", "if", "else", "true", "false", "none", "True", "False", "None"}
_OWN = {"@index": "loop.index0", "@first": "loop.first", "@last": "loop.last"}


def has_blocks(text: str) -> bool:
    return re.search(r"\{\{(?:#|/|else\b)", text) is not None


def handlebars(text: str, where: str) -> Template:
    """Raises ImportFault for what is more than variables, comments and the three blocks."""
    try:
        return Template.parse(_Reader(text, where).read(), "jinja2")
    except (ConfigError, RecursionError) as error:
        raise ImportFault(f"{where}: its blocks cannot be written in Jinja: {error}; write plain variables") from error


@dataclass
class _Reader:
    text: str
    where: str
    written: list[str] = field(default_factory=list)
    opened: list[tuple[str, str]] = field(default_factory=list)  # kind, and the item's name where it is `each`
    inverted: list[bool] = field(default_factory=list)

    def read(self) -> str:
        at = 0
        for match in _TAG.finditer(self.text):
            if match["odd"]:
                raise self._refused(match, "is no variable, comment, if, unless or each")
            start, end = match.span()
            block = match["open"] or match["other_way"] or match["close"]
            if block or match["comment"] is not None or match["long"] is not None:
                start, end = own_line(self.text, start, end)
            self._literal(self.text[at : max(at, start)])
            self._tag(match)
            at = end
        if self.opened:
            raise ImportFault(f"{self.where}: {{{{#{self.opened[-1][0]}}}}} is never closed; close it")
        self._literal(self.text[at:])
        return "".join(self.written)

    def _tag(self, match: re.Match[str]) -> None:
        if match["open"]:
            self._open(match)
        elif match["other_way"]:
            if not self.opened or self.inverted[-1]:
                raise self._refused(match, "stands in no block, or twice in one")
            self.inverted[-1] = True
            self.written.append("{% else %}")
        elif match["close"]:
            if not self.opened or self.opened[-1][0] != match["close"]:
                raise self._refused(match, "closes what is not open")
            self.opened.pop()
            self.inverted.pop()
            self.written.append("{% endfor %}" if match["close"] == "each" else "{% endif %}")
        elif path := match["name"] or match["bare"]:
            self.written.append(f"{{{{ {self._path(path, match)} }}}}")
        elif match["escaped"] or match["slash"]:
            self._literal(match["escaped"] or "\\")

    def _open(self, match: re.Match[str]) -> None:
        kind, on = match["open"], self._path(match["on"], match)
        item = f"item_{len(self.opened) + 1}" if kind == "each" else ""
        self.opened.append((kind, item))
        self.inverted.append(False)
        forms = {"if": f"{{% if {on} %}}", "unless": f"{{% if not {on} %}}", "each": f"{{% for {item} in {on} %}}"}
        self.written.append(forms[kind])

    def _path(self, path: str, match: re.Match[str]) -> str:
        ups = path.count("../")
        path = path.replace("../", "")
        items = [item for (_, item), other in zip(self.opened, self.inverted, strict=True) if item and not other]
        if ups > len(items) or (path.startswith("@") and (ups or not items)):
            raise self._refused(match, "leads out of what is open")
        inside = items[: len(items) - ups]
        if path in _OWN:
            return _OWN[path]
        head, _, rest = path.partition(".")
        if head == "this":
            if not inside and not rest:
                raise self._refused(match, "is the whole of the inputs")
            return ".".join(part for part in (inside[-1] if inside else "", rest) if part)
        if head in _JINJAS_OWN or head.startswith("item_"):
            raise self._refused(match, "has a name that Jinja keeps for itself; rename it")
        return f"{inside[-1]}.{path}" if inside else path

    def _literal(self, text: str) -> None:
        self.written.append(re.sub(r"\{(?=[{%#]|\Z)", "{{ '{' }}", text))

    def _refused(self, match: re.Match[str], why: str) -> ImportFault:
        line = self.text.count("\n", 0, match.start()) + 1
        tag = self.text[match.start() : match.start() + 30]
        return ImportFault(f"{self.where}, line {line}: {tag!r} {why}; write plain variables ({{{{name}}}})")
