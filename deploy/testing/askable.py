"""A project in which each pipe that has cases can be asked: what a materialized or a copy node selects, too."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from schemas.errors import ProjectError
from schemas.model import Copy, Endpoint, NodeKind, Pipe, Project
from schemas.queries.catalog import compile_project


@dataclass(frozen=True, slots=True)
class Askable:
    """`project` is for the API alone. `copies` are the pipes whose node is a copy's; `refused` says of pipes why they
    cannot be asked."""

    project: Project
    copies: frozenset[str]
    refused: Mapping[str, str]


def askable(project: Project, pipes: Collection[str]) -> Askable:
    """The project with an endpoint in each of these pipes."""
    named = [project.pipes[name] for name in pipes if name in project.pipes]
    changed = {pipe.name: _with_endpoint(pipe) for pipe in named if pipe.endpoint is None and _kinds(pipe)}
    refused = {pipe.name: "none of its nodes has a TYPE" for pipe in named if not _kinds(pipe)}
    while True:
        asked = replace(project, pipes={**project.pipes, **changed})
        try:
            compile_project(asked)
        except ProjectError as error:
            # What a copy may read, an endpoint may not.
            files = {problem.place.file: problem.message for problem in error.problems if problem.severity == "error"}
            wrong = {name: files[pipe.place.file] for name, pipe in changed.items() if pipe.place.file in files}
            if not wrong:
                raise
            refused |= wrong
            changed = {name: pipe for name, pipe in changed.items() if name not in wrong}
        else:
            copies = frozenset(pipe.name for pipe in named if any(isinstance(kind, Copy) for kind in _kinds(pipe)))
            return Askable(asked, copies, refused)


def _kinds(pipe: Pipe) -> list[NodeKind]:
    return [node.kind for node in pipe.nodes if node.kind is not None]


def _with_endpoint(pipe: Pipe) -> Pipe:
    nodes = (node if node.kind is None else replace(node, kind=Endpoint()) for node in pipe.nodes)
    return replace(pipe, nodes=tuple(nodes))
