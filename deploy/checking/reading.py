"""Reads a project file by file: all that is wrong with it, and what is right of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from schemas.errors import ProjectError
from schemas.model import Problem, Project
from schemas.project import load_project
from schemas.queries.catalog import Catalog, compile_project
from schemas.queries.resolve import not_found
from schemas.queries.uses.materialized import materialized_nodes, target_name
from schemas.tables.views.project import views_of
from service.environment import PROJECT_NAMES
from service.secret_files import with_project_secrets

_RESOURCES = (".datasource", ".pipe")


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read. `project` and `catalog` are without the `broken` data sources and pipes, whose files have errors.

    `elsewhere`: an error is in a file that belongs to none of them, so that nobody can tell what is broken by it.
    """

    project: Project
    catalog: Catalog
    problems: tuple[Problem, ...]
    broken: frozenset[str]
    secrets: Mapping[str, str] = field(repr=False)
    elsewhere: bool = False

    @property
    def has_errors(self) -> bool:
        return any(problem.severity == "error" for problem in self.problems)


def read_what_is_right(folder: Path, environment: Mapping[str, str]) -> Reading:
    """Read a folder; `environment` gives its secrets. Raises SettingsError for a secret's file that cannot be read, and
    ProjectError for a folder that holds no project at all."""
    environment = with_project_secrets(environment)
    secrets = {
        name.removeprefix(PROJECT_NAMES): value for name, value in environment.items() if name.startswith(PROJECT_NAMES)
    }
    problems: list[Problem] = []
    try:
        project = load_project(folder, environment=environment)
        problems += project.warnings
    except ProjectError as error:
        if error.readable is None:
            raise
        project = error.readable
        problems += error.problems
    found = _broken_by(project, problems)
    broken, elsewhere = found.names, found.elsewhere
    while True:
        project = without(project, broken)
        try:
            catalog = compile_project(project, secrets=secrets)
            views = views_of(project, catalog)
            if views.errors:
                raise ProjectError(views.errors)
            break
        except ProjectError as error:
            found = _broken_by(project, error.problems)
            problems += [problem for problem in error.problems if problem.severity == "error"]
            if not found.names:
                raise ProjectError(problems) from None
            broken |= found.names
    # What is there and broken is told as that, not as missing.
    missing = {not_found(name) for name in broken}
    problems += [each for each in catalog.warnings if each.message.partition(":")[0] not in missing]
    problems += views.problems
    return Reading(project, catalog, tuple(problems), broken, secrets, elsewhere)


def without(project: Project, names: Iterable[str]) -> Project:
    """The project without these data sources and pipes, which are `set_aside`."""
    left_out = frozenset(names)
    if not left_out:
        return project
    views = [each for each in materialized_nodes(project.pipes.values()) if each.pipe.name in left_out]
    targets = frozenset(target_name(each.kind.target, project.data_sources) for each in views)
    return replace(
        project,
        data_sources={name: each for name, each in project.data_sources.items() if name not in left_out},
        pipes={name: each for name, each in project.pipes.items() if name not in left_out},
        set_aside=project.set_aside | left_out | {each.name for each in views},
        targets_set_aside=project.targets_set_aside | targets,
    )


@dataclass(frozen=True, slots=True)
class _Broken:
    names: frozenset[str]
    elsewhere: bool


def _broken_by(project: Project, problems: Iterable[Problem]) -> _Broken:
    """The resources whose files have errors, and those that a connection with errors feeds."""
    files = {problem.place.file for problem in problems if problem.severity == "error"}
    by_file: dict[str, set[str]] = {}
    places = [(name, each.place) for name, each in project.data_sources.items()]
    places += [(name, each.place) for name, each in project.pipes.items()]
    for name, place in places:
        by_file.setdefault(place.file, set()).add(name)
    for connection in project.connections.values():
        by_file.setdefault(connection.place.file, set()).update(_fed_by(project, connection.name))
    names: set[str] = set()
    elsewhere = False
    for file in files:
        path = PurePosixPath(file)
        if file in by_file:
            names |= by_file[file]
        elif path.suffix in _RESOURCES:
            names.add(path.stem)
        elif path.suffix == ".connection":
            names |= _fed_by(project, path.stem)
        else:
            elsewhere = True
    return _Broken(frozenset(names), elsewhere)


def _fed_by(project: Project, connection: str) -> set[str]:
    sources = project.data_sources.values()
    return {each.name for each in sources if each.kafka is not None and each.kafka.connection == connection}
