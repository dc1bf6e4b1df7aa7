"""What analysing a project finds."""

from __future__ import annotations

from dataclasses import dataclass

from schemas.model import Problem


@dataclass(frozen=True, slots=True)
class Findings:
    """`problems` are errors and warnings in the order of files and lines; `broken` are the names of the data sources
    and pipes that have an error."""

    problems: tuple[Problem, ...] = ()
    broken: frozenset[str] = frozenset()

    @property
    def errors(self) -> tuple[Problem, ...]:
        return tuple(problem for problem in self.problems if problem.severity == "error")

    @property
    def warnings(self) -> tuple[Problem, ...]:
        return tuple(problem for problem in self.problems if problem.severity == "warning")
