"""What the documents say is so: commands, links, exit codes, the example, the version."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from optimizer import __version__, cli, errors
from optimizer.cli import main
from optimizer.commands import options as shared_options
from optimizer.commands import stopping
from optimizer.commands.fleets import LOST_TASKS
from optimizer.planning.plan import plan
from optimizer.task import load_task

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text("utf-8")
FOLDERS = ("optimizer", "search_spaces", "tests", "benchmarks", ".ci")
WRITTEN = (".py", ".md", ".yaml", ".yml", ".toml", ".html", ".css", ".js", ".txt", ".json", "")
#: In no file; put together here, so that this one does not hold them.
NOWHERE = [
    "shared" + "/",
    "/work" + "/",
    "claude" + " code",
    "co" + "pilot",
    "py" + "pi.org",
    "python" + "hosted",
]
#: In no document: the project speaks of itself, not of how it came about.
NOT_IN_DOCUMENTS = ["session", "assignment", "issue tracker", "todo", "as an ai"]


def files() -> Iterator[Path]:
    """Every text of the project that people read or run; data and what tools leave behind apart."""
    yield from (path for path in sorted(ROOT.iterdir()) if path.is_file() and path.suffix in WRITTEN)
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.is_file() and path.suffix in WRITTEN and "__pycache__" not in path.parts:
                yield path


DOCUMENTS = [path for path in files() if path.suffix == ".md"]


def options(command: click.Command) -> set[str]:
    return {name for parameter in command.params for name in parameter.opts if name.startswith("--")}


# -- commands


def rows() -> dict[str, str]:
    """The table of commands: name, and the row's first cell."""
    found = re.findall(r"^\| `promptport (\w+)([^`]*)` \|", README, re.MULTILINE)
    return dict(found)


def test_the_table_has_every_command_and_no_other() -> None:
    assert set(rows()) == set(main.commands)


@pytest.mark.parametrize("name", rows())
def test_the_options_in_the_table_exist(name: str) -> None:
    assert set(re.findall(r"--[\w-]+", rows()[name])) <= options(main.commands[name])


def test_every_command_in_a_document_exists() -> None:
    for path in DOCUMENTS:
        for name in re.findall(r"^\s*promptport (\w+)|`promptport (\w+)", path.read_text("utf-8"), re.MULTILINE):
            assert (name[0] or name[1]) in main.commands, f"{path.name}: promptport {name}"


def test_every_make_target_in_a_document_exists() -> None:
    targets = set(re.findall(r"^([a-z0-9]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for path in DOCUMENTS:
        used = set(re.findall(r"(?:^|`)make ([a-z0-9]+)", path.read_text("utf-8"), re.MULTILINE))
        assert used <= targets, f"{path.name}: {used - targets}"


def test_the_two_commands_stand_in_the_first_screen() -> None:
    first = README.splitlines()[:25]

    assert any(line.startswith("make demo") for line in first) and any(line.startswith("make test") for line in first)


# -- links


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", path.read_text("utf-8")):
        if not re.match(r"https?://|#|mailto:", target):
            assert (path.parent / target.partition("#")[0]).exists(), f"{path.name} links to {target}"


def test_every_document_is_reached_from_the_first_one() -> None:
    seen: set[Path] = set()
    open_ = [ROOT / "README.md"]
    while open_:
        path = open_.pop()
        if path in seen or path.suffix != ".md":
            continue
        seen.add(path)
        links = re.findall(r"\]\(([^)\s#]+)", path.read_text("utf-8"))
        targets = [(path.parent / link).resolve() for link in links if "://" not in link]
        open_ += [target for target in targets if target.exists()]
        open_ += [readme for target in targets if (readme := target.parent / "README.md").exists()]

    told = {path for path in DOCUMENTS if not {"material", "results"} & set(path.parts)}
    assert told <= seen


# -- numbers and names


def test_the_task_in_the_first_document_is_one_of_ten_lines_and_runs(tmp_path: Path) -> None:
    [task] = re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)
    assert len(task.splitlines()) <= 10
    (tmp_path / "task.yaml").write_text(task, "utf-8")
    tickets = [{"ticket": f"I was charged {n} times", "gold": ("billing", "access", "other")[n % 3]} for n in range(60)]
    (tmp_path / "tickets.jsonl").write_text("".join(json.dumps(row) + "\n" for row in tickets))

    planned = plan(load_task(tmp_path / "task.yaml"))

    assert planned.task.settings.budget.dollars == 5
    assert (len(planned.parts.train), len(planned.parts.validation), len(planned.parts.test)) == (12, 18, 30)


def test_the_exit_codes_are_the_ones_in_the_code() -> None:
    kinds = (kind for kind in vars(errors).values() if isinstance(kind, type))
    of_errors = {kind.exit_code for kind in kinds if issubclass(kind, errors.OptimizerError)}
    source = "".join(Path(str(module.__file__)).read_text("utf-8") for module in (cli, shared_options))
    of_commands = {int(code) for code in re.findall(r'"(?:stay|inconclusive)": (\d+)', source)}
    heeded = re.findall(r"before\[signal\.(SIG\w+)\]|\{signal\.(SIG\w+):", Path(stopping.__file__).read_text("utf-8"))
    of_commands |= {128 + signal.Signals[one or other] for one, other in heeded}

    [told] = re.findall(r"^Exit codes: (.*?)\n\n", README, re.MULTILINE | re.DOTALL)
    assert {int(code) for code in re.findall(r"\b\d+\b", told)} == {0, LOST_TASKS} | of_errors | of_commands
    [inside] = re.findall(r"^Exit codes: (.*?)\n\"\"\"", source, re.MULTILINE | re.DOTALL)
    assert re.findall(r"\b\d+\b", inside) == re.findall(r"\b\d+\b", told)


def test_the_reader_has_as_many_lines_as_is_said() -> None:
    [lines] = re.findall(r"\[(\d+) lines, standard library only\]", README)

    assert int(lines) == len((ROOT / "optimizer/reader.py").read_text("utf-8").splitlines())


def test_the_program_optimizers_and_samplers_that_are_named_exist() -> None:
    from optimizer.programs.dspy import OPTIMIZERS

    [named] = re.findall(r"compiled by DSPy's\s+([\w,\s]+?)\)", README)
    spelled = {name.replace("_", "") for name in OPTIMIZERS}
    assert {name.strip().lower() for name in named.split(",")} <= spelled


def test_the_changelog_names_this_version() -> None:
    first = re.findall(r"^## \[([^\]]+)\]", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)[0]

    assert first == __version__


# -- words


@pytest.mark.parametrize("path", list(files()), ids=lambda path: str(path.relative_to(ROOT)))
def test_the_project_speaks_of_itself_alone(path: Path) -> None:
    text = path.read_text("utf-8").lower()
    words = NOWHERE + (NOT_IN_DOCUMENTS if path in DOCUMENTS and "material" not in path.parts else [])
    for word in words if path != Path(__file__) else []:
        assert word not in text, f"{path.relative_to(ROOT)} says {word!r}"


def test_this_file_and_the_first_document_are_among_the_files_that_are_read() -> None:
    assert {Path(__file__), ROOT / "README.md", ROOT / "Makefile", ROOT / ".ci/run"} <= set(files())
