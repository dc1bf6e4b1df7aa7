"""How cases ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from schemas.cases.case import Case, CaseFile
from schemas.cases.differences import Answered
from schemas.model import Problem


class Outcome(StrEnum):
    """`ERROR`: nothing can be said, because of the test itself. `NOT_TESTABLE`: another moment has another answer."""

    PASSED = "passed"
    FAILED = "failed"
    UPDATED = "updated"
    ERROR = "error"
    NOT_TESTABLE = "not testable"


@dataclass(frozen=True, slots=True)
class CaseResult:
    """`lines` say why it did not pass; `notes` help to see what to do."""

    file: CaseFile
    case: Case
    outcome: Outcome
    lines: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    seconds: float = 0.0
    answered: Answered | None = None

    @property
    def is_first_answer(self) -> bool:
        """Whether the case says nothing yet of what is to be answered."""
        return self.case.expected_result is None


@dataclass(frozen=True, slots=True)
class Report:
    """All cases that were asked, in the order of the files. `problems` are those of files and fixtures."""

    results: tuple[CaseResult, ...]
    problems: tuple[Problem, ...]

    def of(self, outcome: Outcome) -> Sequence[CaseResult]:
        return [result for result in self.results if result.outcome is outcome]

    @property
    def has_own_errors(self) -> bool:
        """Whether something could not be tested at all."""
        is_wrong = any(problem.severity == "error" for problem in self.problems)
        return is_wrong or bool(self.of(Outcome.ERROR) or self.of(Outcome.NOT_TESTABLE))

    @property
    def exit_code(self) -> int:
        if self.has_own_errors:
            return 2
        return 1 if self.of(Outcome.FAILED) else 0
