"""A report as the JUnit XML that build servers read."""

from __future__ import annotations

import re
from itertools import groupby
from pathlib import Path
from xml.etree.ElementTree import Element, ElementTree, SubElement, indent

from deploy.testing.reports.results import CaseResult, Outcome, Report

# XML 1.0 has no way to write these at all.
_NO_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# What a case that did not pass is in JUnit's words; "skipped" would be read as well.
_ELEMENTS = {Outcome.FAILED: "failure", Outcome.ERROR: "error", Outcome.NOT_TESTABLE: "error"}


def write_junit(report: Report, path: Path) -> None:
    """Raises OSError."""
    root = Element("testsuites", _counts(report.results))
    for pipe, of_pipe in groupby(report.results, key=lambda result: result.case.pipe):
        results = tuple(of_pipe)
        suite = SubElement(root, "testsuite", {"name": _text(pipe), **_counts(results)})
        for result in results:
            _add(suite, result)
    indent(root)
    path.parent.mkdir(parents=True, exist_ok=True)
    ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)


def _add(suite: Element, result: CaseResult) -> None:
    case = result.case
    attributes = {
        "classname": _text(case.pipe),
        "name": _text(case.name),
        "file": _text(case.place.file),
        "line": str(case.place.line),
        "time": f"{result.seconds:.3f}",
    }
    element = SubElement(suite, "testcase", attributes)
    if (kind := _ELEMENTS.get(result.outcome)) is not None:
        lines = [*result.lines, *(f"hint: {note}" for note in result.notes)]
        told = SubElement(element, kind, {"message": _text(lines[0]), "type": result.outcome.value})
        told.text = _text("\n".join(lines))


def _counts(results: tuple[CaseResult, ...]) -> dict[str, str]:
    kinds = [_ELEMENTS.get(result.outcome) for result in results]
    return {
        "tests": str(len(results)),
        "failures": str(kinds.count("failure")),
        "errors": str(kinds.count("error")),
        "time": f"{sum(result.seconds for result in results):.3f}",
    }


def _text(text: str) -> str:
    return _NO_XML.sub("\ufffd", text)
