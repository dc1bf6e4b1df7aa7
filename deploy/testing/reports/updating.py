"""Writes what was answered into the files of cases, as what is expected from now on."""

from __future__ import annotations

from dataclasses import replace
from itertools import groupby

from deploy.testing.reports.results import CaseResult, Outcome, Report
from schemas.cases.rewriting import Expectation, rewritten


def update(report: Report) -> Report:
    """The report after every case that was answered otherwise expects what it was answered. Raises OSError."""
    for _, of_file in groupby(report.results, key=lambda result: result.file.path):
        results = list(of_file)
        expectations = [each for result in results if (each := _expectation(result)) is not None]
        if expectations:
            file = results[0].file
            file.path.write_bytes(rewritten(file, expectations).encode())
    return replace(report, results=tuple(map(_updated, report.results)))


def _expectation(result: CaseResult) -> Expectation | None:
    is_other = result.outcome is Outcome.FAILED or (result.outcome is Outcome.ERROR and result.is_first_answer)
    if not is_other or result.answered is None:
        return None
    return Expectation(result.case, result.answered.http_status, result.answered.result)


def _updated(result: CaseResult) -> CaseResult:
    return result if _expectation(result) is None else replace(result, outcome=Outcome.UPDATED, lines=(), notes=())
