"""Everything that reads a table of a project, through nodes, pipes, and what views and copies write on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from schemas.model import Copy, DataSource, Endpoint, Materialization, Pipe, Sink
from schemas.queries.graph import Graph
from schemas.queries.nodes import NodeKey
from schemas.queries.uses.materialized import target_name


class Readers:
    """Who reads what, in one project."""

    def __init__(self, data_sources: Mapping[str, DataSource], pipes: Mapping[str, Pipe], graph: Graph) -> None:
        self._data_sources = data_sources
        self._pipes = pipes
        self._of_table: dict[str, list[NodeKey]] = {}
        self._of_node: dict[NodeKey, list[NodeKey]] = {}
        for key, reads in graph.reads.items():
            for table in (*reads.data_sources, *reads.service_data_sources):
                self._of_table.setdefault(table, []).append(key)
            for node in reads.nodes:
                self._of_node.setdefault(node, []).append(key)
        kinds = {NodeKey(pipe.name, node.name): node.kind for pipe in pipes.values() for node in pipe.nodes}
        self._kinds = {key: kind for key, kind in kinds.items() if kind is not None}

    def said(self, table: str) -> str:
        """Who reads a table, for people: what follows its name and a comma."""
        reached = self._reached(table)
        return f"which is read by {_listed(self._described(reached))}" if reached else "which nothing reads"

    def _reached(self, table: str) -> dict[NodeKey, None]:
        """The nodes, each after one that it reads from."""
        reached: dict[NodeKey, None] = {}
        pending = list(self._of_table.get(table, ()))
        while pending:
            key = pending.pop(0)
            if key not in reached:
                reached[key] = None
                pending += self._of_node.get(key, ())
                target = self._target(key)
                pending += self._of_table.get(target, ()) if target else ()
        return reached

    def _target(self, key: NodeKey) -> str:
        kind = self._kinds.get(key)
        return target_name(kind.target, self._data_sources) if isinstance(kind, (Materialization, Copy)) else ""

    def _described(self, reached: Mapping[NodeKey, None]) -> dict[str, None]:
        """A line for each pipe, by what it does with what it reads."""
        found: dict[str, None] = {}
        for key in reached:
            kind = self._kinds.get(key)
            special = any(each.pipe == key.pipe and each in self._kinds for each in reached)
            if isinstance(kind, Endpoint):
                found[f"the endpoint `{key.pipe}`"] = None
            elif isinstance(kind, (Materialization, Copy)):
                what = "view" if isinstance(kind, Materialization) else "copy"
                found[f"the {what} `{key.pipe}` into `{self._target(key)}`"] = None
            elif isinstance(kind, Sink):
                found[f"the sink `{key.pipe}`"] = None
            elif not special:
                found[f"the pipe `{key.pipe}`"] = None
        return found


def _listed(names: Iterable[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last
