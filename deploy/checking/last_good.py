"""A project whose broken parts are as they were when they were right last: it goes on serving while files are wrong."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TypeVar

from deploy.check import CheckedProject
from deploy.checking.engines import Analyse, NotAnalysedError
from deploy.checking.reading import Reading, without
from schemas.errors import ProjectError
from schemas.model import Project
from schemas.queries.catalog import compile_project

# What is right by itself may not be with the former version of something else, and so on.
_ROUNDS = 5
_Resource = TypeVar("_Resource")


def with_last_good(
    reading: Reading, broken: Iterable[str], good: CheckedProject, analyse: Analyse | None
) -> CheckedProject | None:
    """What was read, with the last good version in the place of what is broken, and without what never was good.

    What is not right with such a version takes its own former one too. None where that comes to no end.
    """
    wrong = set(broken)
    for _ in range(_ROUNDS):
        project = _replaced(reading.project, wrong, good.project)
        try:
            checked = CheckedProject.of(project, compile_project(project, secrets=reading.secrets))
            found = analyse(checked.project, checked.catalog).broken if analyse is not None else frozenset[str]()
        except ProjectError as error:
            files = {problem.place.file for problem in error.problems if problem.severity == "error"}
            found = frozenset(name for name, pipe in project.pipes.items() if pipe.place.file in files)
        except NotAnalysedError:
            found = frozenset()
        if not found:
            return checked
        if found <= wrong:
            return None
        wrong |= found
    return None


def _replaced(project: Project, wrong: Iterable[str], good: Project) -> Project:
    left = without(project, wrong)
    data_sources = {name: each for name, each in good.data_sources.items() if name in wrong}
    pipes = {name: each for name, each in good.pipes.items() if name in wrong}
    return replace(
        left,
        data_sources=_in_order(project.data_sources, {**left.data_sources, **data_sources}),
        pipes=_in_order(project.pipes, {**left.pipes, **pipes}),
        set_aside=left.set_aside - data_sources.keys() - pipes.keys(),
    )


def _in_order(first: Mapping[str, _Resource], all_of_them: Mapping[str, _Resource]) -> dict[str, _Resource]:
    names = [*(name for name in first if name in all_of_them), *(name for name in all_of_them if name not in first)]
    return {name: all_of_them[name] for name in names}
