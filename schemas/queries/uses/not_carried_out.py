"""What of a project is read and not carried out: copies, sinks, imports, and service data sources that pipes read.

Each is a warning that names everything that reads what it leaves empty, since all of that answers as if it were right.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from schemas.model import Copy, DataSource, Node, Pipe, Place, Problem, Sink
from schemas.queries.graph import Graph
from schemas.queries.nodes import CompiledNode, NodeKey
from schemas.queries.uses.materialized import target_name
from schemas.queries.uses.readers import Readers

_IMPORTS = ("IMPORT_", "PG_", "S3_", "GCS_", "DYNAMODB_", "EXPORT_")


def not_carried_out(
    data_sources: Mapping[str, DataSource],
    pipes: Mapping[str, Pipe],
    nodes: Mapping[NodeKey, CompiledNode],
    graph: Graph,
) -> Iterator[Problem]:
    """A warning for each. What is no view is told where views are made, in the same words."""
    readers = Readers(data_sources, pipes, graph)
    for data_source in data_sources.values():
        yield from _import(data_source, readers)
    for pipe in pipes.values():
        for node in pipe.nodes:
            if isinstance(node.kind, Copy):
                target = target_name(node.kind.target, data_sources)
                text = f"the copy `{node.name}` is not carried out: nothing is copied into `{target}`"
                yield _warning(pipe, node, f"{text}, {readers.said(target)}", "fill it by hand, or by a view")
            elif isinstance(node.kind, Sink):
                yield _warning(pipe, node, f"the sink `{node.name}` is not carried out: nothing is exported", "")
    yield from _services(nodes, graph, readers)


def _import(data_source: DataSource, readers: Readers) -> Iterator[Problem]:
    lines = [name for name in data_source.others if name.startswith(_IMPORTS)]
    if lines:
        text = f"imports are not carried out ({', '.join(lines)}): nothing is imported into `{data_source.name}`"
        hint = "the table is made; send events to it, or insert into it"
        place, line = _place_of(data_source, lines[0])
        yield Problem(place, f"{text}, {readers.said(data_source.name)}", hint, line, "warning")


def _place_of(data_source: DataSource, instruction: str) -> tuple[Place, str]:
    for number, line in enumerate(data_source.source.splitlines(), 1):
        if line.lstrip().upper().startswith(instruction):
            return Place(data_source.place.file, number, len(line) - len(line.lstrip()) + 1), line
    return data_source.place, ""


def _services(nodes: Mapping[NodeKey, CompiledNode], graph: Graph, readers: Readers) -> Iterator[Problem]:
    """One warning for each service data source, where the first node names it."""
    first: dict[str, NodeKey] = {}
    for key, reads in graph.reads.items():
        for name in reads.service_data_sources:
            first.setdefault(name, key)
    for name, key in first.items():
        node = nodes[key]
        text = f"the service data source `{name}`, {readers.said(name)}, does not exist here: what comes to it fails"
        yield _warning(node.pipe, node.node, text, "", node.node.sql_place)


def _warning(pipe: Pipe, node: Node, message: str, hint: str, place: Place | None = None) -> Problem:
    at, lines = place or node.place, pipe.source.splitlines()
    return Problem(at, message, hint, lines[at.line - 1] if 0 < at.line <= len(lines) else "", "warning")
