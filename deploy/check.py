"""Reads a project as everything that uses it does: files, then pipes; all of it is right, or nothing is used."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from deploy.checking.reading import read_what_is_right
from schemas.errors import ProjectError
from schemas.model import Problem, Project
from schemas.queries.catalog import Catalog
from schemas.tables.views.project import ProjectViews


@dataclass(frozen=True, slots=True)
class CheckedProject:
    """A project without errors, its compiled pipes and their views."""

    project: Project
    catalog: Catalog
    views: ProjectViews

    @property
    def warnings(self) -> tuple[Problem, ...]:
        return (*self.project.warnings, *self.catalog.warnings, *self.views.problems)


def read_project(folder: Path, environment: Mapping[str, str]) -> CheckedProject:
    """The project in a folder; `environment` gives its secrets. Raises ProjectError with every error and warning, and
    SettingsError for a secret's file that cannot be read."""
    reading = read_what_is_right(folder, environment)
    if reading.has_errors:
        raise ProjectError(reading.problems)
    return CheckedProject(reading.project, reading.catalog, reading.views)
