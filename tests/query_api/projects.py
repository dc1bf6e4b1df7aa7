"""Projects of pipes written in one line each, for tests."""

from __future__ import annotations

from pathlib import Path

from schemas.model import DataSource, Endpoint, Node, NodeKind, Pipe, Place, Project
from schemas.queries.catalog import Catalog, compile_project

_ENDPOINT = Endpoint()


def pipe(name: str, *, kind: NodeKind | None = _ENDPOINT, **nodes: str) -> Pipe:
    """A pipe of these nodes, the last of them of this kind. A node's SQL begins on line 3 of its file, then 13, …"""
    built = []
    for number, (node, sql) in enumerate(nodes.items()):
        is_last = number == len(nodes) - 1
        place = Place(f"pipes/{name}.pipe", 3 + 10 * number, 5)
        built.append(Node(node, sql, kind if is_last else None, sql_place=place, place=place))
    return Pipe(name, tuple(built))


def project(*pipes: Pipe, tables: tuple[str, ...] = ("events",)) -> Project:
    data_sources = {name: DataSource(name, ()) for name in tables}
    return Project(Path(), data_sources, {each.name: each for each in pipes})


def catalog(*pipes: Pipe, tables: tuple[str, ...] = ("events",)) -> Catalog:
    return compile_project(project(*pipes, tables=tables), secrets={"salt": "the secret"})
