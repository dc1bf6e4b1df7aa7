"""A project folder as a whole: every file read, everything that is wrong with any of them told at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from schemas.checks import check_data_source, check_names
from schemas.connection import read_connection
from schemas.datasource import read_data_source
from schemas.errors import ProjectError
from schemas.model import Connection, DataSource, Pipe, Place, Problem, Project
from schemas.pipe import read_pipe
from schemas.source import Source, read_source

EXAMPLE_PROJECT = Path(__file__).parent
"""The project that ships with Birdhouse: its `datasources/` and `pipes/`."""

_KINDS = (".datasource", ".pipe", ".connection")
_PASSED_OVER = frozenset({"node_modules", "__pycache__", "venv", "vendor"})
_MAX_FILES = 20_000


@dataclass(slots=True)
class _Found:
    data_sources: list[DataSource] = field(default_factory=list)
    pipes: list[Pipe] = field(default_factory=list)
    connections: list[Connection] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def load_project(folder: Path, *, environment: Mapping[str, str]) -> Project:
    """Read all `.datasource`, `.pipe` and `.connection` files below `folder`, however it is laid out.

    `environment` fills `${NAME}` in, and `tb_secret("NAME")` from `BIRDHOUSE_SECRET_NAME`. Raises ProjectError with
    every problem of every file when there is any error; warnings come with the project.
    """
    found = _Found()
    if not folder.is_dir():
        raise ProjectError([Problem(Place(str(folder)), "the project folder is not there", "set PROJECT_DIR to it")])
    for path in project_files(folder):
        _read(found, path, folder, environment)
    found.problems += check_names(found.data_sources, found.pipes)
    found.problems.sort(key=lambda problem: (problem.place.file, problem.place.line, problem.place.column))
    if any(problem.severity == "error" for problem in found.problems):
        raise ProjectError(found.problems)
    return Project(
        folder=folder,
        data_sources={data_source.name: data_source for data_source in found.data_sources},
        pipes={pipe.name: pipe for pipe in found.pipes},
        connections={connection.name: connection for connection in found.connections},
        warnings=tuple(found.problems),
    )


def project_files(folder: Path) -> Iterator[Path]:
    """The project's files in the order of their paths; hidden folders and those of package managers are passed over."""
    pending, count = [folder], 0
    while pending:
        for path in sorted(pending.pop(0).iterdir()):
            if path.name.startswith(".") or path.is_symlink():
                continue
            if path.is_dir():
                if path.name not in _PASSED_OVER:
                    pending.append(path)
            elif path.suffix in _KINDS and (count := count + 1) <= _MAX_FILES:
                yield path


def _read(found: _Found, path: Path, folder: Path, environment: Mapping[str, str]) -> None:
    source = read_source(path, folder, environment, fills_secrets=path.suffix != ".pipe")
    name = path.stem
    if path.suffix == ".datasource":
        data_source = read_data_source(source, name)
        if data_source is not None:
            source.problems += check_data_source(data_source, _lines(source))
            found.data_sources.append(data_source)
    elif path.suffix == ".pipe":
        pipe = read_pipe(source, name, publishes_last_node=path.parent.name == "endpoints")
        if pipe is not None:
            found.pipes.append(pipe)
    else:
        connection = read_connection(source, name)
        if connection is not None:
            found.connections.append(connection)
    found.problems += source.problems


def _lines(source: Source) -> dict[Place, str]:
    return {line.place(): line.text for line in source.lines}
