"""The second example: the statistics of the first one, from rollups that views keep."""

from __future__ import annotations

from pathlib import Path

from deploy.check import read_project
from deploy.testing.database.engine import Engine
from deploy.testing.reports.results import Outcome
from deploy.testing.runner import Options, run_cases
from deploy.testing.selection import selected
from schemas.cases.case import CaseFile
from schemas.project import EXAMPLE_PROJECT

ROLLUPS = Path(__file__).parents[3] / "examples" / "rollups"


def test_the_rollups_pass_their_cases(engine: Engine) -> None:
    checked = read_project(ROLLUPS, {})
    report = run_cases(engine, checked, {}, selected(ROLLUPS, []), Options())
    assert {result.case.name: result.lines for result in report.results if result.outcome is not Outcome.PASSED} == {}
    assert (len(report.results), report.problems) == (6, ())


def test_they_answer_what_the_events_themselves_do() -> None:
    def rows(file: CaseFile) -> str | None:
        return next(case.expected_result for case in file.cases if case.name == "all types")

    of_events, of_rollups = (selected(folder, ["event_stats:all types"])[0] for folder in (EXAMPLE_PROJECT, ROLLUPS))
    assert rows(of_events) == rows(of_rollups)
    fixture = Path("fixtures") / "events.ndjson"
    assert (EXAMPLE_PROJECT / fixture).read_text() == (ROLLUPS / fixture).read_text()
