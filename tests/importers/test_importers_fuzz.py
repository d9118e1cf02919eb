"""Damaged files of every format: what comes out is a task, or one error that names the file. Never anything else."""

from __future__ import annotations

import json
import random
import shutil
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from optimizer.errors import OptimizerError
from optimizer.importers import FORMATS, detect, import_files, read_table
from optimizer.importers.parsing.files import FILE, Source
from optimizer.importers.writing import write_task
from optimizer.task import load_task

WRITTEN = Path(__file__).parent / "written"
FILES = {
    "triage.prompty": "prompty",
    "google/triage.prompt": "dotprompt",
    "litellm/triage.prompt": "litellm-prompt",
    "promptfoo/promptfooconfig.yaml": "promptfoo",
    "langchain/chat.json": "langchain",
    "langchain/jinja2.json": "langchain",
    "langchain/saved.json": "langchain",
    "dspy/program.json": "dspy",
    "openai/stored_prompt.json": "openai-prompt",
    "openai/chat.json": "openai-chat",
    "openai/fine_tuning.jsonl": "openai-chat-rows",
    "openai/stored_completions.jsonl": "openai-chat-rows",
    "openai/evals_rows.jsonl": "openai-evals",
    "openai/evals_output_items.json": "openai-evals",
    "openai/evals_older.jsonl": "openai-evals",
    "bedrock/text.json": "bedrock",
    "bedrock/chat.json": "bedrock",
    "bedrock/advpo.jsonl": "bedrock-advpo",
    "litellm/spend_logs.json": "litellm-logs",
    "otel/spans.json": "otel-genai",
    "langfuse/observations.json": "langfuse",
    "langfuse/prompt.json": "langfuse",
    "langsmith/runs.jsonl": "langsmith",
    "mlflow/traces.jsonl": "mlflow",
    "mlflow/prompt.json": "mlflow-prompt",
    "text/prompt.txt": "text",
    "litellm/generic.json": "litellm-prompt",
    "openai/tools.json": "openai-chat",
    "tables/playbook.csv": "playbook",
    "tables/plain.csv": "table",
    "tables/plain.jsonl": "table",
}
FOLDERS = {
    "nova": ("nova", "few_shot.json"),
    "prompt_ops": ("prompt-ops", "config.yaml"),
    "text/folder": ("text-folder", "user.txt"),
    "bundle": ("bundle", "bundle.json"),
}
ROUNDS = 8


def attempt(path: Path, named: str | None, *, whole: bool = False) -> str:
    """Nothing where it became a task, else the error. Any other exception fails the test."""
    target = path.parent / "out"
    shutil.rmtree(target, ignore_errors=True)
    try:
        draft = import_files([path], named=named)
        write_task(draft, target, path.name, load_task if whole else lambda _: None)
    except OptimizerError as error:
        text = str(error)
        assert text.strip() and "Traceback" not in text and len(text) < 5000
        return text
    return ""


def laid(tmp_path: Path, name: str) -> Path:
    """The file with its neighbours, in a place where it may be damaged."""
    folder = tmp_path / "in"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree((WRITTEN / name).parent if "/" in name else WRITTEN / "tables", folder)
    if "/" not in name:
        shutil.copyfile(WRITTEN / name, folder / name)
    return folder / name.rpartition("/")[2]


def cut(raw: bytes, chance: random.Random) -> bytes:
    return raw[: chance.randrange(len(raw))]


def flipped(raw: bytes, chance: random.Random) -> bytes:
    data = bytearray(raw)
    for _ in range(chance.randint(1, 8)):
        data[chance.randrange(len(data))] = chance.choice(b'{}[]"\\:,#%-\n\x00\xff 0a')
    return bytes(data)


def doubled(raw: bytes, chance: random.Random) -> bytes:
    start = chance.randrange(len(raw))
    return raw[:start] + raw[start : start + chance.randint(1, 200)] * 3 + raw[start:]


@pytest.mark.parametrize("how", [cut, flipped, doubled])
@pytest.mark.parametrize("name", FILES)
def test_a_damaged_file_is_a_task_or_one_error_that_names_it(name: str, how: Any, tmp_path: Path) -> None:
    chance = random.Random(f"{name} {how.__name__}")
    path = laid(tmp_path, name)
    raw = path.read_bytes()
    for _ in range(ROUNDS):
        path.write_bytes(how(raw, chance))
        error = attempt(path, FILES[name])
        assert not error or path.name in error or "has no such" in error or "file" in error, error


