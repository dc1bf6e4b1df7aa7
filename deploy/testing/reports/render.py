"""A report for people: a line a case, then what differs, then how many passed."""

from __future__ import annotations

from collections.abc import Iterator

from deploy.testing.reports.results import CaseResult, Outcome, Report
from schemas.report import printable

_WORDS = {
    Outcome.PASSED: "ok",
    Outcome.FAILED: "FAILED",
    Outcome.UPDATED: "updated",
    Outcome.ERROR: "ERROR",
    Outcome.NOT_TESTABLE: "NOT TESTABLE",
}
_TOLD = (Outcome.FAILED, Outcome.ERROR, Outcome.NOT_TESTABLE)

_COUNTED = (
    (Outcome.FAILED, "failed"),
    (Outcome.ERROR, "with an error of their own"),
    (Outcome.NOT_TESTABLE, "not testable"),
    (Outcome.UPDATED, "updated"),
)


def render(report: Report) -> str:
    """The whole text."""
    lines = [f"{_WORDS[result.outcome]:<7} {title(result)}" for result in report.results]
    for result in report.results:
        if result.outcome in _TOLD:
            lines += ["", *_details(result)]
    return "\n".join(map(printable, [*lines, "", _summary(report)]))


def title(result: CaseResult) -> str:
    return f"{result.case.pipe}: {result.case.name}"


def _details(result: CaseResult) -> Iterator[str]:
    case = result.case
    yield f"{_WORDS[result.outcome]} {title(result)}"
    yield f"  --> {case.place}"
    if case.parameters:
        yield f"  parameters: {case.parameters}"
    yield from (f"  {line}" for line in result.lines)
    yield from (f"  hint: {note}" for note in result.notes)


def _summary(report: Report) -> str:
    counts = [f"{len(found)} {words}" for outcome, words in _COUNTED if (found := report.of(outcome))]
    total = len(report.results)
    passed = f"{len(report.of(Outcome.PASSED))} of {total} cases passed"
    return ", ".join([passed, *counts])
