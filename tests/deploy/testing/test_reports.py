"""A report for people, and as JUnit XML."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from deploy.testing.reports.junit import write_junit
from deploy.testing.reports.render import render
from deploy.testing.reports.results import CaseResult, Outcome, Report
from schemas.cases.case import Case, CaseFile
from schemas.model import Place, Problem

FILE = CaseFile(Path("tests/p.yaml"), "p", "", ())


def result(outcome: Outcome, name: str = "c", pipe: str = "p") -> CaseResult:
    place = Place("tests/p.yaml", 3, 3)
    case = Case(pipe, name, parameters="a=1", place=place)
    lines = () if outcome is Outcome.PASSED else ("row 1: `a` is 2\x07, expected 1", "  in {}")
    return CaseResult(FILE, case, outcome, lines, ("look there",) if lines else (), 0.25)


def report(*results: CaseResult, problems: tuple[Problem, ...] = ()) -> Report:
    return Report(results, problems)


@pytest.mark.parametrize(
    ("outcomes", "severity", "code"),
    [
        ([Outcome.PASSED], None, 0),
        ([Outcome.PASSED, Outcome.UPDATED], "warning", 0),
        ([Outcome.PASSED, Outcome.FAILED], None, 1),
        ([Outcome.FAILED, Outcome.ERROR], None, 2),
        ([Outcome.NOT_TESTABLE], None, 2),
        ([Outcome.PASSED], "error", 2),
        ([Outcome.FAILED], "error", 2),
    ],
)
def test_the_exit_code(outcomes: list[Outcome], severity: str | None, code: int) -> None:
    problems = () if severity is None else (Problem(Place("f"), "m", severity=severity),)  # type: ignore[arg-type]  # parametrized
    assert report(*map(result, outcomes), problems=problems).exit_code == code


def test_people_see_what_differs_and_where() -> None:
    text = render(report(result(Outcome.PASSED, "one"), result(Outcome.FAILED, "two")))
    assert text == (
        "ok      p: one\n"
        "FAILED  p: two\n"
        "\n"
        "FAILED p: two\n"
        "  --> tests/p.yaml:3:3\n"
        "  parameters: a=1\n"
        "  row 1: `a` is 2·, expected 1\n"
        "    in {}\n"
        "  hint: look there\n"
        "\n"
        "1 of 2 cases passed, 1 failed"
    )


def test_what_is_told_does_not_steer_the_terminal() -> None:
    assert "\x1b" not in render(report(result(Outcome.PASSED, "\x1b[2Jgone")))


def test_junit_has_each_case_and_its_reason(tmp_path: Path) -> None:
    path = tmp_path / "more" / "report.xml"
    write_junit(
        report(
            result(Outcome.PASSED, "one"),
            result(Outcome.FAILED, "<two>"),
            result(Outcome.ERROR, "three"),
            result(Outcome.NOT_TESTABLE, "four", "q"),
        ),
        path,
    )
    root = ElementTree.parse(path).getroot()
    assert root.attrib == {"tests": "4", "failures": "1", "errors": "2", "time": "1.000"}
    assert [suite.attrib["name"] for suite in root] == ["p", "q"]
    cases = list(root.iter("testcase"))
    assert [case.attrib["name"] for case in cases] == ["one", "<two>", "three", "four"]
    assert [[child.tag for child in case] for case in cases] == [[], ["failure"], ["error"], ["error"]]
    [failure] = cases[1]
    assert failure.attrib["message"] == "row 1: `a` is 2\ufffd, expected 1"
    assert failure.text == "row 1: `a` is 2\ufffd, expected 1\n  in {}\nhint: look there"