ODD: list[Any] = [
    None,
    True,
    0,
    -1,
    1e300,
    10**30,
    "",
    "x",
    "{{'a':1}}",
    [],
    {},
    [[]],
    [{}],
    {"a": []},
    ["x"],
    {"type": 5},
]


def places(value: Any, keys: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield keys
    for key, item in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from places(item, (*keys, key))


def replaced(value: Any, keys: tuple[Any, ...], new: Any) -> Any:
    if not keys:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[keys[0]] = replaced(value[keys[0]], keys[1:], new)
    return copy


def as_value(path: Path) -> tuple[Any, Any]:
    """The value of a JSON or JSONL file, and what writes one of its kind."""
    text = path.read_text("utf-8")
    if path.suffix == ".jsonl":
        rows = [json.loads(line) for line in text.splitlines()][:6]
        return (
            rows,
            lambda value: "".join(json.dumps(row) + "\n" for row in value) if isinstance(value, list) else "5\n",
        )
    return json.loads(text), json.dumps


@pytest.mark.parametrize("name", [name for name in FILES if name.endswith((".json", ".jsonl"))])
def test_values_of_the_wrong_type_are_told_with_their_place(name: str, tmp_path: Path) -> None:
    chance = random.Random(name)
    path = laid(tmp_path, name)
    value, write = as_value(path)
    known = list(places(value))
    refused = 0
    for number in range(40):
        path.write_text(write(replaced(value, chance.choice(known), chance.choice(ODD))), "utf-8")
        refused += bool(attempt(path, FILES[name], whole=number % 15 == 0))
    path.write_text(write(replaced(value, (), 5)), "utf-8")
    assert attempt(path, FILES[name]), "a bare number is no file of any format"


@pytest.mark.parametrize("name", [name for name in FILES if name.endswith((".json", ".jsonl"))])
def test_keys_that_are_missing_are_told_or_asked_for(name: str, tmp_path: Path) -> None:
    path = laid(tmp_path, name)
    value, write = as_value(path)
    keyed = [keys for keys in places(value) if keys and isinstance(keys[-1], str)]
    for keys in random.Random(name).sample(keyed, min(25, len(keyed))):
        copy = json.loads(json.dumps(value))
        inner = copy
        for key in keys[:-1]:
            inner = inner[key]
        del inner[keys[-1]]
        path.write_text(write(copy), "utf-8")
        attempt(path, FILES[name])


ENCODED: dict[str, Callable[[str], bytes]] = {
    "utf-16": lambda text: text.encode("utf-16"),
    "utf-16-le without a mark": lambda text: text.encode("utf-16-le"),
    "latin-1": lambda text: text.encode("latin-1", "replace") + b"\xe9",
    "zero byte": lambda text: text.replace("e", "e\0", 1).encode(),
    "empty": lambda text: b"",
    "white": lambda text: b" \n\t\n",
    "gzip": lambda text: b"\x1f\x8b" + text.encode(),
}


@pytest.mark.parametrize("how", ENCODED)
@pytest.mark.parametrize("name", FILES)
def test_other_encodings_are_refused(name: str, how: str, tmp_path: Path) -> None:
    path = laid(tmp_path, name)
    path.write_bytes(ENCODED[how](path.read_text("utf-8")))

    error = attempt(path, FILES[name])
    assert path.name in error
    assert attempt(path, None), "nor is it taken for another format"


@pytest.mark.parametrize("name", [name for name in FILES if not name.endswith(".csv")])
def test_a_byte_order_mark_and_other_line_ends_change_nothing(name: str, tmp_path: Path) -> None:
    path = laid(tmp_path, name)
    before = import_files([path])
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))

    after = import_files([path])
    assert (after.turns, after.rows) == (before.turns, before.rows)


