"""The materialized nodes of pipes: what their views are called, and targets that only their ENGINE lines describe."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from schemas.model import DataSource, Materialization, Node, Pipe, Problem
from schemas.queries.resolve import without_version


@dataclass(frozen=True, slots=True)
class MaterializedNode:
    """A node of `TYPE materialized`; `name` is its view's."""

    name: str
    pipe: Pipe
    node: Node
    kind: Materialization


def materialized_nodes(pipes: Iterable[Pipe]) -> Iterator[MaterializedNode]:
    """All of them. A view is called as its pipe; of its further nodes (Classic) the node's name is behind it."""
    for pipe in pipes:
        kinds = [(node, node.kind) for node in pipe.nodes if isinstance(node.kind, Materialization)]
        for number, (node, kind) in enumerate(kinds):
            yield MaterializedNode(f"{pipe.name}.{node.name}" if number else pipe.name, pipe, node, kind)


def target_name(written: str, data_sources: Mapping[str, DataSource]) -> str:
    """The data source that a node writes into; in Classic it may be named with its version."""
    return written if written in data_sources else without_version(written)


def described_data_sources(
    data_sources: Mapping[str, DataSource], pipes: Iterable[Pipe], problems: list[Problem]
) -> dict[str, DataSource]:
    """Those that no file describes, but ENGINE lines of a node that writes into them (Classic), by their names. ENGINE
    lines that count for nothing are added to the problems."""
    found: dict[str, DataSource] = {}
    for each in materialized_nodes(pipes):
        engine, node = each.kind.engine, each.node
        if engine is None or not each.kind.target:
            continue
        name = target_name(each.kind.target, data_sources)
        first = found.get(name)
        unused = f"the ENGINE lines of the node `{node.name}` count for nothing"
        if name in data_sources:
            text = f"{unused}: {data_sources[name].place.file} says what `{name}` is"
            hint = "leave them out: Tinybird's Classic had them for targets that no file describes"
            problems.append(Problem(engine.place, text, hint, severity="warning"))
        elif first is None:
            text = f"# described by the ENGINE lines of {each.pipe.place.file}\n"
            found[name] = DataSource(name, (), engine, source=text, described_by=each.name, place=node.place)
        elif first.engine != replace(engine, place=first.engine.place):
            text = f"{unused}: `{name}` is what the pipe `{first.described_by}` says first"
            hint = "give both the same ENGINE lines, or describe the target in a `.datasource` file"
            problems.append(Problem(engine.place, text, hint, severity="warning"))
    return found
