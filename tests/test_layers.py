"""Imports point downwards, each heavy dependency has its doors, and files stay short."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

#: A module or package imports only from the lines below its own. A package stands for all its modules, which may import
#: each other; `programs` alone is the protocol.
LAYERS = """
    __main__
    cli
    commands                                                parse, call one function, print
    fleet
    pipeline   compare   gate                               the run, from top to bottom; the same for recorded outputs
    opening   probe   outlets                               what a run opens and asks first; what it hands out
    operations
    cluster
    report   exporters   planning   recorded   testing
    review
    results
    verdict
    search
    task   connect   programs.shipped   space.file
    pricing   importers
    space   programs.dspy
    data
    config   programs.prompted
    evaluate   habits
    metrics   programs   offline   objective
    prompt
    models.providers   plugins   progress
    models.stores   models.pacing   models.scripted
    models.money   models.replies
    models                                                  what a model is, its event loop and its wire
    tools   examples
    errors   types   reader   redact
"""

#: Who may import what is not ours. `late`: only inside functions, so that `promptport --help` need not wait for it.
DOORS = {
    "litellm": {"models.providers.library", "exporters.formats.gateway_hook"},
    "dspy": {"programs.dspy"},
    "gepa": {"programs.dspy"},
    "tqdm": {"programs.dspy"},
    "optuna": {"search.study", "programs.dspy.quiet", "programs.dspy.variants"},
    "datasets": {"data.arrow"},
    "sklearn": {"space.demos", "programs.dspy.showing", "metrics.values.labels", "verdict.slices"},
    "joblib": {"evaluate"},
    "threadpoolctl": {"search.loop", "fleet.opening"},
    "scipy": {"verdict.constraints", "verdict.pairs", "metrics", "report.figures.intervals"},
    "numpy": {"search", "verdict.statistics", "verdict.pairs", "metrics.whole", "verdict.slices"},
    "jinja2": {"prompt.template", "exporters.formats.jinja", "report.html.templating"},
    "aiohttp": {
        "models.transport",
        "models.providers.access",
        "models.providers.direct",
        "models.providers.gateway",
        "models.providers.listing",
        "offline.serving.server",
    },
    "pydantic": {"config", "fleet.settings"},
    "yaml": {"config.yamlfile", "habits", "examples"},
    "filelock": {"results.rundir"},
    "rich": {"progress.console", "cli"},
    "click": {"cli", "commands"},
}
#: The same for what only some users need: each is in an extra, and is opened late.
OPTIONAL = {
    "model2vec": {"models.providers.embedding"},
    "cryptography": {"exporters.bundle.signing"},
    "psycopg": {"models.stores.pgserver", "models.stores.postgres"},
    "distributed": {"cluster.dask"},
    "ray": {"cluster.ray"},
    "sqlalchemy": {"search.journal"},
    "optuna_dashboard": {"operations.dashboard"},
    "opentelemetry": {"operations.tracing"},
    "mlflow": {"operations.tracking"},
}
LATE = {
    *OPTIONAL,
    "litellm",
    "dspy",
    "optuna",
    "datasets",
    "sklearn",
    "threadpoolctl",
    "joblib",
    "scipy",
    "jinja2",
    "filelock",
    "rich",
}
#: Imported inside functions only, by the door of their package or where a program is opened.
BEHIND_A_DOOR = {f"programs.dspy.{name}" for name in ("module", "opening", "running", "typed", "variants", "whole")}
BEHIND_A_DOOR |= {"exporters.formats.gateway_hook"}  # shipped as the file it is, never imported
COMES_WITH = {
    "distributed": "dask[distributed]",
    "psycopg": "psycopg[binary]",
    "optuna_dashboard": "optuna-dashboard",
    "opentelemetry": "opentelemetry-sdk",
    "mlflow": "mlflow-skinny",
    "sqlalchemy": "psycopg[binary]",  # it comes with Optuna, and speaks to a server through this
    "threadpoolctl": "scikit-learn",
    "gepa": "dspy",
    "tqdm": "dspy",
    "yaml": "PyYAML",
    "sklearn": "scikit-learn",
}
SPACES_MAY_USE = {"space", "prompt", "tools", "types", "programs", "search_spaces"}


def _modules(folder: Path) -> dict[str, Path]:
    named = {".".join(path.relative_to(folder).with_suffix("").parts): path for path in folder.rglob("*.py")}
    return {name.removesuffix(".__init__"): path for name, path in named.items()}


MODULES = _modules(ROOT / "optimizer")
ORDER = {
    unit: -number
    for number, line in enumerate(LAYERS.strip().splitlines())
    for unit in line.strip().split("        ")[0].split()
}


def imported(path: Path, *, only_at_once: bool = False) -> Iterator[str]:
    """The modules that a file imports when it runs; `only_at_once`: when it is itself imported."""
    yield from _found(ast.parse(path.read_text("utf-8")), only_at_once)


def _found(node: ast.AST, only_at_once: bool) -> Iterator[str]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and isinstance(child.test, ast.Name) and child.test.id == "TYPE_CHECKING":
            continue
        if only_at_once and isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if isinstance(child, ast.Import):
            yield from (alias.name for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            assert child.level == 0 and child.module, "imports are written out in full"
            yield from (_whole(child.module, alias.name) for alias in child.names)
        yield from _found(child, only_at_once)


def _whole(module: str, name: str) -> str:
    """`from package import module` is an import of the module."""
    inner = f"{module}.{name}".removeprefix("optimizer.")
    return f"{module}.{name}" if module.startswith("optimizer") and inner in MODULES else module


def ours(path: Path, *, only_at_once: bool = False) -> set[str]:
    """Names below `optimizer`; its own `__init__` has nothing but the version, and may be asked by everybody."""
    names = imported(path, only_at_once=only_at_once)
    return {name.removeprefix("optimizer.") for name in names if name.startswith("optimizer.")}


def unit(name: str) -> str:
    """The longest name in the table that `name` is, or lies in."""
    found = [known for known in ORDER if name == known or name.startswith(f"{known}.")]
    assert found, f"{name} stands in no layer: put it into the table"
    return max(found, key=len)


def _in(name: str, doors: set[str]) -> bool:
    return any(name == door or name.startswith(f"{door}.") for door in doors)


ALL = sorted(name for name in MODULES if name != "__init__")
PACKAGES = [name for name in ALL if MODULES[name].name == "__init__.py"]


def test_every_name_in_the_table_is_there() -> None:
    assert {unit(name) for name in ALL} == set(ORDER)


@pytest.mark.parametrize("name", ALL)
def test_imports_point_downwards(name: str) -> None:
    for below in ours(MODULES[name]):
        assert below in MODULES, f"{name} imports optimizer.{below}, which is not there"
        same = unit(below) == unit(name)
        assert same or ORDER[unit(below)] < ORDER[unit(name)], f"{name} imports {below}, which is not below it"


@pytest.mark.parametrize("name", ALL)
def test_what_is_not_ours_comes_in_by_its_doors(name: str) -> None:
    for found in {whole.partition(".")[0] for whole in imported(MODULES[name])} - sys.stdlib_module_names:
        if found != "optimizer":
            doors = (DOORS | OPTIONAL).get(found, set())
            assert _in(name, doors), f"{name} imports {found}; its doors are {sorted(doors) or 'none'}"


@pytest.mark.parametrize("name", ALL)
def test_heavy_dependencies_are_opened_late(name: str) -> None:
    at_once = {whole.partition(".")[0] for whole in imported(MODULES[name], only_at_once=True)}

    assert name in BEHIND_A_DOOR or not at_once & LATE


def test_what_is_behind_a_door_is_never_imported_at_once() -> None:
    for name in set(ALL) - BEHIND_A_DOOR:
        assert not ours(MODULES[name], only_at_once=True) & BEHIND_A_DOOR, name


def test_there_is_no_ring_of_imports() -> None:
    graph = {name: ours(MODULES[name]) & set(ALL) - {name} for name in ALL}
    done: set[str] = set()

    def visit(name: str, way: tuple[str, ...]) -> None:
        assert name not in way, " imports ".join((*way[way.index(name) :], name))
        if name not in done:
            for below in sorted(graph[name]):
                visit(below, (*way, name))
            done.add(name)

    for name in ALL:
        visit(name, ())


@pytest.mark.parametrize("name", PACKAGES)
def test_an_init_is_its_package_s_map_and_door_and_defines_nothing(name: str) -> None:
    _docstring, *rest = ast.parse(MODULES[name].read_text("utf-8")).body
    doors = [node for node in rest if isinstance(node, ast.ImportFrom)]
    listed = [node for node in rest if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"]

    assert [*doors, *listed] == rest and len(listed) == bool(doors), f"{name} holds more than a map and re-exports"
    assert all(found.startswith(f"{name}.") for found in ours(MODULES[name])), f"{name} re-exports what is not its own"
    given = {alias.name for node in doors for alias in node.names}
    assert given == {one for node in listed for one in ast.literal_eval(node.value)}


@pytest.mark.parametrize("name", ALL)
def test_a_package_s_own_modules_do_not_import_by_its_door(name: str) -> None:
    around = {name[: dot.start()] for dot in re.finditer(r"\.", name)}

    assert not ours(MODULES[name]) & around


def test_the_engine_does_not_know_the_search_spaces() -> None:
    for name in ALL:
        assert not any(found.startswith("search_spaces") for found in imported(MODULES[name])), name


@pytest.mark.parametrize("path", sorted((ROOT / "search_spaces").glob("*.py")), ids=lambda path: path.stem)
def test_search_spaces_use_only_what_an_author_of_spaces_uses(path: Path) -> None:
    for found in imported(path):
        name = found.removeprefix("optimizer.").partition(".")[0]
        assert name in SPACES_MAY_USE or name in sys.stdlib_module_names, f"{path.name} imports {found}"


def test_no_module_of_the_engine_knows_the_offline_models_but_those_that_connect_and_list_them() -> None:
    knowing = {name for name in ALL if any(_in(found, {"offline"}) for found in ours(MODULES[name]))}

    assert {name for name in knowing if not _in(name, {"offline"})} == {"cli", "connect", "pricing", "report.summary"}


def test_every_dependency_is_declared_and_every_declared_one_is_used() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    declared = {line.split(">")[0].strip() for line in project["dependencies"]}

    assert {COMES_WITH.get(name, name) for name in DOORS} == declared
    assert all(">=" in line and "<" in line for line in project["dependencies"])


def test_what_only_some_users_need_is_in_an_extra() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    named = {line.split(">")[0].strip() for name, lines in extras.items() if name != "dev" for line in lines}

    assert {COMES_WITH.get(name, name) for name in OPTIONAL} <= named


@pytest.mark.parametrize("package", sorted({path.parent for path in MODULES.values()}), ids=lambda path: path.name)
def test_a_package_s_docstring_or_readme_names_each_of_its_modules(package: Path) -> None:
    told = (package / "__init__.py").read_text("utf-8").partition('"""')[2].partition('"""')[0]
    if (package / "README.md").exists():
        told += (package / "README.md").read_text("utf-8")
    named = {word.removesuffix(".py") for quoted in re.findall(r"`([^`\n]+)`", told) for word in quoted.split()}
    formats = {path for path in package.glob("*.py") if "\nFORMAT = " in path.read_text("utf-8")}  # listed in `FORMATS`

    modules = {path.stem for path in {*package.glob("*.py")} - formats if not path.stem.startswith("__")}
    assert modules <= named or package.parent.name == "examples", f"not on the map: {sorted(modules - named)}"


@pytest.mark.parametrize(
    "path",
    sorted([*MODULES.values(), *(ROOT / "search_spaces").glob("*.py")]),
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_files_stay_short_and_say_what_they_are_for(path: Path) -> None:
    text = path.read_text("utf-8")

    assert len(text.splitlines()) <= 250
    assert ast.get_docstring(ast.parse(text)), "begins without a docstring"