NESTED = "[" * 100_000
BOMBS = {
    "deep.json": NESTED,
    "deep closed.json": NESTED + "]" * 100_000,
    "deep objects.json": '{"prompts":' * 5000 + "1" + "}" * 5000,
    "fifty levels.json": "[" * 70 + "]" * 70,
    "deep.jsonl": '{"messages":' + NESTED + "\n",
    "digits.json": '{"messages": ' + "9" * 10_000 + "}",
    "twice.json": '{"messages": [], "messages": []}',
    "not a number.json": '{"messages": [{"role": "user", "content": NaN}]}',
    "half a character.json": '[{"role": "user", "content": "\\ud800 {{x}}"}]',
    "aliases.yaml": "a: &a [x, x, x, x, x, x, x, x, x, x]\n"
    + "".join(f"{b}: &{b} [{', '.join([f'*{a}'] * 10)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True))
    + "prompts: *i\nproviders: [echo]\n",
    "deep.yaml": "prompts: " + "[" * 5000 + "]" * 5000 + "\nproviders: [x]\n",
    "tags.yaml": "prompts: !!python/object/apply:os.system ['echo']\nproviders: [x]\n",
    "ring.yaml": "prompts: &p [*p]\nproviders: [x]\n",
    "aliases.prompty": "---\na: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\nname: *c\n---\nuser:\n{{x}}\n",
    "open.prompty": "---\nname: x\nuser:\n{{x}}\n",
    "open.prompt": "---\nmodel: openai/gpt-4.1\n",
    "no text.prompt": "---\nmodel: googleai/x\n---\n\n",
    "jinja.prompty": "---\nname: x\n---\nuser:\n{{ x }}{% for i in range(10**9) %}{{ 9**9**9 }}{% endfor %}",
    "deep jinja.prompty": "---\nname: x\n---\nuser:\n{{ " + "(" * 3000 + "x" + ")" * 3000 + " }}",
    "open jinja.prompty": "---\nname: x\n---\nuser:\n{% if x %}{{ x }}",
    "stairs.prompty": "---\nname: x\n---\nuser:\n" + "{{" * 20_000,
    "long role.prompty": "---\nname: x\n---\nsystem" + "[a" * 20_000 + ":\nuser:\n{{\n",
    "product.yaml": "prompts: ['{{a}}']\nproviders: [echo]\ntests:\n  - vars: {"
    + ", ".join(f"{v}: [{', '.join('123456789')}]" for v in "abcdefgh")
    + "}\n",
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_in_little_memory(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_text(BOMBS[name], "utf-8")
    tracemalloc.start()
    try:
        errors = [attempt(path, None)]
        for one in FORMATS.values():
            errors.append(attempt(path, one.name))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert name in errors[0]
    assert peak < 100_000_000


def test_a_file_larger_than_the_limit_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("optimizer.importers.parsing.files.FILE", replace(FILE, most=1000))
    path = laid(tmp_path, "otel/spans.json")

    assert "at most 1,000 are read" in attempt(path, "otel-genai")


@pytest.mark.parametrize("folder", FOLDERS)
def test_damaged_folders_are_told_apart_from_whole_ones(folder: str, tmp_path: Path) -> None:
    name, file = FOLDERS[folder]
    chance = random.Random(folder)
    copy = tmp_path / "in" / "one"
    shutil.copytree(WRITTEN / folder, copy)
    raw = (copy / file).read_bytes()
    for how in (cut, flipped, doubled):
        for _ in range(ROUNDS):
            (copy / file).write_bytes(how(raw, chance))
            attempt(copy, name)
    (copy / file).write_bytes(b"\xff\xfe" + raw)
    assert attempt(copy, name)
    assert attempt(tmp_path / "nowhere", None)
    (tmp_path / "in" / "empty").mkdir()
    assert "no format" in attempt(tmp_path / "in" / "empty", None)


@pytest.mark.parametrize("named", sorted(one.name for one in FORMATS.values() if one.log or one.rows))
def test_rows_of_damaged_files_are_refused_alike(named: str, tmp_path: Path) -> None:
    name = next(name for name, known in FILES.items() if known == named and "prompt" not in name)
    chance = random.Random(named)
    path = laid(tmp_path, name)
    raw = path.read_bytes()
    assert read_table([path], named).rows
    for _ in range(ROUNDS):
        path.write_bytes(flipped(raw, chance))
        try:
            read_table([path], named)
        except OptimizerError as error:
            assert path.name in str(error)


def test_a_file_that_names_others_reads_none_outside_of_its_folder(tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("private {{x}}")
    inner = tmp_path / "in"
    inner.mkdir()
    (inner / "link.txt").symlink_to(tmp_path / "secret.txt")
    for name in ("../secret.txt", str(tmp_path / "secret.txt"), "link.txt", "a\0b.txt"):
        path = inner / "promptfooconfig.yaml"
        path.write_text(json.dumps({"prompts": [f"file://{name}"], "providers": ["echo"]}))
        assert "private" not in attempt(path, None)
        assert not (inner / "out").exists()


def test_every_format_is_among_those_that_are_damaged_here() -> None:
    assert {*FILES.values(), *(name for name, _ in FOLDERS.values())} == set(FORMATS)
    for name, wanted in FILES.items():
        assert detect(Source(WRITTEN / name)).name == wanted
