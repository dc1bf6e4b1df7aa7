"""A project folder as a whole: every file read, everything that is wrong with any of them told at once."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from schemas.checks.data_sources import check_data_source
from schemas.checks.names import check_names
from schemas.errors import ProjectError
from schemas.files.connection import read_connection
from schemas.files.datasource import read_data_source
from schemas.files.lines.datafile import Datafile, Line
from schemas.files.lines.includes import read_source
from schemas.files.pipe import read_pipe
from schemas.model import Connection, DataSource, Pipe, Place, Problem, Project
from schemas.queries.uses.materialized import described_data_sources

EXAMPLE_PROJECT = Path(__file__).parent
"""The project that ships with Birdhouse: its `datasources/` and `pipes/`."""

_KINDS = (".datasource", ".pipe", ".connection")
_PASSED_OVER = frozenset({"node_modules", "__pycache__", "venv"})
_MAX_FILES = 20_000
# Somebody corrects a few, then looks again; a file that is no project file at all has thousands.
_MAX_PROBLEMS_A_FILE = 100


@dataclass(slots=True)
class _Found:
    data_sources: list[DataSource] = field(default_factory=list)
    pipes: list[Pipe] = field(default_factory=list)
    connections: list[Connection] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    digest: hashlib._Hash = field(default_factory=hashlib.sha256)  # the type's only name


def load_project(folder: Path, *, environment: Mapping[str, str]) -> Project:
    """Read all `.datasource`, `.pipe` and `.connection` files below `folder`, however it is laid out.

    `environment` fills `${NAME}` in, and `tb_secret("NAME")` from `BIRDHOUSE_SECRET_NAME`. Raises ProjectError with
    every problem of every file when there is any error; warnings come with the project.
    """
    found = _Found()
    if not folder.is_dir():
        problem = Problem(Place(str(folder)), "the project folder is not there", "set PROJECT_DIR to it")
        raise ProjectError([problem])
    paths = list(project_files(folder))
    if len(paths) > _MAX_FILES:
        text = f"the folder holds more than {_MAX_FILES:,} project files"
        raise ProjectError([Problem(Place(str(folder)), text, "set PROJECT_DIR to the folder of one project")])
    for path in paths:
        _read(found, path, folder, environment)
    if not paths:
        text = "the folder holds no .datasource and no .pipe file"
        found.problems.append(Problem(Place(str(folder)), text, "set PROJECT_DIR to the project", severity="warning"))
    data_sources = {data_source.name: data_source for data_source in found.data_sources}
    data_sources |= (described := described_data_sources(data_sources, found.pipes, found.problems))
    found.problems += check_names((*found.data_sources, *described.values()), found.pipes)
    found.problems.sort(key=lambda problem: (problem.place.file, problem.place.line, problem.place.column))
    project = Project(
        folder=folder,
        data_sources=data_sources,
        pipes={pipe.name: pipe for pipe in found.pipes},
        connections={connection.name: connection for connection in found.connections},
        warnings=tuple(found.problems),
        digest=found.digest.hexdigest()[:16],
    )
    if any(problem.severity == "error" for problem in found.problems):
        raise ProjectError(found.problems, readable=project)
    return project


def project_files(folder: Path) -> Iterator[Path]:
    """The project's files, a folder's own before those of the folders in it; hidden folders and those of package
    managers are passed over, links too unless they lead to a file of the project (as mounted configurations do)."""
    pending, root = [folder], folder.resolve()
    while pending:
        try:
            entries = sorted(pending.pop().iterdir())
        except OSError:
            continue
        for path in entries:
            if path.name.startswith("."):
                continue
            if path.is_dir():
                if path.name not in _PASSED_OVER and not path.is_symlink():
                    pending.append(path)
            elif path.suffix in _KINDS and (not path.is_symlink() or path.resolve().is_relative_to(root)):
                yield path


def _read(found: _Found, path: Path, folder: Path, environment: Mapping[str, str]) -> None:
    source = read_source(path, folder, environment, fills_secrets=path.suffix != ".pipe")
    found.digest.update("\0".join([source.file, *map(_as_written, source.lines), ""]).encode("utf-8", "surrogatepass"))
    inner = path.relative_to(folder).parent.parts
    name = path.stem
    if source.has_errors and not source.lines:
        pass  # the file is no text: its grammar has nothing to add
    elif path.suffix == ".datasource":
        data_source = read_data_source(source, _shared_name(inner, name))
        if data_source is not None:
            source.problems += check_data_source(data_source, _lines(source))
            found.data_sources.append(data_source)
    elif path.suffix == ".pipe":
        pipe = read_pipe(source, name, publishes_last_node="endpoints" in inner)
        if pipe is not None:
            found.pipes.append(pipe)
    else:
        connection = read_connection(source, name)
        if connection is not None:
            found.connections.append(connection)
    found.problems += _bounded(source.problems)


def _shared_name(folders: tuple[str, ...], name: str) -> str:
    """What another workspace shares lies in `vendor/<workspace>/` in Classic, and is called `<workspace>.<name>`."""
    if "vendor" in folders[:-1]:
        return f"{folders[folders.index('vendor') + 1]}.{name}"
    return name


def _bounded(problems: list[Problem]) -> list[Problem]:
    if len(problems) <= _MAX_PROBLEMS_A_FILE:
        return problems
    errors_first = sorted(problems, key=lambda problem: problem.severity)
    left_out = len(problems) - _MAX_PROBLEMS_A_FILE
    last = max((problem.place for problem in problems), key=lambda place: (place.file, place.line, place.column))
    text = f"{left_out:,} more problems in this file are not shown"
    return [*errors_first[:_MAX_PROBLEMS_A_FILE], Problem(last, text, severity="warning")]


def _lines(source: Datafile) -> dict[Place, str]:
    return {line.place(): _as_written(line) for line in source.lines}


def _as_written(line: Line) -> str:
    return line.text if line.written is None else line.written
