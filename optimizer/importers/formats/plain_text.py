"""A prompt as text: one file is the user's message; in a folder, system.txt and user.txt. {{name}} is a variable.

A line break at the end of a single file belongs to the file, as in a task's own prompt; those of a folder count.
"""

from __future__ import annotations

from optimizer.importers.parsing import dialects
from optimizer.importers.parsing.chat import arranged
from optimizer.importers.parsing.companion import completed
from optimizer.importers.parsing.files import Source
from optimizer.importers.values import Draft, Format, Wish
from optimizer.prompt.template import Template
from optimizer.types import Role

_ENDINGS = (".txt", ".md", ".j2")


def looks(source: Source) -> bool:
    return not source.is_folder and source.ending in _ENDINGS


def looks_folder(source: Source) -> bool:
    return (source.path / "user.txt").is_file()


def read(source: Source, _wish: Wish) -> Draft:
    found = arranged([("user", dialects.placeholders(source.text.removesuffix("\n"), source.name))], source.name)
    return completed(Draft(format=FORMAT.name, name=source.path.stem, turns=found), source)


def read_folder(source: Source, _wish: Wish) -> Draft:
    said: list[tuple[Role, Template]] = []
    if (source.path / "system.txt").is_file():
        said.append(("system", dialects.placeholders(source.beside("system.txt", "system").text, "system.txt")))
    said.append(("user", dialects.placeholders(source.beside("user.txt", "user").text, "user.txt")))
    lost = tuple(
        f"{path.name}: it is not read"
        for path in sorted(source.path.iterdir())
        if path.name not in ("system.txt", "user.txt", "parameters.json") and not path.name.startswith(".")
    )
    named = source.path.resolve().name
    draft = Draft(format=FOLDER.name, name=named, turns=arranged(said, source.name), lost=lost)
    return completed(draft, source)


FORMAT = Format("text", "one text file as the user's message", looks, read)
FOLDER = Format(
    "text-folder", "a folder with user.txt, and system.txt if there is one", looks_folder, read_folder, folder=True
)
