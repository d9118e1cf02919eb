"""promptfoo's configuration: prompts (Nunjucks, text or chat), a provider, tests with variables and assertions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from optimizer.importers.formats.promptfoo_tests import MOST, Tests
from optimizer.importers.parsing import dialects, knobs, toolbox
from optimizer.importers.parsing.chat import Losses, arranged, turns
from optimizer.importers.parsing.files import Source, parse_json, yaml_of
from optimizer.importers.parsing.node import Node
from optimizer.importers.parsing.picking import chosen
from optimizer.importers.values import Draft, Format, ImportFault, Wish
from optimizer.prompt.layout import Turn
from optimizer.prompt.template import Template
from optimizer.types import JSON

_CARRIED = ("description", "prompts", "providers", "targets", "tests", "defaultTest", "$schema")
_CODE = (".py", ".js", ".ts", ".cjs", ".mjs", ".cts", ".mts", ".sh", ".rb", ".go")
#: Of a provider's settings: what is read elsewhere, or says nothing of the request.
_SAID = (
    *("apikey", "api_key", "apikeyenvar", "apikeyrequired", "apihost", "apibaseurl"),
    *("tools", "response_format", "passthrough", "omitdefaults", "showthinking"),
)
_FILES = (".txt", ".md", ".json", ".yaml", ".yml", ".j2", *_CODE)


def looks(source: Source) -> bool:
    found: object = None
    if source.ending in (".yaml", ".yml"):
        found = source.yaml.data
    elif source.ending == ".json":
        found = source.json
    return isinstance(found, dict) and "prompts" in found and bool({"providers", "targets", "tests"} & found.keys())


def read(source: Source, wish: Wish) -> Draft:
    head = Node(source.json if source.ending == ".json" else source.yaml.data, source.name)
    lost = Losses()
    for key in head.mapping():
        if key not in _CARRIED:
            lost.add(f"{key}: a task has no place for it")
    prompts = list(_prompts(head["prompts"], source))
    prompt = chosen(prompts, wish, lost, source.name)
    model, params, tools = _provider(head["providers"] if head["providers"] else head["targets"], lost)
    prompt, coded = _decoded(prompt)
    tests = Tests(source, lost, coded)
    tests.default(head["defaultTest"])
    _read_tests(tests, head["tests"], source)
    return Draft(
        format=FORMAT.name,
        name=(head["description"].maybe() or "").split("\n")[0][:60],
        turns=_turns(prompt, source, lost),
        model=model,
        params=params,
        reply=tests.reply,
        tools=tools,
        rows=tuple(tests.rows),
        columns={"expected": "expected"} if any("expected" in row for row in tests.rows) else {},
        more=tests.sections(),
        suggested=tuple(tests.suggested),
        lost=lost.all,
    )


def _decoded(prompt: tuple[str, str, Node]) -> tuple[tuple[str, str, Node], frozenset[str]]:
    """promptfoo's filter `load` reads JSON: our exporter writes values so that would be templates there."""
    name, ending, node = prompt
    pattern = re.compile(r"\{\{\s*(\w+)\s*\|\s*load\s*\}\}")
    plain = pattern.sub(r"{{ \1 }}", node.text())
    return (name, ending, Node(plain, node.file, node.path)), frozenset(pattern.findall(node.text()))


def _prompts(node: Node, source: Source) -> Iterator[tuple[str, str, Node]]:
    """Label, ending of its file ("" where it stands in the configuration) and text of each prompt."""
    items = [node] if isinstance(node.value, str) else list(node.items())
    if not items:
        raise node.fault("names no prompt; there is nothing to import")
    for item in items:
        label = item["label"].maybe() if isinstance(item.value, dict) else None
        inner = item
        if isinstance(item.value, dict):
            inner = next((item[key] for key in ("raw", "file", "id", "prompt") if item.has(key)), item["raw"])
        text = inner.word()
        if text.startswith("file://") or _is_file(text):
            yield from _of_file(inner, label, source)
        elif text.startswith(("exec:", "langfuse://", "portkey://", "helicone://", "package:")):
            raise inner.fault(f"{text[:60]!r} is made when promptfoo runs; write the prompt into a file and name that")
        else:
            yield label or f"prompt {inner.path}", "", inner


def _is_file(text: str) -> bool:
    return "\n" not in text and " " not in text.strip() and "{" not in text and text.lower().endswith(_FILES)


