"""Reads a project as everything that uses it does: files, then pipes; all of it is right, or nothing is used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from schemas.errors import ProjectError
from schemas.model import Problem, Project
from schemas.project import load_project
from schemas.queries.catalog import Catalog, compile_project
from schemas.tables.views.project import ProjectViews, views_of
from service.environment import PROJECT_NAMES
from service.secret_files import with_project_secrets


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
    environment = with_project_secrets(environment)
    secrets = {
        name.removeprefix(PROJECT_NAMES): value for name, value in environment.items() if name.startswith(PROJECT_NAMES)
    }
    try:
        project = load_project(folder, environment=environment)
    except ProjectError as error:
        raise ProjectError((*error.problems, *_template_errors(error.readable))) from None
    try:
        catalog = compile_project(project, secrets=secrets)
    except ProjectError as error:
        raise ProjectError((*project.warnings, *error.problems)) from None
    views = views_of(project, catalog)
    if views.errors:
        raise ProjectError((*project.warnings, *views.problems))
    return CheckedProject(project, catalog, views)


def _template_errors(readable: Project | None) -> Sequence[Problem]:
    """The errors of the pipes that could be read: one look at a project shows all that is wrong with it."""
    if readable is None:
        return ()
    try:
        compile_project(readable)
    except ProjectError as error:
        return error.problems
    return ()
