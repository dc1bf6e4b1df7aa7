"""Where the rows that a pipe reads come from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from schemas.model import Materialization, Project
from schemas.own_names import quarantined_by
from schemas.queries.catalog import Catalog
from schemas.queries.nodes import NodeKey


@dataclass(slots=True)
class Reads:
    """Of one project. `filled` are the data sources that have a fixture."""

    project: Project
    catalog: Catalog
    filled: frozenset[str]
    _filling: dict[str, list[NodeKey]] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        for pipe in self.project.pipes.values():
            for node in pipe.nodes:
                if isinstance(node.kind, Materialization):
                    self._filling.setdefault(node.kind.target, []).append(NodeKey(pipe.name, node.name))

    def origins(self, pipe: str) -> list[str]:
        """The data sources that the rows of a pipe come from: those that it reads, through views to where these begin
        or to a fixture."""
        nodes = self.project.pipes[pipe].nodes
        kept = [node for node in nodes if node.kind is not None] or list(nodes[-1:])
        read: dict[str, None] = {}
        pending = [name for node in kept for name in self._read_by(NodeKey(pipe, node.name))]
        while pending:
            name = pending.pop(0)
            if name in read:
                continue
            read[name] = None
            if name not in self.filled:
                pending += [each for key in self._filling.get(name, ()) for each in self._read_by(key)]
        return [name for name in read if name in self.filled or name not in self._filling]

    def _read_by(self, key: NodeKey) -> Iterator[str]:
        for name in self.catalog.graph.reachable(key).data_sources:
            yield name if name in self.project.data_sources else quarantined_by(name)