def _of_file(node: Node, label: str | None, source: Source) -> Iterator[tuple[str, str, Node]]:
    name = node.text().removeprefix("file://")
    if name.lower().partition(":")[0].endswith(_CODE) or name.lower().endswith(_CODE):
        raise node.fault(f"{name!r} is a program that makes prompts, and is not run; write its text into a file")
    if "*" in name:
        raise node.fault(f"{name!r} stands for several files; name one of them")
    found = source.beside(name, node.path)
    if found.ending in (".csv", ".jsonl", ".ndjson"):
        raise node.fault(f"{name!r} lists prompts in a table; write the one that is meant into a .txt or .json file")
    texts = [found.text]
    if found.ending in (".txt", ".md", ".j2", ""):
        texts = [part.strip() for part in re.split(r"^---[ \t]*$", found.text, flags=re.MULTILINE) if part.strip()]
    for number, text in enumerate(texts, start=1):
        shown = label or (name if len(texts) == 1 else f"{name}#{number}")
        yield shown, found.ending, Node(text, found.name, "" if len(texts) == 1 else f"prompt {number}")


def _turns(prompt: tuple[str, str, Node], source: Source, lost: Losses) -> tuple[Turn, ...]:
    """A chat where the text is a list of messages, in JSON or YAML; else one user message."""
    _, ending, node = prompt
    text = node.text()
    if ending in (".yaml", ".yml") or (not ending and re.match(r"\s*-\s+role:", text)):
        found = Node(yaml_of(node.file, f"messages:\n{text}").data, node.file)
        return turns(found["messages"], dialects.nunjucks, lost)
    if ending == ".json" or (not ending and re.match(r"\s*\[\s*\{\s*\"", text)):
        data = parse_json(text, node.file)
        found = Node(data, node.file)
        return turns(found["messages"] if isinstance(data, dict) else found, dialects.nunjucks, lost)
    template: Template = dialects.nunjucks(text, node.place)
    return arranged([("user", template)], source.name)


def _provider(node: Node, lost: Losses) -> tuple[str | None, dict[str, JSON], tuple[dict[str, Any], ...]]:
    items = [node] if isinstance(node.value, str | dict) else list(node.items())
    if not items:
        return None, {}, ()
    for other in items[1:]:
        lost.add(f"{other.path}: another provider; name it in `targets` if the prompt is to move there")
    first, config = items[0], Node({}, node.file)
    name = first.value
    if isinstance(first.value, dict):
        if "id" in first.value:
            name, config = first["id"].word(), first["config"]
        elif len(first.value) == 1:
            name = next(iter(first.value))
            config = first[name]["config"]
    if not isinstance(name, str):
        raise first.wrong("a provider's id, as in openai:gpt-4.1-mini")
    model = _model(name, first, lost)
    past = config["passthrough"] if isinstance(config["passthrough"].value, dict) else Node({}, node.file)
    params = knobs.params(config, lost, known=_SAID) | knobs.params(past, lost, known=_SAID)
    for key in ("apiKey", "api_key", "apiHost", "apiBaseUrl", "apiKeyEnvar", "response_format"):
        for held in (one[key] for one in (config, past) if one.has(key)):
            lost.add(f"{held.path}: say it in the task's section `source` (api_base, api_key_env) or in `reply`")
    listed = next((one["tools"] for one in (config, past) if isinstance(one["tools"].value, list)), None)
    tools = toolbox.openai(listed, lost) if listed else ()
    return model, params, tools


def _model(name: str, node: Node, lost: Losses) -> str | None:
    provider, colon, rest = name.partition(":")
    if not colon or provider in ("file", "exec", "python", "http", "https", "webhook", "package"):
        lost.add(f"{node.path}: the provider {name!r} is no model by name; name the model in `source`")
        return None
    for kind in ("chat:", "messages:", "responses:", "completion:", "converse:"):
        rest = rest.removeprefix(kind)
    return knobs.model(rest, provider)


def _read_tests(tests: Tests, node: Node, source: Source) -> None:
    """Tests that stand in the configuration, or in files that it names."""
    items = [node] if isinstance(node.value, str) else list(node.items())
    for item in items:
        if not isinstance(item.value, str):
            tests.add(item)
            continue
        name = item.text().removeprefix("file://")
        if name.lower().partition(":")[0].endswith(_CODE) or name.startswith(("http", "huggingface")) or "*" in name:
            raise item.fault(
                f"{name!r} is not read; write the tests into a .csv, .jsonl or .yaml file beside the configuration"
            )
        found = source.beside(name, item.path)
        if found.ending == ".csv":
            tests.table(found)
        elif found.ending in (".yaml", ".yml"):
            listed = yaml_of(found.name, f"tests:\n{found.text}") if found.text.lstrip().startswith("-") else found.yaml
            for test in Node(listed.data, found.name)["tests"].items():
                tests.add(test)
        else:
            for place, value in found.items:
                tests.add(Node(value, found.name, place))
    if len(tests.rows) > MOST:
        raise ImportFault(
            f"{source.name}: tests: come to more than {MOST:,} examples; lessen the lists in their variables"
        )


FORMAT = Format("promptfoo", "promptfoo's configuration, with its tests and assertions", looks, read)
