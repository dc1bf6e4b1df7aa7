"""Reads a project as everything that uses it does: files, then pipes; all of it is right, or nothing is used."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from deploy.checking.reading import read_what_is_right
from schemas.errors import ProjectError
from schemas.model import Problem, Project
from schemas.queries.catalog import Catalog
from schemas.tables.views.project import ProjectViews, views_of


@dataclass(frozen=True, slots=True)
class CheckedProject:
    """A project without errors, its compiled pipes and their views."""

    project: Project
    catalog: Catalog
    views: ProjectViews

    @classmethod
    def of(cls, project: Project, catalog: Catalog) -> Self:
        """With the views of a compiled project."""
        return cls(project, catalog, views_of(project, catalog))

    @property
    def warnings(self) -> tuple[Problem, ...]:
        return (*self.project.warnings, *self.catalog.warnings, *self.views.problems)


def read_project(folder: Path, environment: Mapping[str, str]) -> CheckedProject:
    """The project in a folder; `environment` gives its secrets. Raises ProjectError with every error and warning, and
    SettingsError for a secret's file that cannot be read."""
    reading = read_what_is_right(folder, environment)
    if reading.has_errors:
        raise ProjectError(reading.problems)
    return CheckedProject.of(reading.project, reading.catalog)
