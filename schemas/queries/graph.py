"""Which nodes and data sources each node of a project reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from schemas.queries.nodes import NodeKey


@dataclass(frozen=True, slots=True)
class NodeReads:
    """What is read: nodes, data sources (and `<name>_quarantine` tables) by their names, and service data sources,
    which do not exist here. `unknown` are the names of what is not there at all."""

    nodes: tuple[NodeKey, ...]
    data_sources: tuple[str, ...]
    service_data_sources: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Graph:
    """What each node names itself, on any branch of its template."""

    reads: Mapping[NodeKey, NodeReads]

    def __getitem__(self, key: NodeKey) -> NodeReads:
        return self.reads[key]

    def reachable(self, start: NodeKey) -> NodeReads:
        """Every node that one reads, itself included, and every data source that they read, sorted."""
        nodes: dict[NodeKey, None] = {}
        data_sources: set[str] = set()
        pending = [start]
        while pending:
            key = pending.pop()
            if key not in nodes and key in self.reads:
                nodes[key] = None
                data_sources.update(self.reads[key].data_sources)
                pending.extend(reversed(self.reads[key].nodes))
        return NodeReads(tuple(nodes), tuple(sorted(data_sources)))

    def circles(self) -> Iterator[tuple[NodeKey, ...]]:
        """Nodes that read each other in a circle: each from the node by which it is first entered, back to it."""
        done: set[NodeKey] = set()
        for first in self.reads:
            path: dict[NodeKey, Iterator[NodeKey]] = {}
            if first not in done:
                path[first] = iter(self.reads[first].nodes)
            while path:
                key, following = next(reversed(path.items()))
                successor = next(following, None)
                if successor is None:
                    done.add(key)
                    path.popitem()
                elif successor in path:
                    passed = list(path)
                    yield (*passed[passed.index(successor) :], successor)
                elif successor not in done and successor in self.reads:
                    path[successor] = iter(self.reads[successor].nodes)
