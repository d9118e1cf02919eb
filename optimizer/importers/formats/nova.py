"""A prompt as nova-prompt-optimizer keeps it: a folder with system_prompt.txt, user_prompt.txt, few_shot.json."""

from __future__ import annotations

from optimizer.importers.parsing import dialects
from optimizer.importers.parsing.chat import Losses, arranged, spoken
from optimizer.importers.parsing.files import Source
from optimizer.importers.parsing.node import Node
from optimizer.importers.values import Draft, Format, ImportFault, Wish
from optimizer.prompt.template import Template, Var
from optimizer.types import JSON, Role

_FILES = ("system_prompt.txt", "user_prompt.txt", "few_shot.json")


def looks(source: Source) -> bool:
    return (source.path / "user_prompt.txt").is_file() or (source.path / "system_prompt.txt").is_file()


def read(source: Source, _wish: Wish) -> Draft:
    lost = Losses()
    said: list[tuple[Role, Template]] = []
    texts = {name: source.beside(name, name) for name in _FILES if (source.path / name).is_file()}
    if "system_prompt.txt" in texts:
        found = texts["system_prompt.txt"]
        said.append(("system", dialects.placeholders(found.text, found.name)))
    if "few_shot.json" in texts:
        said += _shots(texts["few_shot.json"], lost)
    if "user_prompt.txt" in texts:
        found = texts["user_prompt.txt"]
        said.append(("user", dialects.placeholders(found.text, found.name)))
    elif said and said[-1][0] == "assistant":
        said.append(("user", Template((Var("input"),))))
    rows, expected = _data(source, lost)
    return Draft(
        format=FORMAT.name,
        name=source.path.resolve().name,
        turns=arranged(said, source.name),
        rows=rows,
        columns={"expected": expected} if expected else {},
        lost=lost.all,
    )


def _shots(source: Source, lost: Losses) -> list[tuple[Role, Template]]:
    """Worked examples as turns: their text is text, whatever braces and roles stand in it."""
    found: list[tuple[Role, Template]] = []
    for item in Node(source.json, source.name).items():
        if item.has("input", "output"):
            found += [("user", Template((item["input"].text(),))), ("assistant", Template((item["output"].text(),)))]
        elif said := spoken(item, lost):
            found.append((said[0], Template((said[1],))))
    for place, (role, _) in enumerate(found):
        if role != ("user", "assistant")[place % 2] or (place == len(found) - 1 and role == "user"):
            raise ImportFault(
                f"{source.name}: [{place}]: worked examples are turns of user and assistant by turns, found {role!r}; "
                "put them in order"
            )
    return found


def _data(source: Source, lost: Losses) -> tuple[tuple[dict[str, JSON], ...], str]:
    """A data set in the same folder, where there is one: {"input", "output"}, or {"inputs", "outputs"}."""
    files = sorted(path for path in source.path.iterdir() if path.suffix.lower() in (".jsonl",) and path.is_file())
    for other in sorted(source.path.iterdir()):
        if other not in files[:1] and other.name not in _FILES and not other.name.startswith("."):
            lost.add(f"{other.name}: it is not read")
    if not files:
        return (), ""
    found = Source(files[0])
    rows: list[dict[str, JSON]] = []
    for place, value in found.items:
        row: dict[str, JSON] = {}
        for key, item in Node(value, found.name, place).pairs():
            flat = isinstance(item.value, dict) and key in ("inputs", "outputs")
            row |= item.mapping() if flat else {key: item.value}
        rows.append(row)
    keys = {key for row in rows for key in row}
    return tuple(rows), next((key for key in ("output", "outputs", "answer", "expected") if key in keys), "")


FORMAT = Format("nova", "a folder of nova-prompt-optimizer", looks, read, folder=True)
