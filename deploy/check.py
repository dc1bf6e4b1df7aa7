"""Reads a project as everything that uses it does: files, then pipes; all of it is right, or nothing is used."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from query_api.catalog import Catalog, compile_project
from schemas.errors import ProjectError
from schemas.model import Problem, Project
from schemas.project import load_project
from service.environment import PROJECT_NAMES


@dataclass(frozen=True, slots=True)
class CheckedProject:
    """A project without errors and its compiled pipes."""

    project: Project
    catalog: Catalog

    @property
    def warnings(self) -> tuple[Problem, ...]:
        return (*self.project.warnings, *self.catalog.warnings)


def read_project(folder: Path, environment: Mapping[str, str]) -> CheckedProject:
    """The project in a folder; `environment` gives its secrets. Raises ProjectError with every error and warning."""
    project = load_project(folder, environment=environment)
    secrets = {
        name.removeprefix(PROJECT_NAMES): value for name, value in environment.items() if name.startswith(PROJECT_NAMES)
    }
    try:
        return CheckedProject(project, compile_project(project, secrets=secrets))
    except ProjectError as error:
        raise ProjectError((*project.warnings, *error.problems)) from None
