"""The gate's result as JUnit XML, which continuous integration shows: a case for each threshold, and for each example
that got worse.

What models and data say stands in it as text: escaped by the library, and without the characters that XML forbids.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from xml.etree import ElementTree as ET

from optimizer.errors import ConfigError
from optimizer.gate.weighing import Case, GateResult, Threshold

_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_LONGEST = 500  # characters of what is quoted


def make_room(path: Path) -> None:
    """The folder that the file will lie in. Raises ConfigError where it could not be written, before a call is paid."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"--junit {path}: cannot write there ({error.strerror}); name another file") from error
    if path.is_dir() or not os.access(path.parent, os.W_OK):
        why = "it is a folder" if path.is_dir() else "no right to write in its folder, or a read-only disk"
        raise ConfigError(f"--junit {path}: cannot write there ({why}); name another file")


def write_junit(path: Path, result: GateResult) -> None:
    """Raises ConfigError where it cannot be written after all."""
    try:
        path.write_text(as_junit(result), "utf-8")
    except OSError as error:
        raise ConfigError(f"--junit {path}: cannot be written ({error.strerror}); the verdict stands") from error


def as_junit(result: GateResult) -> str:
    """Examples that got worse are failures where the gate failed, else skipped: they kept within the threshold."""
    root = ET.Element("testsuites", name="promptport gate")
    _suite(root, "thresholds", [_of_threshold(one, result) for one in result.thresholds] + _of_verdict(result))
    _suite(root, "examples", [_of_case(case, result) for case in result.cases if case.worse])
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _suite(root: ET.Element, name: str, cases: list[ET.Element]) -> None:
    counts = {kind: str(sum(case.find(kind) is not None for case in cases)) for kind in ("failure", "error", "skipped")}
    suite = ET.SubElement(
        root,
        "testsuite",
        name=name,
        tests=str(len(cases)),
        failures=counts["failure"],
        errors=counts["error"],
        skipped=counts["skipped"],
    )
    suite.extend(cases)


def _of_threshold(one: Threshold, result: GateResult) -> ET.Element:
    case = _case("thresholds", one.name, result)
    if one.state == "broken":
        ET.SubElement(case, "failure", type="threshold", message=_text(one.words)).text = _text(one.words)
    elif one.state == "open":
        ET.SubElement(case, "error", type="inconclusive", message=_text(one.words)).text = _text(one.words)
    else:
        ET.SubElement(case, "system-out").text = _text(one.words)
    return case


def _of_verdict(result: GateResult) -> list[ET.Element]:
    """Where no threshold says why there is no verdict, a case of its own does."""
    if result.verdict != "inconclusive" or any(one.state == "open" for one in result.thresholds):
        return []
    case = _case("thresholds", "enough answers", result)
    ET.SubElement(case, "error", type="inconclusive", message=_text(result.reason)).text = _text(result.reason)
    return [case]


def _of_case(one: Case, result: GateResult) -> ET.Element:
    case = _case("examples", one.id, result)
    then, now = ("-" if score is None else f"{score:.3f}" for score in (one.sealed, one.score))
    told = f"{one.status}, score {now}, sealed {then}. {one.words}"
    if result.verdict == "fail":
        ET.SubElement(case, "failure", type=one.status, message=_text(told)).text = _text(told)
    else:
        ET.SubElement(case, "skipped", message=_text(told))
    return case


def _case(kind: str, name: str, result: GateResult) -> ET.Element:
    return ET.Element("testcase", classname=_text(f"{result.bundle}.{kind}"), name=_text(name))


def _text(text: str) -> str:
    return _FORBIDDEN.sub("\ufffd", text)[:_LONGEST]
