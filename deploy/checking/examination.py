"""Looks at everything of a project at once: its files, its SQL by ClickHouse, and what is likely not meant."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from deploy.check import CheckedProject
from deploy.checking.engines import Analyse, NotAnalysedError
from deploy.checking.likely_mistakes import Known, likely_mistakes
from deploy.checking.reading import Reading, read_what_is_right, without
from deploy.checking.set_aside import kept_as_they_are, set_aside
from schemas.model import Problem
from schemas.queries.catalog import compile_project


@dataclass(frozen=True, slots=True)
class Examined:
    """What was found. `problems` are in the order of files and lines.

    `reading` is of the files alone. `rest` is the project without what is `broken` and all that needs it, which
    `set_aside` names with the reason of each; the whole project when nothing is broken. None where that cannot be told
    apart. `kept` are data sources of the rest that get nothing new, with the pipe that would have written into each.
    `not_analysed` says why ClickHouse was not asked; empty when it was.
    """

    problems: tuple[Problem, ...]
    reading: Reading
    rest: CheckedProject | None
    broken: frozenset[str] = frozenset()
    set_aside: Mapping[str, str] = field(default_factory=dict)
    kept: Mapping[str, str] = field(default_factory=dict)
    not_analysed: str = ""

    @property
    def has_errors(self) -> bool:
        return any(problem.severity == "error" for problem in self.problems)

    @property
    def whole(self) -> CheckedProject | None:
        return None if self.has_errors else self.rest


def examine(
    folder: Path, environment: Mapping[str, str], analyse: Analyse | None, known: Known | None = None
) -> Examined:
    """Examine the project in a folder; without `analyse` its SQL is read and not asked about. Who looks
    again and again keeps what is `known` of it.

    Raises SettingsError for a secret's file that cannot be read, and ProjectError for a folder without a project.
    """
    reading = read_what_is_right(folder, environment)
    problems, broken, not_analysed = list(reading.problems), set(reading.broken), ""
    if analyse is not None:
        try:
            findings = analyse(reading.project, reading.catalog)
            problems += findings.problems
            broken |= findings.broken
        except NotAnalysedError as error:
            not_analysed = str(error)
    problems += likely_mistakes(reading.project, reading.catalog, known if known is not None else {})
    problems.sort(key=lambda each: (each.place.file, each.place.line, each.place.column))
    aside = set_aside(reading.project, reading.catalog.graph, broken)
    rest = None
    if not reading.elsewhere:
        rest = CheckedProject.of(reading.project, reading.catalog)
        if aside.keys() - reading.broken:
            project = without(reading.project, aside)
            rest = CheckedProject.of(project, compile_project(project, secrets=reading.secrets))
    return Examined(
        tuple(problems), reading, rest, frozenset(broken), aside, kept_as_they_are(reading.project, aside), not_analysed
    )
