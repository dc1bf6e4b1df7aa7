"""What has to be left out of a project with what is broken in it: everything that reads it, or writes into it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from schemas.model import Copy, Materialization, Pipe, Project
from schemas.own_names import quarantined_by
from schemas.queries.graph import Graph
from schemas.queries.nodes import NodeKey


def set_aside(project: Project, graph: Graph, broken: Iterable[str]) -> Mapping[str, str]:
    """Each data source and pipe to leave out and why, for people: the broken ones, then what needs one of them."""
    aside = dict.fromkeys(sorted(broken), "it has errors")
    pending = list(aside)
    while pending:
        name = pending.pop(0)
        for pipe in project.pipes.values():
            if pipe.name not in aside and (how := _need(pipe, graph, name)):
                aside[pipe.name] = f"{how} `{name}`"
                pending.append(pipe.name)
    return aside


def kept_as_they_are(project: Project, aside: Mapping[str, str]) -> Mapping[str, str]:
    """The data sources that are right and get nothing new: by name, the pipe that would write into each."""
    return {
        node.kind.target: pipe.name
        for pipe in project.pipes.values()
        for node in pipe.nodes
        if isinstance(node.kind, Materialization | Copy) and pipe.name in aside and node.kind.target not in aside
    }


def _need(pipe: Pipe, graph: Graph, name: str) -> str:
    """How a pipe needs a resource; empty when it does not."""
    for node in pipe.nodes:
        if isinstance(node.kind, Materialization | Copy) and node.kind.target == name:
            return "it writes into"
        if name in _named(NodeKey(pipe.name, node.name), graph):
            return "it reads"
    return ""


def _named(key: NodeKey, graph: Graph) -> Iterator[str]:
    if key not in graph.reads:
        return
    reads = graph.reads[key]
    yield from (each.pipe for each in reads.nodes if each.pipe != key.pipe)
    for table in (*reads.data_sources, *reads.unknown):
        yield table
        yield quarantined_by(table)
