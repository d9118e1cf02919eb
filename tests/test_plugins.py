"""Plug-ins are found by path, among the built-ins, or as entry points; what is not found is explained."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from optimizer.errors import PluginError
from optimizer.plugins import known_names, resolve

BUILTIN = {"exact_match": "built-in one", "token_f1": "built-in two"}


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder on the path, like a site-packages, with a module and a distribution that offers parts of it."""
    (tmp_path / "some_plugins.py").write_text("class Box:\n    inner = 'found inside'\nbleu = 'a metric'\n", "utf-8")
    (tmp_path / "broken_plugins.py").write_text("def ask():\n    raise RuntimeError('no licence')\n\nask()\n", "utf-8")
    (tmp_path / "needy_plugins.py").write_text("import surely_not_installed\n", "utf-8")
    (tmp_path / "unread_plugins.py").write_text("x = 1\ny = (\n", "utf-8")
    offer(tmp_path, "one", "bleu = some_plugins:bleu", "exact_match = some_plugins:bleu")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    for name in ("some_plugins", "broken_plugins", "needy_plugins", "unread_plugins"):
        sys.modules.pop(name, None)


def offer(folder: Path, distribution: str, *lines: str) -> None:
    info = folder / f"{distribution}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n", "utf-8")
    (info / "entry_points.txt").write_text("\n".join(["[promptport.metrics]", *lines, ""]), "utf-8")


def test_a_builtin_goes_by_its_name() -> None:
    assert resolve("metrics", "token_f1", BUILTIN) == "built-in two"


def test_a_path_leads_to_whatever_can_be_imported(installed: Path) -> None:
    assert resolve("metrics", "some_plugins:bleu", BUILTIN) == "a metric"
    assert resolve("metrics", "some_plugins:Box.inner", BUILTIN) == "found inside"


def test_an_entry_point_goes_by_its_name_but_never_replaces_a_builtin(installed: Path) -> None:
    assert resolve("metrics", "bleu", BUILTIN) == "a metric"
    assert resolve("metrics", "exact_match", BUILTIN) == "built-in one"
    assert known_names("metrics", BUILTIN) == ("bleu", "exact_match", "token_f1")


def test_entry_points_of_another_kind_are_not_found(installed: Path) -> None:
    with pytest.raises(PluginError, match="no spaces plug-in is called 'bleu'"):
        resolve("spaces", "bleu", {})


def test_two_distributions_with_one_name_are_refused(installed: Path) -> None:
    offer(installed, "two", "bleu = some_plugins:Box")
    with pytest.raises(
        PluginError, match=r"two installed .* 'bleu': .*some_plugins:.* name the one you mean by its path"
    ):
        resolve("metrics", "bleu", BUILTIN)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("exact_mach", r"no metrics plug-in is called 'exact_mach'\. Did you mean 'exact_match'\? Known: .*token_f1"),
        ("nowhere_at_all:x", "no module 'nowhere_at_all'"),
        ("broken_plugins:x", r"importing broken_plugins failed: RuntimeError: no licence, at broken_plugins\.py:2$"),
        ("needy_plugins:x", r"no module 'surely_not_installed', at needy_plugins\.py:1; is it"),
        ("unread_plugins:x", r"SyntaxError: .*was never closed \(unread_plugins\.py, line 2\)$"),
        ("some_plugins:blue", "some_plugins has no 'blue'. Did you mean 'bleu'?"),
        ("some_plugins:Box.outer", "has no 'outer'"),
        ("some_plugins:", "a path reads module:attribute"),
        (":bleu", "a path reads module:attribute"),
        ("some plugins:bleu()", "a path reads module:attribute"),
    ],
)
def test_what_is_not_found_is_explained(installed: Path, name: str, text: str) -> None:
    with pytest.raises(PluginError, match=text):
        resolve("metrics", name, BUILTIN)
